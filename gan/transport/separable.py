"""A plan and potentials in one sort per coordinate: what can be had without a look at all pairs.

On the line the north-west corner rule along the sorted points is optimal for every convex cost of
the difference (Hoffman 1963), and its potentials are sums of costs along its staircase. Costs of
vectors are sums over their coordinates: |x - y|^2 and the city block distance of one term each, so
that potentials of the coordinates add up; and |x - y| >= sum_k w_k |x_k - y_k| for every unit
vector w by Cauchy and Schwarz, where w_k in proportion to the distance W_k along coordinate k
gives the most, |W|.
"""

from collections.abc import Callable

import numpy as np


def staircase(a, b, left, right):
    """The north-west corner rule along two orders of the points.

    Args:
        a, b: masses [n] and [m], positive, of equal sums; integers stay exact.
        left, right: [n] and [m] numbers by which the points are ordered.

    Returns:
        (rows, columns, mass), n + m - 1 arcs in order, neighbours sharing a row or a column; some
        may carry no mass.
    """
    i, j = np.argsort(left, kind="stable"), np.argsort(right, kind="stable")
    kind = np.int64 if a.dtype.kind == b.dtype.kind == "i" else np.longdouble
    ends = np.cumsum(a[i], dtype=kind), np.cumsum(b[j], dtype=kind)
    events = np.concatenate([ends[0][:-1], ends[1][:-1]])
    order = np.argsort(events, kind="stable")
    down = np.concatenate([[0], order < len(a) - 1]).cumsum()
    across = np.arange(len(order) + 1) - down
    total = min(ends[0][-1], ends[1][-1])
    stops = np.concatenate([np.zeros(1, kind), np.minimum(events[order], total), [total]])
    mass = np.diff(stops)
    return i[down], j[across], mass if kind is np.int64 else mass.astype(np.float64)


def plan(a, b, left, right):
    """The arcs of the corner rule that carry mass: (rows, columns, mass)."""
    rows, columns, mass = staircase(a, b, left, right)
    some = mass > 0
    return rows[some], columns[some], mass[some]


def potentials(geometry, a, b, look: Callable[[], bool]):
    """Feasible potentials of a named cost, from the optimal ones along its coordinates.

    Args:
        geometry: costs.Geometry of a named cost.
        a, b: masses.
        look: called before every coordinate, those of largest spread first; False ends the sum,
            which is a bound all the same because costs along coordinates are not negative.

    Returns:
        (u [n], v [m]), u_i + v_j <= c_ij; integers where the costs are.
    """
    n, m = geometry.shape
    u, v, square = np.zeros(n), np.zeros(m), 0.0
    spread = np.maximum(geometry.x.max(axis=0), geometry.y.max(axis=0)) - np.minimum(
        geometry.x.min(axis=0), geometry.y.min(axis=0)
    )
    for k in np.argsort(-spread, kind="stable"):
        if not look():
            break
        x, y = np.float64(geometry.x[:, k]), np.float64(geometry.y[:, k])
        power = 2 if geometry.cost == "sqeuclidean" else 1
        du, dv, total = _line(a, b, x, y, power, geometry.integer)
        if geometry.cost == "euclidean":
            du, dv, square = total * du, total * dv, square + total**2
        u, v = u + du, v + dv
    if geometry.cost == "euclidean" and square > 0:
        # The lengths of w and of its rounded parts differ by less than this.
        norm = np.sqrt(square) * (1 + 8 * (len(spread) + 8) * np.finfo(np.float64).eps)
        u, v = u / norm, v / norm
    return u, v


def _line(a, b, x, y, power, integer):
    """Optimal potentials on the line for |x - y|^power, and the least mean cost."""

    def cost(i, j):
        difference = np.abs(x[i] - y[j])
        return difference**2 if power == 2 else difference

    rows, columns, mass = staircase(a, b, x, y)
    down = np.diff(rows, prepend=rows[:1]) != 0
    across = np.diff(columns, prepend=columns[:1]) != 0
    costs = cost(rows, columns)
    steps = np.diff(costs, prepend=costs[:1])
    u, v = np.empty(len(x)), np.empty(len(y))
    u[rows] = np.cumsum(np.where(down, steps, 0.0))
    v[columns] = costs[0] + np.cumsum(np.where(across, steps, 0.0))
    middle = float(np.rint(np.median(v)))
    u, v = u + middle, v - middle
    if not integer:  # Each of the sums errs by at most this.
        largest = max(float(np.abs(s).max()) for s in (u, v, costs))
        u -= 4 * (len(x) + len(y)) * np.finfo(np.float64).eps * largest
    total = float((mass / a.sum()) @ costs)
    return u, v, total
