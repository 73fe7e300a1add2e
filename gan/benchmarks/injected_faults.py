"""Faults of a generator, put into real examples, so that it is known what a score should notice.

A set of held-out real examples stands in for generated ones. `choose` says which real examples it
holds, `change` what becomes of them; a fault has one of both. The strengths are those at which
scores begin to differ: a class in ten, a fifth of a set, half a pixel.
"""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from gan.errors import UserError

COPIED, BLUR, NOISE, SHARE = 0.2, 0.5, 0.1, 0.7
"""Share of copies; standard deviations of blur in pixels and of noise in units of the examples, of
which -1 is black and 1 white; share of the first half of the classes."""


class Pool(NamedTuple):
    """Real examples that sets are drawn from.

    Attributes:
        examples, labels: held-out ones [p, h, w, c] in [-1, 1], and int [p].
        train: training examples [t, h, w, c].
        classes: how many there are.
    """

    examples: np.ndarray
    labels: np.ndarray
    train: np.ndarray
    classes: int


def _all(labels, classes):
    return np.ones(len(labels))


def _same(images, pool, draw):
    return images


@dataclasses.dataclass(frozen=True)
class Fault:
    """A fault that is put into real examples.

    Attributes:
        help: what it is.
        choose: (labels [p], number of classes) -> how likely each example is to be drawn [p], up to
            a factor.
        change: (images, pool, generator of random numbers) -> images of the same shape.
        channels: fewest channels that an image must have.
    """

    help: str
    choose: Callable[..., np.ndarray] = _all
    change: Callable[..., np.ndarray] = _same
    channels: int = 1


def _copies(images, pool, draw):
    found = images.copy()
    count = round(COPIED * len(images))
    found[:count] = pool.train[draw.choice(len(pool.train), count, replace=False)]
    return found


def _uneven(labels, classes):
    """Weights under which the first half of the classes has the share SHARE of what is drawn."""
    early = labels < classes / 2
    return np.where(early, SHARE / max(1, early.sum()), (1 - SHARE) / max(1, (~early).sum()))


def _shifted(images, pool, draw):
    return np.concatenate([images[:, :, :1], images[:, :, :-1]], axis=2)


def _noisy(images, pool, draw):
    return np.clip(images + draw.normal(0, NOISE, images.shape), -1, 1).astype(images.dtype)


FAULTS = {
    "nothing": Fault("real examples as they are: noticed in 5 % of cases, by chance"),
    "dropped class": Fault("none of class 0", lambda labels, classes: (labels > 0).astype(float)),
    "proportions": Fault(f"{SHARE:.0%} from the first half of the classes", _uneven),
    "copies": Fault(f"{COPIED:.0%} are training examples", change=_copies),
    "blur": Fault(
        f"smoothed by a Gaussian of {BLUR:g} pixels",
        change=lambda images, pool, draw: ndimage.gaussian_filter(images, (0, BLUR, BLUR, 0)),
    ),
    "noise": Fault(f"normal noise of {NOISE / 2:.0%} of the range of levels", change=_noisy),
    "shift": Fault("one pixel to the right", change=_shifted),
    "channels": Fault(
        "red and blue exchanged",
        change=lambda images, pool, draw: images[..., ::-1],
        channels=3,
    ),
}
"""By name; "nothing" is the control."""


def possible(pool: Pool, n: int) -> list[str]:
    """The faults that images of this kind can have.

    Raises:
        UserError: if the pool is too small for two sets of n, one of them without a class.
    """
    rare = np.bincount(pool.labels, minlength=pool.classes).max() if pool.classes > 1 else 0
    need = 2 * n + int(rare)
    if len(pool.examples) < need:
        raise UserError(
            f"two sets of {n:,}, one of them without a class, need {need:,} held-out examples; "
            f"there are {len(pool.examples):,}"
        )
    channels = pool.examples.shape[-1]
    return [name for name, fault in FAULTS.items() if channels >= fault.channels]


def drawn(pool: Pool, name: str, n: int, draw: np.random.Generator) -> tuple:
    """Two disjoint sets of n examples: (with the fault, real), each [n, h, w, c]."""
    fault = FAULTS[name]
    order = draw.permutation(len(pool.examples))
    real, rest = order[:n], order[n:]
    weights = fault.choose(pool.labels[rest], pool.classes)
    chosen = draw.choice(rest, n, replace=False, p=weights / weights.sum())
    return fault.change(pool.examples[chosen], pool, draw), pool.examples[real]
