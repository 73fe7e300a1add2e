"""Column generation in few dimensions: potentials from coarse to fine, and neighbours for a pool.

Points in few dimensions have neighbours, and optimal potentials are nearly those of a problem in
which neighbours are merged (Merigot 2011; Schmitzer 2016). So cells of some points, at their
centres and with their masses, are solved first, in the same way; the pool is what is nearest under
their potentials; and pairs of `boxes` that can hold nothing are never looked at.
"""

import numpy as np

from gan.transport.arcs import Pool
from gan.transport.boxes import Boxes, Tree
from gan.transport.outside import Outside

_CELL, _MORE, _CROWD = 4, 2, 3
"""Points of a cell; how many times as many arcs the next pass may add; ratio of the sides of boxes
of as many points that says that one set is crowded."""
_EVEN, _CROWDED = (20, 64, 128), (60, 400, 200)
"""Arcs of a row or a column in the first pool, the most that a pass adds, and pairs per point that
are held at once: where points are spread alike, and where hundreds nearly coincide."""


def cells(points: np.ndarray, mass: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centres [k, d] and masses [k] of cells of neighbours among points [n, d] of masses [n]."""
    tree = Tree(points, _CELL)
    weights = np.where(tree.real, mass[tree.order], 0).reshape(1 << tree.depth, -1)
    total = weights.sum(axis=1)
    centres = (tree.nodes(tree.depth) * weights).sum(axis=2) / np.maximum(total, 1)
    return np.ascontiguousarray(centres.T[total > 0]), total[total > 0]


def _side(tree) -> float:
    """The median over leaves of their widest side."""
    return float(np.median(np.ptp(tree.nodes(tree.depth), axis=2).max(axis=0)))


class Neighbours(Outside):
    """Prices what a pool of a geometry of few dimensions does not hold."""

    def __init__(self, geometry, pricer, account, look):
        super().__init__(geometry, pricer, account)
        self.look, self.sampled = look, False
        self.boxes = Boxes(geometry.x, geometry.y, geometry.cost)
        sides = [_side(tree) for tree in (self.boxes.left, self.boxes.right)]
        crowded = max(sides) > _CROWD * min(sides)
        self.count, self.cap, self.held = _CROWDED if crowded else _EVEN

    def first_pool(self, v):
        """A pool of the nearest columns of every row and rows of every column, under v [m]."""
        (n, m), account = self.geometry.shape, self.account
        pool = Pool((n, m), *(np.empty(0, k) for k in (np.int32, np.int32, np.float64, bool)))
        with account.stage("thresholds"):
            t = self.boxes.nearest(v, self.count)[1][:, -1]
        with account.stage("first pass"):
            found = self._least(t, v, t, v)
            if found is None:
                return self._sampled_pool(v)
            rows, columns, costs = found
            u = np.full(n, np.inf)
            np.minimum.at(u, rows, costs - v[columns])
        with account.stage("thresholds"):
            s = self.boxes.nearest(u, self.count, of_x=False)[1][:, -1]
        with account.stage("first pass"):
            more = self._least(u, s, u, s, by_column=True)
            if more is None:
                return self._sampled_pool(v)
        with account.stage("exact costs"):
            ends = (np.concatenate([rows, more[0]]), np.concatenate([columns, more[1]]))
            pool.add(self.geometry, *ends, False)
        account.counts["rounds"] += 1
        account.counts["arcs"] = len(pool)
        return pool

    def _sampled_pool(self, v):
        """A pool by thresholds from a sample, as in many dimensions."""
        self.sampled = True
        return super().first_pool(v)

    def _least(self, t, v, u, w, by_column=False):
        """(rows, columns, costs) of the pairs below t and v, the least of every row or column; None
        where these are so many that the thresholds are no guess of nearest points."""
        found, held = [], 0
        for i, j, _ in self.boxes.below(t, v):
            self.look()
            found.append((i, j))
            held += len(i)
            if held > self.held * (len(t) + len(v)):
                return None
        return self._nearest(found, u, w, by_column)

    def _nearest(self, found, u, w, by_column):
        rows, columns = (np.concatenate([f[k] for f in found]) for k in (0, 1))
        costs = self.geometry.pairs(rows, columns)
        ends = columns if by_column else rows
        order = np.lexsort((costs - u[rows] - w[columns], ends))
        first = np.searchsorted(ends[order], ends[order])
        kept = order[np.arange(len(order)) - first < self.count]
        return rows[kept], columns[kept], costs[kept]

    def _capped(self, wanted, v):
        if self.close or self.sampled:
            return super()._capped(wanted, v)
        cap = self.boxes.nearest(v, self.cap)[1][:, -1]
        self.cap *= _MORE
        self.close = np.mean(cap < wanted) < 0.01
        return (True, wanted) if self.close else (False, np.minimum(wanted, cap))

    def _bring(self, pool, wanted, v):
        found, priced = [], 0
        for i, j, pairs in self.boxes.below(wanted, v):
            self.look()
            priced += pairs
            if len(i):
                found.append((i, j))
        self.account.counts["rounds"] += priced / len(wanted) / len(v)
        if found:
            pool.add(self.geometry, *(np.concatenate([f[k] for f in found]) for k in (0, 1)), False)
        return True
