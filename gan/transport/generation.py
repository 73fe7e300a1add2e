"""The loop of column generation: see `columns` for its steps."""

import dataclasses
import math
from typing import NamedTuple

import numpy as np

from gan.transport import boxes, flows, potentials, sparse
from gan.transport import budget as budgets
from gan.transport.account import Account
from gan.transport.arcs import Pool
from gan.transport.bounds import Best, main_axis
from gan.transport.kept import Kept

_FEW, _RARE = 50, 400
_FIRST, _THEN, _EVEN = 10, 5, 16
"""Active arcs of a row or column in few dimensions, before the first solve and after it; how far
masses may differ there."""
_EPS = np.finfo(np.float64).eps
_PROVED, _MOVES, _STAYS = 32 * _EPS, 8, 2
"""Gap, relative to the plan's absolute costs, that is rounding; times potentials are moved; times a
unit of cost stays what it is before it is taken for the finest."""
_SOLVE = 5e-5
"""Seconds a point of a sparse solve, where there is none to go by."""


@dataclasses.dataclass
class Solution:
    """A plan and feasible potentials: u_i <= c_ij - v_j for all i and j, up to rounding.

    Attributes:
        rows, columns, mass, costs: [s] arcs of the plan.
        u, v: [n] and [m] float64.
        report: solver ("dense", "hubs" or "column generation"), rounds (passes over all pairs),
            solves (and by which method, "sparse"), arcs, seconds and seconds_cpu (of all threads)
            per stage, peak_bytes, whether it was stopped before its end, and the report of the
            subset's solution.
        kept: what is known of all pairs (`kept.Kept`), if that was asked for and there is any.
    """

    rows: np.ndarray
    columns: np.ndarray
    mass: np.ndarray
    costs: np.ndarray
    u: np.ndarray
    v: np.ndarray
    report: dict
    kept: Kept | None = None


