"""Batches, splits and pixel levels of a Dataset over arrays in memory."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from gan.data.dataset import SPLITS, Dataset, RawImages, shuffled
from gan.errors import UserError
from tests.compiled import programs
from tests.data.makers import random_images

SHAPE = (4, 3, 1)


def make(levels=256, *, dequantize=False, stream="never", seed=0, sizes=(50, 6, 8)):
    content = {}
    for row, (split, size) in enumerate(zip(SPLITS, sizes, strict=True)):
        labels = np.arange(size, dtype=np.int32) % 3
        content[split] = random_images(seed + row, size, SHAPE, levels), labels

    def read(split, rows):
        images, labels = content[split]
        return (images, labels) if rows is None else (images[rows], labels[rows])

    raw = RawImages(
        name="made",
        shape=SHAPE,
        levels=levels,
        class_names=("a", "b", "c"),
        sizes=dict(zip(SPLITS, sizes, strict=True)),
        identity=str(seed),
        read=read,
    )
    return Dataset(raw, dequantize=dequantize, stream=stream)


@pytest.mark.parametrize("levels", [17, 256])
def test_levels_map_linearly_onto_minus_one_to_one(levels):
    made = make(levels)
    raw = np.arange(levels, dtype=np.uint8).reshape(-1, 1, 1, 1)
    values = np.asarray(made.finish(raw, jax.random.key(0)))[:, 0, 0, 0]
    expected = 2 * np.arange(levels) / (levels - 1) - 1
    assert values.dtype == np.float32
    assert values[0] == -1 and values[-1] == 1
    assert_allclose(values, expected, atol=1e-7, rtol=0)


@pytest.mark.parametrize("levels", [17, 256])
def test_dequantised_pixels_are_uniform_within_their_level(levels):
    made = make(levels, dequantize=True)
    p, n = levels // 3, 200_000
    x = np.asarray(made.finish(np.full((n, 1, 1, 1), p, np.uint8), jax.random.key(1)))
    u = (x.astype(np.float64) + 1) * levels / 2 - p
    assert -1e-4 < u.min() and u.max() < 1 + 1e-4
    assert abs(u.mean() - 1 / 2) < 5 * np.sqrt(1 / 12 / n)
    assert abs(u.var() - 1 / 12) < 5 * np.sqrt(1 / 180 / n)


def test_noise_is_drawn_once_per_pixel_and_stays_in_range():
    made = make(17, dequantize=True)
    for p in (0, 16):
        x = np.asarray(made.finish(np.full((64, *SHAPE), p, np.uint8), jax.random.key(2)))
        assert x.min() >= -1 and x.max() <= 1
        assert len(np.unique(x)) > 0.95 * x.size


@pytest.mark.parametrize("dequantize", [False, True])
@pytest.mark.parametrize("levels", [17, 256])
def test_streamed_halves_equal_the_batch_bit_for_bit(levels, dequantize):
    resident = make(levels, dequantize=dequantize)
    streamed = make(levels, dequantize=dequantize, stream="always")
    assert streamed.streamed and streamed.arrays == {} and not resident.streamed
    key = jax.random.key(3)
    examples, labels = jax.jit(resident.batch, static_argnums=2)(resident.arrays, key, 40)
    raw, read_labels = streamed.read(streamed.indices(key, 40))
    assert raw.dtype == np.uint8 and read_labels.dtype == np.int32
    for finish in (streamed.finish, jax.jit(streamed.finish)):
        assert_array_equal(finish(raw, key), examples)
    assert_array_equal(read_labels, labels)
    assert_array_equal(resident.batch(resident.arrays, key, 40)[0], examples)


@pytest.mark.parametrize("dequantize", [False, True])
def test_batch_is_a_function_of_the_key_alone(dequantize):
    made = make(dequantize=dequantize)
    first, labels = made.batch(made.arrays, jax.random.key(4), 32)
    again, _ = make(dequantize=dequantize).batch(made.arrays, jax.random.key(4), 32)
    other, _ = made.batch(made.arrays, jax.random.key(5), 32)
    assert first.shape == (32, *SHAPE) and first.dtype == jnp.float32
    assert labels.shape == (32,) and labels.dtype == jnp.int32
    assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_batches_hold_training_rows_uniformly_with_their_labels():
    made = make()
    examples, labels = made.examples("train")
    rows = np.asarray(made.indices(jax.random.key(6), 50_000))
    counts = np.bincount(rows, minlength=50)
    assert len(counts) == 50
    assert ((counts - 1000) ** 2 / 1000).sum() < 100  # chi-squared, 49 degrees: mean 49, sd 10
    batch, batch_labels = made.batch(made.arrays, jax.random.key(6), 50_000)
    assert_array_equal(batch[:100], examples[rows[:100]])
    assert_array_equal(batch_labels, labels[rows])


def test_a_second_batch_does_not_compile_again():
    made = make()
    batch = jax.jit(made.batch, static_argnums=2)
    for seed in range(3):
        batch(made.arrays, jax.random.key(seed), 8)
    assert programs(batch) == 1


def test_examples_select_rows_without_noise():
    made = make(dequantize=True)
    everything, labels = made.examples("test")
    assert everything.dtype == np.float32 and len(everything) == made.size("test") == 8
    some, some_labels = made.examples("test", [5, 0, 5])
    assert_array_equal(some, everything[[5, 0, 5]])
    assert_array_equal(some_labels, labels[[5, 0, 5]])
    assert made.examples("test", [])[0].shape == (0, *SHAPE)
    streamed = make(dequantize=True, stream="always")
    assert_array_equal(streamed.examples("test")[0], everything)


def test_bad_splits_and_rows_are_refused():
    made = make()
    with pytest.raises(UserError, match="train, validation, test"):
        made.size("valid")
    with pytest.raises(UserError, match="train, validation, test"):
        made.examples("all")
    for rows in ([8], [-1], [0.5], [[1]], 3):
        with pytest.raises(IndexError, match="indices must be"):
            made.examples("test", rows)
    with pytest.raises(ValueError, match="is streamed"):
        streamed = make(stream="always")
        streamed.batch(streamed.arrays, jax.random.key(0), 2)


@pytest.mark.parametrize("levels", [17, 256])
def test_pictures_invert_the_levels(levels):
    made = make(levels)
    raw = np.arange(levels, dtype=np.uint8).reshape(-1, 1, 1, 1)
    shown = made.to_uint8(made.finish(raw, jax.random.key(0)))
    assert shown.dtype == np.uint8
    assert_array_equal(shown[:, 0, 0, 0], np.rint(np.arange(levels) * 255 / (levels - 1)))
    assert_array_equal(made.to_uint8(np.array([-7.0, -1, 1, np.inf])), [0, 0, 255, 255])
    with pytest.raises(ValueError, match="NaN"):
        made.to_uint8(np.array([0.0, np.nan]))


def test_fingerprint_changes_with_the_content_of_any_split():
    seen = {make().fingerprint}
    assert make(dequantize=True).fingerprint in seen
    for other in (make(seed=1), make(sizes=(50, 7, 8)), make(levels=17), make(stream="always")):
        assert len(other.fingerprint) == 16
        assert other.fingerprint not in seen
        seen.add(other.fingerprint)


def test_auto_streams_above_the_limit(monkeypatch):
    assert not make(stream="auto").streamed
    monkeypatch.setattr("gan.data.dataset.DEVICE_LIMIT", 64 * 12 - 1)
    assert make(stream="auto").streamed
    assert not make(stream="never").streamed


def test_fixed_permutation_is_pinned():
    assert shuffled("digits", 8).tolist() == [4, 3, 5, 6, 1, 7, 2, 0]
    assert sorted(shuffled("x", 100)) == list(range(100))
    assert shuffled("x", 100).tolist() != shuffled("y", 100).tolist()
