"""Potentials of an optimal plan: shortest path lengths in its residual graph.

A plan is optimal if and only if its residual graph, every arc in its direction and those that
carry mass in both, has no negative cycle; then lengths of shortest paths are potentials (Bellman
1958; Ford 1956). There are many; those near given ones are wanted, because prices that jump bring
in arcs for nothing.
"""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, dijkstra


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
