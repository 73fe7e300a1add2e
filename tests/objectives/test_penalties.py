import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan.objectives.penalties import PENALTIES, interpolates, slopes

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
    two = PENALTIES["two_sided"](critic, real, fake, KEY, target=target)
    one = PENALTIES["one_sided"](critic, real, fake, KEY, target=target)
    np.testing.assert_allclose(two, (slope - target) ** 2, rtol=1e-4, atol=1e-10)
    np.testing.assert_allclose(one, max(slope - target, 0) ** 2, rtol=1e-4, atol=1e-10)
    forms = {
        "two_sided": two,
        "one_sided": one,
        "zero_centered": slope**2,
        "r1": slope**2 / 2,
        "r2": slope**2 / 2,
        "r1_r2": slope**2,
        "dragan": (slope - target) ** 2,
        "none": 0.0,
    }
    assert set(forms) == set(PENALTIES)
    for name, form in forms.items():
        found = PENALTIES[name](critic, real, fake, KEY, target=target)
        np.testing.assert_allclose(found, form, rtol=1e-4, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_quadratic_critic_has_slope_equal_to_the_norm(shape):
    x, _ = pair(shape)
    norms = np.linalg.norm(np.asarray(x).reshape(len(x), -1), axis=1)
    found = slopes(lambda x: jnp.sum(x.reshape(x.shape[0], -1) ** 2, axis=1) / 2, x)
    np.testing.assert_allclose(found, norms, rtol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", [name for name in PENALTIES if name != "none"])
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
    np.testing.assert_allclose(value(scale), 1.0 if name in ("two_sided", "dragan") else 0.0)
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
        np.testing.assert_allclose(PENALTIES[name](critic, real, fake, KEY), value, rtol=1e-5)


def test_dragan_looks_around_real_examples_at_half_their_spread():
    real = 3.0 * jax.random.normal(jax.random.key(3), (20_000, 2)) + 5.0
    critic = lambda x: jnp.sum(x**2, axis=1) / 2  # noqa: E731
    found = PENALTIES["dragan"](critic, real, jnp.zeros_like(real), KEY, target=0.0)
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
        PENALTIES["two_sided"](linear((5,), 1.0), real, fake[:2], KEY)
    with pytest.raises(ValueError, match="must agree"):
        PENALTIES["two_sided"](linear((5,), 1.0), real, fake.astype(jnp.float16), KEY)
