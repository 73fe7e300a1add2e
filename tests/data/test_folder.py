"""Folders of the user's images: classes, splits by content, sizes, modes and bad files."""

import hashlib
import os
import shutil

import jax
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from gan import config, data
from gan.data import folder as folders
from gan.data import pictures
from gan.data.dataset import digest, fingerprint
from gan.errors import UserError
from tests.data.makers import write_pictures


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
    with pytest.raises(
        UserError, match=r"(?s)differ in size: set data.image_size.*\.png is 6 x 6, "
    ):
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
    assert dataset.shape[2] == 1
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


def test_a_grey_folder_stays_grey_whatever_its_files_hold(tmp_path, capsys):
    arrays = write_pictures(tmp_path, 20, mode="L")
    images = [Image.fromarray(array) for array in arrays]
    images[0].convert("P").save(tmp_path / "0_000.gif")
    images[1].convert("RGB").save(tmp_path / "0_001.bmp")
    Image.fromarray(arrays[2].astype(np.uint16) * 257).save(tmp_path / "0_002.tif")
    for row in range(3):
        (tmp_path / f"0_{row:03d}.png").unlink()
    dataset = load(tmp_path)
    assert dataset.shape == (6, 6, 1)
    assert sorted(sum(contents(dataset).values(), [])) == sorted(a.tobytes() for a in arrays)
    assert capsys.readouterr().err.splitlines() == [
        "folder: all pictures are grey, 2 of them stored in colour: one channel per pixel is kept"
    ]


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


def test_splits_of_distinct_pictures_follow_their_files_alone(tmp_path):
    """The rule that run directories rely on: order by the SHA-256 of the file, 80 : 10 : 10."""
    write_pictures(tmp_path / "a", 21, size=(9, 7))
    write_pictures(tmp_path / "b", 22, size=(9, 7), seed=1, suffix="jpg")
    files = sorted(tmp_path.rglob("*.*"), key=lambda f: hashlib.sha256(f.read_bytes()).hexdigest())
    assert len(files) == 43
    parts = []
    for low, high in [(0, 35), (35, 39), (39, 43)]:
        images = np.stack(
            [pictures.fit(np.asarray(Image.open(file)), (4, 4, 3)) for file in files[low:high]]
        )
        labels = np.array([file.parent.name == "b" for file in files[low:high]], np.int32)
        parts.append(digest(images, labels))
    sizes = {"train": 35, "validation": 4, "test": 4}
    expected = fingerprint(["folder", (4, 4, 3), 256, ("a", "b"), sizes, " ".join(parts)])
    assert load(tmp_path, image_size=4).fingerprint == expected


def encode_again(folder, names, ending, **options):
    for name in names:
        Image.open(folder / name).save((folder / name).with_suffix(ending), **options)


def test_a_picture_encoded_twice_stays_in_one_split(tmp_path, capsys):
    write_pictures(tmp_path, 40)
    names = [f"0_{row:03d}.png" for row in range(40)]
    encode_again(tmp_path, names, ".bmp")
    encode_again(tmp_path, names[:20], ".webp", lossless=True)
    for name in names[20:]:
        Image.open(tmp_path / name).save(tmp_path / f"small_{name}", compress_level=1)
    dataset = load(tmp_path)
    assert "80 of 120 pictures have the same pixels as others" in capsys.readouterr().err
    found = contents(dataset)
    assert [len(found[split]) for split in data.SPLITS] == [96, 12, 12]
    kinds = [set(found[split]) for split in data.SPLITS]
    assert [len(kind) for kind in kinds] == [32, 4, 4] and len(set.union(*kinds)) == 40


def test_names_of_copies_do_not_matter(tmp_path):
    write_pictures(tmp_path / "a", 40)
    names = [f"0_{row:03d}.png" for row in range(40)]
    encode_again(tmp_path / "a", names, ".bmp")
    (tmp_path / "b").mkdir()
    for row, file in enumerate(sorted((tmp_path / "a").iterdir())):
        shutil.copy(file, tmp_path / "b" / f"{(row * 7) % 80:02d}{file.suffix}")
    first, second = load(tmp_path / "a"), load(tmp_path / "b")
    assert contents(first) == contents(second)
    assert first.fingerprint == second.fingerprint


