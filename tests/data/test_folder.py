"""Folders of the user's images: classes, splits by content, sizes, modes and bad files."""

import shutil

import jax
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from gan import config, data
from gan.data import folder as folders
from gan.errors import UserError
from tests.data.makers import random_images, write_pictures


def load(folder, **fields):
    return data.load(config.Data(name="folder", folder=str(folder), **fields))


def raw(dataset, split):
    return np.rint((dataset.examples(split)[0] + 1) * 127.5).astype(np.uint8)


def contents(dataset):
    return {s: sorted(image.tobytes() for image in raw(dataset, s)) for s in data.SPLITS}


@pytest.mark.parametrize("mode, channels", [("RGB", 3), ("L", 1)])
def test_a_flat_folder_is_one_class(tmp_path, mode, channels):
    arrays = write_pictures(tmp_path, 30, mode=mode)
    dataset = load(tmp_path)
    assert dataset.shape == (6, 6, channels) and dataset.class_names == ("all",)
    assert [dataset.size(split) for split in data.SPLITS] == [24, 3, 3]
    found = contents(dataset)
    assert sorted(sum(found.values(), [])) == sorted(array.tobytes() for array in arrays)


def test_subfolders_are_classes_in_order(tmp_path):
    dogs = write_pictures(tmp_path / "dogs" / "deep", 12, seed=1)
    cats = write_pictures(tmp_path / "Cats", 12, seed=2)
    (tmp_path / "empty").mkdir()
    (tmp_path / ".cache").mkdir()
    shutil.copy(tmp_path / "Cats" / "2_000.png", tmp_path / ".cache" / "x.png")
    (tmp_path / "notes.txt").write_text("not an image")
    dataset = load(tmp_path)
    assert dataset.class_names == ("Cats", "dogs")
    label_of = {a.tobytes(): label for label, arrays in enumerate([cats, dogs]) for a in arrays}
    total = 0
    for split in data.SPLITS:
        labels = dataset.examples(split)[1]
        assert labels.tolist() == [label_of[image.tobytes()] for image in raw(dataset, split)]
        total += len(labels)
    assert total == 24


def test_splits_follow_content_not_names(tmp_path):
    write_pictures(tmp_path / "a", 40)
    (tmp_path / "b").mkdir()
    for row, file in enumerate(sorted((tmp_path / "a").iterdir())):
        shutil.copy(file, tmp_path / "b" / f"{(row * 7) % 40}.PNG")
    first, second = load(tmp_path / "a"), load(tmp_path / "b")
    assert contents(first) == contents(second)
    assert first.fingerprint == second.fingerprint


def test_copies_never_straddle_splits(tmp_path):
    write_pictures(tmp_path, 20)
    for file in sorted(tmp_path.iterdir()):
        shutil.copy(file, tmp_path / f"copy_{file.name}")
    dataset = load(tmp_path)
    found = contents(dataset)
    assert [len(found[split]) for split in data.SPLITS] == [32, 4, 4]
    kinds = [set(found[split]) for split in data.SPLITS]
    assert sum(map(len, kinds)) == len(set.union(*kinds)) == 20


def test_streaming_gives_the_same_batches(tmp_path):
    write_pictures(tmp_path, 20, size=(9, 6))
    resident, streamed = load(tmp_path, image_size=4), load(tmp_path, image_size=4, stream="always")
    assert resident.shape == (4, 4, 3) and streamed.arrays == {}
    key = jax.random.key(0)
    examples, labels = jax.jit(resident.batch, static_argnums=2)(resident.arrays, key, 16)
    stored, stored_labels = streamed.read(streamed.indices(key, 16))
    assert_array_equal(streamed.finish(stored, key), examples)
    assert_array_equal(stored_labels, labels)


def test_a_changed_file_is_noticed_while_streaming(tmp_path):
    write_pictures(tmp_path, 20)
    streamed = load(tmp_path, stream="always")
    for file in tmp_path.iterdir():
        Image.new("RGB", (6, 6)).save(file)
    with pytest.raises(UserError, match="has changed"):
        streamed.read([0])


def test_differing_sizes_need_a_size(tmp_path):
    write_pictures(tmp_path, 12)
    write_pictures(tmp_path, 12, size=(8, 6), seed=1)
    with pytest.raises(UserError, match="differ in size: set data.image_size"):
        load(tmp_path)
    assert load(tmp_path, image_size=4).shape == (4, 4, 3)


def test_images_are_resized_to_cover_and_cropped_around_the_centre(tmp_path):
    rng = np.random.default_rng(0)
    for row in range(10):
        wide = np.zeros((8, 24, 3), np.uint8)
        wide[:, :6], wide[:, 18:] = rng.integers(0, 255, 3), rng.integers(0, 255, 3)
        wide[:, 6:18] = 100 + row
        Image.fromarray(wide).save(tmp_path / f"{row}.png")
    dataset = load(tmp_path, image_size=4)
    middle = np.concatenate([raw(dataset, split) for split in data.SPLITS])[:, :, 1:3]
    assert middle.shape == (10, 4, 2, 3)
    assert sorted(middle.reshape(10, -1).max(1)) == sorted(range(100, 110))
    assert (middle.reshape(10, -1).min(1) == middle.reshape(10, -1).max(1)).all()


