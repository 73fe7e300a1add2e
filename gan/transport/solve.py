"""The front door: Monge's assignment, Kantorovich's plan and the Wasserstein distance.

Small problems are solved densely, large ones by column generation; the result has the same type
and carries the same kind of certificate.
"""

import math
import time

import numpy as np
from scipy.spatial.distance import cdist

from gan.errors import UserError
from gan.transport import closed_forms, costs, dense, memory
from gan.transport.results import Pieces, Result, result


def assignment(x, y, cost="euclidean") -> Result:
    """Monge's problem: the permutation s that minimises the mean of cost(x_i, y_s(i)).

    Args:
        x, y: [n, ...] each, the same number of points; shapes beyond the first axis are flattened.
            Integer dtypes with cost "sqeuclidean" or "cityblock" are solved in integers, and the
            gap of the result is then exactly 0.
        cost: "euclidean", "sqeuclidean", "cityblock", a callable ([r, d], [c, d]) -> [r, c], or a
            `FeatureCost`.

    Returns:
        A `Result`; `value` is the mean cost.

    Raises:
        UserError: for sets that are empty, not finite, of unequal sizes or dimensions, for an
            unknown cost, or when the problem would not fit in memory.
    """
    start = time.perf_counter()
    geometry = costs.geometry(x, y, cost)
    n, m = geometry.shape
    if n != m:
        raise UserError(
            f"assignment needs as many points in x as in y, got {n} and {m}; use plan for these"
        )
    memory.require(3 * 8 * n * n, f"a dense assignment of {n} points")
    matrix = geometry.block()
    prepared = time.perf_counter()
    permutation, u, v = dense.assignment(matrix)
    report = {
        "solver": "dense assignment",
        "rounds": 1,
        "arcs": n * n,
        "seconds": {"costs": prepared - start, "solve": time.perf_counter() - prepared},
        "peak_bytes": memory.peak(),
    }
    kind = np.int64 if geometry.integer else np.float64
    ones = np.ones(n, np.int64)
    pieces = Pieces(
        rows=np.arange(n),
        columns=permutation,
        mass=ones,
        costs=matrix[np.arange(n), permutation].astype(kind),
        a=ones,
        b=ones,
        total=n,
        u=u.astype(kind),
        v=v.astype(kind),
        integer=geometry.integer,
    )
    return result(x, y, costs.name_of(cost), pieces, "assignment", report)


def plan(x, y, a=None, b=None, *, cost) -> Result:
    """Kantorovich's problem: the plan P >= 0 with marginals a and b that minimises sum P_ij c_ij.

    Args:
        x, y: [n, ...] and [m, ...] points.
        a, b: weights [n] and [m], not negative, with equal sums; None is the uniform probability.
        cost: as for `assignment`.

    Returns:
        A `Result` without permutation; `value` is the total cost for the weights as given. At most
        n + m - 1 arcs carry mass.

    Raises:
        UserError: as for `assignment`, and for weights of the wrong shape, negative, not finite, or
            of unequal sums.
    """
    start = time.perf_counter()
    geometry = costs.geometry(x, y, cost)
    n, m = geometry.shape
    a, b, total = marginals(a, b, n, m)
    memory.require(5 * 8 * n * m, f"a dense plan of {n} by {m} points")
    matrix = geometry.block()
    prepared = time.perf_counter()
    rows, columns, mass, u, v = dense.plan(matrix, a, b, geometry.integer)
    report = {
        "solver": "dense plan",
        "rounds": 1,
        "arcs": n * m,
        "seconds": {"costs": prepared - start, "solve": time.perf_counter() - prepared},
        "peak_bytes": memory.peak(),
    }
    integer = geometry.integer and a.dtype.kind == "i"
    kind = np.int64 if integer else np.float64
    pieces = Pieces(
        rows=rows,
        columns=columns,
        mass=np.rint(mass).astype(np.int64) if a.dtype.kind == "i" else mass,
        costs=matrix[rows, columns].astype(kind),
        a=a,
        b=b,
        total=total,
        u=u.astype(kind),
        v=v.astype(kind),
        integer=integer,
    )
    return result(x, y, costs.name_of(cost), pieces, "plan", report)


def wasserstein(x, y, p: float = 1) -> float:
    """The Wasserstein distance W_p between two uniform point sets, exact.

    W_p^p is the least mean of |x - y|^p over the plans (Kantorovich 1942); the ground distance is
    Euclidean. On the line it is the distance between the sorted sets.

    Args:
        x, y: [n, ...] and [m, ...] points; sizes may differ.
        p: order >= 1.

    Returns:
        W_p >= 0 in the unit of the points.

    Raises:
        UserError: for p < 1 and as for `plan`.
    """
    if not (isinstance(p, int | float) and 1 <= p < math.inf):
        raise UserError(f"p must be a finite number of at least 1, got {p}")
    cost = {1: "euclidean", 2: "sqeuclidean"}.get(p, lambda s, t: cdist(s, t) ** p)
    geometry = costs.geometry(x, y, cost)
    if geometry.x.shape[1] == 1:
        return closed_forms.line(geometry.x, geometry.y, p=p)
    same = geometry.shape[0] == geometry.shape[1]
    solution = assignment(x, y, cost) if same else plan(x, y, cost=cost)
    return max(0.0, solution.value) ** (1 / p)


def marginals(a, b, n: int, m: int) -> tuple[np.ndarray, np.ndarray, int | float]:
    """Weights in the solver's unit of mass, and the mass that is weight 1.

    Uniform weights become integers (total: the least common multiple of n and m), so that they are
    exact; other weights stay float64 (total: 1.0).

    Raises:
        UserError: for weights of the wrong shape, negative, not finite, or of unequal sums.
    """
    if a is None and b is None:
        total = math.lcm(n, m)
        return np.full(n, total // n), np.full(m, total // m), total
    sides = []
    for name, weights, size in (("a", a, n), ("b", b, m)):
        if weights is None:
            weights = np.full(size, 1 / size)
        weights = np.asarray(weights, dtype=np.float64)
        if weights.shape != (size,):
            raise UserError(f"{name} must have shape ({size},), got {weights.shape}")
        if not np.isfinite(weights).all() or (weights < 0).any():
            k = int(np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))[0])
            raise UserError(f"{name} must be finite and not negative, got {weights[k]} at {k}")
        sides.append(weights)
    mass = [math.fsum(weights) for weights in sides]
    if mass[0] <= 0 or abs(mass[0] - mass[1]) > 1e-9 * mass[0]:
        raise UserError(f"a and b must have equal positive sums, got {mass[0]} and {mass[1]}")
    return sides[0], sides[1] * (mass[0] / mass[1]), 1.0
