import numpy as np
import pytest

from gan import config, data
from gan.data import stacked
from gan.data.dataset import RawImages
from gan.errors import UserError


@pytest.fixture(scope="module")
def stacks():
    return data.load(config.Data(name="stacked_digits"))


def test_every_channel_is_an_image_of_the_same_split_and_the_class_is_the_triple(stacks):
    assert stacks.shape == (8, 8, 3) and stacks.num_classes == 1000
    assert stacks.class_names[407] == "4-0-7"
    for split in ("train", "test"):
        images, labels = stacks.examples(split, np.arange(50))
        base, base_labels = stacks.base.examples(split)
        table = {image.tobytes(): label for image, label in zip(base, base_labels, strict=True)}
        for image, label in zip(images, labels, strict=True):
            found = [table[np.ascontiguousarray(image[..., k : k + 1]).tobytes()] for k in range(3)]
            assert label == found[0] * 100 + found[1] * 10 + found[2]


def test_rows_are_the_same_for_ever_and_spread_evenly(stacks):
    chosen = stacked.triples("stacked_digits train", 60_000, 1201)
    np.testing.assert_array_equal(chosen[0], stacked.triples("stacked_digits train", 1, 1201)[0])
    assert chosen[0].tolist() == [900, 306, 814]
    counts = np.bincount(chosen.ravel(), minlength=1201)
    assert len(counts) == 1201 and abs(counts / counts.mean() - 1).max() < 0.5
    _, labels = stacks.examples("test")
    assert len(labels) == 26_000 and len(np.unique(labels)) == 1000


def test_batches_come_from_the_training_split(stacks):
    import jax

    images, labels = stacks.batch(stacks.arrays, jax.random.key(1), 5)
    again, _ = stacks.batch(stacks.arrays, jax.random.key(1), 5)
    np.testing.assert_array_equal(images, again)
    every, every_labels = stacks.examples("train")
    flat = every.reshape(len(every), -1)
    for image, label in zip(np.asarray(images), np.asarray(labels), strict=True):
        assert label in every_labels[np.all(flat == image.ravel(), axis=1)]


def test_colour_images_are_refused_and_others_are_not_stacked(digits):
    colour = RawImages("c", (4, 4, 3), 256, ("all",), {}, "", None)
    with pytest.raises(UserError, match="only grey"):
        stacked.stack("stacked_c", colour)
    assert digits.base is None
    assert data.load(config.Data(name="gaussians8")).base is None
