"""Differentiable changes of everything a critic sees, which keep it from learning a small set by
heart.

Real and generated examples are changed alike, in the critic's steps and in the generator's, whose
gradient runs through the change: so the two laws still agree exactly where the laws of changed
examples do, and the generator is not taught to make changed ones (Zhao et al. 2020). Where a change
loses something for good, as mirror images lose left and right, generated examples may lose it too.

Each change draws its numbers for every example of a batch and is linear or affine in the image.
Images are in [-1, 1]; what comes in from outside is 0.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan.registry import Entry


class AugmentationCase(NamedTuple):
    """A known answer on the image IMAGE.

    Attributes:
        drawn: numbers of one example.
        answer: what becomes of it, [4, 4].
    """

    drawn: tuple[float, ...]
    answer: Any


IMAGE = np.arange(1, 17).reshape(4, 4) / 16


@dataclasses.dataclass(frozen=True, kw_only=True)
class Augmentation(Entry):
    """A random change of images.

    Attributes:
        draw: draw(key, images) -> a tuple of arrays with a leading axis of b; of the images [b, h,
            w, c] it reads the shape.
        apply: apply(images, drawn) -> images of the same shape, differentiable.
        case: how it is tested.
    """

    draw: Callable[..., tuple[jax.Array, ...]]
    apply: Callable[..., jax.Array]
    case: AugmentationCase


def _uniform(key, images, count: int = 1):
    """[count, b] in [0, 1)."""
    return jax.random.uniform(key, (count, images.shape[0]))


def _each(numbers):
    """[b] beside [b, h, w, c]."""
    return numbers[:, None, None, None]


def _recolored(images, drawn):
    brightness, saturation, contrast = map(_each, drawn)
    x = images + (brightness - 0.5)
    grey = jnp.mean(x, axis=3, keepdims=True)
    x = grey + 2 * saturation * (x - grey)
    level = jnp.mean(x, axis=(1, 2, 3), keepdims=True)
    return level + (contrast + 0.5) * (x - level)


def _shifts(key, images):
    """Whole pixels down and to the right, float32 [b] each: up to an eighth of the side."""
    most = jnp.array([max(1, round(side / 8)) for side in images.shape[1:3]])
    steps = jnp.floor(_uniform(key, images, 2) * (2 * most[:, None] + 1)) - most[:, None]
    return tuple(steps)


def _shifted(images, drawn):
    for axis, steps in enumerate(drawn, 1):
        place = jnp.arange(images.shape[axis], dtype=images.dtype)
        # Row r of a matrix takes what lay at r - step; there is none where that is outside.
        origin = place[None, :, None] - steps[:, None, None]
        take = (origin == place[None, None, :]).astype(images.dtype)
        images = jnp.einsum("brs,bswc->brwc" if axis == 1 else "brs,bhsc->bhrc", take, images)
    return images


def _holes(key, images):
    """Centres of squares, as a share of the sides, float32 [b] each."""
    return tuple(_uniform(key, images, 2))


def _pierced(images, drawn):
    inside = []
    for share, side in zip(drawn, images.shape[1:3], strict=True):
        size = round(side / 2)
        start = jnp.floor(share * (side + 1 - size % 2)) - size // 2
        behind = jnp.arange(side)[None] - start[:, None]
        inside.append((behind >= 0) & (behind < size))
    rows, columns = inside
    hole = rows[:, :, None] & columns[:, None, :]
    return jnp.where(hole[..., None], 0.0, images)


def _mirrored(images, drawn):
    (share,) = drawn
    return jnp.where(_each(share) < 0.5, images[:, :, ::-1], images)


color = Augmentation(
    help="brightness, saturation and contrast",
    source="Zhao et al. 2020",
    draw=lambda key, images: tuple(_uniform(key, images, 3)),
    apply=_recolored,
    case=AugmentationCase((0.75, 0.5, 1.0), 1.5 * IMAGE - 0.5 * IMAGE.mean() + 0.25),
)
translation = Augmentation(
    help="whole pixels up, down and sideways, up to an eighth of the side",
    source="Zhao et al. 2020",
    draw=_shifts,
    apply=_shifted,
    case=AugmentationCase((1, -2), np.pad(IMAGE[:-1, 2:], ((1, 0), (0, 2)))),
)
cutout = Augmentation(
    help="a square of half the side is blanked",
    source="Zhao et al. 2020; DeVries and Taylor 2017",
    draw=_holes,
    apply=_pierced,
    case=AugmentationCase((0.0, 0.5), IMAGE * [[1, 0, 0, 1], *[[1, 1, 1, 1]] * 3]),
)
flip = Augmentation(
    help="mirror images, left and right exchanged in half of all examples",
    draw=lambda key, images: tuple(_uniform(key, images)),
    apply=_mirrored,
    case=AugmentationCase((0.2,), IMAGE[:, ::-1]),
)