class Generation:
    """One solve of a geometry between masses a [n] and b [m] to a relative gap."""

    def __init__(self, geometry, a, b, gap, budget, progress):
        self.geometry, self.a, self.b = geometry, a, b
        self.gap, self.budget = gap, budget
        self.account = Account(progress)
        self.stage, self.counts = self.account.stage, self.account.counts
        self.best = Best(geometry, a, b)
        self.sparse = sparse.Solver(a, b)
        self.pricer, self.subset, self.solver = None, None, "column generation"
        self.stopped, self.least, self.moves, self.smallest = False, math.inf, 0, math.inf
        self.unit, self.stays = math.inf, 0  # the finest unit so far, and for how many solves
        self.between = -math.inf, math.inf  # the closest bounds so far
        self.solve_seconds, self.first_seconds = None, None
        self.kept, self.keeps = None, False
        self.whole = False  # whether a first pool is so small that all of it is active

    @property
    def near(self):
        """Whether points have neighbours, of masses that do not differ much: a named cost in few
        dimensions. Between very unequal masses a first solve on near arcs alone may take minutes.
        """
        even = all(mass.max() <= _EVEN * mass.min() for mass in (self.a, self.b))
        named = isinstance(self.geometry.cost, str)
        return named and even and self.geometry.x.shape[1] <= boxes.MOST

    def look(self):
        """Looks at the clock (`Budget.look`), and reports how far the work is."""
        self.budget.look()
        self.account.pulse()

    def allowed(self):
        """The relative gap at which work may end."""
        return max(0 if self.geometry.integer else _PROVED, self.gap)

    def gap_of(self, flow, costs, u, v):
        """The gap of a plan and potentials, and the plan's sum of absolute costs."""
        carried = flow[2] * costs
        gap = math.fsum(np.concatenate([carried, -self.a * u, -self.b * v]))
        return gap, math.fsum(np.abs(carried))

    def report(self):
        return self.account.report() | {
            "solver": self.solver,
            "sparse": self.sparse.solves,
            "subset": self.subset,
            "stopped": self.stopped,
        }

    def solution(self, rows, columns, mass, u, v):
        mass = np.rint(mass).astype(np.int64) if self.a.dtype.kind == "i" else mass
        costs = self.geometry.pairs(rows, columns)
        return Solution(rows, columns, mass, costs, u, v, self.report(), self.kept)

    def generate(self, v, outside=None, whole=None):
        """The loop of steps 2 to 6: (flow, u, v).

        Args:
            v: [m] potentials to start from.
            outside: what prices all pairs; None needs `whole`.
            whole: all costs, which make a complete pool, so that nothing is priced.
        """
        geometry = self.geometry
        pool = Pool.complete(whole) if outside is None else outside.first_pool(v)
        if pool is None:
            return None
        u = self.activated(pool, v)
        joined, self.kept = len(pool), None
        while True:
            last, joined = self.settled(pool, u, v, joined)
            flow, u, v, unit, fell = last
            found = self.priced(pool, outside, last)
            bound, gap = found.bound, found.gap
            if self.keeps and outside is not None:
                self.kept = outside.keep(pool)
            if found.complete and self.closed(last, found):
                return flow, bound, v
            tolerance = _tolerance(geometry, pool, u, v, unit)
            if not found.complete or (found.reduced < -tolerance).any():
                joined += pool.join(found.reduced, flow, tolerance, fell)
                if joined or not found.complete:
                    if outside is not None:
                        outside.close = outside.close or not joined
                    continue
                # Only arcs that the solver has seen are violated, by rounding.
            if self.finest(unit, u, v):
                if geometry.integer or gap <= _PROVED * found.size or not self.may_move(gap):
                    return flow, bound, v
                # Step 6: arcs that are slack under the moved potentials are not to tie them again.
                reduced = pool.reduced(bound, v)
                v = potentials.near_zero(pool.rows, pool.columns, reduced, flow, v)
                bound = pool.least(v)
                gap, _ = self.gap_of(flow, found.prices, bound, v)
            self.fix(pool, flow, bound, v, gap, unit)
            u, joined = bound, len(pool)

    def activated(self, pool, v):
        """Step 2, the active part of a pool: some of its best arcs, and a plan; returns u [n]."""
        geometry = self.geometry
        with self.stage("start the pool"):
            u = pool.least(v)
            if self.whole:
                pool.active[:] = True
            elif self.near:
                pool.activate_nearest(u, v, _FIRST)
            else:
                pool.activate(u, v)
            axis = main_axis(geometry)
            order = geometry.x @ axis, geometry.y @ axis
            pool.add(geometry, *flows.corner(self.a, self.b, *order), True)
        self.account.tell("pool")
        return u

    def settled(self, pool, u, v, joined):
        """Step 3: solve on the active arcs, price the pool, until few arcs join: the optimum, and
        how many joined."""
        points, best = sum(self.geometry.shape), self.best
        while True:
            self.budget.look(self.solve_seconds or _SOLVE * points)
            with self.stage("solve"):
                start = budgets.clock()
                first = self.counts["solves"] == 0
                close = joined < points // _FEW or (self.near and not first)
                flow, u, v, unit = self.solve(pool, u, v, close)
                self.solve_seconds = budgets.clock() - start
                self.first_seconds = self.first_seconds or self.solve_seconds
                self.counts["solves"] += 1
            with self.stage("price pool"):
                tolerance = _tolerance(self.geometry, pool, u, v, unit)
                fell = self.improved(u, v)
                best.flow = flow if best.flow is None or fell else best.flow
                best.v, best.known = v, (np.arange(self.geometry.shape[0]), u)
                if self.near and first and not self.whole:
                    pool.activate_nearest(u, v, _THEN, flow)
                joined = pool.join(pool.reduced(u, v), flow, tolerance, fell)
            self.budget.look()
            if joined <= points // _RARE:
                return _Optimum(flow, u, v, unit, fell), joined

    def priced(self, pool, outside, last):
        """Step 4: price the rest, and what that proves."""
        with self.stage("price"):
            complete = outside is None or outside.widen(pool, last.u, last.v, last.unit)
            self.counts["arcs"] = len(pool)
            reduced = pool.reduced(last.u, last.v)
            bound = last.u + np.minimum.reduceat(reduced, pool.row_starts())
            prices = self.geometry.pairs(*last.flow[:2])
            gap, size = self.gap_of(last.flow, prices, bound, last.v)
        return _Priced(complete, reduced, bound, prices, gap, size)

    def closed(self, last, found):
        """Whether the bounds of a complete pool have met; tells and remembers them."""
        upper, mass = math.fsum(last.flow[2] * found.prices), math.fsum(self.a)
        self.between = max(self.between[0], upper - found.gap), min(self.between[1], upper)
        self.account.tell("priced", *(bound / mass for bound in self.between))
        if found.gap <= self.gap * abs(upper) or (self.geometry.integer and found.gap == 0):
            return True
        self.best.prove(found.bound, last.v)
        self.budget.look()
        return False

    def fix(self, pool, flow, u, v, gap, unit):
        """Step 5: leave active what an optimal plan may use, by its reduced cost.

        Of very many points the gap is so many units that this would be all arcs; arcs of fewer
        units then do, because what is missing is violated and joins."""
        points, mass = sum(self.geometry.shape), math.fsum(self.a)
        limit = min(max(gap, 0.0) / (mass / points), unit * 2.0 ** (2 * self.sparse.bits() // 3))
        limit += points * 4 * _EPS * _scale(u, v)
        pool.active = (pool.reduced(u, v) <= limit) | pool.indicator(*flow[:2])

    def finest(self, unit, u, v):
        """Whether a finer unit of cost is of no use, or not to be had: between very many points the
        arcs that `fix` leaves span so much that the unit stays what it is."""
        if self.geometry.integer:
            return unit <= 1
        self.stays = self.stays + 1 if unit >= self.unit else 0
        self.unit = min(unit, self.unit)
        return unit <= 4 * _EPS * _scale(u, v) or self.stays >= _STAYS

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
        optimum = self.best.worth(u, v)
        improved, self.least = optimum < self.least, min(optimum, self.least)
        return improved

    def solve(self, pool, u, v, near):
        """Optimal plan of the active arcs in integers of some unit, and its potentials."""
        rows, columns = pool.rows[pool.active], pool.columns[pool.active]
        reduced = pool.costs[pool.active] - v[columns] - u[rows]
        spread = float(reduced.max() - min(reduced.min(), 0.0))
        # Without a spread the arcs are equal up to the rounding of the potentials.
        unit = 2.0 ** (math.ceil(math.log2(spread)) - self.sparse.bits()) if spread else 0.0
        unit = max(unit, 1.0) if self.geometry.integer else unit
        weights = np.rint(reduced / unit) if unit else np.zeros(len(reduced))
        i, j, mass, du, dv = self.sparse.plan(rows, columns, weights, near)
        return (i, j, mass), u + du * unit, v + dv * unit, unit


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
