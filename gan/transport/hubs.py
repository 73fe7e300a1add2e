"""Exact transport between a few hubs and very many points.

The dual has one number per hub: max over u of sum_i a_i u_i + sum_j b_j min_i (c_ij - u_i). Near
its optimum most points have one best hub by far, and points whose costs exceed their best by the
same amounts are interchangeable. So reduced costs are rounded to multiples of a unit and cut off at
a cap, equal points are merged, and the small problem that is left is solved exactly; the unit
shrinks until it is the rounding of the costs, or 1 where costs are integers.

1. What is cut off costs less than before, so potentials of the small problem stay feasible.
2. If its plan uses no arc that was cut off, plan and potentials are optimal for the rounded costs.
   Otherwise the cap grows, at last beyond all costs.
3. Potentials of a random part of the points, found the same way, start the search.
"""

import math
from collections.abc import Callable

import numpy as np

from gan.transport import dense, reduction

MOST = 64
"""Hubs up to which this is quicker than column generation."""
_LOPSIDED, _MANY, _PAIRS = 16, 1 << 11, 1 << 26
_PART, _GROUPS, _CAP, _TOTAL = 1 << 11, 1 << 11, 8, 1 << 40


def suit(n: int, m: int) -> bool:
    """Whether one side of n by m points is so small beside the other that this is the way."""
    few, many = min(n, m), max(n, m)
    return few <= MOST and many >= max(_LOPSIDED * few, _MANY) and n * m <= _PAIRS


def plan(
    matrix: np.ndarray, a: np.ndarray, b: np.ndarray, integer: bool, look: Callable[[], object]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Optimal plan of a cost matrix with many more columns than rows, or the reverse.

    Args:
        matrix: [n, m] float64, finite.
        a, b: [n] and [m], positive, of equal sums; integers stay exact.
        integer: whether the costs are integers.
        look: called before every step; what it raises ends the work.

    Returns:
        (rows [k], columns [k], mass [k], u [n], v [m]), u the c-transform of v.
    """
    if len(a) > len(b):
        columns, rows, mass, v, u = plan(matrix.T, b, a, integer, look)
        return rows, columns, mass, (matrix - v).min(axis=1), v
    if len(a) == 1:
        every = np.arange(len(b))
        return np.zeros(len(b), np.int64), every, b.copy(), np.zeros(1), matrix[0].copy()
    groups, arcs, u = _solve(matrix, a, b, integer, look)
    every = np.arange(len(a))
    hubs = reduction.Distinct(points=every, group=every, mass=a, weights=a)
    rows, columns, mass = reduction.expand(hubs, groups, *arcs)
    v = (matrix - u[:, None]).min(axis=0)
    return rows, columns, mass, (matrix - v).min(axis=1), v


def _solve(matrix, a, b, integer, look):
    """(groups of columns, arcs between hubs and groups, potentials [k] of the hubs)."""
    rounding = 4 * np.finfo(np.float64).eps * float(np.abs(matrix).max())
    least = 1.0 if integer or rounding == 0 else _power(rounding)
    u = _start(matrix, a, b, integer, look)
    unit, cap = None, _CAP
    while True:
        look()
        reduced = matrix - u[:, None]
        reduced -= reduced.min(axis=0)
        if unit is None:
            unit = _power(max(_near(reduced) / cap, least))
        levels, groups = _merged(reduced, b, unit, cap)
        small = levels[:, groups.points]
        rows, columns, mass, du, _ = dense.plan(small, a, groups.mass, True)
        u = u + du * unit
        if (small[rows, columns] >= cap).any() and cap * unit < reduced.max():
            cap *= 4
        elif unit <= least:
            return groups, (rows, columns, mass), u
        else:
            unit, cap = _finer(matrix, u, b, unit, least)


def _start(matrix, a, b, integer, look):
    """Potentials of the hubs from a random part of the columns."""
    k, m = matrix.shape
    if m <= 2 * _PART:
        return np.zeros(k)
    some = np.sort(np.random.default_rng(0).permutation(m)[: max(_PART, m // 16)])
    u = _solve(matrix[:, some], _shares(a), _shares(b[some]), integer, look)[2]
    return u - np.rint(u.mean()) if integer else u - u.mean()


def _shares(mass):
    """Integers in proportion to the masses, about, of a fixed sum."""
    shares = np.maximum(np.rint(mass / mass.sum() * _TOTAL), 1).astype(np.int64)
    shares[np.argmax(shares)] += _TOTAL - shares.sum()
    return shares


def _near(reduced):
    """The margin between best and second best that some thousand columns stay below."""
    second = np.partition(reduced, 1, axis=0)[1]
    k = min(_GROUPS // 2, len(second) - 1)
    return float(np.partition(second, k)[k])


def _finer(matrix, u, b, unit, least):
    """The smallest next unit, and its cap, that leave a small problem."""
    reduced = matrix - u[:, None]
    reduced -= reduced.min(axis=0)
    for bits in (40, 20, 10, 5, 3):
        finer = _power(max(unit / 2**bits, least))
        cap = math.ceil(_CAP * unit / finer)
        if len(_merged(reduced, b, finer, cap)[1].points) <= _GROUPS:
            break
    return finer, cap


def _merged(reduced, b, unit, cap):
    """Reduced costs in units, at most cap, and the columns grouped by them."""
    levels = np.minimum(np.rint(reduced / unit), cap)
    return levels, reduction.distinct(np.ascontiguousarray(levels.T), b)


def _power(value):
    return 2.0 ** math.ceil(math.log2(value))
