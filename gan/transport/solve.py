"""The front door: Monge's assignment, Kantorovich's plan and the Wasserstein distance.

Small problems are solved densely, large ones by column generation; the result has the same type
and carries the same kind of certificate.
"""

import math

import numpy as np
from scipy.spatial.distance import cdist

from gan.errors import UserError
from gan.transport import budget, closed_forms, columns, costs, memory, reduction
from gan.transport.results import Pieces, Result, result

SMALL = 1 << 20
"""Problems of at most this many pairs are solved with their whole matrix; column generation breaks
even there and is four times faster at twice the points (measured in results/transport.md)."""


def assignment(
    x, y, cost="euclidean", *, warm=None, gap=0.0, seconds=math.inf, progress=None
) -> Result:
    """Monge's problem: the permutation s that minimises the mean of cost(x_i, y_s(i)).

    Args:
        x, y: [n, ...] each, the same number of points; shapes beyond the first axis are flattened.
            Integer dtypes with cost "sqeuclidean" or "cityblock" are solved in integers, and the
            gap of the result is then exactly 0.
        cost: "euclidean", "sqeuclidean", "cityblock", a callable ([r, d], [c, d]) -> [r, c], or a
            `FeatureCost`.
        warm: potentials v [n] of a nearby problem (`Result.potentials[1]`), which shorten the work
            on large ones; the result does not depend on them beyond ties.
        gap: relative gap that is good enough; 0 asks for the optimum.
        seconds: time for the whole call; when it ends the best permutation so far is returned with
            rigorous bounds, which `Result.gap` states; an interrupt after the first solve does the
            same. Preparing and certifying the sets come on top: seconds at most, in which each
            number is read a few times and programs are compiled. So do half the time if a pass over
            all pairs then proves more, and that pass whatever it takes for a callable cost.
        progress: called with a dictionary (seconds, stage, lower, upper, arcs) during large work.

    Returns:
        A `Result`; `value` is the mean cost.

    Raises:
        UserError: for sets that are empty, not finite, of unequal sizes or dimensions, for an
            unknown cost, or when the problem would not fit in memory.
    """
    end = budget.clock() + _seconds(seconds)
    _fit(x, y, cost)
    geometry = costs.geometry(x, y, cost)
    n, m = geometry.shape
    if n != m:
        raise UserError(
            f"assignment needs as many points in x as in y, got {n} and {m}; use plan for these"
        )
    ones = np.ones(n, np.int64)
    options = _options(geometry, warm, gap, end, progress)
    pieces, report = _solved(geometry, ones, ones, n, options)
    return result(x, y, costs.name_of(cost), pieces, "assignment", report)


def plan(
    x, y, a=None, b=None, *, cost, warm=None, gap=0.0, seconds=math.inf, progress=None
) -> Result:
    """Kantorovich's problem: the plan P >= 0 with marginals a and b that minimises sum P_ij c_ij.

    Args:
        x, y: [n, ...] and [m, ...] points.
        a, b: weights [n] and [m], not negative, with equal sums; None is the uniform probability.
        cost, warm, gap, seconds, progress: as for `assignment`.

    Returns:
        A `Result` without permutation; `value` is the total cost for the weights as given.

    Raises:
        UserError: as for `assignment`, and for weights of the wrong shape, negative, not finite, or
            of unequal sums.
    """
    end = budget.clock() + _seconds(seconds)
    _fit(x, y, cost)
    geometry = costs.geometry(x, y, cost)
    a, b, total = marginals(a, b, *geometry.shape)
    options = _options(geometry, warm, gap, end, progress)
    pieces, report = _solved(geometry, a, b, total, options)
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
    if math.prod(getattr(x, "shape", ())[1:]) > 1:  # a line is only sorted
        _fit(x, y, cost)
    geometry = costs.geometry(x, y, cost)
    if geometry.x.shape[1] == 1:
        return closed_forms.line(*(np.float64(s) for s in (geometry.x, geometry.y)), p=p)
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


def _seconds(seconds) -> float:
    if not (isinstance(seconds, int | float) and seconds > 0):
        raise UserError(f"seconds must be positive, got {seconds}")
    return seconds


def _options(geometry, warm, gap, end, progress) -> dict:
    if not (isinstance(gap, int | float) and 0 <= gap < math.inf):
        raise UserError(f"gap must be a finite number of at least 0, got {gap}")
    if warm is not None:
        warm = np.asarray(warm, np.float64)
        if warm.shape != (geometry.shape[1],) or not np.isfinite(warm).all():
            raise UserError(f"warm must be {geometry.shape[1]} finite numbers, one per point of y")
    return {"warm": warm, "gap": gap, "end": end, "progress": progress}


def _solved(geometry, a, b, total, options) -> tuple[Pieces, dict]:
    """Solves densely or by column generation; what is large is first reduced to distinct points."""
    n, m = geometry.shape
    if n * m <= SMALL and a.min() > 0 and b.min() > 0:
        _require(n, m, geometry)
        solution = columns.plan(geometry, a, b, **options, dense=SMALL)
        rows, cols, mass = solution.rows, solution.columns, solution.mass
        u, v, arc_costs = solution.u, solution.v, solution.costs
    else:
        left, right = reduction.distinct(geometry.x, a), reduction.distinct(geometry.y, b)
        small = geometry.take(left.points, right.points)
        _require(*small.shape, small)
        if options["warm"] is not None:
            options = options | {"warm": options["warm"][right.points]}
        solution = columns.plan(small, left.mass, right.mass, **options, dense=SMALL)
        rows, cols, mass = reduction.expand(
            left, right, solution.rows, solution.columns, solution.mass
        )
        u, v = _massless(geometry, a, b, solution.u[left.group], solution.v[right.group])
        arc_costs = geometry.pairs(rows, cols)
    solution.report["distinct"] = [len(solution.u), len(solution.v)]
    integer = geometry.integer and a.dtype.kind == "i"
    kind = np.int64 if integer else np.float64
    pieces = Pieces(
        rows=rows,
        columns=cols,
        mass=mass,
        costs=arc_costs.astype(kind),
        a=a,
        b=b,
        total=total,
        u=u.astype(kind),
        v=v.astype(kind),
        integer=integer,
    )
    return pieces, solution.report


def _massless(geometry, a, b, u, v):
    """Gives points without mass the largest potentials that the others leave feasible."""
    rows, heavy = np.flatnonzero(a == 0), np.flatnonzero(a > 0)
    for j in np.flatnonzero(b == 0):
        v[j] = (geometry.block(heavy, [j])[:, 0] - u[heavy]).min()
    for i in rows:
        u[i] = (geometry.block([i])[0] - v).min()
    return u, v


def _require(n, m, geometry):
    needed = memory.transport(n, m, geometry.x.shape[1], SMALL)
    memory.require(needed, memory.named(n, m, SMALL))


def _fit(x, y, cost):
    """Refuses what cannot fit before anything is converted; features count when they are known."""
    memory.require_transport(x, y, 0 if isinstance(cost, costs.FeatureCost) else None, SMALL)