def test_the_same_grey_picture_in_colour_is_a_copy(tmp_path):
    write_pictures(tmp_path / "a", 20, mode="L")
    write_pictures(tmp_path / "a", 1, seed=5)  # the folder is in colour
    (tmp_path / "b").mkdir()
    for file in sorted((tmp_path / "a").glob("0_*")):
        Image.open(file).convert("RGB").save(tmp_path / "b" / file.name)
    dataset = load(tmp_path)
    assert "; 20 pictures are in more than one class" in dataset.notes[0]
    found = contents(dataset)
    assert sum(map(len, found.values())) == 41
    assert sum(len(set(found[s])) for s in data.SPLITS) == len(set(sum(found.values(), []))) == 21


def test_official_splits_are_used_and_copies_leave_the_earlier_one(tmp_path):
    arrays = {}
    for seed, (split, count) in enumerate([("train", 30), ("val", 6), ("test", 8)]):
        arrays[split] = write_pictures(tmp_path / split / "cat", count, seed=seed)
    copied = tmp_path / "train" / "cat" / "leak.bmp"
    Image.fromarray(arrays["test"][3]).save(copied)
    dataset = load(tmp_path)
    found = contents(dataset)
    for split, name in zip(data.SPLITS, arrays, strict=True):
        assert found[split] == sorted(array.tobytes() for array in arrays[name])
    assert "1 of 45 pictures have the same pixels" in dataset.notes[1]
    assert "1 of them left out of an earlier split" in dataset.notes[1]
    shutil.rmtree(tmp_path / "val")
    sizes = [load(tmp_path).size(split) for split in data.SPLITS]
    assert sizes == [27, 3, 8]
    assert load(tmp_path, splits="content").class_names == ("test", "train")


def spoiled(folder, count):
    write_pictures(folder, 20)
    for row in range(count):
        (folder / f"bad_{row:02d}.png").write_bytes(b"not an image")


@pytest.mark.parametrize("stream", ["never", "always"])
def test_all_unreadable_files_are_named_at_once(tmp_path, stream):
    spoiled(tmp_path, 13)
    with pytest.raises(UserError) as caught:
        load(tmp_path, stream=stream)
    first, second = str(caught.value).splitlines()
    assert first.startswith("13 of 33 pictures of ") and first.endswith("; and 3 more")
    assert all(f"bad_{row:02d}.png is not a readable image" in first for row in range(10))
    assert "_io" not in first and "bad_10" not in first
    assert second == "--data.skip_unreadable goes on without them"


def test_unreadable_files_can_be_skipped_and_are_counted(tmp_path, capsys):
    clean, dirty = tmp_path / "clean", tmp_path / "dirty"
    write_pictures(clean, 20)
    spoiled(dirty, 3)
    Image.new("L", (1200, 1000)).save(dirty / "wide.png")
    os.symlink("wide.png", dirty / "also.png")
    dataset = load(dirty, skip_unreadable=True, image_size=6, largest_megapixels=1)
    assert dataset.fingerprint == load(clean, image_size=6).fingerprint
    (note,) = data.describe(dataset)["notes"]
    assert note.startswith("5 of 25 pictures were skipped: ") and "bad_02.png is not a" in note
    assert "wide.png has 1.2 megapixels (1200 x 1000); --data.largest_megapixels 2 allows" in note
    assert capsys.readouterr().err == f"folder: {note}\n"
    assert "notes" not in data.describe(load(clean))


def test_pipes_and_devices_among_the_pictures_are_left_alone(tmp_path, capsys):
    write_pictures(tmp_path / "a", 20)
    os.mkfifo(tmp_path / "a" / "pipe.png")
    os.symlink("/dev/zero", tmp_path / "a" / "zero.png")
    assert load(tmp_path).size("train") == 16
    assert "2 of 22 files were left out: 1 named pipe, 1 device" in capsys.readouterr().err


def test_a_file_that_turns_into_a_pipe_while_streaming_is_named(tmp_path):
    write_pictures(tmp_path, 20)
    streamed = load(tmp_path, stream="always")
    for file in tmp_path.iterdir():
        file.unlink()
        os.mkfifo(file)
    with pytest.raises(UserError, match="has changed .*: it cannot be read: it is a named pipe"):
        streamed.read([0])


