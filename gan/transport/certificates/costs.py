"""Costs as the verifier has them: from below for a minimum, with their error for a plan.

Steps 3 to 5 of the proof in the package's docstring. All sets are float64 [n, d]; in integers every
cost is exact, otherwise coordinates are at most 1 and `lower` is at most the true cost.
"""

import numpy as np

from gan.errors import UserError
from gan.transport.certificates import points
from gan.transport.certificates.screen import Screen

NAMES = ("euclidean", "sqeuclidean", "cityblock")

_HALF = 2.0**-53
_NEAR = 0.05
"""Squares below this share of the two norms are computed again, from differences."""
_PAIRS = 1 << 20
_MOST = 100_000
"""Coordinates of points that are screened in float32."""


class Costs:
    """Blocks of costs, and those of a plan's arcs.

    Attributes:
        arc_rows, arc_columns: [k] int64, the plan's arcs.
        relative, absolute: an arc's true cost is within `relative` of what `of_arcs` gives, plus
            `absolute`, which `lower` may exceed a cost by, too.
        threads: whether blocks may be asked for in several threads.
        largest: of a callable's costs, the largest magnitude so far.
    """

    relative = 0.0
    absolute = 0.0
    threads = False
    largest = 0.0

    def lower(self, rows: slice, columns: slice) -> np.ndarray:
        """Numbers [r, c] that are at most the costs of the block."""
        raise NotImplementedError

    def of_pairs(self, rows, columns) -> np.ndarray:
        """Numbers [k] that are at most the costs of pairs, and not below those of `lower`."""
        raise NotImplementedError

    def screen(self, v) -> Screen | None:
        """A screen of pairs by their costs less v [m]; None for costs that have none."""
        return None

    def of_arcs(self) -> np.ndarray:
        """Costs [k] of the arcs, up to `relative` and `absolute`."""
        raise NotImplementedError

    def of_nearest(self, nearest, u, v) -> np.ndarray:
        """c_ij - v_j [n] for the column j that attains each minimum u_i of lower costs, the cost
        computed as for arcs."""
        raise NotImplementedError

    def reach(self) -> tuple[np.ndarray, np.ndarray]:
        """(p [n], q [m]) with c_ij <= p_i + q_j, step 7."""
        raise NotImplementedError


class Callable(Costs):
    """A cost that is a callable ([r, d], [c, d]) -> [r, c].

    It is asked once for every pair: the costs of the arcs are those of the same blocks, since a
    callable may round otherwise when it is asked for fewer pairs.
    """

    def __init__(self, x, y, cost, rows, columns):
        self.x, self.y, self.cost = x, y, cost
        self.arc_rows, self.arc_columns = rows, columns
        self.order = np.argsort(rows, kind="stable")
        self.rows, self.columns = rows[self.order], columns[self.order]
        self.arcs = np.full(len(rows), np.nan)
        self.largest = 0.0

    def lower(self, rows, columns):
        """What the callable returns."""
        x, y = self.x[rows].copy(), self.y[columns].copy()  # a callable may write into them
        values = points.numbers(self.cost(x, y), "what the cost returns")
        block = np.array(values, dtype=np.float64)
        if block.shape != (len(x), len(y)):
            raise UserError(f"the cost must return shape {(len(x), len(y))}, got {block.shape}")
        if not np.isfinite(block).all():
            raise UserError("the costs are not finite")
        self.largest = max(self.largest, float(np.abs(block).max()))
        part = slice(*np.searchsorted(self.rows, [rows.start, rows.start + len(x)]))
        j = self.columns[part] - columns.start
        here = np.flatnonzero((j >= 0) & (j < len(y)))
        i = self.rows[part][here] - rows.start
        self.arcs[self.order[part][here]] = block[i, j[here]]
        return block

    def of_arcs(self):
        """Costs [k] of the arcs, once all blocks were asked for."""
        return self.arcs

    def of_nearest(self, nearest, u, v):
        """The minima u [n] themselves, which are exact but for one rounding."""
        return u

    def reach(self):
        """(p [n], q [m]) with c_ij <= p_i + q_j, from the largest of all costs."""
        return np.full(len(self.x), self.largest / 2), np.full(len(self.y), self.largest / 2)


