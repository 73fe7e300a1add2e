"""The arcs that column generation works on: a pool sorted by row and column, partly active."""

import dataclasses

import numpy as np


@dataclasses.dataclass
class Pool:
    """Arcs of an n by m problem with their costs, sorted, and which of them are active."""

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

    def indicator(self, rows, columns):
        """Which arcs of the pool are among the given ones, all of which are in the pool."""
        m = self.shape[1]
        own = self.rows.astype(np.int64) * m + self.columns
        found = np.zeros(len(own), bool)
        found[np.searchsorted(own, rows * m + columns)] = True
        return found
