"""Small sets on which implementations differ, made of whole multiples of a power of two.

So their exact scores can be computed (`exact`), and no number of theirs is rounded, in float32
neither. Some hold more than 25 examples: above that PyTorch takes distances from matrix products.
They lie on a line or in a plane, where Frechet and Wasserstein distances have closed
forms, and are then laid into as many features as a case wants.
"""

from typing import NamedTuple

import numpy as np

STEP = 2.0**-10
"""Coordinates of points in general position are multiples of this, of -4 to 4."""

FAR = 1000.0
"""Where the features of a case lie that are far from 0, all within 4 of it."""


class Sets(NamedTuple):
    """Arguments of a scorer, and what is special about them.

    Attributes:
        name: what the case is called.
        generated, real: [n, d] and [m, d].
        relative: by which share of the answer it may be missed; 0 for a millionth of the scale.
        number: whether there is an answer: none for sets that hold a NaN.
    """

    name: str
    generated: np.ndarray
    real: np.ndarray
    relative: float = 0.0
    number: bool = True


def points(count: int, rank: int, seed: int) -> np.ndarray:
    """Points [count, rank] in general position."""
    return np.random.default_rng(seed).integers(-4096, 4097, (count, rank)) * STEP


def beside(x: np.ndarray, shift: float = 4.0) -> np.ndarray:
    """The same points closer together and moved; by 4, half of them leave the square."""
    return 0.75 * x + shift


def laid(x: np.ndarray, features: int) -> np.ndarray:
    """Points [n, rank] among more features [n, features], by whole multiples."""
    whole = np.random.default_rng(features).integers(-2, 3, (x.shape[1], features))
    whole[:, 0] = 1 + np.arange(x.shape[1])
    return x @ whole.astype(np.float64)


def lattice(sides: tuple[int, ...]) -> np.ndarray:
    """Whole numbers 0 .. side - 1 along each axis, [product of sides, axes]."""
    grids = np.meshgrid(*map(np.arange, sides), indexing="ij")
    return np.stack([grid.ravel() for grid in grids], axis=1).astype(np.float64)


def sets(rank: int, few: tuple[tuple[int, int], ...] = ()) -> list[Sets]:
    """The cases of every score of two sets; `few` are sizes of further, small ones."""
    x, y, more = (points(n, rank, seed) for seed, n in enumerate((20, 20, 30)))
    x = beside(x)
    return [
        *_copies(x, y),
        *_pairs(x, y, more),
        *(Sets(_small(n, m), x[:n], y[:m]) for n, m in few),
        *_without_a_number(x, y),
    ]


def _copies(x, y) -> list[Sets]:
    order = np.random.default_rng(0).permutation(len(y))
    one, other = (np.repeat(side[:1], len(y), axis=0) for side in (y, x))
    return [
        Sets("identical sets", y, y),
        Sets("identical sets, rows permuted", y[order], y),
        Sets("collapsed on a real example", one, y),
        Sets("real ones collapsed on a generated one", y, one),
        Sets("both sides collapsed, apart", other, one),
        Sets("every real example twice", np.repeat(y, 2, axis=0), y),
        Sets("shifted by 1/2", y + 0.5, y),
        Sets("shifted out of reach", y + 64.0, y),
        Sets("scaled by 2", 2 * y, y),
    ]


def _pairs(x, y, more) -> list[Sets]:
    rank = x.shape[1]
    order = np.random.default_rng(1).permutation(len(x))
    left, right = {1: ((7,), (5,)), 2: ((4, 4), (6, 5))}[rank]
    ties = np.concatenate([lattice(left), lattice(left)[:5]]), lattice(right) + 2.0
    other = beside(points(len(more), rank, seed=3), 2.5)
    far, near = (np.float32(FAR + laid(side / 4, 8)) for side in (other, more))
    return [
        Sets("two samples", x, y),
        Sets("arguments swapped", y, x),
        Sets("two samples, rows permuted", x[order], y[order[::-1]]),
        Sets("fewer examples than features", laid(x[:9], 64), laid(y[:10], 64)),
        Sets("on a lattice, many ties", *ties),
        Sets("a lattice against itself", lattice(right), lattice(right)),
        Sets("unequal sizes", x[:12], more),
        Sets("one example short", x[:-1], y),
        Sets("float32", np.float32(x), np.float32(y)),
        Sets(f"float32, at {FAR:.0f}", far, near, relative=1e-3),
    ]


def _small(n: int, m: int) -> str:
    return f"{n} generated, {m} real"


def _without_a_number(x, y) -> list[Sets]:
    broken = [side.copy() for side in (x, y)]
    for side in broken:
        side[3, 0] = np.nan
    return [
        Sets("a NaN among the generated", broken[0], y, number=False),
        Sets("a NaN among the real", x, broken[1], number=False),
    ]


def probabilities(count: int, classes: int, seed: int) -> np.ndarray:
    """Class probabilities [count, classes], multiples of 1/64, some of them 0."""
    draw = np.random.default_rng(seed)
    return draw.multinomial(64, draw.dirichlet(np.full(classes, 0.5), size=count)) / 64.0
