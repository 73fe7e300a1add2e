"""Certified exact transport of large sets by column generation, without the cost matrix.

Dantzig's simplex method looks at one profitable arc at a time; Ford, Fulkerson (1958) and Gilmore,
Gomory (1961) generate such arcs on demand. Here:

1. Potentials of a random quarter of both sets, solved the same way, are extended to all points.
2. One pricing pass collects a pool of arcs of low reduced cost, some dozens per point.
3. The problem is solved in integers on a small active part of the pool, its potentials price the
   pool, and violated arcs join, until none is left.
4. Pricing outside the pool. The pool holds every arc with c_ij < t_i + r_j for the thresholds t and
   the reference r of the last pass, so under potentials (u, v) another arc can be violated only
   where v_j - r_j > t_i - u_i: only those blocks are priced. Violated arcs join the pool; back to
   step 3.
5. Integers stand for multiples of a unit of cost. When no arc is violated by more than the unit,
   arcs whose reduced cost exceeds the remaining gap cannot be optimal (reduced cost fixing); the
   others are solved again with a unit finer by the same factor. Integer costs end with unit 1 and
   gap 0.
6. Floats end when the gap is rounding of the value. If units as fine as the potentials do not reach
   it, the potentials are large for no reason, as those of a far point that pairs with a far point
   are: what a plan joins is moved towards 0 as far as feasibility allows, and refined again.

The whole matrix of a small problem, when the first answer of a dense solver leaves a gap, is a pool
that holds every arc, and takes the same steps without pricing.

The bounds need no trust in the solver: u is the minimum over all j of c_ij - v_j, because every
pair below it is in the pool.

Out of time, the best plan so far is proved by one pass over all pairs with the best potentials, for
which time has been kept. Where a pass would take longer than that, bounds come from one sort per
coordinate. A sparse solve cannot be cut short, so none is begun that would probably end late.
"""

import dataclasses
import math
import time
from typing import NamedTuple

import numpy as np

from gan.transport import budget as budgets
from gan.transport import dense as whole
from gan.transport import hubs, memory, separable, sparse
from gan.transport.arcs import Pool
from gan.transport.budget import Budget, Late
from gan.transport.pricing import Pricer

_PER_ROW, _PER_COLUMN, _SPARE, _FEW, _RARE = 40, 16, 10, 50, 400
_EPS = np.finfo(np.float64).eps
_PROVED, _MOVES = 32 * _EPS, 8
"""Gap, relative to the plan's absolute costs, that is rounding; times potentials are moved."""
_START, _PROOF, _LONGER, _GRACE, _GROWTH, _SOLVE = 0.4, 0.75, 0.5, 0.25, 1.7, 5e-5
"""Share of the time for the subset, and at most for the proof, which may take this share and these
seconds beyond the end; time of a solve: this power of the points, so many seconds a point where
there is none to go by."""


@dataclasses.dataclass
class Solution:
    """A plan and feasible potentials: u_i <= c_ij - v_j for all i and j, up to rounding.

    Attributes:
        rows, columns, mass, costs: [s] arcs of the plan.
        u, v: [n] and [m] float64.
        report: solver ("dense", "hubs" or "column generation"), rounds (passes over all pairs),
            solves, arcs, seconds and seconds_cpu (of all threads) per stage, peak_bytes, whether it
            was stopped before its end, and the report of the subset's solution.
    """

    rows: np.ndarray
    columns: np.ndarray
    mass: np.ndarray
    costs: np.ndarray
    u: np.ndarray
    v: np.ndarray
    report: dict


