"""Crossing segments of a matching in the plane, and their removal one by one.

If x_i y_a and x_j y_b cross, they are the diagonals of a quadrilateral, and its sides x_i y_b and
x_j y_a are together shorter (triangle inequality). Exchanging the targets thus lowers the total
length, so the removal ends, after finitely many permutations, in one without crossings.
"""

import itertools
from collections.abc import Iterator

import numpy as np


def crossings(x: np.ndarray, y: np.ndarray, permutation: np.ndarray) -> list[tuple[int, int]]:
    """Pairs i < j whose segments x_i y_s(i) and x_j y_s(j) cross in one interior point.

    Args:
        x, y: [n, 2] points in general position: no three on a line.
        permutation: [n], the target of each x_i.
    """
    ends = y[permutation]
    pairs = itertools.combinations(range(len(x)), 2)
    return [(i, j) for i, j in pairs if _cross(x[i], ends[i], x[j], ends[j])]


def uncross(x: np.ndarray, y: np.ndarray, permutation: np.ndarray) -> Iterator[np.ndarray]:
    """The permutation, then the one after each removal of the crossing that saves most."""
    current = np.array(permutation)
    yield current
    while found := crossings(x, y, current):

        def saving(pair, current=current):
            i, j = pair
            a, b = y[current[i]], y[current[j]]
            before = np.linalg.norm(x[i] - a) + np.linalg.norm(x[j] - b)
            return before - np.linalg.norm(x[i] - b) - np.linalg.norm(x[j] - a)

        i, j = max(found, key=saving)
        current = current.copy()
        current[[i, j]] = current[[j, i]]
        yield current


def _cross(a, b, c, d) -> bool:
    return _side(a, b, c) * _side(a, b, d) < 0 and _side(c, d, a) * _side(c, d, b) < 0


def _side(a, b, point) -> float:
    """Positive when the point is left of the line from a to b, negative when right."""
    return (b[0] - a[0]) * (point[1] - a[1]) - (b[1] - a[1]) * (point[0] - a[0])
