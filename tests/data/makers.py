"""Small data sets of every kind, written by the tests."""

import gzip
import hashlib
import struct

import numpy as np
from PIL import Image

from gan import config, data
from gan.data import idx
from gan.registries import SOURCES


def miniature(name, folder, monkeypatch):
    """The data set `name` as its own case makes it small, below an empty folder."""
    entry, choice = SOURCES.get(name), config.Data(name=name)
    monkeypatch.setenv("TFDS_DATA_DIR", str(folder))
    if entry.case.load is None:
        return data.dataset_of(choice, entry.load(choice, None))
    return data.dataset_of(choice, entry.case.load(folder))


def random_images(seed, count, shape, levels=256):
    """Random raw images, uint8 [count, *shape]."""
    return np.random.default_rng(seed).integers(0, levels, (count, *shape), dtype=np.uint8)


def noise_set(name, shape, classes=10, count=24):
    """A data set of random images in memory."""

    def read(split, rows):
        images = random_images(data.SPLITS.index(split), count, shape)
        labels = np.arange(count, dtype=np.int32) % classes
        return (images, labels) if rows is None else (images[rows], labels[rows])

    raw = data.RawImages(
        name=name,
        shape=shape,
        levels=256,
        class_names=tuple(str(k) for k in range(classes)),
        sizes=dict.fromkeys(data.SPLITS, count),
        identity="random",
        read=read,
    )
    return data.Dataset(raw, dequantize=False, stream="never")


def idx_content(array):
    """The bytes of an idx file that holds a uint8 array."""
    header = struct.pack(f">{1 + array.ndim}I", 0x800 + array.ndim, *array.shape)
    return header + array.tobytes()


def write_idx(folder, name="tiny", seed=0, train=30, validation=6, test=10):
    """Four idx.gz files of 5x4 images in `folder`; returns idx.Files and their four arrays."""
    rng = np.random.default_rng(seed)
    arrays = []
    for count in (train, test):
        arrays.append(rng.integers(0, 256, (count, 5, 4), dtype=np.uint8))
        arrays.append(rng.integers(0, 3, count, dtype=np.uint8))
    folder.mkdir(parents=True, exist_ok=True)
    for file, array in zip(idx.NAMES, arrays, strict=True):
        (folder / file).write_bytes(gzip.compress(idx_content(array)))
    files = idx.Files(
        name=name,
        class_names=("a", "b", "c"),
        shape=(5, 4),
        train=train,
        validation=validation,
        test=test,
        sha256=tuple(hashlib.sha256(idx_content(array)).hexdigest() for array in arrays),
        folders=(),
        obtain="make them again",
    )
    return files, arrays


def write_pictures(folder, count, size=(6, 6), mode="RGB", seed=0, suffix="png"):
    """`count` random pictures in `folder`; returns their arrays."""
    folder.mkdir(parents=True, exist_ok=True)
    width, height = size
    shape = (height, width) if mode == "L" else (height, width, len(mode))
    arrays = random_images(seed, count, shape)
    for row, array in enumerate(arrays):
        Image.fromarray(array).convert(mode).save(folder / f"{seed}_{row:03d}.{suffix}")
    return arrays
