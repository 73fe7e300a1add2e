"""Assignment on a list of arcs by cost scaling, in integers, with potentials.

The permutation comes from the push-relabel method of Goldberg and Kennedy (1995) in OR-tools, which
keeps its prices to itself. Potentials are shortest path lengths in the residual graph of the
permutation, from those of before: nodes whose length fell are looked at, all at once, until none
falls. Where costs follow a line or a plane such paths are long and change for many rounds, and the
network simplex is quicker; then this gives up.
"""

import math

import numpy as np

from gan.errors import UserError

_LEAST, _MANY, _ROUND, _ROUNDED = 8, 0.5, 512, 60
"""Looks at all arcs after which potentials are given up: so many, and more by the root of the
points; looks at an arc that a round costs besides; bits."""


def bits(n: int) -> int:
    """Bits of cost with which n points a side do not overflow: the method multiplies costs by
    n + 1, and adds up as many."""
    return _ROUNDED - 2 * math.ceil(math.log2(max(n, 2)))


def plan(n: int, rows, columns, weights):
    """Optimal permutation over the given arcs, and potentials near 0.

    Args:
        n: points of each side.
        rows, columns: [k] arcs without repetition, sorted by row, then by column.
        weights: [k] float64 integer costs, at most 2^bits(n) apart.

    Returns:
        (permutation [n], u [n], v [n]), integers with u_i + v_j <= weight on every arc, equality on
        the permutation; None if the arcs hold no permutation, or potentials take too long.
    """
    least = weights.min()
    permutation = _assigned(n, rows, columns, (weights - least).astype(np.int64))
    if permutation is None:
        return None
    starts = np.searchsorted(rows, np.arange(n + 1))
    chosen = np.searchsorted(rows.astype(np.int64) * n + columns, np.arange(n) * n + permutation)
    matched = weights[chosen]
    looks = (_LEAST + _MANY * math.sqrt(n)) * len(rows) + 64 * _ROUND
    v = shortest(starts, columns, weights, permutation, matched, looks)
    return None if v is None else (permutation, matched - v[permutation], v)


def _assigned(n, rows, columns, weights):
    try:
        from ortools.graph.python import linear_sum_assignment
    except ImportError as error:
        what = "transport of many points needs the package ortools, 9.15 or later"
        raise UserError(what) from error
    solver = linear_sum_assignment.SimpleLinearSumAssignment()
    solver.add_arcs_with_cost(rows, columns, weights)
    if solver.solve() != solver.OPTIMAL:
        return None
    return np.fromiter(map(solver.right_mate, range(n)), np.int64, n)


def shortest(starts, columns, weights, permutation, matched, limit):
    """The largest v <= 0 with v_j <= v_s(i) + w_ij - w_is(i) on every arc, s a permutation.

    Args:
        starts: [n + 1] where the arcs of each row begin.
        columns, weights: [k] the arcs.
        permutation: [n]; matched: [n] its weights.
        limit: looks at an arc after which to give up.

    Returns:
        [n], or None. A permutation that is not optimal has no such v, and ends at the limit.
    """
    n = len(permutation)
    owner = np.empty(n, np.int64)
    owner[permutation] = np.arange(n)
    v, fallen, marked = np.zeros(n), np.arange(n), np.zeros(n, bool)
    while len(fallen):
        first, counts = starts[fallen], starts[fallen + 1] - starts[fallen]
        ends = np.cumsum(counts)
        limit -= ends[-1] + _ROUND
        if limit < 0:
            return None
        arcs = np.arange(ends[-1]) + np.repeat(first - ends + counts, counts)
        lengths = weights[arcs] + np.repeat(v[permutation[fallen]] - matched[fallen], counts)
        heads = columns[arcs]
        shorter = lengths < v[heads]
        heads = heads[shorter]
        np.minimum.at(v, heads, lengths[shorter])
        marked[heads] = True
        fallen = owner[marked]
        marked[heads] = False
    return v
