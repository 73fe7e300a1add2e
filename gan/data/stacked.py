"""Three random images of a grey data set as the channels of one: 1,000 modes of known number.

The stacked sets of Metz et al. 2017. Row r of a split stacks three images of the same split of the
base set, chosen by the SHA-256 of "name split r", and its class is the triple of their classes: a
generator that misses modes is found out by counting the triples it makes.
"""

import dataclasses
import functools
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from gan.config import Data
from gan.data.dataset import RawImages
from gan.data.source import Case, Source
from gan.errors import UserError
from gan.registries import SOURCES

SIZES = {"train": 60_000, "validation": 5_000, "test": 26_000}
"""Stacks per split; 26,000 is the number that mode counts are published for."""


def stack(name: str, base: RawImages, sizes: Mapping[str, int] = SIZES) -> RawImages:
    """The set `name` of stacked images of `base`, with that many stacks per split.

    Raises:
        UserError: if the images of `base` are not grey.
    """
    height, width, channels = base.shape
    if channels != 1:
        raise UserError(f"only grey images can be stacked, and those of {base.name} are not")
    classes = len(base.class_names)
    whole = functools.cache(lambda split: base.read(split, None))

    def read(split: str, rows: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        images, labels = whole(split)
        chosen = triples(f"{name} {split}", sizes[split], len(images))
        chosen = chosen if rows is None else chosen[rows]
        stacked = images[chosen, :, :, 0].transpose(0, 2, 3, 1)
        return np.ascontiguousarray(stacked), labels[chosen] @ np.array(
            [classes**2, classes, 1], np.int32
        )

    names = base.class_names
    return dataclasses.replace(
        base,
        name=name,
        shape=(height, width, 3),
        class_names=tuple(f"{a}-{b}-{c}" for a in names for b in names for c in names),
        sizes=dict(sizes),
        identity=f"{name} of {base.identity}",
        read=read,
        base=base,
    )


@functools.cache
def triples(text: str, count: int, size: int) -> np.ndarray:
    """Rows [count, 3] of a set of `size`, from the SHA-256 of "text 0", "text 1", ..."""
    digests = b"".join(hashlib.sha256(f"{text} {row}".encode()).digest() for row in range(count))
    words = np.frombuffer(digests, "<u8").reshape(count, 4)[:, :3]
    return (words % np.uint64(size)).astype(np.int64)


def _loader(name: str, base: str) -> Callable[[Data, str | None], RawImages]:
    def load(choice: Data, data_dir: str | None) -> RawImages:
        return stack(name, SOURCES.get(base).load(dataclasses.replace(choice, name=base), data_dir))

    return load


def _miniature(name: str, base: str) -> Callable[[Path], RawImages]:
    """Stacks a few of the base set's own miniature."""
    few = {"train": 20, "validation": 5, "test": 5}
    return lambda folder: stack(name, SOURCES.get(base).case.load(folder), few)


stacked_digits = Source(
    help="three of digits as the channels of one image, 1,000 classes",
    source="Metz et al. 2017",
    load=_loader("stacked_digits", "digits"),
    licence=SOURCES.get("digits").licence,
    case=Case(shape=(8, 8, 3), classes=1000, fingerprint="7f49fed301bc1924"),
)

stacked_mnist = Source(
    help="three of mnist as the channels of one image, 1,000 classes",
    source="Metz et al. 2017",
    load=_loader("stacked_mnist", "mnist"),
    licence=SOURCES.get("mnist").licence,
    case=Case(
        shape=(28, 28, 3),
        classes=1000,
        fingerprint="1339fde3256b624e",
        load=_miniature("stacked_mnist", "mnist"),
    ),
)

stacked_fashion_mnist = Source(
    help="three of fashion_mnist as the channels of one image, 1,000 classes",
    source="Metz et al. 2017",
    load=_loader("stacked_fashion_mnist", "fashion_mnist"),
    licence=SOURCES.get("fashion_mnist").licence,
    case=Case(
        shape=(28, 28, 3),
        classes=1000,
        fingerprint="f0da188af713b406",
        load=_miniature("stacked_fashion_mnist", "fashion_mnist"),
    ),
)
