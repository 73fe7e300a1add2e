"""idx files: what is in them arrives, and every corruption is named before anything is prepared."""

import gzip
import os
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from gan import config, data
from gan.data import idx
from gan.data.dataset import Dataset
from gan.errors import UserError
from tests.data.makers import write_idx


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "prepared"))
    return tmp_path


def opened(files, data_dir):
    return Dataset(idx.load(files, str(data_dir), 0), dequantize=False, stream="never")


def raw(dataset, split):
    examples, labels = dataset.examples(split)
    return np.rint((examples + 1) * 127.5).astype(np.uint8), labels


@pytest.mark.parametrize("place", ["", "tiny_set", "tiny-set"])
def test_splits_are_the_files(root, place):
    files, (images, labels, test_images, test_labels) = write_idx(root / place, "tiny_set")
    dataset = opened(files, root)
    assert dataset.shape == (5, 4, 1) and dataset.class_names == ("a", "b", "c")
    assert [dataset.size(split) for split in data.SPLITS] == [24, 6, 10]
    found = raw(dataset, "test")
    assert_array_equal(found[0][..., 0], test_images)
    assert_array_equal(found[1], test_labels)

    def rows(images, labels):
        return [(image.tobytes(), int(label)) for image, label in zip(images, labels, strict=True)]

    train, validation = rows(*raw(dataset, "train")), rows(*raw(dataset, "validation"))
    assert sorted(train + validation) == sorted(rows(images, labels))
    assert train + validation != rows(images, labels)  # shuffled


def damage(path, kind):
    content = gzip.decompress(path.read_bytes())
    packed = bytearray(path.read_bytes())
    if kind == "missing":
        path.unlink()
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "not gzip":
        path.write_bytes(content)
    elif kind == "packed truncated":
        path.write_bytes(packed[:-20])
    elif kind == "packed flip":
        packed[len(packed) // 2] ^= 4
        path.write_bytes(packed)
    else:
        count = struct.unpack(">I", content[4:8])[0]
        changed = {
            "flip": content[:-1] + bytes([content[-1] ^ 1]),
            "truncated": content[:-1],
            "longer": content + b"\0",
            "header only": content[:6],
            "magic": struct.pack(">I", 0x802) + content[4:],
            "count": content[:4] + struct.pack(">I", count + 1) + content[8:],
        }[kind]
        path.write_bytes(gzip.compress(changed))


@pytest.mark.parametrize("name", idx.NAMES)
@pytest.mark.parametrize(
    "kind, message",
    [
        ("missing", "is missing"),
        ("empty", "fewer|cannot be read|magic"),
        ("not gzip", "cannot be read"),
        ("packed truncated", "cannot be read"),
        ("packed flip", "cannot be read|SHA-256|magic|shape"),
        ("flip", "SHA-256"),
        ("truncated", "fewer"),
        ("longer", "more"),
        ("header only", "shape|fewer"),
        ("magic", "magic number 0x802"),
        ("count", "declares the shape"),
    ],
)
def test_every_corruption_is_named(root, name, kind, message):
    files, _ = write_idx(root / "files")
    damage(root / "files" / name, kind)
    with pytest.raises(UserError, match=message) as caught:
        opened(files, root / "files")
    assert name in str(caught.value)
    assert not (root / "prepared" / "gan_tiny" / "1.0.0").exists()


@pytest.mark.parametrize("name", idx.NAMES[:2])
def test_a_pipe_in_the_place_of_a_file_is_named(root, name):
    files, _ = write_idx(root / "files")
    (root / "files" / name).unlink()
    os.mkfifo(root / "files" / name)
    with pytest.raises(UserError, match=f"{name} cannot be read: it is a named pipe"):
        opened(files, root / "files")


def test_no_more_is_unpacked_than_a_file_may_hold(root):
    files, _ = write_idx(root / "files")
    header = struct.pack(">2I", 0x801, 30)
    with gzip.open(root / "files" / idx.NAMES[1], "wb", compresslevel=1) as file:
        file.write(header)
        for _ in range(64):
            file.write(bytes(2**20))
    tracemalloc.start()
    with pytest.raises(UserError, match="holds more than the 30 bytes"):
        opened(files, root / "files")
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()


@pytest.mark.parametrize("data_dir", ["x" * 5000, "~nobody_of_this_name", "a\0b"])
def test_paths_that_can_be_no_folder_are_refused(root, data_dir):
    with pytest.raises(UserError, match="the idx.gz files of mnist are missing"):
        idx.load(idx.MNIST, data_dir, 0)


def test_wrong_dimensions_are_named(root):
    files, arrays = write_idx(root / "files")
    turned = np.ascontiguousarray(arrays[0].transpose(0, 2, 1))
    header = struct.pack(">4I", 0x803, *turned.shape)
    (root / "files" / idx.NAMES[0]).write_bytes(gzip.compress(header + turned.tobytes()))
    with pytest.raises(UserError, match=r"declares the shape \(30, 4, 5\), not \(30, 5, 4\)"):
        opened(files, root / "files")


def test_missing_data_say_how_to_get_them(root):
    with pytest.raises(UserError, match="no data_dir was given") as caught:
        data.load(config.Data(name="mnist"))
    assert len(str(caught.value).splitlines()) == 2
    assert "https://" in str(caught.value) and "data_dir" in str(caught.value)
    with pytest.raises(UserError, match="fashion-mnist") as caught:
        idx.load(idx.MNIST, str(root / "fashion-mnist"), 0)
    assert str(root / "fashion-mnist") in str(caught.value)


def test_published_checksums_are_sha256():
    for files in (idx.MNIST, idx.FASHION_MNIST):
        assert len(set(files.sha256)) == 4
        assert all(len(bytes.fromhex(each)) == 32 for each in files.sha256)
        assert len(files.class_names) == 10


@pytest.mark.slow
@pytest.mark.skipif(
    not Path(idx.FASHION_MNIST.folders[0]).is_dir(), reason="dataset-fashion-mnist is not installed"
)
def test_the_real_fashion_mnist():
    dataset = data.load(config.Data(name="fashion_mnist"))
    assert dataset.shape == (28, 28, 1) and not dataset.streamed
    assert [dataset.size(split) for split in data.SPLITS] == [55_000, 5_000, 10_000]
    assert_array_equal(np.bincount(dataset.examples("test")[1]), [1000] * 10)
    train, validation = (np.bincount(dataset.examples(s)[1]) for s in ("train", "validation"))
    assert_array_equal(train + validation, [6000] * 10)
    assert dataset.fingerprint == "3da07b35326cc783"
    streamed = data.load(config.Data(name="fashion_mnist", stream="always"))
    rows = [54_999, 0, 17]
    assert_array_equal(streamed.read(rows)[0], dataset.read(rows)[0])
