"""The pairs outside a pool of arcs: which of them enter it, and how far it is complete.

The pool holds every arc with c_ij < t_i + r_j for the thresholds t and the reference r of the last
pass. Under other potentials (u, v) an arc outside can be violated only where v_j - r_j > t_i - u_i:
only those blocks of pairs are priced.
"""

import numpy as np

from gan.transport.arcs import Pool

_PER_ROW, _PER_COLUMN, _SPARE = 40, 16, 10


class Outside:
    """Prices what a pool of one geometry does not hold.

    Attributes:
        thresholds [n], reference [m]: how far the pool is complete.
        spares: about how many arcs beyond the violated ones were brought in last.
        close: whether potentials are so nearly right that thresholds need no cap.
    """

    def __init__(self, geometry, pricer, account):
        self.geometry, self.pricer, self.account = geometry, pricer, account
        self.spares, self.close = _SPARE * sum(geometry.shape), False
        self.thresholds = self.reference = np.empty(0)

    def first_pool(self, v):
        """A pool from one full pass under potentials v [m]: some dozens of arcs per point."""
        (n, m), account = self.geometry.shape, self.account
        with account.stage("thresholds"):
            t = self.pricer.quantile(v, _sample(1, m), _PER_ROW, transpose=False)
            s = self.pricer.quantile(t, _sample(3, n), _PER_COLUMN, transpose=True)
        pool = Pool((n, m), *(np.empty(0, k) for k in (np.int32, np.int32, np.float64, bool)))
        with account.stage("first pass"):
            found = [(i, j) for i, j, _ in self.pricer.below(t, v, also=(t, s))]
        with account.stage("exact costs"):
            rows, columns = (np.concatenate([f[k] for f in found]) for k in (0, 1))
            pool.add(self.geometry, rows, columns, False)
            empty = np.setdiff1d(np.arange(n), pool.rows)
            if len(empty):
                pool.add(self.geometry, empty, self.pricer.nearest(empty, v), False)
        account.counts["rounds"] += 1
        account.counts["arcs"] = len(pool)
        self.thresholds, self.reference = t, v.copy()
        return pool

    def widen(self, pool, u, v, unit) -> bool:
        """Brings in the arcs that are violated under (u, v) or nearly so; whether these are all of
        them."""
        self.spares //= 2
        reduced = pool.reduced(u, v)
        k = min(self.spares, len(pool) - 1)
        spare = max(float(np.partition(reduced, k)[k]), unit)
        wanted = u + np.minimum.reduceat(reduced, pool.row_starts()) + spare
        complete, wanted = self._capped(wanted, v)
        if self._bring(pool, wanted, v):
            self.reference, self.thresholds = v.copy(), wanted
        return complete

    def _capped(self, wanted, v):
        """Thresholds no higher than what brings some dozens of arcs per row, while u is far off.

        Returns:
            (whether the thresholds are unchanged, thresholds [n]).
        """
        if self.close:
            return True, wanted
        some = _sample(2, len(v))
        cap = self.pricer.quantile(v, some, 2 * _PER_ROW, transpose=False)
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
        for i, j, pairs in self.pricer.below(wanted, v, rows=some, columns_of=columns_of):
            priced += pairs
            if len(i):
                found.append((i, j))
        self.account.counts["rounds"] += priced / len(wanted) / len(v)
        if found:
            i, j = (np.concatenate([f[k] for f in found]) for k in (0, 1))
            pool.add(self.geometry, i, j, False)
        return priced > 0


def _sample(seed, size):
    """An eighth of so many points, but some thousands, in random order."""
    return np.random.default_rng(seed).permutation(size)[: max(2048, size // 8)]
