"""The front door: Monge's assignment, Kantorovich's plan and the Wasserstein distance.

Small problems are solved densely, large ones by column generation; the result has the same type
and carries the same kind of certificate.
"""

import math

import numpy as np

from gan.errors import PrecisionError, UserError
from gan.transport import budget, closed_forms, columns, costs, flows, memory, powers, reduction
from gan.transport.masses import Masses, balanced
from gan.transport.results import Pieces, Result, result, unscaled

SMALL = 1 << 24
"""Problems of at most this many pairs may be solved with a whole matrix, of costs or of bounds;
`ways` takes others where they are quicker (measured in results/transport_peers.md)."""

_UNMERGED = 1 << 20
"""Pairs up to which equal points are not merged first."""

ROUNDING = 1e-12
"""A gap of at most this share of the plan's absolute costs is proved up to rounding; beyond 4,000
points it is as many times 2^-52 as there are points."""


def assignment(
    x, y, cost="euclidean", *, warm=None, keep=False, gap=0.0, seconds=math.inf, progress=None
) -> Result:
    """Monge's problem: the permutation s that minimises the mean of cost(x_i, y_s(i)).

    Args:
        x, y: [n, ...] each, the same number of points; shapes beyond the first axis are flattened.
            Integer dtypes with cost "sqeuclidean" or "cityblock" are solved in integers, and the
            gap of the result is then exactly 0. Their unit may be any.
        cost: "euclidean", "sqeuclidean", "cityblock", a callable ([r, d], [c, d]) -> [r, c], or a
            `FeatureCost`.
        warm: potentials v [n] of a nearby problem (`Result.potentials[1]`), or of a try at this one
            that was interrupted (`Certificate.v`), which shorten the work on large ones; the result
            does not depend on them beyond ties. Or the `Result` of a nearby problem, whose `kept`
            shortens it further.
        keep: whether the result is to hold what it knows of all pairs (`Result.kept`), for a warm
            start after points have moved: some hundred bytes a point, and both sets.
        gap: relative gap that is good enough; 0 asks for the optimum.
        seconds: time for the whole call; when it ends the best permutation so far is returned with
            rigorous bounds, which `Result.gap` states; an interrupt after the first solve does the
            same. Preparing and certifying the sets come on top: seconds at most, in which each
            number is read a few times and programs are compiled. So do half the time if a pass over
            all pairs then proves more, and that pass whatever it takes for a callable cost.
        progress: called with a dictionary during large work, every few seconds and when there are
            new bounds: seconds, stage, the share of the stage that is done and its seconds left
            where they are known (done, left), lower, upper, and arcs. The bounds are rigorous up to
            rounding and never widen.

    Returns:
        A `Result`; `value` is the mean cost.

    Raises:
        UserError: for sets that are empty, not finite, masked, of unequal sizes or dimensions, for
            an unknown cost, when the problem would not fit in memory, or when the value leaves the
            range of float64.
        PrecisionError: if the optimum was asked for and the gap is more than rounding (`ROUNDING`).
    """
    return optimum(x, y, None, None, cost, "assignment", warm, gap, seconds, progress, keep)[1]


def plan(
    x, y, a=None, b=None, *, cost, warm=None, gap=0.0, seconds=math.inf, progress=None
) -> Result:
    """Kantorovich's problem: the plan P >= 0 with marginals a and b that minimises sum P_ij c_ij.

    Args:
        x, y: [n, ...] and [m, ...] points.
        a, b: weights [n] and [m] of any real dtype and scale, not negative, with sums that are
            equal up to the rounding of their dtypes (b is then scaled to the sum of a); None is the
            uniform probability. Each point gets its own weight up to rounding.
        cost, warm, gap, seconds, progress: as for `assignment`.

    Returns:
        A `Result` without permutation; `value` is the total cost for the weights as given.

    Raises:
        UserError: as for `assignment`, and for weights of the wrong shape, negative, not finite,
            masked, or of unequal sums.
        PrecisionError: as for `assignment`.
    """
    return optimum(x, y, a, b, cost, "plan", warm, gap, seconds, progress)[1]