def test_linked_classes_are_loaded(tmp_path):
    write_pictures(tmp_path / "root" / "cat", 20)
    write_pictures(tmp_path / "elsewhere", 20, seed=1)
    os.symlink("../elsewhere", tmp_path / "root" / "dog")
    dataset = load(tmp_path / "root")
    assert dataset.class_names == ("cat", "dog") and not dataset.notes
    assert sum(dataset.size(split) for split in data.SPLITS) == 40


def test_notes_name_what_was_left_out_and_converted(tmp_path):
    write_pictures(tmp_path, 20)
    (tmp_path / "x.heic").write_bytes(b"")
    (tmp_path / "x.txt").write_bytes(b"")
    Image.open(tmp_path / "0_000.png").save(tmp_path / "named.png", "BMP")
    frames = [Image.new("RGB", (6, 6), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "x.gif", save_all=True, append_images=frames[1:])
    notes = load(tmp_path).notes
    known = ".heic" in pictures.readable()
    assert known or notes[1].startswith("1 of them are HEIF pictures: the package pillow-heif")
    assert known or notes[0] == "2 of 24 files were left out: 1 .heic, 1 .txt"
    assert notes[-2:] == (
        "1 pictures have several frames, of which the first is taken",
        "1 pictures have another format than their names say: named.png is BMP",
    )


def test_names_that_are_no_text_are_loaded_and_shown(tmp_path):
    folder = os.fsencode(tmp_path) + b"/\xe9t\xe9"
    os.mkdir(folder)
    write_pictures(tmp_path / os.fsdecode(b"\xe9t\xe9"), 20)
    dataset = load(tmp_path)
    assert dataset.class_names == (os.fsdecode(b"\xe9t\xe9"),) and len(dataset.fingerprint) == 16
    with open(folder + b"/bad\n.png", "wb"):
        pass
    with pytest.raises(UserError, match=r"\\udce9t\\udce9/bad\\n.png is not .*: the file is empty"):
        load(tmp_path)


@pytest.mark.parametrize("folder", ["", "x" * 5000, "a\0b", "~nobody_of_this_name"])
def test_paths_that_can_be_no_folder_are_refused(folder):
    with pytest.raises(UserError, match="data.folder .*is"):
        data.load(config.Data(name="folder", folder=folder))


def test_large_sets_are_not_kept_while_they_are_read(tmp_path, monkeypatch):
    write_pictures(tmp_path, 20)
    small = load(tmp_path)
    decoded = []
    decode = folders._decode
    monkeypatch.setattr(folders, "_decode", lambda *a: decoded.append(a) or decode(*a))
    assert load(tmp_path).fingerprint == small.fingerprint and len(decoded) == 20
    decoded.clear()
    monkeypatch.setattr("gan.data.dataset.DEVICE_LIMIT", 20 * 6 * 6 * 3 - 1)
    assert load(tmp_path).streamed and len(decoded) == 20
    decoded.clear()
    resident = load(tmp_path, stream="never")
    assert resident.fingerprint == small.fingerprint and len(decoded) == 20


def test_pixels_are_kept_while_they_fit(tmp_path):
    write_pictures(tmp_path, 20)
    items = [folders.Item(str(path), 0, None) for path in sorted(tmp_path.iterdir())]
    for limit, count in [(20 * 6 * 6 * 3, 20), (20 * 6 * 6 * 3 - 1, 0), (0, 0)]:
        taken, kept, bad = folders._read_all(str(tmp_path), items, config.Data(), limit)
        assert len(taken) == 20 and not bad
        # What was taken says the shape of the pixels, and holds none of them.
        assert len(kept) == count and {p.decoded.pixels.strides for p in taken} == {(0, 0, 0)}


def test_long_reading_shows_its_progress(tmp_path, monkeypatch, capsys):
    write_pictures(tmp_path, 20)
    load(tmp_path)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(folders, "PATIENCE", 0)
    load(tmp_path)
    shown = capsys.readouterr().err
    assert "reading pictures" in shown and "20/20" in shown and "picture/s" in shown
