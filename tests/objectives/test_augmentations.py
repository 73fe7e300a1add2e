"""What holds for every registered augmentation, and its own case."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from gan.objectives import augmentations
from gan.objectives.augmentations import IMAGE, Augmentation
from gan.registries import AUGMENTATIONS
from gan.training import adversarial
from gan.training.adversarial import ONE_DEVICE, Setup
from tests.entries import names

SHAPES = [(8, 8, 1), (7, 9, 3)]
KEY = jax.random.key(0)


def images(shape, batch=6):
    return jax.random.uniform(jax.random.key(1), (batch, *shape), minval=-1.0)


def changed(augmentation, x, key=KEY):
    return jax.jit(lambda x, key: augmentation.apply(x, augmentation.draw(key, x)))(x, key)


@pytest.fixture(params=names(AUGMENTATIONS, "tests.plugin.objectives:darker"))
def augmentation(request):
    return AUGMENTATIONS.get(request.param)


def test_an_augmentation_without_a_case_is_none():
    with pytest.raises(TypeError, match="case"):
        Augmentation(help="no case", draw=lambda *_: (), apply=lambda x, _: x)


def test_its_case_comes_out(augmentation):
    x = jnp.asarray(IMAGE, jnp.float32)[None, :, :, None]
    drawn = tuple(jnp.float32([number]) for number in augmentation.case.drawn)
    found = augmentation.apply(jnp.concatenate([x, x], axis=-1), drawn)
    for channel in (0, 1):
        np.testing.assert_allclose(found[0, :, :, channel], augmentation.case.answer, atol=1e-6)
    assert len(drawn) == len(augmentation.draw(KEY, x))


@pytest.mark.parametrize("shape", SHAPES)
def test_examples_are_changed_one_by_one_and_in_different_ways(augmentation, shape):
    one = images(shape, 1)
    same = jnp.repeat(one, 40, axis=0)
    drawn = jax.jit(lambda x: augmentation.draw(KEY, x))(same)
    assert all(part.shape == (40,) for part in drawn)
    apply = jax.jit(augmentation.apply)
    found = np.asarray(apply(same, drawn))
    assert found.shape == same.shape and found.dtype == np.float32
    assert len(np.unique(found.reshape(40, -1), axis=0)) > 1
    for row in (0, 17):
        others = tuple(part.at[:row].set(0.1).at[row + 1 :].set(0.9) for part in drawn)
        np.testing.assert_allclose(found[row], apply(same, others)[row], atol=1e-6)


def test_it_is_a_function_of_the_key(augmentation):
    x = images((8, 8, 3), 40)
    np.testing.assert_array_equal(changed(augmentation, x), changed(augmentation, x))
    assert not np.array_equal(changed(augmentation, x), changed(augmentation, x, jax.random.key(5)))


def test_it_is_affine_and_its_gradient_is_its_adjoint(augmentation):
    """So it has no second derivative of its own."""
    x, way, other = (images((8, 8, 3)) * k for k in (1, -0.3, 0.7))
    drawn = augmentation.draw(KEY, x)

    @jax.jit
    def looks(x, way, other):
        apply = lambda x: augmentation.apply(x, drawn)  # noqa: E731
        value, along = jax.jvp(apply, (x,), (way,))
        back = jax.grad(lambda x: jnp.vdot(other, apply(x)))(x)
        return apply(x + way) - value, along, jnp.vdot(back, way) - jnp.vdot(other, along)

    step, along, zero = looks(x, way, other)
    np.testing.assert_allclose(along, step, atol=1e-5)
    np.testing.assert_allclose(zero, 0, atol=1e-3)


def test_shifts_are_uniform_up_to_an_eighth_of_the_side():
    drawn = augmentations.translation.draw(KEY, jnp.zeros((5000, 32, 16, 1)))
    for steps, most in zip(drawn, (4, 2), strict=True):
        values, counts = np.unique(steps, return_counts=True)
        np.testing.assert_array_equal(values, np.arange(-most, most + 1))
        assert stats.chisquare(counts).pvalue > 1e-3


def test_holes_are_of_half_the_side_or_cut_by_the_border():
    x = jnp.ones((500, 16, 16, 1))
    found = np.asarray(changed(augmentations.cutout, x))[..., 0] == 0
    rows, columns = found.any(axis=2).sum(axis=1), found.any(axis=1).sum(axis=1)
    np.testing.assert_array_equal(found.sum(axis=(1, 2)), rows * columns)
    assert rows.max() == columns.max() == 8 and rows.min() == columns.min() == 4
    # Every pixel is blanked at times.
    assert found.any(axis=0).all()


@pytest.mark.parametrize("chance", [0.25, 0.75, 1.0])
def test_a_probability_below_one_keeps_what_a_mirror_would_lose(chance):
    """The law of changed images tells the law of images as long as something is left of left minus
    right: of its mean, 1 - probability is (Karras et al. 2020b, appendix C)."""
    setup = Setup(*[None] * 5, (augmentations.flip,), *[None] * 3, ONE_DEVICE)
    x = jnp.tile(jnp.asarray(IMAGE, jnp.float32)[None, :, :, None], (20_000, 1, 1, 1))

    @jax.jit
    def mean(x):
        return jnp.mean(
            adversarial.changed(setup, x, adversarial.changes(setup, KEY, x, chance)), 0
        )

    found, plain = (np.asarray(y)[..., 0] for y in (mean(x), x[0]))
    left = (found - found[:, ::-1]) / (plain - plain[:, ::-1])
    np.testing.assert_allclose(left, 1 - chance, atol=0.03)
    np.testing.assert_allclose(found + found[:, ::-1], plain + plain[:, ::-1], rtol=1e-4)


def test_mirror_images_are_half_of_all():
    x = images((8, 8, 1), 1000)
    flipped = np.all(changed(augmentations.flip, x) == x[:, :, ::-1], axis=(1, 2, 3))
    assert 0.45 < flipped.mean() < 0.55
