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
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, dijkstra

from gan.errors import PrecisionError, UserError


def safe_bits(points: int) -> int:
    """Bits of cost that keep every sum along a tree of that many points below 2^48."""
    return 48 - math.ceil(math.log2(max(points, 2)))


def plan(a, b, rows, columns, weights, near=False):
    """Optimal plan over the given arcs, and its potentials.

    Args:
        a, b: masses [n] and [m], positive, of equal sums below 2^52.
        rows, columns: [k] arcs without repetition, on which some plan exists.
        weights: [k] float64 integer costs, at most 2^safe_bits(n + m) apart.
        near: whether potentials of 0 are nearly right, which then shortens the work.

    Returns:
        (rows [s], columns [s], mass [s], u [n], v [m]): the arcs that carry mass, and integers with
        u_i + v_j <= weight on every arc, equality where there is mass.

    Raises:
        PrecisionError: if the simplex ends without an optimum, or its potentials are not feasible.
    """
    emd_c_sparse = simplex("emd_c_sparse")
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
        raise PrecisionError(f"the network simplex on {len(rows)} arcs ended with code {code}")
    # The simplex leaves an arbitrary constant between the sides: keep both near 0.
    shift = np.rint(np.median(v))
    u, v = np.rint(u) + (least + shift), np.rint(v) - shift
    slack = float((weights - u[rows] - v[columns]).min())
    if slack < 0 and near:
        return plan(a, b, rows, columns, weights)
    if slack < 0:
        raise PrecisionError(
            f"the network simplex on {len(rows)} arcs left arcs violated by {-slack}"
        )
    some = mass > 0
    return i[some].astype(np.int64), j[some].astype(np.int64), mass[some], u, v


def simplex(name: str) -> Callable:
    """POT's network simplex, which has no public name that takes masses as they are.

    Args:
        name: "emd_c" on a matrix, "emd_c_sparse" on a list of arcs.

    Raises:
        UserError: this POT has none.
    """
    try:
        import ot.lp.emd_wrap as solvers  # imports scikit-learn and more: over a second

        return getattr(solvers, name)
    except (ImportError, AttributeError) as error:
        there = metadata.version("POT")
        raise UserError(f"transport needs POT 0.9.7 or a later 0.9; {there} is here") from error


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


def near_zero(rows, columns, reduced, flow, v):
    """Potentials v [m] nearer to 0 under which the arcs stay feasible and the plan stays optimal.

    What a plan joins moves together: adding t to the v and taking t from the u of one part keeps
    the reduced costs inside it. t_l <= t_k + reduced cost of every arc from a row of part k to a
    column of part l keeps the others at 0 or more. The largest such t below those that would centre
    each part at 0 are lengths of shortest paths, from a source that reaches every part.

    Args:
        rows, columns: [k] arcs; reduced: [k] their reduced costs.
        flow: (rows, columns, mass) of the plan.
        v: [m].

    Returns:
        [m]; parts far from all others, whose potentials nothing holds, are near 0.
    """
    n, m = int(rows.max()) + 1, len(v)
    support = coo_array((np.ones(len(flow[0])), (flow[0], flow[1] + n)), shape=(n + m, n + m))
    count, part = connected_components(support, directed=False)
    order = np.argsort(v, kind="stable")  # the middle of each part
    order = order[np.argsort(part[n:][order], kind="stable")]
    present, starts, sizes = np.unique(part[n:][order], return_index=True, return_counts=True)
    wanted = np.zeros(count)
    wanted[present] = -v[order[starts + sizes // 2]]
    left, right = part[rows], part[n:][columns]
    crossing = left != right
    # csgraph takes stored zeros for arcs, and repeated pairs for their sum: keep the least.
    left, right, length = left[crossing], right[crossing], np.maximum(reduced[crossing], 0)
    order = np.lexsort((length, right, left))
    left, right, length = left[order], right[order], length[order]
    first = np.ones(len(left), bool)
    first[1:] = (left[1:] != left[:-1]) | (right[1:] != right[:-1])
    base = wanted.min()
    graph = coo_array(
        (
            np.concatenate([length[first], wanted - base]),
            (
                np.concatenate([left[first], np.full(count, count)]),
                np.concatenate([right[first], np.arange(count)]),
            ),
        ),
        shape=(count + 1, count + 1),
    ).tocsr()
    moved = dijkstra(graph, indices=count)[:count] + base
    return v + moved[part[n:]]
