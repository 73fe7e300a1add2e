import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan.objectives.penalties import PENALTIES, gradient_penalty, interpolates, slopes

SHAPES = [(5,), (3, 3, 2)]
KEY = jax.random.key(0)


def pair(shape, batch=4):
    a, b = jax.random.split(jax.random.key(1))
    return jax.random.normal(a, (batch, *shape)), jax.random.normal(b, (batch, *shape))


def linear(shape, slope):
    direction = jax.random.normal(jax.random.key(2), shape)
    direction = slope * direction / jnp.linalg.norm(direction.ravel())
    return lambda x: jnp.sum((x * direction[None]).reshape(x.shape[0], -1), axis=1)


def smooth(theta, x):
    """A critic with curvature; theta [d]."""
    flat = x.reshape(x.shape[0], -1)
    return jnp.sum(jnp.tanh(flat * theta[None]) * jnp.roll(flat, 1, axis=1), axis=1)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("target", [0.0, 1.0, 2.5])
@pytest.mark.parametrize("slope", [0.5, 1.0, 3.0])
def test_a_linear_critic_has_the_closed_form(shape, target, slope):
    real, fake = pair(shape)
    critic = linear(shape, slope)
    np.testing.assert_allclose(slopes(critic, real), slope, rtol=1e-5)
    two = gradient_penalty(critic, real, fake, KEY, target=target)
    one = gradient_penalty(critic, real, fake, KEY, target=target, one_sided=True)
    np.testing.assert_allclose(two, (slope - target) ** 2, rtol=1e-4, atol=1e-10)
    np.testing.assert_allclose(one, max(slope - target, 0) ** 2, rtol=1e-4, atol=1e-10)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_quadratic_critic_has_slope_equal_to_the_norm(shape):
    x, _ = pair(shape)
    norms = np.linalg.norm(np.asarray(x).reshape(len(x), -1), axis=1)
    found = slopes(lambda x: jnp.sum(x.reshape(x.shape[0], -1) ** 2, axis=1) / 2, x)
    np.testing.assert_allclose(found, norms, rtol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["two_sided", "one_sided"])
def test_gradients_in_the_parameters_match_finite_differences_to_second_order(shape, name):
    with jax.enable_x64(True):
        rng = np.random.default_rng(0)
        real, fake = rng.normal(size=(2, 4, *shape))
        theta = rng.normal(size=int(np.prod(shape)))
        step = rng.normal(size=theta.shape)
        step /= np.linalg.norm(step)

        def value(theta):
            critic = lambda x: smooth(theta, x)  # noqa: E731
            return PENALTIES[name](critic, jnp.array(real), jnp.array(fake), KEY, target=0.7)

        gradient = jax.grad(value)
        h = 1e-5
        first = (value(theta + h * step) - value(theta - h * step)) / (2 * h)
        np.testing.assert_allclose(gradient(theta) @ step, first, rtol=1e-6)
        second = (gradient(theta + h * step) - gradient(theta - h * step)) / (2 * h)
        product = jax.jvp(gradient, (theta,), (step,))[1]
        np.testing.assert_allclose(product, second, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", PENALTIES)
def test_a_flat_critic_gives_finite_derivatives(shape, name):
    real, fake = pair(shape)

    def value(scale):
        return PENALTIES[name](lambda x: 0 * smooth(scale, x), real, fake, KEY, target=1.0)

    scale = jnp.ones(int(np.prod(shape)))
    np.testing.assert_allclose(value(scale), 1.0 if name == "two_sided" else 0.0)
    assert np.all(np.isfinite(jax.grad(value)(scale)))


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
        gradient_penalty(linear((5,), 1.0), real, fake[:2], KEY)
    with pytest.raises(ValueError, match="must agree"):
        gradient_penalty(linear((5,), 1.0), real, fake.astype(jnp.float16), KEY)