class Named(Costs):
    """A named cost of points in float64, of integers when `integer`, scaled otherwise."""

    threads = True

    def __init__(self, x, y, cost, rows, columns, integer):
        self.x, self.y, self.cost, self.integer = x, y, cost, integer
        self.arc_rows, self.arc_columns = rows, columns
        d = x.shape[1]
        self.expanded = cost != "cityblock" and d > 4
        self.centre = _centre(x, y, integer)
        shrink = 0.0
        if not integer:
            self.relative = 1.01 * (d + 4) * _HALF
            self.absolute = d**0.5 * 2.0**-500 if cost == "euclidean" else d * 2.0**-1000
            # Twice the (d + 8) of step 4, and what a root rounds.
            shrink = 1.01 * (2 * (d + 8) + 8) * _HALF
        if not self.expanded:
            return
        left, right = x - self.centre, y - self.centre
        xx, yy = np.einsum("nd,nd->n", left, left), np.einsum("md,md->m", right, right)
        self.xx, self.yy = xx * (1 - shrink), yy * (1 - shrink)
        # Every partial sum of |x_k y_k| is at most |x| |y|: integers below 2^24 are exact in
        # float32, in whatever order they are added.
        narrow = integer and float(xx.max()) * float(yy.max()) <= 2.0**48
        kind = np.float32 if narrow else np.float64
        self.left, self.right = left.astype(kind, copy=False), right.astype(kind, copy=False)

    def lower(self, rows, columns):
        """Costs of a block, from below by their rounding."""
        if not self.expanded:
            block = self._direct(rows, columns)
            return block if self.integer else block * (1 - self.relative)
        product = self.left[rows] @ self.right[columns].T
        block = np.multiply(product, -2.0, dtype=np.float64)
        block += self.xx[rows, None]
        block += self.yy[columns]
        if self.integer:
            return block
        # The expansion cancels between near points: there, differences of coordinates.
        near = block < _NEAR * (self.xx[rows, None] + self.yy[columns])
        if near.any():
            i, j = np.nonzero(near)
            squares = _sums(self.x[rows], self.y[columns], i, j, "sqeuclidean")
            block[i, j] = squares * (1 - 2 * self.relative)
        if self.cost == "euclidean":
            np.sqrt(block, out=block)
        return block

    def of_pairs(self, rows, columns):
        """From differences of coordinates, from below by their rounding."""
        squares = _sums(self.x, self.y, rows, columns, "sqeuclidean") * (1 - 2 * self.relative)
        return np.sqrt(squares) if self.cost == "euclidean" else squares

    def screen(self, v):
        """Unless points have so many coordinates that float32 says little."""
        if self.cost == "cityblock" or self.x.shape[1] > _MOST:
            return None
        x, y = self.x - self.centre, self.y - self.centre
        return Screen(x, y, v, self.cost == "sqeuclidean")

    def of_arcs(self):
        """From differences of coordinates."""
        return self._pairs(self.arc_rows, self.arc_columns)

    def of_nearest(self, nearest, u, v):
        """From differences of coordinates, which round less than blocks."""
        return self._pairs(np.arange(len(nearest)), nearest) - v[nearest]

    def reach(self):
        """By way of the centre."""
        sides = []
        for side in (self.x, self.y):
            away = np.abs(side - self.centre)
            if self.cost == "cityblock":
                far = away.sum(axis=1)
            else:
                squares = np.einsum("nd,nd->n", away, away)
                far = 2 * squares if self.cost == "sqeuclidean" else np.sqrt(squares)
            sides.append(far * (1 + 4 * self.relative) + self.absolute)
        return tuple(sides)

    def _pairs(self, rows, columns):
        values = _sums(self.x, self.y, rows, columns, self.cost)
        return np.sqrt(values) if self.cost == "euclidean" else values

    def _direct(self, rows, columns):
        block = 0.0
        for k in range(self.x.shape[1]):
            difference = self.x[rows, k, None] - self.y[columns, k]
            block = block + (np.abs(difference) if self.cost == "cityblock" else difference**2)
        return np.sqrt(block) if self.cost == "euclidean" else block


def _centre(x, y, integer):
    """A point among the points, which a few far ones do not move."""
    some = np.concatenate([points[:: len(points) // 500 + 1] for points in (x, y)])
    return np.rint(np.median(some, axis=0)) if integer else np.median(some, axis=0)


def _sums(x, y, rows, columns, cost):
    values = np.empty(len(rows))
    step = max(1, _PAIRS // x.shape[1])
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        difference = x[rows[part]] - y[columns[part]]
        terms = np.abs(difference) if cost == "cityblock" else difference**2
        values[part] = terms.sum(axis=1)
    return values