def plan(
    geometry, a, b, *, warm=None, gap=0.0, end=math.inf, progress=None, dense=1 << 20
) -> Solution:
    """Optimal plan of a geometry between masses a and b.

    Args:
        geometry: costs.Geometry of n by m points.
        a, b: masses [n] and [m] int64, positive, of equal sums below 2^52.
        warm: dual vector v [m] of a nearby problem, instead of the solution of a subset.
        gap: relative gap at which to stop; 0 is as far as float64 goes, and exactly 0 in integers.
        end: moment of `budget.clock` after which the best plan so far is returned, with rigorous
            potentials.
        progress: called with a dictionary (seconds, stage, lower, upper, arcs) as it advances; the
            bounds are rigorous, per unit of mass, or None before there are any.
        dense: problems of at most this many pairs are solved with their whole matrix.

    Returns:
        A `Solution`. An interrupt (KeyboardInterrupt) after the first solve ends like the time.
    """
    run = _Generation(geometry, a, b, gap, Budget(end), progress)
    try:
        return run.solution(*run.solved(warm, dense, proof=True))
    except Late:
        pass
    except KeyboardInterrupt:
        if run.best is None:
            raise
    with run.stage("bounds"):
        return run.solution(*run.proved(), run.solver)


class _Generation:
    """One solve: the clock, the account, and the column generation loop."""

    def __init__(self, geometry, a, b, gap, budget, progress):
        self.geometry, self.a, self.b = geometry, a, b
        self.gap, self.progress, self.budget = gap, progress, budget
        self.begin = time.perf_counter()
        self.pricer, self.solver = None, "column generation"
        self.seconds, self.seconds_cpu = {}, {}
        self.counts = {"rounds": 0.0, "solves": 0, "arcs": 0}
        self.subset, self.close, self.stopped = None, False, False
        self.least, self.moves, self.smallest = math.inf, 0, math.inf
        # What is left when time ends: a plan and v; proved (u, v); u of the rows of a subset.
        self.best, self.bounds, self.known = None, None, None
        self.pass_seconds, self.solve_seconds, self.first_seconds = None, None, None

    def stage(self, name):
        return _Stage(self, name)

    def solved(self, warm, dense, proof):
        """(rows, columns, mass, u, v, solver) of the optimum; time is kept for a proof if asked.

        Raises:
            Late: when time ends first.
        """
        n, m = self.geometry.shape
        self.budget.look()
        if hubs.suit(n, m):
            with self.stage("hubs"):
                self.solver = "hubs"
                matrix, integer = self.geometry.block(), self.geometry.integer
                *flow, u, v = hubs.plan(matrix, self.a, self.b, integer, self.budget.look)
                flow, u, v = self.refined(matrix, flow, u, v)
                return *flow, u, v, "hubs"
        if n * m <= dense:
            with self.stage("dense"):
                flow, u, v = self.dense()
                self.known = np.arange(n), u
                return *flow, u, v, "dense"
        with self.stage("start"):
            self.pricer = Pricer(self.geometry, self.budget.look)
            if proof:
                self.keep()
            v = self.start() if warm is None else np.asarray(warm, np.float64)
            v = np.rint(v) if self.geometry.integer else v - v.mean()
        flow, u, v = self.generate(v)
        return *flow, u, v, "column generation"

    def keep(self):
        """Keeps back the time of a pass over all pairs, unless that is most of what there is."""
        if self.budget.end < math.inf:
            self.pass_seconds = self.pricer.seconds(budgets.clock)
            if self.pass_seconds <= _PROOF * self.budget.left():
                self.budget.kept = self.pass_seconds

    def tell(self, stage, lower=None, upper=None):
        if self.progress is not None:
            passed = time.perf_counter() - self.begin
            self.progress(
                {"seconds": passed, "stage": stage, "lower": lower, "upper": upper}
                | {"arcs": self.counts["arcs"]}
            )

    def dense(self):
        """(flow, u, v) from the whole matrix."""
        matrix = self.geometry.block()
        n, m = matrix.shape
        if n == m and (self.a == self.a[0]).all() and (self.b == self.a[0]).all():
            permutation, u, v = whole.assignment(matrix)
            flow = np.arange(n), permutation, self.a.copy()
        else:
            *flow, u, v = whole.plan(matrix, self.a, self.b, self.geometry.integer)
        return self.refined(matrix, flow, u, v)

    def refined(self, matrix, flow, u, v):
        """(flow, u, v) as they are, or refined like a pool of all arcs if they leave a gap."""
        gap, size = self.gap_of(flow, matrix[flow[0], flow[1]], u, v)
        rounding = 0 if self.geometry.integer else _PROVED
        if gap <= max(rounding, self.gap) * size:
            return flow, u, v
        refined = self.generate(v, matrix)
        again = self.gap_of(refined[0], matrix[refined[0][0], refined[0][1]], *refined[1:])[0]
        return refined if again < gap else (flow, u, v)

    def gap_of(self, flow, costs, u, v):
        """The gap of a plan and potentials, and the plan's sum of absolute costs."""
        carried = flow[2] * costs
        gap = math.fsum(np.concatenate([carried, -self.a * u, -self.b * v]))
        return gap, math.fsum(np.abs(carried))

    def report(self, solver):
        return {
            "solver": solver,
            **self.counts,
            "seconds": self.seconds,
            "seconds_cpu": self.seconds_cpu,
            "total_seconds": time.perf_counter() - self.begin,
            "peak_bytes": memory.peak(),
            "subset": self.subset,
            "stopped": self.stopped,
        }

    def solution(self, rows, columns, mass, u, v, solver):
        report = self.report(solver)
        mass = np.rint(mass).astype(np.int64) if self.a.dtype.kind == "i" else mass
        return Solution(rows, columns, mass, self.geometry.pairs(rows, columns), u, v, report)

    def start(self):
        """Dual vector of all columns from the solution of a random quarter of both sides."""
        rng = np.random.default_rng(0)
        (rows, a), (columns, b) = _subset(rng, self.a, self.b)
        share = self.budget.share(_START)
        part = _Generation(self.geometry.take(rows, columns), a, b, 1e-3, share, None)
        try:
            part.known = np.arange(len(rows)), part.solved(None, 1 << 20, proof=False)[3]
        except Late:
            if part.known is None:
                raise
        self.subset = part.report("column generation")
        if part.first_seconds is not None:
            grown = sum(self.geometry.shape) / sum(part.geometry.shape)
            self.solve_seconds = part.first_seconds * grown**_GROWTH
        some, u = part.known
        self.known = rows[some], u
        return self.pricer.extended(*self.known, 4)

    def proved(self):
        """(rows, columns, mass, u, v) out of time: the best plan so far, and the best potentials
        that earlier passes, one more if it fits, or none at all can prove."""
        geometry, budget = self.geometry, self.budget
        budget.kept, self.stopped = 0.0, True
        spare = _GRACE + _LONGER * (budget.end - budget.begin)
        named = isinstance(geometry.cost, str)
        if self.best is None:
            axis = _axis(geometry)
            order = geometry.x @ axis, geometry.y @ axis
            flow, v = separable.plan(self.a, self.b, *order), None
        else:
            flow, v = self.best
        fits = (self.pass_seconds or 0.0) <= budget.left() + spare
        started = v is not None or self.known is not None
        if not named or (started and fits):
            self.passed(v)
        elif self.bounds is None:
            ends = budget.end + spare
            self.better(*separable.potentials(geometry, self.a, self.b, lambda: _before(ends)))
        return *flow, *self.bounds

    def passed(self, v):
        """One pass over all pairs: bounds by v, by the subset where there is none, or by 0."""
        geometry = self.geometry
        if self.bounds is not None and self.bounds[1] is v:
            return
        self.pricer = self.pricer or Pricer(geometry)
        self.pricer.look = lambda: None
        if v is None:
            v = np.zeros(geometry.shape[1])
            v = v if self.known is None else self.pricer.extended(*self.known, 4)
        v = np.rint(v) if geometry.integer else v
        u = self.pricer.lower(v)
        self.better(np.ceil(u) if geometry.integer else u, v)

    def better(self, u, v):
        """Remembers feasible potentials if they prove more than those before."""
        if self.bounds is None or self.worth(u, v) > self.worth(*self.bounds):
            self.bounds = u, v

    def worth(self, u, v):
        return math.fsum(np.concatenate([self.a * u, self.b * v]))

    def generate(self, v, matrix=None):
        """The loop of steps 2 to 6: (flow, u, v).

        Args:
            v: [m] potentials to start from.
            matrix: all costs, which make a complete pool; None to price.
        """
        geometry = self.geometry
        if matrix is None:
            pool, thresholds = self.first_pool(v)
            reach = _Reach(thresholds, v.copy(), _SPARE * sum(geometry.shape))
        else:
            pool, reach = Pool.complete(matrix), None
        u = self.activated(pool, v)
        joined = len(pool)
        while True:
            last, joined = self.settled(pool, u, v, joined)
            flow, u, v, unit, fell = last
            found = self.priced(pool, reach, last)
            bound, gap = found.bound, found.gap
            if found.complete and self.closed(last, found):
                return flow, bound, v
            tolerance = _tolerance(geometry, pool, u, v, unit)
            if not found.complete or (found.reduced < -tolerance).any():
                joined += pool.join(found.reduced, flow, tolerance, fell)
                if joined or not found.complete:
                    self.close = self.close or not joined
                    continue
                # Only arcs that the solver has seen are violated, by rounding.
            if unit <= (1 if geometry.integer else 4 * _EPS * _scale(u, v)):
                if geometry.integer or gap <= _PROVED * found.size or not self.may_move(gap):
                    return flow, bound, v
                # Step 6: arcs that are slack under the moved potentials are not to tie them again.
                v = sparse.near_zero(pool.rows, pool.columns, pool.reduced(bound, v), flow, v)
                bound = pool.least(v)
                gap, _ = self.gap_of(flow, found.prices, bound, v)
            self.fix(pool, flow, bound, v, gap)
            u, joined = bound, len(pool)

    def activated(self, pool, v):
        """Step 2, the active part of a pool: some of its best arcs, and a plan; returns u [n]."""
        geometry = self.geometry
        with self.stage("start the pool"):
            u = pool.least(v)
            pool.activate(u, v)
            axis = _axis(geometry)
            order = geometry.x @ axis, geometry.y @ axis
            pool.add(geometry, *sparse.corner(self.a, self.b, *order), True)
        self.tell("pool")
        return u

    def settled(self, pool, u, v, joined):
        """Step 3: solve on the active arcs, price the pool, until few arcs join: the optimum, and
        how many joined."""
        points = sum(self.geometry.shape)
        while True:
            self.budget.look(self.solve_seconds or _SOLVE * points)
            with self.stage("solve"):
                start = budgets.clock()
                flow, u, v, unit = self.solve(pool, u, v, joined < points // _FEW)
                self.solve_seconds = budgets.clock() - start
                self.first_seconds = self.first_seconds or self.solve_seconds
                self.counts["solves"] += 1
            with self.stage("price pool"):
                tolerance = _tolerance(self.geometry, pool, u, v, unit)
                fell = self.improved(u, v)
                keep = self.best is None or fell
                self.best = flow if keep else self.best[0], v
                self.known = np.arange(self.geometry.shape[0]), u
                joined = pool.join(pool.reduced(u, v), flow, tolerance, fell)
            self.budget.look()
            if joined <= points // _RARE:
                return _Optimum(flow, u, v, unit, fell), joined

    def priced(self, pool, reach, last):
        """Step 4: price the rest, and what that proves."""
        with self.stage("price"):
            complete = reach is None or self.widened(pool, reach, last)
            self.counts["arcs"] = len(pool)
            reduced = pool.reduced(last.u, last.v)
            bound = last.u + np.minimum.reduceat(reduced, pool.row_starts())
            prices = self.geometry.pairs(*last.flow[:2])
            gap, size = self.gap_of(last.flow, prices, bound, last.v)
        return _Priced(complete, reduced, bound, prices, gap, size)

    def widened(self, pool, reach, last):
        """Brings in the arcs outside the pool that are violated or nearly so; whether these are
        all of them."""
        reach.spares //= 2
        reduced = pool.reduced(last.u, last.v)
        k = min(reach.spares, len(pool) - 1)
        spare = max(float(np.partition(reduced, k)[k]), last.unit)
        wanted = last.u + np.minimum.reduceat(reduced, pool.row_starts()) + spare
        complete, wanted = self.capped(wanted, last.v)
        self.outside(pool, reach, wanted, last.v)
        reach.reference, reach.thresholds = last.v.copy(), wanted
        return complete

    def closed(self, last, found):
        """Whether the bounds of a complete pool have met; tells and remembers them."""
        upper, mass = math.fsum(last.flow[2] * found.prices), math.fsum(self.a)
        self.tell("priced", (upper - found.gap) / mass, upper / mass)
        if found.gap <= self.gap * abs(upper) or (self.geometry.integer and found.gap == 0):
            return True
        self.better(found.bound, last.v)
        self.budget.look()
        return False

    def fix(self, pool, flow, u, v, gap):
        """Step 5: leave active what an optimal plan may use, by its reduced cost."""
        points, mass = sum(self.geometry.shape), math.fsum(self.a)
        limit = max(gap, 0.0) / (mass / points) + points * 4 * _EPS * _scale(u, v)
        pool.active = (pool.reduced(u, v) <= limit) | pool.indicator(*flow[:2])

    def may_move(self, gap):
        """Whether the potentials are worth moving once more: the gap still falls."""
        falls = gap < self.smallest / 2
        self.smallest, self.moves = min(gap, self.smallest), self.moves + 1
        return self.moves <= _MOVES and (falls or self.moves <= 2)

    def improved(self, u, v):
        """Whether the optimum over the active arcs is less than ever before; remembers it.

        Only then may arcs be dropped: dropped and joined again at one optimum, they would do so for
        ever. Optima fall, and those on finitely many sets of arcs cannot fall for ever.
        """
        optimum = self.worth(u, v)
        improved, self.least = optimum < self.least, min(optimum, self.least)
        return improved

    def solve(self, pool, u, v, near):
        """Optimal plan of the active arcs in integers of some unit, and its potentials."""
        n, m = pool.shape
        rows, columns = pool.rows[pool.active], pool.columns[pool.active]
        reduced = pool.costs[pool.active] - v[columns] - u[rows]
        spread = float(reduced.max() - min(reduced.min(), 0.0))
        # Without a spread the arcs are equal up to the rounding of the potentials.
        unit = 2.0 ** (math.ceil(math.log2(spread)) - sparse.safe_bits(n + m)) if spread else 0.0
        unit = max(unit, 1.0) if self.geometry.integer else unit
        weights = np.rint(reduced / unit) if unit else np.zeros(len(reduced))
        i, j, mass, du, dv = sparse.plan(self.a, self.b, rows, columns, weights, near)
        return (i, j, mass), u + du * unit, v + dv * unit, unit

    def first_pool(self, v):
        """A pool from one full pass, and the thresholds under which it is complete."""
        geometry, (n, m) = self.geometry, self.geometry.shape
        rng = np.random.default_rng(1)
        some = np.sort(rng.permutation(m)[: max(2048, m // 8)])
        others = np.sort(rng.permutation(n)[: max(2048, n // 8)])
        with self.stage("thresholds"):
            t = self.pricer.quantile(v, some, _PER_ROW, transpose=False)
            s = self.pricer.quantile(t, others, _PER_COLUMN, transpose=True)
        pool = Pool((n, m), *(np.empty(0, k) for k in (np.int32, np.int32, np.float64, bool)))
        with self.stage("first pass"):
            found = [(i, j) for i, j, _ in self.pricer.below(t, v, also=(t, s))]
        with self.stage("exact costs"):
            rows, columns = (np.concatenate([f[k] for f in found]) for k in (0, 1))
            pool.add(geometry, rows, columns, False)
            empty = np.setdiff1d(np.arange(n), pool.rows)
            if len(empty):
                pool.add(geometry, empty, self.pricer.nearest(empty, v), False)
        self.counts["rounds"] += 1
        self.counts["arcs"] = len(pool)
        return pool, t

    def capped(self, wanted, v):
        """Thresholds no higher than what brings some dozens of arcs per row, while u is far off.

        Returns:
            (whether the thresholds are unchanged, thresholds [n]).
        """
        if self.close:
            return True, wanted
        m = len(v)
        some = np.sort(np.random.default_rng(2).permutation(m)[: max(2048, m // 8)])
        cap = self.pricer.quantile(v, some, 2 * _PER_ROW, transpose=False)
        self.counts["rounds"] += len(some) / m
        self.close = np.mean(cap < wanted) < 0.01
        return (True, wanted) if self.close else (False, np.minimum(wanted, cap))

    def outside(self, pool, reach, wanted, v):
        """Brings every arc with c_ij < wanted_i + v_j into the pool; returns how many were new."""
        need, rise = reach.thresholds - wanted, v - reach.reference
        rows, columns = np.argsort(need, kind="stable"), np.argsort(-rise, kind="stable")
        falling = -rise[columns]

        def columns_of(block):
            return columns[: np.searchsorted(falling, -need[block[0]], side="left")]

        some = rows[: np.searchsorted(need[rows], rise.max(), side="left")]
        found, priced = [], 0
        for i, j, pairs in self.pricer.below(wanted, v, rows=some, columns_of=columns_of):
            priced += pairs
            if len(i):
                found.append((i, j))
        self.counts["rounds"] += priced / len(wanted) / len(v)
        if not found:
            return 0
        return pool.add(
            self.geometry, *(np.concatenate([f[k] for f in found]) for k in (0, 1)), False
        )


@dataclasses.dataclass
class _Reach:
    """How far a pool is complete: it holds every arc with c_ij < thresholds_i + reference_j.

    `spares` is about how many arcs beyond the violated ones were brought in last.
    """

    thresholds: np.ndarray
    reference: np.ndarray
    spares: int


class _Optimum(NamedTuple):
    """An optimal plan of the active arcs: (rows, columns, mass), potentials u [n] and v [m] up to a
    unit of cost, and whether the optimum fell."""

    flow: tuple[np.ndarray, np.ndarray, np.ndarray]
    u: np.ndarray
    v: np.ndarray
    unit: float
    fell: bool


class _Priced(NamedTuple):
    """An optimum priced: whether the pool holds every violated arc, the pool's reduced costs, u [n]
    that they bound, the costs of the plan's arcs, the gap, and the plan's sum of absolute costs."""

    complete: bool
    reduced: np.ndarray
    bound: np.ndarray
    prices: np.ndarray
    gap: float
    size: float


def _before(end):
    return budgets.clock() < end


class _Stage:
    def __init__(self, run, name):
        self.accounts = (run.seconds, time.perf_counter), (run.seconds_cpu, time.process_time)
        self.name = name

    def __enter__(self):
        self.start = [clock() for _, clock in self.accounts]

    def __exit__(self, *error):
        for (account, clock), start in zip(self.accounts, self.start, strict=True):
            account[self.name] = account.get(self.name, 0.0) + clock() - start


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


def _axis(geometry):
    """A direction along which the points spread widely: power iterations on some of them."""
    points = np.concatenate([geometry.x[:: len(geometry.x) // 500 + 1], geometry.y[:500]])
    points = points - points.mean(axis=0)
    axis = np.ones(points.shape[1])
    for _ in range(5):
        axis = points.T @ (points @ (axis / max(np.abs(axis).max(), np.finfo(np.float64).tiny)))
    return axis


def _scale(u, v):
    return max(float(np.abs(u).max()), float(np.abs(v).max()))


def _tolerance(geometry, pool, u, v, unit):
    """How far below 0 a reduced cost may be: a unit, or the rounding of that arc's potentials. An
    arc that costs much more than they say is far from 0, whatever its rounding."""
    if geometry.integer and unit == 1:
        return 0.0
    if 8 * _EPS * _scale(u, v) <= unit:
        return unit
    return np.maximum(unit, 4 * _EPS * (np.abs(u)[pool.rows] + np.abs(v)[pool.columns]))
