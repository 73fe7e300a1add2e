"""Which way a problem is solved, and the potentials that it starts from.

A few points against many are solved by `hubs`; a small problem by a dense solver, or on a `matrix`
of bounds; every other by column generation with passes over all pairs (`generation`), which starts
from the potentials of a smaller problem, solved in any of these ways.
"""

import dataclasses
import math

import numpy as np

from gan.transport import boxes, hubs, neighbours
from gan.transport import budget as budgets
from gan.transport import dense as whole
from gan.transport.budget import Budget, Late
from gan.transport.generation import Generation
from gan.transport.matrix import Matrix
from gan.transport.outside import Outside
from gan.transport.pricing import Pricer

_WHOLE, _NEAR, _FAR, _LEAST = 1 << 20, 1 << 22, 1 << 24, 400
"""Pairs up to which there is a whole matrix: of costs, and of bounds in few dimensions and in many;
points from which bounds pay."""
_START, _PROOF, _GROWTH = 0.4, 0.75, 1.7
"""Share of the time for a smaller problem, and at most for the proof; the time of a sparse solve
grows like this power of the points."""


def solved(run: Generation, warm, dense, proof):
    """(rows, columns, mass, u, v) of the optimum; time is kept for a proof if asked.

    Args:
        run: of the problem.
        warm: [m] potentials to start from, or None.
        dense: pairs up to which there may be a whole matrix.

    Raises:
        Late: when time ends first.
    """
    n, m = run.geometry.shape
    run.budget.look()
    if hubs.suit(n, m):
        with run.stage("hubs"):
            run.solver = "hubs"
            costs, integer = run.geometry.block(), run.geometry.integer
            *flow, u, v = hubs.plan(costs, run.a, run.b, integer, run.budget.look)
            flow, u, v = _refined(run, costs, flow, u, v)
            return *flow, u, v
    if n * m <= min(dense, _small(run)):
        with run.stage("dense"):
            run.solver = "dense"
            found = _bounded(run, warm) if _screened(run) else None
            flow, u, v = _dense(run) if found is None else found
            run.best.known = np.arange(n), u
            return *flow, u, v
    with run.stage("start"):
        run.pricer = Pricer(run.geometry, run.look)
        if proof:
            _keep_time(run)
        run.sparse.scaling &= not run.near  # potentials are long paths there
        v = _begun(run, warm, _of_cells if run.near else _of_a_quarter)
    outside = (
        neighbours.Neighbours(run.geometry, run.pricer, run.account, run.look)
        if run.near
        else Outside(run.geometry, run.pricer, run.account, run.kept)
    )
    flow, u, v = run.generate(v, outside)
    return *flow, u, v


def proved(run: Generation):
    """(rows, columns, mass, u, v) of the best plan and proof, out of time."""
    run.budget.kept, run.stopped = 0.0, True
    with run.stage("bounds"):
        return run.best.at_the_end(run.budget, run.pricer)


def _small(run) -> int:
    """Pairs up to which the whole matrix is quicker than a pass for every look at it."""
    if not _screened(run):
        return _WHOLE
    return _NEAR if run.near else _FAR


def _screened(run) -> bool:
    """Whether a whole matrix of bounds, and few arcs, take less than all costs in a solver."""
    return run.sparse.uniform and len(run.a) >= _LEAST


def _bounded(run, warm):
    """(flow, u, v) by column generation on a matrix of bounds; None where many arcs tie, or the
    bounds do not meet."""
    run.sparse.scaling &= not run.near
    run.whole = True
    outside = Matrix(run.geometry, run.account, run.near)
    start = _of_cells if run.near else lambda run: _of_every_fourth(run, outside)
    found = run.generate(_begun(run, warm, start), outside)
    if found is not None:
        flow, u, v = found
        order = np.argsort(flow[0])
        flow = tuple(part[order] for part in flow)
        gap, size = run.gap_of(flow, run.geometry.pairs(*flow[:2]), u, v)
        if gap <= run.allowed() * size:
            return flow, u, v
    run.whole = False
    return None


