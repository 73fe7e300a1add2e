"""What must not be rounded is not, on devices that round the factors of products."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan import config, networks
from gan.networks import cones, groupsort, spectral
from gan.precise import in_full, squared_distances
from gan.primal import entropic, semidiscrete
from gan.referee import players
from gan.runner.sampling import Sampler
from gan.scores import classifier
from tests.rounding import KINDS, full, products, rounded
from tests.runner.makers import drawn


@pytest.fixture(scope="module")
def near(digits):
    """(points, points that are near them, their distances in float64)."""
    x = digits.examples("train", np.arange(64))[0].reshape(64, -1)
    y = x + 0.02 * np.random.default_rng(0).normal(size=x.shape).astype(np.float32)
    exact = np.linalg.norm(x[:, None].astype(np.float64) - y[None], axis=2)
    return x, y, exact


@pytest.mark.parametrize("kind", KINDS)
def test_rounded_products_are_what_they_are_said_to_be(kind, near):
    """A plain expansion is wrong by as much as the module says, and in_full mends it."""
    x, y, exact = near

    def plain(x, y):
        return jnp.sum(x**2, 1)[:, None] + jnp.sum(y**2, 1)[None] - 2 * x @ y.T

    least = {"bfloat16": 0.02, "tf32": 0.002}[kind]
    errors = np.abs(np.sqrt(np.maximum(rounded(plain, kind)(x, y), 0)) - exact)
    assert np.diag(errors).mean() > least
    mended = rounded(in_full(plain), kind)(x, y)
    np.testing.assert_array_equal(mended, jax.jit(plain)(x, y))


@pytest.mark.parametrize("kind", KINDS)
def test_distances_between_near_points(kind, near):
    x, y, exact = near
    bound = 1e-6 * (x**2).sum(1).max() * 4  # of a square
    squares = rounded(squared_distances, kind)(x, y)
    assert np.abs(squares - exact**2).max() < bound
    found = rounded(entropic.distances, kind)(x, y)
    assert np.abs(found**2 - exact**2).max() < bound
    target, least = rounded(semidiscrete.sent, kind)(y, x, jnp.zeros(64))
    np.testing.assert_array_equal(target, np.arange(64))
    assert np.abs(least**2 - np.diag(exact) ** 2).max() < bound
    assert np.abs(cones._squares(x, y) - exact**2).max() < bound


@pytest.mark.parametrize("kind", KINDS)
def test_bounds_that_hold_by_construction(kind):
    """Matrices are orthonormal, and a singular value that was divided by is 1, to float32."""
    free = jax.random.normal(jax.random.key(0), (48, 32)) / 7
    matrix = np.asarray(rounded(groupsort.orthonormal, kind)(free), np.float64)
    np.testing.assert_allclose(matrix.T @ matrix, np.eye(32), atol=2e-6)
    params = jax.jit(lambda key: spectral.initial({"a": {"kernel": free}}, key))(jax.random.key(1))
    for _ in range(60):
        params = spectral.advanced(params)
    divided = rounded(spectral.normalized, kind)(params)["a"]["kernel"]
    assert np.linalg.norm(np.asarray(divided, np.float64), 2) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("name", ["groupsort", "cones"])
@pytest.mark.parametrize("kind", KINDS)
def test_slopes_of_at_most_one_stay_so(name, kind):
    critic = networks.critic(config.Network(name=name, width=32, depth=2), (4, 4, 1))
    params = jax.jit(critic.init)(jax.random.key(0))
    x = jax.random.normal(jax.random.key(1), (64, 4, 4, 1))
    scores = rounded(lambda x: critic.apply(params, x), kind)
    steepest = jax.grad(lambda x: jnp.sum(critic.apply(params, x)))(x)
    lengths = jnp.sqrt(jnp.sum(steepest**2, (1, 2, 3)))
    moves = 1e-2 * steepest / lengths[:, None, None, None]
    slopes = (scores(x + moves) - scores(x)) / 1e-2
    assert jnp.max(slopes) < 1 + 1e-3 and jnp.median(slopes) > 0.5


@pytest.fixture(scope="module")
def evaluators(tiny, digits, tmp_path_factory):
    """(jitted function, arguments) of what evaluations compute, by name."""
    small = {f"{player}.name": "dcgan" for player in ("generator", "critic")}
    choice = config.replace(tiny, small | {"generator.width": 4, "critic.width": 4})
    key, x, z = jax.random.key(0), jnp.zeros((2, 8, 8, 1)), jnp.zeros((2, choice.latent_dim))
    both = networks.players(choice, digits.shape, digits.class_names)
    generator, critic = (jax.eval_shape(player.init, key) for player in both)
    sets = players.real_sets(digits, "test", 8, 2)
    judges = players.Players(choice, digits, *both, "test", sets)
    sampler = Sampler(drawn(tmp_path_factory.mktemp("run"), choice))
    network = networks.classifier((8, 8, 1), 10)
    return {
        "sampler": (sampler._apply, (sampler.params, z)),
        "generated": (judges.generate, (generator, z)),
        "judged": (judges._judge, (critic, x)),
        "slopes": (judges._slopes, (critic, x, x)),
        "features": (classifier._applied((8, 8, 1), 10), (jax.eval_shape(network.init, key), x)),
    }


@pytest.mark.parametrize("name", ["sampler", "generated", "judged", "slopes", "features"])
def test_evaluations_multiply_in_full(name, evaluators):
    function, given = evaluators[name]
    found = list(products(jax.make_jaxpr(function)(*given).jaxpr))
    assert len(found) >= 2 and all(map(full, found))
