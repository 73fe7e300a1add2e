"""Feasible plans without looking at costs: the corner rule, and the flow on a forest."""

import numpy as np


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


def exact_flow(rows, columns, a, b):
    """The flow on a forest of arcs that serves whole masses of any size exactly.

    A leaf's one arc carries the leaf's mass; without it the rest is a smaller forest.

    Args:
        rows, columns: [k] arcs.
        a, b: lists of integers [n] and [m].

    Returns:
        A list of k integers, or None if there is no such flow, or a cycle.
    """
    n, missing = len(a), list(a) + list(b)
    ends = list(zip(rows.tolist(), (columns + n).tolist(), strict=True))
    arcs_of = [[] for _ in missing]
    for k, pair in enumerate(ends):
        for node in pair:
            arcs_of[node].append(k)
    flow, degree = [None] * len(ends), [len(arcs) for arcs in arcs_of]
    leaves = [node for node, count in enumerate(degree) if count == 1]
    while leaves:
        leaf = leaves.pop()
        k = next((k for k in arcs_of[leaf] if flow[k] is None), None)
        if k is None:  # The other end was a leaf too, and came first.
            continue
        other = sum(ends[k]) - leaf
        flow[k] = missing[leaf]
        missing[other] -= flow[k]
        missing[leaf] = 0
        if missing[other] < 0:
            return None
        degree[other] -= 1
        if degree[other] == 1:
            leaves.append(other)
    return None if any(missing) or None in flow else flow