def optimum(
    x, y, a, b, cost, kind, warm, gap, seconds, progress, keep=False
) -> tuple[costs.Geometry, Result]:
    """The prepared sets, and the solution as an "assignment" or a "plan"; see these."""
    end = budget.clock() + _number("seconds", seconds, "must be positive", lambda s: s > 0)
    _fit(x, y, cost)
    geometry = costs.geometry(x, y, cost)
    n, m = geometry.shape
    if kind == "assignment" and n != m:
        raise UserError(
            f"assignment needs as many points in x as in y, got {n} and {m}; use plan for these"
        )
    masses = balanced(a, b, n, m)
    options = _options(geometry, warm, gap, end, progress) | {"keep": keep}
    pieces, report = solved(geometry, masses, options)
    return geometry, result(x, y, costs.name_of(cost), pieces, kind, report)


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
        PrecisionError: as for `plan`.
    """
    p = _number("p", p, "must be a finite number of at least 1", lambda p: 1 <= p < math.inf)
    cost = "sqeuclidean" if p == 2 else "euclidean"
    if math.prod(getattr(x, "shape", ())[1:]) > 1:  # a line is only sorted
        _fit(x, y, cost)
    geometry = costs.geometry(x, y, cost)
    masses = balanced(None, None, *geometry.shape)
    if geometry.x.shape[1] == 1:
        return closed_forms.line(x, y, p=p)
    if p in (1, 2):
        pieces, _ = solved(geometry, masses, _options(geometry, None, 0.0, math.inf, None))
        value = pieces.bounds()[1] ** (1 / p)
    else:
        value = powers.distance(geometry, masses, p, solved)
    return unscaled(value, geometry.unit)


def _number(name, value, wanted, holds) -> float:
    """A real number of any scalar type, checked."""
    array = np.asarray(value)
    if array.ndim or array.dtype.kind not in "iuf" or not holds(float(array)):
        raise UserError(f"{name} {wanted}, got {value}")
    return float(array)


def _options(geometry, warm, gap, end, progress) -> dict:
    gap = _number("gap", gap, "must be a finite number of at least 0", lambda g: 0 <= g < math.inf)
    kept = None
    if isinstance(warm, Result):
        kept, warm = warm.kept, warm.potentials[1]
    if warm is not None:
        warm = np.asarray(warm, np.float64)
        if warm.shape != (geometry.shape[1],) or not np.isfinite(warm).all():
            raise UserError(f"warm must be {geometry.shape[1]} finite numbers, one per point of y")
        warm = np.ldexp(warm, -geometry.exponent)
    progress = progress and _in_units_of(progress, geometry.exponent)
    return {"warm": warm, "kept": kept, "gap": gap, "end": end, "progress": progress}


def _in_units_of(progress, exponent):
    """A function that tells the caller's one the bounds in the caller's units."""

    def tell(state):
        bounds = {side: state[side] for side in ("lower", "upper") if state[side] is not None}
        progress(state | {side: float(np.ldexp(c, exponent)) for side, c in bounds.items()})

    return tell


def solved(geometry, masses: Masses, options=None) -> tuple[Pieces, dict]:
    """The optimal plan of a geometry between masses, proved up to rounding, in its own units.

    Weights that no 52 bits hold are served in levels: the first plan's arcs, if they are a forest,
    carry the exact weights; otherwise the small masses that are missing are a problem of their own.

    Raises:
        PrecisionError: if the optimum was asked for and the gap is more than rounding.
    """
    options = options or {"warm": None, "gap": 0.0, "end": math.inf, "progress": None}
    parts: list = []
    report: dict = {}
    for a, b, unit in masses.levels():
        rows, cols, mass, potentials, found, known = _level(geometry, a, b, options)
        parts.append((rows, cols, masses.share(mass, unit)))
        if not report:
            (u, v), report, kept = potentials, found, known
            whole = None if unit == 1 else flows.exact_flow(rows, cols, masses.a, masses.b)
            if whole is not None:
                parts = [(rows, cols, np.array([part / masses.total for part in whole]))]
            if whole is not None or found["stopped"]:
                break
            options = options | {"warm": v, "kept": None, "keep": False}
        report["stopped"] |= found["stopped"]
    if masses.uniform:
        a, b = np.array(masses.a), np.array(masses.b)
        total: float = masses.total
    else:
        (a, b), total = masses.shares(), 1.0
        rows, cols, mass = (np.concatenate([part[k] for part in parts]) for k in range(3))
    integer = geometry.integer and masses.uniform
    kind = np.int64 if integer else np.float64
    arc_costs = geometry.pairs(rows, cols)
    if isinstance(geometry.cost, str) and not arc_costs.any():  # Potentials of 0 prove it.
        u, v = np.zeros_like(u), np.zeros_like(v)
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
        exponent=geometry.exponent,
        weight=masses.weight,
        kept=kept,
    )
    if not (report["stopped"] or options["gap"]):
        _proved(pieces)
    return pieces, report


def _proved(pieces: Pieces) -> None:
    gap = pieces.bounds()[2]
    size = math.fsum(np.abs(pieces.mass * pieces.costs)) / pieces.total
    allowed = max(ROUNDING, 2.0**-52 * (len(pieces.u) + len(pieces.v)) / 2) * size
    if gap > (0 if pieces.integer else allowed):
        raise PrecisionError(
            f"the optimum could not be proved: the best plan may cost {gap / size:.2g} of its "
            "value too much; ask for a relative gap that is good enough (gap=), or narrow the "
            "range of the costs and the weights"
        )


def _level(geometry, a, b, options):
    """Solves densely or by column generation; what is large is first reduced to distinct points.

    Returns:
        (rows, columns, mass, (u, v), report, what is kept).
    """
    n, m = geometry.shape
    if n * m <= min(SMALL, _UNMERGED) and a.min() > 0 and b.min() > 0:
        _require(n, m, geometry)
        solution = columns.plan(geometry, a, b, **options, dense=SMALL)
        rows, cols, mass = solution.rows, solution.columns, solution.mass
        u, v = solution.u, solution.v
    else:
        left, right = reduction.distinct(geometry.x, a), reduction.distinct(geometry.y, b)
        small = geometry.take(left.points, right.points)
        _require(*small.shape, small)
        if options["warm"] is not None:
            options = options | {"warm": options["warm"][right.points]}
        if small.shape != (n, m):  # of points that may be merged otherwise next time
            options = options | {"kept": None, "keep": False}
        solution = columns.plan(small, left.mass, right.mass, **options, dense=SMALL)
        rows, cols, mass = reduction.expand(
            left, right, solution.rows, solution.columns, solution.mass
        )
        u, v = _massless(geometry, a, b, solution.u[left.group], solution.v[right.group])
    solution.report["distinct"] = [len(solution.u), len(solution.v)]
    return rows, cols, mass, (u, v), solution.report, solution.kept


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
