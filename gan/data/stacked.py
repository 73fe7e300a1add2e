"""Three random images of a grey data set as the channels of one: 1,000 modes of known number.

The stacked sets of Metz et al. 2017. Row r of a split stacks three images of the same split of the
base set, chosen by the SHA-256 of "name split r", and its class is the triple of their classes: a
generator that misses modes is found out by counting the triples it makes.
"""

import dataclasses
import functools
import hashlib

import numpy as np

from gan.data.dataset import Source
from gan.errors import UserError

SIZES = {"train": 60_000, "validation": 5_000, "test": 26_000}
"""Stacks per split; 26,000 is the number that mode counts are published for."""

BASES = {
    "stacked_digits": "digits",
    "stacked_mnist": "mnist",
    "stacked_fashion_mnist": "fashion_mnist",
}
"""Base set of each stacked set."""


def stack(name: str, base: Source) -> Source:
    """The set `name` of stacked images of `base`.

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
        chosen = triples(f"{name} {split}", SIZES[split], len(images))
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
        sizes=dict(SIZES),
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
