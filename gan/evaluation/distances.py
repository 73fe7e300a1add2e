"""Exact Wasserstein-1 distances between samples, each beside the floor that sampling produces.

Two independent samples of one law are not at distance zero: in 64 dimensions and n = 398 they are
about as far apart as a good generator is from its data. So a distance is reported with

- its floor: W1 between the same real set and other real sets of the same size;
- its debiased value: W1(G, R) - W1(R, R') / 2 - W1(G, G') / 2, near 0 for a perfect generator and
  positive for a collapsed one, which the raw value can rank first.
"""

import itertools
from typing import NamedTuple

import numpy as np

from gan import transport


class Distance(NamedTuple):
    """Means over repeats, in units of the data; `spread` is the standard deviation of `value`
    over generated sets (NaN-free: 0 for one set)."""

    n: int
    value: float
    spread: float
    floor: float
    floor_spread: float
    debiased: float


def w1(x: np.ndarray, y: np.ndarray) -> float:
    """Exact W1 between two sets of equal size, Euclidean on flattened examples [n, *shape]."""
    return transport.wasserstein(_points(x), _points(y), p=1)


def floors(real: np.ndarray, others: list[np.ndarray]) -> list[float]:
    """W1 from each other real set to `real`; the others must be independent of it."""
    return [w1(other, real) for other in others]


def distance(generated: list[np.ndarray], real: np.ndarray, floors: list[float]) -> Distance:
    """W1 of generated sets to one real set, with floor and debiased value.

    Args:
        generated: at least two independent generated sets [n, *shape].
        real: the real set [n, *shape].
        floors: from `floors`, for the same real set.

    Raises:
        ValueError: if there are fewer than two generated sets, or no floor.
    """
    if len(generated) < 2 or not floors:
        raise ValueError(
            f"need two generated sets and one floor, got {len(generated)} and {len(floors)}"
        )
    values = [w1(fake, real) for fake in generated]
    within = [w1(a, b) for a, b in itertools.pairwise(generated)]
    return Distance(
        n=len(real),
        value=float(np.mean(values)),
        spread=float(np.std(values, ddof=1)),
        floor=float(np.mean(floors)),
        floor_spread=float(np.std(floors, ddof=1)) if len(floors) > 1 else 0.0,
        debiased=float(np.mean(values) - np.mean(floors) / 2 - np.mean(within) / 2),
    )


def nearest(
    queries: np.ndarray, references: np.ndarray, count: int = 1, block: int = 1024
) -> tuple[np.ndarray, np.ndarray]:
    """The `count` nearest references of each query: (distances, indices), each [q, count].

    Euclidean on flattened examples; queries [q, *shape], references [r, *shape]. Sorted by
    distance; computed in blocks of queries.
    """
    x, y = _points(queries), _points(references)
    squares = np.sum(y**2, axis=1)
    distances, indices = [], []
    for start in range(0, len(x), block):
        part = x[start : start + block]
        rough = squares - 2 * part @ y.T
        near = np.argpartition(rough, min(count, len(y) - 1), axis=1)[:, :count]
        exact = np.linalg.norm(part[:, None] - y[near], axis=2)
        order = np.argsort(exact, axis=1)
        distances.append(np.take_along_axis(exact, order, 1))
        indices.append(np.take_along_axis(near, order, 1))
    return np.concatenate(distances), np.concatenate(indices)


def _points(x: np.ndarray) -> np.ndarray:
    return np.asarray(x, np.float64).reshape(len(x), -1)
