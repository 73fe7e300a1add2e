"""Nearest neighbours within and between two samples, without a matrix of all their distances.

Points that coincide are merged and counted (gan.scores.points). One pass over blocks of the points
of one side (`around`) then gives what every score of neighbours needs of that side: balls that
reach to the k-th nearest other example, how many examples of the other side each holds, which of
these are held at all, and the nearest points of both sides.

Squared distances come from a matrix product, |u|^2 + |v|^2 - 2 u.v with u and v centred. Whatever
the order of summation it errs by less than (k + 16) eps (|u|^2 + |v|^2), which bounds the rounding
of the distance itself too (k features; eps = 2^-23 in float32, 2^-52 in float64). Where a decision
is closer than that, the distance is computed again from the differences; nothing else is ever
decided by the product. So results do not depend on where the features lie, on how they are cut into
blocks, or on the precision of the product: that is float32 until too much is in doubt.

Two distances are equal if they differ by at most EQUAL of themselves, which is more than their
rounding: a point at the distance of the k-th neighbour is in the ball, whichever way it rounds.
"""

from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

from gan.scores.moments import BLOCK_ENTRIES
from gan.scores.points import Points
from gan.scores.progress import progress

EQUAL = 1e-12
"""Relative difference up to which distances are equal; rounding is less up to 4,000 features."""

ROWS = 512
"""Points of a block, whose squared distances to all points are held at a time."""

MANY = 1 / 16
"""Share of the pairs of a block in doubt above which all its distances are computed anew, more
precisely: from a product in float64, and at last from the differences."""

PRECISIONS = (np.float32, np.float64, None)
"""Of the product; None for differences."""

LARGEST = 1e35
"""Squared norm, beyond which float32 might overflow."""


class Balls(NamedTuple):
    """Closed balls around the n examples of one side, each to its k-th nearest other example.

    Attributes:
        radii: [n]; 0 where k other examples coincide with it.
        inside: int [n], examples of the other side in each.
        touching: int [n], how many of these lie at just the radius.
        covered: bool [m], whether an example of the other side is in any.
    """

    radii: np.ndarray
    inside: np.ndarray
    touching: np.ndarray
    covered: np.ndarray


class Around(NamedTuple):
    """What `around` finds.

    Attributes:
        balls: by k.
        rows, columns: of every point of the side that coincides with no other example the nearest
            other points, one pair for each: places among the distinct points.
    """

    balls: dict[int, Balls]
    rows: np.ndarray
    columns: np.ndarray


def around(points: Points, side: int, ks: set[int]) -> Around:
    """The neighbours of one side's examples, in one pass.

    Args:
        points: of both sides.
        side: 0 for x, 1 for y.
        ks: counts of neighbours, each in 1 .. examples of the side - 1.
    """
    own = points.slices[side]
    starts = range(own.start, own.stop, ROWS)
    # Whatever its radius, a ball holds what lies at its centre.
    covered = {k: points.counts[side] > 0 for k in ks}
    parts = [
        _look(points, side, start, covered) for start in progress(starts, "neighbours", "block")
    ]
    radii, inside, touching, rows, columns = zip(*parts, strict=True)
    here, there = points.places[side] - own.start, points.places[1 - side]
    balls = {
        k: Balls(
            *(
                np.concatenate([part[k] for part in each])[here]
                for each in (radii, inside, touching)
            ),
            covered[k][there],
        )
        for k in ks
    }
    return Around(balls, np.concatenate(rows), np.concatenate(columns))


def _look(points: Points, side: int, start: int, covered: dict[int, np.ndarray]):
    """What a block of points sees: radii [b], counts inside [b] and of these at the radius [b], by
    k, and the pairs of `Around`; marks in `covered` [p] what its balls hold."""
    own, other = points.slices[side], points.slices[1 - side]
    mine, theirs = points.counts[side], points.counts[1 - side]
    end = min(start + ROWS, own.stop)
    block = _Block(points, start, end)
    i, j, near = block.nearest(own, max(covered))
    radii, inside, touching = {}, {}, {}
    for k, held in covered.items():
        radii[k] = _kth(i, near, mine[j], k + 1 - mine[start:end])
        within, (rows, columns) = block.inside(other, radii[k])
        inside[k] = _weighted(within, theirs[other]) + theirs[start:end]
        at_radius = np.bincount(rows, theirs[other][columns], block.size).astype(np.intp)
        touching[k] = at_radius + (radii[k] == 0) * theirs[start:end]
        held[other] |= within.any(axis=0)
    rest = slice(own.stop, len(points)) if side == 0 else slice(0, own.start)
    return radii, inside, touching, *_nearest_of_all(block, rest, (i, j, near))


