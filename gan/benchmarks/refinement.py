"""Hierarchical refinement: a permutation by halving both sets together, again and again.

Halmos et al. (2025) show that the factors of an optimal low-rank coupling with equal inner masses
pair each part of one set with the part of the other that the optimal map takes it to, and refine
the parts in turn. Here the rank is 2, and a low-rank problem is solved by alternating minimisation:
given the halves of one set, the best halves of the other come from one sort. Parts of some hundred
points are assigned exactly. Nothing bounds the result; `transport.certify_plan` does.
"""

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

_LEAF, _ROUNDS, _SAMPLE = 256, 30, 64
"""Points of a part that is assigned exactly; steps of a halving; points that stand for a half."""


def permutation(x: np.ndarray, y: np.ndarray, cost: str) -> np.ndarray:
    """A permutation of low mean cost in time n log n.

    Args:
        x, y: [n, d] each.
        cost: "euclidean" or "sqeuclidean".

    Returns:
        s [n]: x_i goes to y_s(i). Optimal for n up to 256.
    """
    rng = np.random.default_rng(0)
    found = np.empty(len(x), np.int64)
    parts = [(np.arange(len(x)), np.arange(len(y)))]
    while parts:
        i, j = parts.pop()
        if len(i) > _LEAF:
            parts.extend(_halves(x, y, i, j, cost, rng))
        else:
            rows, columns = linear_sum_assignment(cdist(x[i], y[j], cost))
            found[i[rows]] = j[columns]
    return found


def _halves(x, y, i, j, cost, rng):
    """Two pairs of parts, of equal sizes, that a coupling of rank 2 joins."""
    left, right = x[i], y[j]
    axis = np.linalg.eigh(np.cov(right, rowvar=False).reshape(right.shape[1], -1))[1][:, -1]
    own = other = _upper(right @ axis)
    for _ in range(_ROUNDS):
        own = _upper(_pull(left, right, other, cost, rng))
        before, other = other, _upper(_pull(right, left, own, cost, rng))
        if (before == other).all():
            break
    return [(i[own == side], j[other == side]) for side in (True, False)]


def _upper(values):
    """Which half of the values is the greater one; [n] bool."""
    half = np.zeros(len(values), bool)
    half[np.argpartition(values, (len(values) - 1) // 2)[(len(values) + 1) // 2 :]] = True
    return half


def _pull(points, others, half, cost, rng):
    """How much more a point costs on average to the false half of the others than to the true one;
    [n], for the squared distance but for a constant and a factor."""
    if cost == "sqeuclidean":
        return points @ (others[half].mean(axis=0) - others[~half].mean(axis=0))
    near, far = (rng.choice(others[side], _SAMPLE, replace=False) for side in (half, ~half))
    return cdist(points, far, cost).mean(axis=1) - cdist(points, near, cost).mean(axis=1)
