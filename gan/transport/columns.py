"""Certified exact assignment of large sets by column generation, without the cost matrix.

Dantzig's simplex method looks at one profitable arc at a time; Ford, Fulkerson (1958) and Gilmore,
Gomory (1961) generate such arcs on demand. Here:

1. Potentials of a random quarter of both sets, solved the same way, are extended to all points.
2. One pricing pass collects a pool of arcs of low reduced cost, some dozens per point.
3. The assignment is solved in integers on a small active part of the pool, its potentials price the
   pool, and violated arcs join, until none is left.
4. Pricing outside the pool. The pool holds every arc with c_ij < t_i + r_j for the thresholds t and
   the reference r of the last pass, so under potentials (u, v) another arc can be violated only
   where v_j - r_j > t_i - u_i: only those blocks are priced. Violated arcs join the pool; back to 3.
5. Integers stand for multiples of a unit of cost. When no arc is violated by more than the unit, arcs
   whose reduced cost exceeds the remaining gap cannot be optimal (reduced cost fixing); the others
   are solved again with a unit finer by the same factor. Integer costs have unit 1: their gap is 0.

The bounds need no trust in steps 1 to 4: u is the minimum over all j of c_ij - v_j, because every
pair below it is in the pool.
"""

import dataclasses
import math
import time

import numpy as np
from scipy import sparse as scipy_sparse
from scipy.sparse import csgraph

from gan.transport import dense, memory, sparse
from gan.transport.pricing import Pricer

DENSE = 1024
"""Subsets of at most this many points are solved with their whole matrix."""

_PER_ROW, _PER_COLUMN, _ACTIVE, _JOIN, _SPARE = 40, 16, 12, 5, 10