def one_mode(tmp_path, image, rest="L"):
    """What `image` looks like beside nine pictures of the mode `rest`."""
    write_pictures(tmp_path, 9, mode=rest)
    image.save(tmp_path / "special.png")
    dataset = load(tmp_path)
    expected = {array.tobytes() for array in write_pictures(tmp_path, 9, mode=rest)}
    images = np.concatenate([raw(dataset, split) for split in data.SPLITS])
    gray = {image[..., 0].tobytes() for image in images}
    assert len(images) == 10 and (rest != "L" or expected < gray)
    return dataset, [i for i in images if not {i.tobytes(), i[..., 0].tobytes()} & expected][0]


def test_one_coloured_image_makes_the_folder_rgb(tmp_path):
    dataset, found = one_mode(tmp_path, Image.new("RGB", (6, 6), (1, 2, 3)))
    assert dataset.shape == (6, 6, 3)
    assert_array_equal(found, np.broadcast_to([1, 2, 3], (6, 6, 3)))


def test_transparent_pixels_are_laid_over_white(tmp_path):
    image = Image.new("RGBA", (6, 6), (10, 20, 30, 0))
    image.putpixel((2, 1), (10, 20, 30, 255))
    _, found = one_mode(tmp_path, image)
    assert found[1, 2].tolist() == [10, 20, 30]
    assert (np.delete(found.reshape(36, 3), 8, 0) == 255).all()


@pytest.mark.parametrize("mode", ["P", "1", "LA"])
def test_other_modes_are_converted(tmp_path, mode):
    source = Image.new("L", (6, 6), 255)
    source.putpixel((3, 2), 0)
    dataset, found = one_mode(tmp_path, source.convert(mode))
    assert dataset.shape[2] == (3 if mode == "P" else 1)
    assert (found[2, 3] == 0).all() and found.min(2).sum() == 35 * 255


def test_turned_photographs_are_set_upright(tmp_path):
    write_pictures(tmp_path, 9, size=(4, 6))
    pixels = np.zeros((4, 6, 3), np.uint8)
    pixels[0, 0] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # stored a quarter turn anticlockwise
    Image.fromarray(pixels).save(tmp_path / "turned.png", exif=exif)
    dataset = load(tmp_path)
    assert dataset.shape == (6, 4, 3)
    images = np.concatenate([raw(dataset, split) for split in data.SPLITS])
    turned = images[images.reshape(10, -1).astype(int).sum(1).argmin()]
    assert turned.sum() == 3 * 255 and (turned[0, 3] == 255).all()


@pytest.mark.parametrize("suffix", ["png", "jpg", "JPEG", "webp", "bmp", "gif"])
def test_every_format_is_read(tmp_path, suffix):
    write_pictures(tmp_path, 10, suffix=suffix)
    assert load(tmp_path).size("train") == 8


@pytest.mark.parametrize("stream", ["never", "always"])
@pytest.mark.parametrize("content", [b"", b"not an image", "header"])
def test_unreadable_files_are_named(tmp_path, content, stream):
    write_pictures(tmp_path, 20)
    bad = tmp_path / "bad.png"
    good = (tmp_path / "0_000.png").read_bytes()
    bad.write_bytes(good[:20] if content == "header" else content)
    with pytest.raises(UserError, match=f"{bad} is not a readable image"):
        load(tmp_path, stream=stream)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "bmp", "gif"])
def test_truncated_files_are_named_before_training(tmp_path, suffix):
    write_pictures(tmp_path, 20, size=(32, 32), suffix=suffix)
    bad = tmp_path / f"0_007.{suffix}"
    content = bad.read_bytes()
    bad.write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(UserError, match=f"{bad} is not a readable image"):
        load(tmp_path)


def test_deep_images_are_refused(tmp_path):
    write_pictures(tmp_path, 20)
    deep = random_images(3, 2, (6, 6)).astype(np.uint16)
    Image.fromarray(deep[0] * 256).save(tmp_path / "deep.png")
    with pytest.raises(UserError, match="deep.png has more than 8 bits"):
        load(tmp_path)


def test_folders_that_cannot_be_used_say_why(tmp_path):
    with pytest.raises(UserError, match="needs data.folder"):
        data.load(config.Data(name="folder"))
    with pytest.raises(UserError, match="is not a folder"):
        load(tmp_path / "nowhere")
    with pytest.raises(UserError, match="too few images: 0"):
        load(tmp_path)
    write_pictures(tmp_path, folders.SMALLEST - 1)
    shutil.copy(tmp_path / "0_000.png", tmp_path / "copy.png")
    with pytest.raises(UserError, match="too few images: 9"):
        load(tmp_path)
    write_pictures(tmp_path / "class", 3, seed=1)
    with pytest.raises(UserError, match="put every image into one of them, or none"):
        load(tmp_path)


def test_more_images_change_the_fingerprint(tmp_path):
    write_pictures(tmp_path, 20)
    seen = {load(tmp_path).fingerprint, load(tmp_path, stream="always").fingerprint}
    write_pictures(tmp_path, 1, seed=1)
    seen |= {load(tmp_path).fingerprint, load(tmp_path, stream="always").fingerprint}
    assert len(seen) == 4
