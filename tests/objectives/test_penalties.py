"""What holds for every registered penalty, and its own case."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan.objectives.penalties import Penalty, PenaltyCase, interpolates, slopes
from gan.registries import PENALTIES
from tests.entries import names

SHAPES = [(5,), (3, 3, 2)]
KEY = jax.random.key(0)


def pair(shape, batch=4):
    a, b = jax.random.split(jax.random.key(1))
    return jax.random.normal(a, (batch, *shape)), jax.random.normal(b, (batch, *shape))


def weights(shape, slope):
    """Of a linear critic with that slope."""
    direction = jax.random.normal(jax.random.key(2), shape)
    return slope * direction / jnp.linalg.norm(direction.ravel())


def linear(shape, slope):
    w = weights(shape, slope)[None]
    return lambda x: jnp.sum((x * w).reshape(x.shape[0], -1), axis=1)


def smooth(theta, x):
    """A critic with curvature; theta [d]."""
    flat = x.reshape(x.shape[0], -1)
    return jnp.sum(jnp.tanh(flat * theta[None]) * jnp.roll(flat, 1, axis=1), axis=1)


@pytest.fixture(params=names(PENALTIES, "tests.plugin.objectives:small_scores"))
def penalty(request):
    return PENALTIES.get(request.param)


def test_a_penalty_without_a_case_is_none():
    with pytest.raises(TypeError, match="case"):
        Penalty(help="no case", points=lambda *_: (), value=lambda *_: 0.0)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("target", [0.0, 1.0, 2.5])
@pytest.mark.parametrize("slope", [0.5, 1.0, 3.0])
def test_a_linear_critic_has_the_closed_form(penalty, shape, target, slope):
    assert isinstance(penalty.case, PenaltyCase)
    real, fake = pair(shape)
    points = [
        np.asarray(x, np.float64).reshape(len(x), -1) for x in penalty.points(real, fake, KEY)
    ]
    expected = penalty.case.linear(np.asarray(weights(shape, slope)).ravel(), points, target)
    found = penalty(linear(shape, slope), real, fake, KEY, target=target)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("shape", SHAPES)
def test_points_belong_to_examples_and_no_critic_is_asked_for_them(penalty, shape):
    real, fake = pair(shape)
    points = penalty.points(real, fake, KEY)
    assert all(len(x) == len(real) and x.dtype == real.dtype for x in points)
    critic = linear(shape, 3.0)
    whole = penalty(critic, real, fake, KEY, target=0.7)
    np.testing.assert_array_equal(whole, penalty.value(critic, points, 0.7))
    assert np.shape(whole) == () and whole >= 0


@pytest.mark.parametrize("slope", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_slopes_of_a_linear_critic(shape, slope):
    np.testing.assert_allclose(slopes(linear(shape, slope), pair(shape)[0]), slope, rtol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_quadratic_critic_has_slope_equal_to_the_norm(shape):
    x, _ = pair(shape)
    norms = np.linalg.norm(np.asarray(x).reshape(len(x), -1), axis=1)
    found = slopes(lambda x: jnp.sum(x.reshape(x.shape[0], -1) ** 2, axis=1) / 2, x)
    np.testing.assert_allclose(found, norms, rtol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_in_the_parameters_match_finite_differences_to_second_order(shape, penalty):
    with jax.enable_x64(True):
        rng = np.random.default_rng(0)
        real, fake = rng.normal(size=(2, 4, *shape))
        theta = rng.normal(size=int(np.prod(shape)))
        step = rng.normal(size=theta.shape)
        step /= np.linalg.norm(step)

        def value(theta):
            critic = lambda x: smooth(theta, x)  # noqa: E731
            return penalty(critic, jnp.array(real), jnp.array(fake), KEY, target=0.7)

        gradient = jax.grad(value)
        assert np.any(gradient(theta)) == (penalty.points(real, fake, KEY) != ())
        h = 1e-5
        first = (value(theta + h * step) - value(theta - h * step)) / (2 * h)
        np.testing.assert_allclose(gradient(theta) @ step, first, rtol=1e-6)
        second = (gradient(theta + h * step) - gradient(theta - h * step)) / (2 * h)
        product = jax.jvp(gradient, (theta,), (step,))[1]
        np.testing.assert_allclose(product, second, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_flat_critic_gives_finite_derivatives(shape, penalty):
    real, fake = pair(shape)
    points = [np.asarray(x).reshape(len(x), -1) for x in penalty.points(real, fake, KEY)]
    expected = penalty.case.linear(np.zeros(int(np.prod(shape))), points, 1.0)

    def value(scale):
        return penalty(lambda x: 0 * smooth(scale, x), real, fake, KEY, target=1.0)

    scale = jnp.ones(int(np.prod(shape)))
    np.testing.assert_allclose(value(scale), expected, rtol=1e-6, atol=1e-9)
    assert np.all(np.isfinite(jax.grad(value)(scale)))


@pytest.mark.parametrize("shape", SHAPES)
def test_each_penalty_looks_where_it_says(shape):
    """For f(x) = |x|^2 / 2 the slope is |x|: the penalties tell where they take it."""
    real, fake = pair(shape)
    square = lambda x: jnp.mean(jnp.sum(x.reshape(len(x), -1) ** 2, axis=1))  # noqa: E731
    critic = lambda x: jnp.sum(x.reshape(len(x), -1) ** 2, axis=1) / 2  # noqa: E731
    expected = {
        "r1": square(real) / 2,
        "r2": square(fake) / 2,
        "r1_r2": (square(real) + square(fake)) / 2,
        "zero_centered": square(interpolates(real, fake, KEY)),
    }
    for name, value in expected.items():
        np.testing.assert_allclose(PENALTIES.get(name)(critic, real, fake, KEY), value, rtol=1e-5)


def test_dragan_looks_around_real_examples_at_half_their_spread():
    real = 3.0 * jax.random.normal(jax.random.key(3), (20_000, 2)) + 5.0
    critic = lambda x: jnp.sum(x**2, axis=1) / 2  # noqa: E731
    found = PENALTIES.get("dragan")(critic, real, jnp.zeros_like(real), KEY, target=0.0)
    np.testing.assert_allclose(found, 2 * (25 + 9 + 9 / 4), rtol=0.02)


@pytest.mark.parametrize("shape", SHAPES)
def test_interpolates_draw_one_weight_per_example(shape):
    real, fake = jnp.ones((1000, *shape)), jnp.zeros((1000, *shape))
    points = np.asarray(interpolates(real, fake, KEY)).reshape(1000, -1)
    assert np.ptp(points, axis=1).max() == 0
    weights = points[:, 0]
    assert weights.min() >= 0 and weights.max() <= 1
    assert abs(weights.mean() - 0.5) < 0.05 and abs(weights.var() - 1 / 12) < 0.01


def test_other_key_other_points():
    real, fake = pair((5,))
    assert not np.allclose(
        interpolates(real, fake, KEY), interpolates(real, fake, jax.random.key(9))
    )


def test_shapes_and_dtypes_must_agree():
    real, fake = pair((5,))
    with pytest.raises(ValueError, match="must agree"):
        PENALTIES.get("two_sided")(linear((5,), 1.0), real, fake[:2], KEY)
    with pytest.raises(ValueError, match="must agree"):
        PENALTIES.get("two_sided")(linear((5,), 1.0), real, fake.astype(jnp.float16), KEY)


def test_two_perturbed_copies_are_independent_and_half_the_spread_away():
    real = 3.0 * jax.random.normal(jax.random.key(3), (20_000, 2)) + 5.0
    one, other = (
        np.asarray(x - real) for x in PENALTIES.get("consistency").points(real, None, KEY)
    )
    np.testing.assert_allclose([one.std(), other.std()], 1.5, rtol=0.02)
    assert abs(np.mean(one * other)) < 0.05


def test_consistency_asks_nothing_of_a_critic_of_at_most_the_target_slope():
    real, fake = pair((3, 3, 2))
    bent = lambda x: jnp.sum(jnp.abs(x), axis=(1, 2, 3)) / 18**0.5  # noqa: E731
    consistency = PENALTIES.get("consistency")
    assert consistency(bent, real, fake, KEY, target=1.0) < 1e-6
    assert consistency(lambda x: 9 * bent(x), real, fake, KEY, target=1.0) > 0.1


def test_the_lipschitz_penalty_sees_a_cliff_beside_its_points():
    """A critic that is flat-sloped at generated examples and steep a step away from them."""
    real, fake = 2.0 * pair((1,))[0], jnp.zeros((4, 1))
    cliff = lambda x: x[:, 0] + 50 * jax.nn.relu(x[:, 0] - 0.01)  # noqa: E731
    np.testing.assert_allclose(slopes(cliff, fake), 1.0)
    assert PENALTIES.get("lipschitz")(cliff, real, fake, KEY, target=1.0) > 1000
