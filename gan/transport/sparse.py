"""Exact transport on a given list of arcs, in integers.

The arcs of a large problem that matter are few: a dozen per point. On them the problem is solved
by the network simplex method (Dantzig 1951; the implementation of Bonneel et al. 2011 through POT)
with integer costs. Its potentials are sums of costs along a tree, so that they are integers too,
and float64 holds them exactly.
"""

import math
from collections.abc import Callable
from importlib import metadata

import numpy as np

from gan.errors import UserError


def safe_bits(points: int) -> int:
    """Bits of cost that keep every sum along a tree of that many points below 2^48."""
    return 48 - math.ceil(math.log2(max(points, 2)))


def plan(a, b, rows, columns, weights, near=False):
    """Optimal plan over the given arcs, and its potentials.

    Args:
        a, b: masses [n] and [m], positive, of equal sums.
        rows, columns: [k] arcs without repetition, on which some plan exists.
        weights: [k] float64 integer costs, at most 2^safe_bits(n + m) apart.
        near: whether potentials of 0 are nearly right, which then shortens the work.

    Returns:
        (rows [s], columns [s], mass [s], u [n], v [m]): the arcs that carry mass, and integers with
        u_i + v_j <= weight on every arc, equality where there is mass.

    Raises:
        RuntimeError: if the simplex ends without an optimum, or its potentials are not feasible.
    """
    emd_c_sparse = simplex()
    least = weights.min()  # The implementation finds some negative costs infeasible.
    i, j, mass, _, u, v, code = emd_c_sparse(
        a.astype(np.float64),
        b.astype(np.float64),
        rows.astype(np.uint64),
        columns.astype(np.uint64),
        weights - least,
        10**12,
        *((np.zeros(len(a)), np.zeros(len(b))) if near else (None, None)),
    )
    if code != 1:
        raise RuntimeError(f"the network simplex on {len(rows)} arcs ended with code {code}")
    # The simplex leaves an arbitrary constant between the sides: keep both near 0.
    shift = np.rint(np.median(v))
    u, v = np.rint(u) + (least + shift), np.rint(v) - shift
    slack = float((weights - u[rows] - v[columns]).min())
    if slack < 0 and near:
        return plan(a, b, rows, columns, weights)
    if slack < 0:
        raise RuntimeError(
            f"the network simplex on {len(rows)} arcs left arcs violated by {-slack}"
        )
    some = mass > 0
    return i[some].astype(np.int64), j[some].astype(np.int64), mass[some], u, v


def simplex() -> Callable:
    """POT's network simplex on a list of arcs, which has no public name.

    Raises:
        UserError: this POT has none.
    """
    try:
        from ot.lp.emd_wrap import emd_c_sparse  # imports scikit-learn and more: over a second
    except ImportError as error:
        there = metadata.version("POT")
        raise UserError(
            f"large transport needs POT 0.9.7 or a later 0.9; {there} is here"
        ) from error
    return emd_c_sparse


def corner(a, b, left, right):
    """Arcs of a feasible plan: the north-west corner rule along two orders of the points.

    Args:
        a, b: masses [n] and [m] of equal sums.
        left, right: [n] and [m] numbers by which the points are ordered.

    Returns:
        (rows, columns), at most n + m - 1 arcs.
    """
    i, j = np.argsort(left, kind="stable"), np.argsort(right, kind="stable")
    ends = np.cumsum(a[i]), np.cumsum(b[j])
    total = min(ends[0][-1], ends[1][-1])
    levels = np.unique(np.concatenate([[0], *ends]))
    levels = levels[levels < total]
    return (
        i[np.minimum(np.searchsorted(ends[0], levels, side="right"), len(i) - 1)],
        j[np.minimum(np.searchsorted(ends[1], levels, side="right"), len(j) - 1)],
    )