def _dense(run):
    """(flow, u, v) from the whole matrix."""
    costs = run.geometry.block()
    n, m = costs.shape
    if n == m and (run.a == run.a[0]).all() and (run.b == run.a[0]).all():
        permutation, u, v = whole.assignment(costs)
        flow = np.arange(n), permutation, run.a.copy()
    else:
        *flow, u, v = whole.plan(costs, run.a, run.b, run.geometry.integer)
    return _refined(run, costs, flow, u, v)


def _refined(run, costs, flow, u, v):
    """(flow, u, v) as they are, or refined like a pool of all arcs if they leave a gap."""
    gap, size = run.gap_of(flow, costs[flow[0], flow[1]], u, v)
    if gap <= run.allowed() * size:
        return flow, u, v
    refined = run.generate(v, whole=costs)
    again = run.gap_of(refined[0], costs[refined[0][0], refined[0][1]], *refined[1:])[0]
    return refined if again < gap else (flow, u, v)


def _keep_time(run) -> None:
    """Keeps back the time of a pass over all pairs, unless that is most of what there is."""
    if run.budget.end < math.inf:
        run.best.pass_seconds = run.pricer.seconds(budgets.clock)
        if run.best.pass_seconds <= _PROOF * run.budget.left():
            run.budget.kept = run.best.pass_seconds


def _begun(run, warm, start):
    """Potentials v [m] to start from: those given, or those of a smaller problem."""
    v = start(run) if warm is None else np.asarray(warm, np.float64)
    return np.rint(v) if run.geometry.integer else v - v.mean()


def _smaller(run, geometry, a, b, budget) -> Generation:
    """A problem whose potentials this one can start from, to a gap that does for that."""
    return Generation(geometry, a, b, 1e-3, budget, run.account.within())


def _solve_part(run, part: Generation) -> None:
    """Solves a smaller problem, as far as time allows, and reports of it; its best known potentials
    are then `part.best.known`."""
    try:
        part.best.known = np.arange(len(part.a)), solved(part, None, math.inf, proof=False)[3]
    except Late:
        if part.best.known is None:
            raise
    run.subset = part.report()


def _of_every_fourth(run, outside: Matrix):
    """Potentials of all columns from the solution of a quarter of both sides, in order."""
    some = np.arange(0, len(run.a), 4)
    part = _smaller(run, run.geometry.take(some, some), run.a[some], run.b[some], Budget())
    _solve_part(run, part)
    return outside.extended(some, part.best.known[1], 4)


def _of_a_quarter(run):
    """Potentials of all columns from the solution of a random quarter of both sides."""
    rng = np.random.default_rng(0)
    (rows, a), (columns, b) = _subset(rng, run.a, run.b)
    share = run.budget.share(_START)
    part = _smaller(run, run.geometry.take(rows, columns), a, b, share)
    _solve_part(run, part)
    run.sparse.scaling &= part.sparse.scaling or not part.sparse.uniform
    if part.first_seconds is not None:
        grown = sum(run.geometry.shape) / sum(part.geometry.shape)
        run.solve_seconds = part.first_seconds * grown**_GROWTH
    some, u = part.best.known
    run.best.known = rows[some], u
    return run.pricer.extended(*run.best.known, 4)


def _of_cells(run):
    """Potentials of all columns from the solution between cells of neighbours."""
    geometry = run.geometry
    (x, a), (y, b) = neighbours.cells(geometry.x, run.a), neighbours.cells(geometry.y, run.b)
    cells = dataclasses.replace(geometry, x=x, y=y, integer=False)
    part = _smaller(run, cells, a, b, run.budget.share(_START))
    _solve_part(run, part)
    v = boxes.Boxes(x, geometry.y, geometry.cost).nearest(part.best.known[1], 1, of_x=False)
    run.best.v = v[1][:, 0]
    return run.best.v


def _subset(rng, a, b):
    """Points and masses of a smaller problem: units of mass drawn at random from both sides."""
    size = max(1 << 10, (len(a) + len(b)) // 8)
    sides = []
    for mass in (a, b):
        if (mass == mass[0]).all() and len(mass) >= size:
            sides.append((np.sort(rng.permutation(len(mass))[:size]), np.ones(size, np.int64)))
        else:
            drawn = rng.multinomial(size, mass / mass.sum())
            some = np.flatnonzero(drawn)
            sides.append((some, drawn[some]))
    return sides
