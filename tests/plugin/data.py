"""Data sets of somebody's own: a law in the plane, and images."""

import jax
import jax.numpy as jnp
import numpy as np

from gan.data import SPLITS, Law, RawImages, Source
from gan.data.source import Case


def _ring(key, count):
    """Uniform on the unit circle; its halves are the classes."""
    angle = 2 * jnp.pi * jax.random.uniform(key, (count,))
    points = jnp.stack([jnp.cos(angle), jnp.sin(angle)], 1)
    return points, (angle > jnp.pi).astype(jnp.int32)


ring = Source(
    help="the unit circle",
    load=lambda choice, data_dir: Law(_ring, ("upper", "lower")),
    reads=(),
    case=Case(shape=(2,), classes=2, fingerprint="7fd0683e9918bd4b"),
)


def _stripes(choice, data_dir):
    """Images of 8 x 8 pixels with one bright row each, which is their class."""

    def read(split, rows):
        offset = 50 * SPLITS.index(split)
        rows = np.arange(40) if rows is None else rows
        labels = (rows % 8).astype(np.int32)
        images = np.zeros((len(rows), 8, 8, 1), np.uint8)
        images[np.arange(len(rows)), labels] = (100 + offset + rows)[:, None, None]
        return images, labels

    return RawImages(
        name=choice.name,
        shape=(8, 8, 1),
        levels=256,
        class_names=tuple(f"row {row}" for row in range(8)),
        sizes=dict.fromkeys(SPLITS, 40),
        identity="stripes 1",
        read=read,
    )


stripes = Source(
    help="images with one bright row",
    load=_stripes,
    case=Case(shape=(8, 8, 1), classes=8, fingerprint="c48ed95ddeec15b7"),
)
