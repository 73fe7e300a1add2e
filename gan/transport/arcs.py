"""The arcs that column generation works on: a pool sorted by row and column, partly active."""

import dataclasses

import numpy as np

_ACTIVE, _JOIN = 8, 5
"""Active arcs per two points, and arcs of a row or column that join at once."""


@dataclasses.dataclass
class Pool:
    """Arcs of an n by m problem with their costs, sorted, and which of them are active."""

    shape: tuple[int, int]
    rows: np.ndarray
    columns: np.ndarray
    costs: np.ndarray
    active: np.ndarray

    @classmethod
    def complete(cls, matrix) -> "Pool":
        """The pool of all arcs of a cost matrix [n, m], none of them active."""
        n, m = matrix.shape
        rows = np.repeat(np.arange(n, dtype=np.int32), m)
        columns = np.tile(np.arange(m, dtype=np.int32), n)
        return cls((n, m), rows, columns, matrix.ravel(), np.zeros(n * m, bool))

    def __len__(self):
        return len(self.rows)

    def reduced(self, u, v):
        values = self.costs - v[self.columns]
        values -= u[self.rows]
        return values

    def least(self, v):
        """The least c_ij - v_j of each row, over its arcs; [n]."""
        return np.minimum.reduceat(self.costs - v[self.columns], self.row_starts())

    def row_starts(self):
        return np.searchsorted(self.rows, np.arange(self.shape[0]))

    def add(self, geometry, rows, columns, active, costs=None):
        """Adds the pairs that are not in the pool yet, with their costs where these are known;
        returns how many those are."""
        m = self.shape[1]
        keys = rows.astype(np.int64) * m + columns
        order = None if costs is None else np.argsort(keys, kind="stable")
        keys = np.sort(keys) if order is None else keys[order]
        new = np.ones(len(keys), bool)
        np.not_equal(keys[1:], keys[:-1], out=new[1:])
        costs = None if order is None else costs[order[new]]
        keys = keys if new.all() else keys[new]
        own = self.rows.astype(np.int64) * m + self.columns
        place = np.searchsorted(own, keys)
        if len(own):
            present = own[np.minimum(place, len(own) - 1)] == keys
            if active:
                self.active[place[present]] = True
            keys, place = keys[~present], place[~present]
            costs = None if costs is None else costs[~present]
        rows = (keys // m).astype(np.int32)
        columns = (keys - rows.astype(np.int64) * m).astype(np.int32)
        kept = np.ones(len(own) + len(keys), bool)
        kept[place + np.arange(len(keys))] = False
        costs = geometry.pairs(rows, columns) if costs is None else costs
        values = rows, columns, costs, active
        for name, value in zip(("rows", "columns", "costs", "active"), values, strict=True):
            before = getattr(self, name)
            merged = np.empty(len(kept), before.dtype)
            merged[kept], merged[~kept] = before, value
            setattr(self, name, merged)
        return len(keys)

    def indicator(self, rows, columns):
        """Which arcs of the pool are among the given ones, all of which are in the pool."""
        m = self.shape[1]
        own = self.rows.astype(np.int64) * m + self.columns
        found = np.zeros(len(own), bool)
        found[np.searchsorted(own, rows * m + columns)] = True
        return found

    def activate(self, u, v):
        """Starts with the arcs of least reduced cost, and the best three per row and column."""
        reduced = self.reduced(u, v)
        k = min(_ACTIVE * sum(self.shape) // 2, len(self) - 1)
        self.active = reduced <= np.partition(reduced, k)[k]
        self.active |= _best(reduced, self.rows, 3)
        order = np.argsort(self.columns, kind="stable")
        self.active[order] |= _best(reduced[order], self.columns[order], 3)

    def activate_nearest(self, u, v, count, flow=None):
        """Starts, or goes on, with the best arcs of every row and column, and with a plan's."""
        reduced = self.reduced(u, v)
        reduced = reduced if flow is None else np.where(self.active, reduced, np.inf)
        self.active = _best(reduced, self.rows, count)
        order = np.argsort(self.columns, kind="stable")
        self.active[order] |= _best(reduced[order], self.columns[order], count)
        if flow is not None:
            self.active |= self.indicator(*flow[:2])

    def join(self, reduced, flow, tolerance, may_drop):
        """Activates violated arcs: all if few, else the worst per row and column; returns how many.

        When too many arcs are active, those of highest reduced cost are dropped if they may be.
        """
        points = sum(self.shape)
        violated = np.flatnonzero((reduced < -tolerance) & ~self.active)
        if not len(violated):
            return 0
        if len(violated) > points:
            values, columns = reduced[violated], self.columns[violated]
            chosen = _best(values, self.rows[violated], _JOIN)
            order = np.argsort(columns, kind="stable")
            chosen[order] |= _best(values[order], columns[order], _JOIN)
            violated = violated[chosen]
        count, keep = int(self.active.sum()), _ACTIVE * points // 2
        if may_drop and count > keep and count + len(violated) > 3 * keep:
            ranked = np.where(self.active, reduced, np.inf)
            self.active &= ranked <= np.partition(ranked, keep)[keep]
            self.active |= self.indicator(*flow[:2])
        self.active[violated] = True
        return len(violated)


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
