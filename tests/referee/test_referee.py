"""No critic is certified beyond exact transport, and known critics get what they deserve."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from gan import config, networks, transport
from gan.referee import critics as referee
from gan.registries import LOSSES, PENALTIES


def pair(n=40, d=3, seed=0, shift=1.0):
    """(real, fake) normal points."""
    draw = np.random.default_rng(seed)
    return draw.normal(size=(n, d)) + shift, draw.normal(size=(n, d))


def judged(real, fake, critic, gradient=None):
    """Certificate of a critic given as a function of points [n, d]."""
    gradient = gradient or np.zeros_like
    return referee.certify(real, [fake], critic(real), [critic(fake)], [gradient(fake)])


def test_the_exact_kantorovich_potential_has_share_one_and_points_along_the_transport():
    real, fake = pair()
    solved = transport.assignment(fake, real)
    u, v = solved.potentials
    matched = solved.permutation

    def critic(points):  # minus the c-transform of v: slope 1, and W1 by duality
        return (v - cdist(points, real)).max(axis=1)

    def gradient(points):  # one of several at a kink: the one towards the matched real example
        return real[matched] - points

    np.testing.assert_allclose(critic(fake), -u, atol=1e-12)
    attained = v[matched] - np.linalg.norm(gradient(fake), axis=1)
    np.testing.assert_allclose(critic(fake), attained, atol=1e-12)
    found = judged(real, fake, critic, gradient)
    assert found.share == pytest.approx(1, abs=1e-9)
    assert found.lipschitz == pytest.approx(1, abs=1e-9)
    assert found.duality_gap == pytest.approx(0, abs=1e-9)
    assert found.c_transform_bound == pytest.approx(found.w1, rel=1e-9)
    assert found.gradient_cosine == pytest.approx(1, abs=1e-9)
    assert found.estimate == pytest.approx(transport.wasserstein(real, fake), rel=1e-9)
    flipped = judged(real, fake, lambda x: -critic(x), lambda x: -gradient(x))
    assert flipped.share == pytest.approx(-1, abs=1e-9)
    assert flipped.gradient_cosine == pytest.approx(-1, abs=1e-9)


def test_the_reference_critic_has_slope_one_and_share_one_on_their_own_sets():
    real, fake = pair(n=30, d=4)
    critic = referee.reference_critic(real, fake)
    assert judged(real, fake, critic).share == pytest.approx(1, abs=1e-9)
    elsewhere = pair(n=60, d=4, seed=1)
    found = judged(*elsewhere, critic)
    assert 0.2 < found.share < 1 and 0.5 < found.lipschitz <= 1 + 1e-12
    shaped = referee.reference_critic(real.reshape(30, 2, 2, 1), fake.reshape(30, 2, 2, 1))
    np.testing.assert_array_equal(shaped(elsewhere[0]), critic(elsewhere[0]))


def test_a_linear_critic_along_a_translation_is_perfect_and_across_it_blind():
    fake = pair()[1]
    shift = np.array([3.0, 4.0, 0.0])
    along = judged(fake + shift, fake, lambda x: 7 * x @ shift / 5, lambda x: x * 0 + shift)
    assert along.w1 == pytest.approx(5) and along.estimate == pytest.approx(35)
    assert along.lipschitz == pytest.approx(7, rel=1e-9)
    assert along.share == pytest.approx(1, rel=1e-9)
    assert along.gradient_cosine == pytest.approx(1, rel=1e-9)
    across = np.array([0.0, 0.0, 2.0])
    blind = judged(fake + shift, fake, lambda x: x @ across, lambda x: x * 0 + across)
    assert blind.share == pytest.approx(0, abs=1e-12) and blind.lipschitz > 1
    assert blind.gradient_cosine == pytest.approx(0, abs=1e-12)
    assert blind.duality_gap == pytest.approx(5, rel=1e-9)


def test_a_constant_critic_proves_nothing_but_the_nearest_neighbours():
    real, fake = pair()
    found = judged(real, fake, lambda x: np.full(len(x), 1e9))
    assert found.share == found.lipschitz == found.estimate == found.gradient_cosine == 0
    assert found.duality_gap == found.w1
    costs = cdist(real, fake)
    nearest = max(costs.min(axis=0).mean(), costs.min(axis=1).mean())
    assert found.c_transform_bound == pytest.approx(nearest, rel=1e-12)


def test_every_quantity_is_what_its_definition_says():
    sets = [pair(9, 2, seed)[1] for seed in range(3)]
    real, *fakes = sets
    scores = [np.sin(3 * x[:, 0]) + x[:, 1] ** 2 for x in sets]
    gradients = [np.stack([3 * np.cos(3 * x[:, 0]), 2 * x[:, 1]], axis=1) for x in fakes]
    found = referee.certify(real, fakes, scores[0], scores[1:], gradients)
    slopes, values, bounds, cosines = [], [], [], []
    for fake, score, gradient in zip(fakes, scores[1:], gradients, strict=True):
        union, table = np.concatenate([real, fake]), np.concatenate([scores[0], score])
        for i in range(18):
            for j in range(i):
                rise = abs(table[i] - table[j])
                slopes.append(rise / np.linalg.norm(union[i] - union[j]))
        costs = cdist(fake, real)
        rows, columns = linear_sum_assignment(costs)
        values.append(costs[rows, columns].mean())
        from_real = scores[0].mean() + (costs - scores[0]).min(axis=1).mean()
        from_fake = (costs + score[:, None]).min(axis=0).mean() - score.mean()
        bounds.append(max(from_real, from_fake))
        moves = real[columns] - fake
        norms = np.linalg.norm(moves, axis=1) * np.linalg.norm(gradient, axis=1)
        cosines.extend((moves * gradient).sum(axis=1) / norms)
    assert len(cosines) == 18 and bounds[0] != bounds[1]
    estimate = scores[0].mean() - np.mean(scores[1:])
    expected = {
        "n": 9,
        "w1": np.mean(values),
        "estimate": estimate,
        "lipschitz": max(slopes),
        "share": estimate / max(slopes) / np.mean(values),
        "duality_gap": np.mean(values) - estimate / max(slopes),
        "c_transform_bound": np.mean(bounds),
        "gradient_cosine": np.mean(cosines),
    }
    for name, value in expected.items():
        assert getattr(found, name) == pytest.approx(value, rel=1e-12), name
    assert 0 <= found.w1_gap < 1e-12


def test_the_steepest_pair_may_lie_across_the_sets_or_within_either():
    near, far = np.array([[0.0], [1.0]]), np.array([[100.0], [200.0]])
    flat, steep = np.zeros(2), np.array([0.0, 5.0])
    none = [np.zeros((2, 1))]
    assert referee.certify(far, [near], flat, [steep], none).lipschitz == 5
    assert referee.certify(near, [far], steep, [flat], none).lipschitz == 5
    across = referee.certify(near[:1], [near[1:]], steep[:1], [steep[1:]], [none[0][:1]])
    assert across.lipschitz == 5 and across.share == -1


def test_scaling_and_shifting_the_critic_leave_its_share():
    real, fake = pair()
    plain = judged(real, fake, lambda x: np.tanh(x).sum(axis=1))
    scaled = judged(real, fake, lambda x: 1e6 + 30 * np.tanh(x).sum(axis=1))
    assert 0.1 < plain.share < 1
    assert scaled.share == pytest.approx(plain.share, rel=1e-7)
    assert scaled.duality_gap == pytest.approx(plain.duality_gap, rel=1e-7)
    assert scaled.estimate == pytest.approx(30 * plain.estimate, rel=1e-7)
    assert scaled.c_transform_bound < plain.c_transform_bound


def test_blocks_do_not_change_anything(monkeypatch):
    real, fake = pair(50, 2)
    whole = judged(real, fake, lambda x: np.sin(x).sum(axis=1), np.cos)
    monkeypatch.setattr(referee, "_BLOCK", 7)
    np.testing.assert_allclose(judged(real, fake, lambda x: np.sin(x).sum(axis=1), np.cos), whole)


def test_coincident_points_have_one_score_and_identical_sets_nothing_to_claim():
    fake = np.zeros((4, 2))
    fake[3] = -0.0
    real = fake + np.array([1.0, 0.0])
    noise = np.array([0.0, 1e-7, -1e-7, 2e-7])  # a network's rounding
    found = referee.certify(real, [fake], 1 + noise, [noise], [np.zeros((4, 2))])
    assert found.share == 1 and found.lipschitz == 1
    same = referee.certify(real, [real[::-1]], noise, [noise], [np.ones((4, 2))])
    assert same.w1 == 0 and same.share == 1 and same.gradient_cosine == 1
    assert same.duality_gap == same.estimate == 0


def test_one_point_a_side_is_enough():
    found = judged(np.ones((1, 2)), np.zeros((1, 2)), lambda x: x[:, 0], np.ones_like)
    assert found.w1 == pytest.approx(2**0.5) and found.share == pytest.approx(1)
    assert found.lipschitz == pytest.approx(0.5**0.5) and found.n == 1


def test_sets_that_do_not_match_are_refused():
    real, fake = pair()
    scores, gradients = np.zeros(40), np.zeros((40, 3))
    for arguments in (
        (real, [fake[:30]], scores, [scores], [gradients]),
        (real, [fake], scores, [scores[:, None]], [gradients]),
        (real, [fake], scores, [scores], [gradients, gradients]),
        (real, [], scores, [], []),
    ):
        with pytest.raises(ValueError, match="every set"):
            referee.certify(*arguments)


def data_sets(count, n, d, draw):
    """`count` random pairs [count, n, d] of many kinds, ties and outliers among them."""
    pairs = []
    for k in range(count):
        real = draw.normal(size=(n, d)) * 10 ** draw.uniform(-1, 1)
        fake = draw.normal(size=(n, d)) * 10 ** draw.uniform(-1, 1) + draw.normal(size=d)
        if k % 5 == 1:
            fake = real + 1e-3 * draw.normal(size=(n, d))
        if k % 5 == 2:  # a grid: coincident points within and across the sets
            real, fake = np.round(real / np.abs(real).max()), np.round(fake / np.abs(fake).max())
        if k % 5 == 3:
            fake[:] = fake[0]
        if k % 5 == 4:
            real[0] *= 1e3
        pairs.append((real, fake))
    return np.array(pairs, np.float32).transpose(1, 0, 2, 3)


def population(shape, spec, steps=60):
    """Jitted (keys, rates, real, fake) -> (scores, scores, gradients) of critics of each pair,
    trained for some steps; a rate of 0 leaves a critic untrained."""
    critic = networks.critic(spec, shape)
    adam = optax.scale_by_adam()

    def solo(key, rate, real, fake):
        params = critic.init(key)

        def loss(params, key):
            apply = functools.partial(critic.apply, params)
            excess = PENALTIES.get("two_sided")(apply, real, fake, key)
            return LOSSES.get("wasserstein").critic(apply(real), apply(fake)) + 10 * excess

        def step(carry, key):
            params, moments = carry
            updates, moments = adam.update(jax.grad(loss)(params, key), moments)
            params = jax.tree.map(lambda p, u: p - rate * u, params, updates)
            return (critic.project(params), moments), None

        (params, _), _ = jax.lax.scan(
            step, (params, adam.init(params)), jax.random.split(key, steps)
        )
        gradients = jax.grad(lambda x: jnp.sum(critic.apply(params, x)))(fake)
        return critic.apply(params, real), critic.apply(params, fake), gradients

    return jax.jit(jax.vmap(solo))


def perceptron(k, shape, n, count):
    """A case of multilayer perceptrons, the k-th of many sizes and nonlinearities."""
    activation = ("relu", "tanh", "leaky_relu", "softplus")[k % 4]
    spec = config.Network(width=(4, 8, 16)[k % 3], depth=1 + k % 3, activation=activation)
    return spec, shape, n, count


def never_beyond_exact_transport(cases):
    """Checks critics (spec, shape, n, count), every other one trained; how many they were."""
    draw = np.random.default_rng(0)
    shares = {"trained": [], "untrained": []}
    for k, (spec, shape, n, count) in enumerate(cases):
        real, fake = data_sets(count, n, math.prod(shape), draw)
        real, fake = (part.reshape(count, n, *shape) for part in (real, fake))
        trained = np.arange(count) % 2 == 1
        judged = population(shape, spec)(
            jax.random.split(jax.random.key(k), count), 1e-2 * trained, real, fake
        )
        scale = 10 ** draw.uniform(-4, 4, count) * draw.choice((-1, 1), count)
        scale = np.where(trained, 1.0, scale)  # untrained critics of any slope and sign
        for i, (x, y, f, g, gradient, s) in enumerate(
            zip(real, fake, *jax.device_get(judged), scale, strict=True)
        ):
            assert np.isfinite(f).all() and np.isfinite(g).all()
            proof = referee.certify(x, [y], s * f.astype(float), [s * g], [s * gradient])
            costs = cdist(*(part.reshape(n, -1).astype(float) for part in (x, y)))
            exact = costs[linear_sum_assignment(costs)].mean()
            slack = 1e-9 * exact
            assert abs(proof.w1 - exact) <= 1e-12 * exact
            assert proof.share <= 1 + 1e-9
            assert proof.c_transform_bound <= exact + slack
            assert proof.duality_gap >= -slack
            assert -1 - 1e-9 <= proof.gradient_cosine <= 1 + 1e-9
            if proof.lipschitz > 0:
                assert proof.estimate / proof.lipschitz <= exact + slack
            shares["trained" if trained[i] else "untrained"].append(proof.share)
    assert np.mean(shares["trained"]) > 0.2  # they learned something
    assert abs(np.mean(shares["untrained"])) < 0.1 < np.std(shares["untrained"])  # these only vary
    return len(shares["trained"]) + len(shares["untrained"])


def test_no_random_critic_is_certified_beyond_exact_transport():
    cases = [perceptron(0, (1,), 4, 200), perceptron(1, (3,), 12, 200)]
    assert never_beyond_exact_transport(cases) == 400


@pytest.mark.slow
def test_two_thousand_random_critics_are_never_certified_beyond_exact_transport():
    sizes = [(1, 1), (1, 6), (2, 2), (2, 10), (3, 5), (5, 16), (8, 3), (16, 8), (40, 24)]
    cases = [perceptron(k, (d,), n, 200) for k, (d, n) in enumerate(sizes)]
    for spec, shape, n in (
        (config.Network(width=8, depth=2, normalization="layer"), (4,), 8),
        (config.Network(width=8, depth=2, weights="spectral"), (4,), 8),
        (config.Network("groupsort", width=8, depth=2), (6,), 10),
        (config.Network("cones", width=8), (6,), 10),
        (config.Network("dcgan", width=2, activation="leaky_relu"), (8, 8, 1), 6),
    ):
        cases.append((spec, shape, n, 40))
    assert never_beyond_exact_transport(cases) == 2_000
