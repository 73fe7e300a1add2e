"""Exact transport on a given list of arcs, in integers.

The arcs of a large problem that matter are few: a dozen per point. On them the problem is solved
in integers by cost scaling (Goldberg, Kennedy 1995, through OR-tools), and the potentials are
shortest path lengths in the residual graph (Bellman 1958; Ford 1956), found from the nodes whose
value changed. Being integers, both are exact, and the potentials exist.
"""

import math

import numpy as np
from ortools.graph.python import linear_sum_assignment


def safe_bits(n: int) -> int:
    """Bits that the absolute costs of a problem of n rows may have in the cost scaling solver."""
    return int(60 - 2 * math.log2(max(n, 2)))


def assignment(n: int, rows: np.ndarray, columns: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Optimal permutation over the given arcs.

    Args:
        n: rows and columns.
        rows, columns: [k] int32, without repeated pairs, with a perfect matching among them.
        weights: [k] int64 costs, at most 2^safe_bits(n) apart.

    Returns:
        permutation [n].

    Raises:
        RuntimeError: if the arcs hold no perfect matching or the costs overflow.
    """
    solver = linear_sum_assignment.SimpleLinearSumAssignment()
    solver.add_arcs_with_cost(rows, columns, weights - weights.min())
    status = solver.solve()
    if status != solver.OPTIMAL:
        raise RuntimeError(f"the sparse assignment of {n} rows ended with status {status}")
    return np.array([solver.right_mate(i) for i in range(n)], dtype=np.int64)


def potentials(
    permutation: np.ndarray, rows: np.ndarray, columns: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Potentials (u, v) of an optimal permutation over the given arcs, near v = 0.

    Of the feasible potentials, the largest v <= 0 and the smallest v >= 0 are found; their mean
    (rounded down, which keeps it feasible) lies inside the feasible set.

    Args:
        permutation: [n], optimal for the arcs, each of its pairs being one of them.
        rows, columns: [k] arcs sorted by row.
        weights: [k] int64 costs.

    Returns:
        (u [n], v [n]) int64 with u_i + v_j <= w_ij on the arcs, equality on the permutation.

    Raises:
        RuntimeError: if the permutation is not optimal (the residual graph has a negative cycle).
    """
    n = len(permutation)
    matched = np.empty(n, np.int64)
    own = permutation[rows] == columns
    matched[rows[own]] = weights[own]
    lengths = weights - matched[rows]
    sources = permutation[rows].astype(np.int32)
    starts = np.searchsorted(rows, np.arange(n + 1))
    by_source = np.empty(n + 1, np.int64)
    owner = np.empty(n, np.int64)
    owner[permutation] = np.arange(n)
    lower = _relax(starts[:-1][owner], starts[1:][owner], columns, lengths)
    order = np.argsort(columns, kind="stable")
    by_source = np.searchsorted(columns[order], np.arange(n + 1))
    upper = -_relax(by_source[:-1], by_source[1:], sources[order], lengths[order])
    v = (lower + upper) >> 1
    return matched - v[permutation], v


def _relax(starts, stops, targets, lengths):
    """Shortest distances from a source at distance 0 of every node; arcs of node k are a range."""
    distances = np.zeros(len(starts), np.int64)
    changed = np.arange(len(starts))
    for _ in range(len(starts) + 1):
        counts = stops[changed] - starts[changed]
        arcs = np.repeat(starts[changed] - np.cumsum(counts) + counts, counts)
        arcs += np.arange(len(arcs))
        reach = lengths[arcs] + np.repeat(distances[changed], counts)
        ends = targets[arcs]
        better = reach < distances[ends]
        if not better.any():
            return distances
        ends = ends[better]
        np.minimum.at(distances, ends, reach[better])
        changed = np.unique(ends)
    raise RuntimeError("the permutation is not optimal on its arcs: negative cycle")