def needed(n: int, m: int) -> int:
    """Bytes that `around` needs at most beside the features: squared distances of a block, what is
    selected of them, and the coordinates of a block."""
    return 2 * 8 * ROWS * (n + m) + 6 * 8 * BLOCK_ENTRIES


_NO_PAIRS = np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0)


class _Block:
    """Squared distances [b, p] of the points start .. end to all points, each known to lie between
    `lower` and `upper` until all are settled. Infinite between a point and itself.

    Attributes:
        start, size: its first point, and how many there are (b).
        lower: [b, p].
        lonely: bool [b], points at which one example lies alone.
    """

    def __init__(self, points: Points, start: int, end: int):
        self._points, self.start, self.size = points, start, end - start
        # Squares beyond what float32 holds are no start.
        self._precisions = iter(PRECISIONS[int(points.squares.max() > LARGEST) :])
        self._compute(next(self._precisions))
        self.lonely = (points.counts[0] + points.counts[1])[start:end] == 1

    def _compute(self, dtype) -> None:
        """Fill `lower` from a product in `dtype`, or from the differences."""
        points, start, end = self._points, self.start, self.start + self.size
        self.lower = np.empty((self.size, len(points)), dtype or np.float64)
        if dtype is None:
            self._slack = np.zeros(len(points))
            rows = points.rows(np.arange(start, end))
            for s, e in points.cuts():
                self.lower[:, s:e] = cdist(rows, points.rows(np.arange(s, e)), "sqeuclidean")
        else:
            self._slack = slack(points.squares, points.features, dtype)
            scaled = (-2 * points.centered(start, end)).astype(dtype, copy=False)
            for s, e in points.cuts():
                part = points.centered(s, e).astype(dtype, copy=False)
                np.matmul(scaled, part.T, self.lower[:, s:e])
            shrunk = (points.squares - self._slack).astype(dtype, copy=False)
            self.lower += shrunk[start:end, None]
            self.lower += shrunk
        own = np.arange(self.size)
        self.lower[own, start + own] = np.inf

    @property
    def exact(self) -> bool:
        """Whether all distances are settled."""
        return not self._slack.any()

    def upper(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        """Upper bounds on the squared distances of pairs; i counts from the start."""
        return self.lower[i, j] + 2 * (self._slack[self.start + i] + self._slack[j])

    def distances(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        """Distances of pairs to rounding."""
        if self.exact:
            return np.sqrt(self.lower[i, j])
        return self._points.distances(self.start + i, j)

    def nearest(self, columns: slice, count: int):
        """Pairs (i, j, distance) that hold the `count` nearest other points among `columns`, to
        which the block belongs, of each point, and all that are equally near; sorted by i."""
        count = min(count, columns.stop - columns.start - 1)
        if count < 1:
            return _NO_PAIRS
        everyone = np.arange(self.size)[:, None]

        def limit():
            part = self.lower[:, columns]
            near = np.argpartition(part, count - 1, axis=1)[:, :count] + columns.start
            return self.upper(everyone, near).max(axis=1)

        return self._pairs(columns, limit)

    def closest(self, columns: slice, reach: np.ndarray):
        """Pairs (i, j, distance) that hold the nearest among `columns` of each point where it is at
        most reach [b] away, and all that are equally near; none where reach is negative."""
        if columns.start == columns.stop:
            return _NO_PAIRS
        everyone = np.arange(self.size)

        def limit():
            near = self.lower[:, columns].argmin(axis=1) + columns.start
            found = np.minimum(self.upper(everyone, near), reach**2)
            return np.where(reach < 0, -np.inf, found)

        return self._pairs(columns, limit)

    def inside(self, columns: slice, radii: np.ndarray):
        """Which of `columns` are in the closed ball of radii [b] around each point, bool; and the
        pairs (i, column) of those at just the radius."""
        inner, reach = radii * (1 - EQUAL), radii * (1 + EQUAL)
        part, slack_there = self.lower[:, columns], self._slack[columns]
        found = part <= (reach**2)[:, None]
        surely = inner**2 - 2 * self._slack[self.start : self.start + self.size]
        doubtful = part >= (surely - 2 * slack_there.max())[:, None]
        doubtful &= found
        if not self.exact and np.count_nonzero(doubtful) > MANY * doubtful.size:
            doubtful &= part + 2 * slack_there >= surely[:, None]
            if self._settled(doubtful):
                return self.inside(columns, radii)
        i, j = _where(doubtful)
        distances = self.distances(i, j + columns.start)
        found[i, j] = distances <= reach[i]
        touching = (inner[i] <= distances) & (distances <= reach[i])
        return found, (i[touching], j[touching])

    def _pairs(self, columns: slice, limit):
        """Pairs below limit() -> [b], an upper bound on squared distances that improves when they
        are settled, with what is equal to it."""
        chosen = self.lower[:, columns] <= (limit() * (1 + EQUAL) ** 2)[:, None]
        while self._settled(chosen):
            chosen = self.lower[:, columns] <= (limit() * (1 + EQUAL) ** 2)[:, None]
        i, j = _where(chosen)
        j += columns.start
        return i, j, self.distances(i, j)

    def _settled(self, chosen: np.ndarray) -> bool:
        """Computes all distances more precisely if too many pairs were chosen for want of that;
        whether it did."""
        if self.exact or np.count_nonzero(chosen) <= MANY * chosen.size:
            return False
        self._compute(next(self._precisions))
        return True


def slack(squares: np.ndarray, features: int, dtype) -> np.ndarray:
    """What the product in `dtype` may err by on account of each of two points, given the squares
    [p] of their norms. What is rounded to a denormal number or to 0 errs by less than the least
    normal one, which is added for every feature."""
    info = np.finfo(dtype)
    return (features + 16) * (float(info.eps) * squares + float(info.tiny))


def _where(chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """np.nonzero of a matrix, in a fraction of its time where little is chosen."""
    return np.divmod(np.flatnonzero(chosen), chosen.shape[1])


def _kth(i, near, weights, wanted) -> np.ndarray:
    """The distance [b] at which the pairs (i, near) of each point, sorted by i, reach the wanted
    weight [b]; 0 where none is wanted."""
    if not len(near):
        return np.zeros(len(wanted))
    order = np.lexsort((near, i))
    reached = np.cumsum(weights[order])
    before = np.concatenate([[0], reached])[np.searchsorted(i, np.arange(len(wanted)))]
    place = np.searchsorted(reached, before + np.maximum(wanted, 1))
    return np.where(wanted > 0, near[order][np.minimum(place, len(near) - 1)], 0.0)


def _weighted(chosen: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Sum of the weights [p] of what is chosen in each row, int [b]."""
    heavy = np.flatnonzero(weights != 1)
    more = chosen[:, heavy] @ (weights[heavy] - 1)
    return np.count_nonzero(chosen, axis=1) + more


def _nearest_of_all(block: _Block, rest: slice, own) -> tuple[np.ndarray, np.ndarray]:
    """The nearest other points of both sides of every lonely point of a block, as pairs of places.

    Args:
        block: of points of one side.
        rest: columns of the points that are not of that side.
        own: pairs (i, j, distance) that hold the nearest points of that side.
    """
    reach = np.full(block.size, np.inf)
    np.minimum.at(reach, own[0], own[2])
    reach[~block.lonely] = -1
    others = block.closest(rest, reach)
    i, j, distance = (np.concatenate(part) for part in zip(own, others, strict=True))
    least = np.full(block.size, np.inf)
    np.minimum.at(least, i, distance)
    tied = (distance <= least[i] * (1 + EQUAL)) & block.lonely[i]
    return i[tied] + block.start, j[tied]
