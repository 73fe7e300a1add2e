"""The pairs outside a pool of arcs: which of them enter it, and how far it is complete.

The pool holds every arc with c_ij < t_i + r_j for the thresholds t and the reference r of the last
pass. Under other potentials (u, v) an arc outside can be violated only where v_j - r_j > t_i - u_i:
only those blocks of pairs are priced.
"""

import numpy as np

from gan.transport.arcs import Pool
from gan.transport.kept import Kept

_PER_ROW, _PER_COLUMN, _SPARE, _LEAST, _AGAIN, _OPEN = 40, 16, 10, 2, 3, 0.3
"""Arcs of a row and of a column in a first pool, about; arcs per point beyond the violated ones, at
first and at least, and when a pool is used again; share of all pairs that may then be unknown."""
_MOST = 1 << 22
"""Arcs that a capped pass may bring in any case: where points are crowded, many compete."""


class Outside:
    """Prices what a pool of one geometry does not hold.

    Attributes:
        thresholds [n], reference [m]: how far the pool is complete.
        spares: about how many arcs beyond the violated ones were brought in last.
        close: whether potentials are so nearly right that thresholds need no cap.
    """

    def __init__(self, geometry, pricer, account, kept=None):
        """Takes up what was `Kept` of a nearby geometry, if it serves."""
        self.geometry, self.pricer, self.account = geometry, pricer, account
        self.kept = kept if kept is not None and kept.serves(geometry) else None
        self.spares, self.close = _SPARE * sum(geometry.shape), False
        self.thresholds = self.reference = np.empty(0)

    def first_pool(self, v):
        """A pool from one full pass under potentials v [m]: some dozens of arcs per point."""
        (n, m), account = self.geometry.shape, self.account
        again = None if self.kept is None else self._again(v)
        if again is not None:
            return again
        with account.stage("thresholds"):
            t = self.pricer.quantile(v, _sample(1, m), _PER_ROW, transpose=False)
            s = self.pricer.quantile(t, _sample(3, n), _PER_COLUMN, transpose=True)
        pool = Pool((n, m), *(np.empty(0, k) for k in (np.int32, np.int32, np.float64, bool)))
        with account.stage("first pass"):
            blocks = self.pricer.below(t, np.maximum(v, s))
            found = list(account.followed(blocks, n * m))
        with account.stage("exact costs"):
            self._add(pool, found)
            empty = np.setdiff1d(np.arange(n), pool.rows)
            if len(empty):
                pool.add(self.geometry, empty, self.pricer.nearest(empty, v), False)
        account.counts["rounds"] += 1
        account.counts["arcs"] = len(pool)
        self.thresholds, self.reference = t, np.maximum(v, s)
        return pool

    def _again(self, v):
        """The pool of before the move; None where a pass over all pairs is quicker."""
        kept, account = self.kept, self.account
        empty = (np.empty(0, k) for k in (np.int32, np.int32, np.float64, bool))
        pool = Pool(self.geometry.shape, *empty)
        with account.stage("exact costs"):
            thresholds, reference = kept.after(self.geometry)
            pool.add(self.geometry, kept.rows, kept.columns, False)
            rise = np.sort(v - reference)
            unknown = len(rise) - np.searchsorted(rise, thresholds - pool.least(v), side="right")
        if np.mean(unknown) > _OPEN * len(rise):
            return None
        self.thresholds, self.reference = thresholds, reference
        account.counts["arcs"] = len(pool)
        self.spares = _AGAIN * sum(self.geometry.shape)
        return pool

    def keep(self, pool) -> Kept | None:
        """What a pool is known to hold, for later; None where a named cost is missing."""
        if not isinstance(self.geometry.cost, str) or not len(self.thresholds):
            return None
        within = pool.costs < self.thresholds[pool.rows] + self.reference[pool.columns]
        within |= pool.active
        starts = pool.rows[within], pool.columns[within]
        return Kept(self.geometry, *starts, self.thresholds, self.reference)

    def widen(self, pool, u, v, unit) -> bool:
        """Brings in the arcs that are violated under (u, v) or nearly so; whether these are all of
        them."""
        reduced = pool.reduced(u, v)
        least = u + np.minimum.reduceat(reduced, pool.row_starts())
        if self._holds(least, v):
            return True
        self.spares = max(self.spares // 2, _LEAST * sum(self.geometry.shape))
        k = min(self.spares, len(pool) - 1)
        spare = max(float(np.partition(reduced, k)[k]), unit)
        complete, wanted = self._capped(least + spare, v)
        if self._bring(pool, wanted, v):
            self.reference, self.thresholds = v.copy(), wanted
        return complete

    def _holds(self, wanted, v):
        """Whether the pool is known to hold every arc with c_ij < wanted_i + v_j."""
        if not len(self.thresholds):
            return False
        return bool((self.thresholds - wanted).min() >= (v - self.reference).max())

    def _capped(self, wanted, v):
        """Thresholds no higher than what brings some dozens of arcs per row, while u is far off.

        Returns:
            (whether the thresholds are unchanged, thresholds [n]).
        """
        if self.close:
            return True, wanted
        some = _sample(2, len(v))
        most = max(2 * _PER_ROW, _MOST // len(wanted))
        cap = self.pricer.quantile(v, some, min(most, len(v)), transpose=False)
        self.account.counts["rounds"] += len(some) / len(v)
        self.close = np.mean(cap < wanted) < 0.01
        return (True, wanted) if self.close else (False, np.minimum(wanted, cap))

    def _bring(self, pool, wanted, v):
        """Brings every arc with c_ij < wanted_i + v_j into the pool; whether it looked at any pair.

        Otherwise the pool holds these arcs already, and the thresholds of before tell of more."""
        need, rise = self.thresholds - wanted, v - self.reference
        rows, columns = np.argsort(need, kind="stable"), np.argsort(-rise, kind="stable")
        falling = -rise[columns]

        def columns_of(block):
            return columns[: np.searchsorted(falling, -need[block[0]], side="left")]

        some = rows[: np.searchsorted(need[rows], rise.max(), side="left")]
        found, priced = [], 0
        blocks = self.pricer.below(wanted, v, rows=some, columns_of=columns_of)
        total = max(1, np.searchsorted(falling, -need[some], side="left").sum())
        for block in self.account.followed(blocks, total):
            priced += block.priced
            if len(block.rows):
                found.append(block)
        self.account.counts["rounds"] += priced / len(wanted) / len(v)
        if found:
            self._add(pool, found)
        return priced > 0

    def _add(self, pool, found):
        """Adds what `Pricer.below` found."""
        rows, columns = (np.concatenate([block[k] for block in found]) for k in (0, 1))
        known = all(block.costs is not None for block in found)
        costs = np.concatenate([block.costs for block in found]) if known else None
        pool.add(self.geometry, rows, columns, False, costs)


def _sample(seed, size):
    """An eighth of so many points, but some thousands, in random order."""
    return np.random.default_rng(seed).permutation(size)[: max(2048, size // 8)]