@dataclasses.dataclass
class Pool:
    """Arcs with their costs, sorted by row and column, and which of them are active."""

    shape: tuple[int, int]
    rows: np.ndarray
    columns: np.ndarray
    costs: np.ndarray
    active: np.ndarray

    def __len__(self):
        return len(self.rows)

    def reduced(self, u, v):
        values = self.costs - v[self.columns]
        values -= u[self.rows]
        return values

    def row_starts(self):
        return np.searchsorted(self.rows, np.arange(self.shape[0]))

    def add(self, geometry, rows, columns, active):
        """Adds the pairs that are not in the pool yet; returns how many those are."""
        m = self.shape[1]
        keys = np.unique(rows.astype(np.int64) * m + columns)
        own = self.rows.astype(np.int64) * m + self.columns
        if len(own):
            place = np.minimum(np.searchsorted(own, keys), len(own) - 1)
            present = own[place] == keys
            if active:
                self.active[place[present]] = True
            keys = keys[~present]
        rows, columns = (keys // m).astype(np.int32), (keys % m).astype(np.int32)
        order = np.argsort(np.concatenate([own, keys]), kind="stable")
        self.costs = np.concatenate([self.costs, geometry.pairs(rows, columns)])[order]
        self.rows = np.concatenate([self.rows, rows])[order]
        self.columns = np.concatenate([self.columns, columns])[order]
        self.active = np.concatenate([self.active, np.full(len(keys), active)])[order]
        return len(keys)


@dataclasses.dataclass
class Solution:
    """A permutation and feasible potentials: u_i <= c_ij - v_j for all i and j."""

    permutation: np.ndarray
    costs: np.ndarray
    u: np.ndarray
    v: np.ndarray
    report: dict

    @property
    def gap(self):
        """Sum of costs minus sum of potentials."""
        return math.fsum(np.concatenate([self.costs, -self.u, -self.v]))


def assignment(geometry, *, warm=None, gap=0.0, seconds=math.inf, progress=None, seed=0):
    """Optimal assignment of a square geometry.

    Args:
        geometry: costs.Geometry of n by n points.
        warm: dual vector v [n] of a nearby problem, instead of the solution of a subset.
        gap: relative gap at which to stop; 0 is as far as float64 goes, and exactly 0 in integers.
        seconds: time after which the best bounds so far are returned.
        progress: called with a dictionary (seconds, stage, lower, upper, arcs) as it advances; the
            bounds are rigorous means, or None before there are any.
        seed: of the random subset; the optimum does not depend on it.

    Returns:
        A `Solution`.
    """
    run = _Run(geometry, gap, seconds, progress)
    n = geometry.shape[0]
    if n <= DENSE:
        with run.stage("dense"):
            permutation, u, v = dense.assignment(geometry.block())
        return run.finish(permutation, u, v)
    with run.stage("start"):
        v = _extended(geometry, run, seed) if warm is None else np.asarray(warm, np.float64)
        v = np.rint(v) if geometry.integer else v
    try:
        permutation, u, v = run.generate(v)
    except KeyboardInterrupt:
        if run.best is None:
            raise
        permutation, v = run.best
        u = None
    if u is None:
        with run.stage("bounds"):
            u = run.pricer.lower(v)
    return run.finish(permutation, u, v)


class _Run:
    """One solve: the clock, the account, and the column generation loop."""

    def __init__(self, geometry, gap, seconds, progress):
        self.geometry, self.gap, self.progress = geometry, gap, progress
        self.begin = time.perf_counter()
        self.deadline = self.begin + seconds
        self.pricer = Pricer(geometry)
        self.seconds, self.counts = {}, {"rounds": 0.0, "solves": 0, "arcs": 0}
        self.best, self.nested = None, None

    def stage(self, name):
        return _Stage(self, name)

    def late(self):
        return time.perf_counter() > self.deadline

    def tell(self, stage, lower=None, upper=None):
        if self.progress is not None:
            self.progress(
                {
                    "seconds": time.perf_counter() - self.begin,
                    "stage": stage,
                    "lower": lower,
                    "upper": upper,
                    "arcs": self.counts["arcs"],
                }
            )

    def finish(self, permutation, u, v):
        n = len(permutation)
        costs = self.geometry.pairs(np.arange(n), permutation)
        report = {
            "solver": "column generation" if n > DENSE else "dense assignment",
            **self.counts,
            "seconds": self.seconds,
            "total_seconds": time.perf_counter() - self.begin,
            "peak_bytes": memory.peak(),
            "subset": self.nested,
        }
        return Solution(permutation, costs, u, v, report)

    def generate(self, v):
        """The loop of steps 2 to 5: (permutation, u, v), u None when time ran out."""
        geometry, n = self.geometry, self.geometry.shape[0]
        with self.stage("pool"):
            pool, t = self.first_pool(v)
            u = np.minimum.reduceat(pool.costs - v[pool.columns], pool.row_starts())
            reference = v.copy()
        with self.stage("match"):
            _activate(pool, u, v)
            rows, columns = _completion(geometry, pool)
            pool.add(geometry, rows, columns, True)
        self.tell("pool")
        unit, limit = math.inf, math.inf
        while True:
            # Step 3: solve on the active arcs, price the pool.
            while True:
                with self.stage("solve"):
                    permutation, u, v, unit = _solve(pool, u, v, geometry.integer, limit)
                    self.best = permutation, v
                    self.counts["solves"] += 1
                with self.stage("price pool"):
                    tolerance = _tolerance(geometry, pool, u, v, unit)
                    joined = _join(pool, pool.reduced(u, v), permutation, tolerance)
                if self.late():
                    return permutation, None, v
                if not joined:
                    break
            # Step 4: price the rest.
            with self.stage("price"):
                reduced = pool.reduced(u, v)
                spare = float(np.partition(reduced, k := min(_SPARE * n, len(pool) - 1))[k])
                u = u + np.minimum(np.minimum.reduceat(reduced, pool.row_starts()), 0)
                wanted = u + max(spare, tolerance)
                added = self.outside(pool, reference, t, wanted, v)
                reference, t = v.copy(), wanted
                self.counts["arcs"] = len(pool)
            reduced = pool.reduced(u, v)
            lowest = np.minimum.reduceat(reduced, pool.row_starts())
            u = u + lowest
            upper = geometry.pairs(np.arange(n), permutation)
            gap = math.fsum(np.concatenate([upper, -u, -v]))
            total = math.fsum(upper)
            self.tell("priced", (total - gap) / n, total / n)
            if added and lowest.min() < -tolerance:
                _join(pool, reduced, permutation, tolerance)
                continue
            if gap <= self.gap * abs(total) or (geometry.integer and gap == 0) or self.late():
                return permutation, u, v
            # Step 5: fix arcs by their reduced cost and refine the unit.
            floor = 4 * np.finfo(np.float64).eps * _scale(pool, u, v)
            if unit <= (1 if geometry.integer else floor):
                return permutation, u, v
            limit = max(gap, 0.0) + n * floor
            pool.active = pool.reduced(u, v) <= limit

    def first_pool(self, v):
        """A pool from one full pass, and the thresholds under which it is complete."""
        geometry, n = self.geometry, self.geometry.shape[0]
        rng = np.random.default_rng(1)
        sample = np.sort(rng.permutation(n)[: max(2048, n // 8)])
        t = self.pricer.quantile(v, sample, _PER_ROW, transpose=False)
        s = self.pricer.quantile(t, sample, _PER_COLUMN, transpose=True)
        pool = Pool((n, n), *(np.empty(0, k) for k in (np.int32, np.int32, np.float64, bool)))
        found = [(i, j) for i, j, _ in self.pricer.below(t, v, also=(t, s))]
        rows, columns = (np.concatenate([f[k] for f in found]) for k in (0, 1))
        pool.add(geometry, rows, columns, False)
        empty = np.setdiff1d(np.arange(n), pool.rows)
        if len(empty):
            pool.add(geometry, empty, self.pricer.nearest(empty, v), False)
        self.counts["rounds"] += 1
        self.counts["arcs"] = len(pool)
        return pool, t

    def outside(self, pool, reference, t, wanted, v):
        """Brings every arc with c_ij < wanted_i + v_j into the pool; returns how many were new."""
        n = len(v)
        need, rise = t - wanted, v - reference
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
        self.counts["rounds"] += priced / n**2
        if not found:
            return 0
        return pool.add(
            self.geometry, *(np.concatenate([f[k] for f in found]) for k in (0, 1)), False
        )


class _Stage:
    def __init__(self, run, name):
        self.run, self.name = run, name

    def __enter__(self):
        self.start = time.perf_counter()

    def __exit__(self, *error):
        spent = time.perf_counter() - self.start
        self.run.seconds[self.name] = self.run.seconds.get(self.name, 0.0) + spent


def _extended(geometry, run, seed):
    """Dual vector of all columns from the solution of a random quarter of both sides.

    Each column gets the mean of its minimum over four parts of the subset's rows: smoother than the
    minimum over all, and the same for columns inside and outside the subset.
    """
    n = geometry.shape[0]
    rng = np.random.default_rng(seed)
    size = max(DENSE, n // 4)
    rows, columns = rng.permutation(n)[:size], rng.permutation(n)[:size]
    part = assignment(geometry.take(rows, columns), gap=1e-3, seconds=run.deadline - run.begin)
    run.nested = part.report
    return run.pricer.extended(rows, part.u, 4)


def _activate(pool, u, v):
    """Starts with the arcs of least reduced cost overall, and the best three per row and column."""
    n = pool.shape[0]
    reduced = pool.reduced(u, v)
    k = min(_ACTIVE * n, len(pool) - 1)
    pool.active = reduced <= np.partition(reduced, k)[k]
    pool.active |= _best(reduced, pool.rows, 3)
    order = np.argsort(pool.columns, kind="stable")
    pool.active[order] |= _best(reduced[order], pool.columns[order], 3)


def _best(values, groups, k):
    """Which of the values are among the k least of their (contiguous) group."""
    values = values.copy()
    starts = np.flatnonzero(np.diff(groups, prepend=-1))
    sizes = np.diff(starts, append=len(groups))
    chosen = np.zeros(len(values), bool)
    for _ in range(k):
        least = np.repeat(np.minimum.reduceat(values, starts), sizes)
        hit = (values == least) & (values < np.inf)
        chosen |= hit
        values[hit] = np.inf
    return chosen


def _completion(geometry, pool):
    """Pairs that complete a largest matching of the active arcs to a perfect one."""
    n = pool.shape[0]
    rows, columns = pool.rows[pool.active], pool.columns[pool.active]
    graph = scipy_sparse.csr_array((np.ones(len(rows), bool), (rows, columns)), shape=(n, n))
    match = csgraph.maximum_bipartite_matching(graph, perm_type="column")
    free = np.flatnonzero(match < 0)
    other = np.setdiff1d(np.arange(n), match)
    if len(free) <= 2 * DENSE:
        if len(free):
            other = other[dense.assignment(geometry.block(free, other))[0]]
    return np.concatenate([free, np.flatnonzero(match >= 0)]), np.concatenate(
        [other, match[match >= 0]]
    )


def _solve(pool, u, v, integer, limit):
    """Optimal permutation of the active arcs in integers of some unit, and its potentials."""
    n = pool.shape[0]
    rows, columns = pool.rows[pool.active], pool.columns[pool.active]
    reduced = pool.costs[pool.active] - v[columns] - u[rows]
    spread = float(reduced.max() - min(reduced.min(), 0.0))
    unit = 2.0 ** (math.ceil(math.log2(spread)) - sparse.safe_bits(n)) if spread > 0 else 1.0
    unit = max(unit, 1.0) if integer else unit
    weights = np.rint(reduced / unit).astype(np.int64)
    permutation = sparse.assignment(n, rows, columns, weights)
    du, dv = sparse.potentials(permutation, rows, columns, weights)
    return permutation, u + du * unit, v + dv * unit, unit


def _scale(pool, u, v):
    return max(float(np.abs(pool.costs).max()), float(np.abs(u).max()), float(np.abs(v).max()))


def _tolerance(geometry, pool, u, v, unit):
    if geometry.integer and unit == 1:
        return 0.0
    return max(unit, 4 * np.finfo(np.float64).eps * _scale(pool, u, v))


def _join(pool, reduced, permutation, tolerance):
    """Activates violated arcs: all if few, else the worst per row and column; returns how many."""
    n = pool.shape[0]
    violated = np.flatnonzero((reduced < -tolerance) & ~pool.active)
    if not len(violated):
        return 0
    if len(violated) > 2 * n:
        values, columns = reduced[violated], pool.columns[violated]
        chosen = _best(values, pool.rows[violated], _JOIN)
        order = np.argsort(columns, kind="stable")
        chosen[order] |= _best(values[order], columns[order], _JOIN)
        violated = violated[chosen]
    if pool.active.sum() + len(violated) > 3 * _ACTIVE * n:
        idle = np.where(pool.active, reduced, -np.inf)
        k = len(idle) - (int(pool.active.sum()) - _ACTIVE * n)
        pool.active &= reduced <= np.partition(idle, k)[k]
        pool.active |= permutation[pool.rows] == pool.columns
    pool.active[violated] = True
    return len(violated)
