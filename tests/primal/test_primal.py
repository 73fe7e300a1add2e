"""Generators trained by transport: gradients, values and trends with known answers."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan import primal, transport
from gan.config import Config, Network
from gan.errors import UserError
from gan.networks import Network as Functions
from gan.primal import batches, entropic, problem, semidiscrete
from gan.referee import distances
from gan.transport.entropic import sinkhorn

SHIFT = 3.0
ROUNDS = {"fixed_codes:10": 12, "semi_discrete:32": 12, "wgan_gp:16": 20}
NAMES = ["wgan_gp:16", "minibatch:16", "debiased:16", "sinkhorn:16", "semi_discrete:32"]
NAMES += ["fixed_codes:10"]


def shifting(offset):
    """A generator z -> z + b in the plane, b first at (offset, 0)."""

    def init(key):
        return {"b": jnp.array([offset, 0.0]) + 0.01 * jax.random.normal(key, (2,))}

    return Functions(init, lambda params, z: z + params["b"].reshape(1, 2))


def translated(seed=0, n=64):
    """The problem of moving a normal law back by SHIFT onto a sample of the standard one."""
    points = np.random.default_rng(0).normal(size=(n, 2)).astype(np.float32)
    player = Network(width=16, depth=1)
    config = Config(
        seed=seed,
        latent_dim=2,
        generator_learning_rate=0.05,
        critic_learning_rate=0.02,
        beta1=0.5,
        ema_decay=0.9,
        n_critic=3,
        penalty_weight=1.0,
        generator=player,
        critic=player,
    )
    return primal.make_problem(config, shifting(SHIFT), points)


def trained(trainer, rounds):
    state = trainer.start()
    for _ in range(rounds):
        state, loss = trainer.round(state)
        assert np.isfinite(loss)
    return state


def leaves(state):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(state)]


def differences(value, x, h=1e-6):
    """Central finite differences of a function of x [m, k]."""
    gradient = np.zeros_like(x)
    for index in np.ndindex(*x.shape):
        e = np.zeros_like(x)
        e[index] = h
        gradient[index] = (value(x + e) - value(x - e)) / (2 * h)
    return gradient


def test_every_method_is_in_the_battery():
    assert {name.partition(":")[0] for name in NAMES} == set(primal.METHODS)


@pytest.mark.parametrize("name", NAMES)
def test_a_method_finds_the_translation_and_repeats_itself(name):
    task = translated()
    trainer = primal.make(task, name)
    first = trainer.start()
    assert distances.w1(task.points + np.asarray(first.average["b"]), task.points) > 0.9 * SHIFT
    state = trained(trainer, ROUNDS.get(name, 120))
    again, once = trained(trainer, 3), trained(trainer, 3)
    assert len(leaves(again)) == len(leaves(once)) > 5
    for a, b in zip(leaves(again), leaves(once), strict=True):
        np.testing.assert_array_equal(a, b)
    offset = np.asarray(state.average["b"])
    # The family holds translations only, so the nearest law has the mean of the data.
    assert distances.w1(task.points + offset, task.points) < 0.35
    np.testing.assert_allclose(offset, task.points.mean(axis=0), atol=0.35)


def test_the_seed_decides_parameters_latents_and_order():
    task, other = translated(), translated(seed=1)
    assert not np.array_equal(task.order, other.order)
    states = [primal.start(task), primal.start(other)]
    assert not np.array_equal(*(state.generator["b"] for state in states))
    drawn = [problem.latents(task, state, 4) for state in states]
    assert not np.array_equal(*drawn)
    np.testing.assert_array_equal(
        primal.make(task, "wgan_gp").start().generator["b"], states[0].generator["b"]
    )


def test_the_envelope_gradient_is_that_of_the_exact_distance():
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(7, 3)), draw.normal(size=(7, 3)) + 1
    with jax.enable_x64(True):
        targets = y[problem.matching(x, y)]
        value, gradient = jax.value_and_grad(problem.mean_distance)(jnp.asarray(x), targets)
    assert float(value) == pytest.approx(transport.wasserstein(x, y), rel=1e-12)
    np.testing.assert_allclose(
        gradient, differences(lambda x: transport.wasserstein(x, y), x), atol=1e-8
    )


def test_the_debiased_gradient_is_that_of_the_energy_form():
    draw = np.random.default_rng(1)
    x, y = draw.normal(size=(10, 2)), draw.normal(size=(10, 2)) + 1

    def exact(x):
        halves = [transport.wasserstein(x[part], y[part]) for part in (slice(5), slice(5, None))]
        return np.mean(halves) - transport.wasserstein(x[:5], x[5:]) / 2

    targets = np.concatenate([y[:5][problem.matching(x[:5], y[:5])], y[5:]])
    targets[5:] = y[5:][problem.matching(x[5:], y[5:])]
    within = problem.matching(x[:5], x[5:])
    with jax.enable_x64(True):
        value, gradient = jax.value_and_grad(batches.energy)(jnp.asarray(x), targets, within)
    assert float(value) == pytest.approx(exact(x), rel=1e-12)
    np.testing.assert_allclose(gradient, differences(exact, x), atol=1e-8)


def test_entropic_transport_agrees_with_ott_and_its_gradient_with_differences():
    pytest.importorskip("ott")
    draw = np.random.default_rng(2)
    x, y = draw.normal(size=(6, 2)), draw.normal(size=(8, 2)) + 0.5
    with jax.enable_x64(True):
        function = jax.jit(lambda x: entropic.transport_cost(x, jnp.asarray(y), 0.3, 500))
        value = float(function(jnp.asarray(x)))
        gradient = np.asarray(jax.grad(function)(jnp.asarray(x)))
        numeric = differences(lambda x: float(function(jnp.asarray(x))), x)
    np.testing.assert_allclose(gradient, numeric, atol=1e-7)
    reference = sinkhorn(x, y, 0.3, "euclidean", 2000)
    assert value == pytest.approx(reference["regularized"], rel=1e-3)
    assert value > transport.plan(x, y, cost="euclidean").value


def test_sinkhorn_at_equal_points_has_finite_gradients():
    x = jnp.asarray(np.random.default_rng(3).normal(size=(5, 2)), jnp.float32)
    x = jnp.concatenate([x, x])
    value, gradient = jax.value_and_grad(lambda x: entropic.transport_cost(x, x, 0.1))(x)
    assert np.isfinite(value) and np.isfinite(gradient).all()


def test_fixed_codes_never_lose_by_matching_again():
    task = translated(n=40)
    codes = np.random.default_rng(4).normal(size=(40, 2)).astype(np.float32)
    halves = primal.FixedCodes(task, codes, 15)
    state, before, costs = primal.start(task, memory=None), None, []
    for _ in range(5):
        found = halves.match(state)
        if before is not None:
            kept = np.mean(np.sum((found.points - task.points[before]) ** 2, axis=1))
            assert found.cost <= kept * (1 + 1e-6)
        independent = problem.matching(found.points, task.points)
        squares = np.sum((found.points - task.points[independent]) ** 2, axis=1)
        assert found.cost <= np.mean(squares) * (1 + 1e-6)
        costs.append(found.cost)
        before = found.permutation
        state = halves.fit(state, found)
    assert len(costs) == 5 and costs[-1] < 0.5 * costs[0]


def test_the_semi_discrete_dual_reaches_the_linear_program_from_below():
    draw = np.random.default_rng(5)
    x = jnp.asarray(draw.normal(size=(60, 2)), jnp.float32)
    points = jnp.asarray(draw.normal(size=(7, 2)) + 1, jnp.float32)
    exact = transport.plan(x, points, cost="euclidean").value

    def dual(psi):
        return float(jnp.mean(semidiscrete.sent(x, points, psi)[1]) + jnp.mean(psi))

    psi, moments = semidiscrete.potentials(7)
    reached = [dual(psi)]
    climb = jax.jit(
        lambda psi, moments, key, rate: semidiscrete.ascend(
            lambda key: x, points, psi, moments, key, steps=300, rate=rate
        )
    )
    for k, rate in enumerate((0.05, 0.01, 0.002)):
        psi, moments, _ = climb(psi, moments, jax.random.key(k), rate)
        reached.append(dual(psi))
    assert len(reached) == 4 and max(reached) <= exact * (1 + 1e-6)
    assert reached[0] < 0.98 * exact
    assert reached[-1] > 0.998 * exact


def test_batches_walk_through_every_epoch_in_one_order():
    task = translated(n=12)
    whole = np.concatenate([task.batch(k, 4) for k in range(6)])
    np.testing.assert_array_equal(whole, np.concatenate([task.batch(k, 12) for k in range(2)]))
    for epoch in (whole[:12], whole[12:]):
        assert {tuple(row) for row in epoch} == {tuple(row) for row in task.points}
    assert not np.array_equal(whole[:12], whole[12:])
    rows = jax.jit(lambda k: task.rows(k, 4))(jnp.int32(5))
    np.testing.assert_array_equal(task.points[task.order[rows]], task.batch(5, 4))


def test_a_step_is_adam_with_a_moving_average():
    task = translated()
    state = primal.start(task)
    adam = optax.adam(0.05, 0.5, 0.9)
    params, moments = state.generator, adam.init(state.generator)
    average = params["b"]
    for k in range(3):
        state, _ = problem.lowered(task, state, lambda p: jnp.sum(p["b"] ** 2))
        updates, moments = adam.update({"b": 2 * params["b"]}, moments)
        params = optax.apply_updates(params, updates)
        decay = min(0.9, (1 + k) / (10 + k))
        average = decay * average + (1 - decay) * params["b"]
        np.testing.assert_allclose(state.generator["b"], params["b"], rtol=1e-6)
        np.testing.assert_allclose(state.average["b"], average, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("minibach", "did you mean 'minibatch'"), ("minibatch:many", "positive integer")],
)
def test_an_unknown_method_is_named(name, hint):
    with pytest.raises(UserError, match=hint):
        primal.make(translated(), name)


def test_a_batch_larger_than_the_data_is_refused():
    with pytest.raises(UserError, match="a batch of 65"):
        trained(primal.make(translated(), "minibatch:65"), 1)
