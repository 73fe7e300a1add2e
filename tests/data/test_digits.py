"""The real digits: counts, fixed and disjoint splits, and what importing them brings along."""

import subprocess
import sys

import jax
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from gan import config, data

PINNED = {
    "train": "9d7585b07d5eeb195d4bda5e0b908d468a9520e289da82f37f47b948129e49eb",
    "validation": "59eec94d39a1f8892268feabd8df6e0d8b30e975409f11b76fc0796f13a6a494",
    "test": "6f0fe930ff1a1a9812c21c5308e9dea7a58eac55fd8fceb66f7e1c709025ba4d",
}


@pytest.fixture(scope="module")
def digits():
    return data.load(config.Data(name="digits"))


def raw(dataset, split):
    examples, labels = dataset.examples(split)
    return np.rint((examples.astype(np.float64) + 1) * 8).astype(np.uint8), labels


def test_counts_shape_and_levels(digits):
    assert digits.name == "digits" and digits.shape == (8, 8, 1) and digits.levels == 17
    assert digits.class_names == tuple("0123456789") and digits.num_classes == 10
    sizes = [digits.size(split) for split in ("train", "validation", "test")]
    assert sizes == [1201, 198, 398] and sum(sizes) == 1797
    assert not digits.streamed and digits.modes is None
    levels = np.unique(np.concatenate([raw(digits, split)[0].ravel() for split in PINNED]))
    assert_array_equal(levels, np.arange(17))


@pytest.mark.parametrize("split", sorted(PINNED))
def test_splits_are_pinned(digits, split):
    assert data.dataset.digest(*raw(digits, split)) == PINNED[split]


def test_splits_are_disjoint_and_together_the_source(digits):
    from sklearn.datasets import load_digits

    def rows(images, labels):
        return {(image.tobytes(), int(label)) for image, label in zip(images, labels, strict=True)}

    source = load_digits()
    everything = rows(source.images.astype(np.uint8), source.target)
    parts = [rows(*raw(digits, split)) for split in PINNED]
    assert len(everything) == 1797  # no image occurs twice
    assert sum(map(len, parts)) == 1797
    assert set.union(*parts) == everything


def test_every_split_has_every_class(digits):
    for split in PINNED:
        counts = np.bincount(digits.examples(split)[1], minlength=10)
        assert len(counts) == 10 and counts.min() >= 0.6 * counts.mean()


@pytest.mark.parametrize("dequantize", [False, True])
def test_reading_from_disk_gives_the_same_batches(digits, dequantize):
    resident = data.load(config.Data(name="digits", dequantize=dequantize))
    streamed = data.load(config.Data(name="digits", dequantize=dequantize, stream="always"))
    assert streamed.streamed and streamed.arrays == {}
    for seed in range(3):
        key = jax.random.key(seed)
        examples, labels = jax.jit(resident.batch, static_argnums=2)(resident.arrays, key, 32)
        stored, stored_labels = streamed.read(streamed.indices(key, 32))
        assert_array_equal(jax.jit(streamed.finish)(stored, key), examples)
        assert_array_equal(stored_labels, labels)
    for split in PINNED:
        assert_array_equal(streamed.examples(split)[0], digits.examples(split)[0])


def test_resized_digits_have_256_levels(digits):
    large = data.load(config.Data(name="digits", image_size=16))
    assert large.shape == (16, 16, 1) and large.levels == 256
    small, bigger = digits.examples("test")[0], large.examples("test")[0]
    assert bigger.shape == (398, 16, 16, 1) and bigger.min() >= -1 and bigger.max() <= 1
    # Averages of 2x2 blocks approximate what was enlarged.
    averaged = bigger.reshape(398, 8, 2, 8, 2, 1).mean((2, 4))
    assert np.abs(averaged - small).mean() < 0.1
    assert large.fingerprint != digits.fingerprint


def test_loading_imports_neither_tensorflow_nor_scikit_learn_and_prints_nothing(digits):
    program = """
import sys
from gan import config, data
data.load(config.Data(name="digits"))
heavy = {"tensorflow", "sklearn"} & set(sys.modules)
assert not heavy, heavy
"""
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
