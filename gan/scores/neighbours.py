"""Nearest neighbours within and between two samples, without a matrix of all their distances.

Points that coincide are merged and counted (`Points`). One pass over blocks of the points of one
side (`around`) then gives what every score of neighbours needs of that side: balls that reach to
the k-th nearest other example, how many examples of the other side each holds, which of these are
held at all, and the nearest points of both sides.

Squared distances come from a matrix product, |u|^2 + |v|^2 - 2 u.v with u and v centred, in
float64. Whatever the order of summation it errs by less than (2 k + 16) eps (|u|^2 + |v|^2), which
bounds the rounding of the distance itself too (k features, eps = 2^-52). Where a decision is closer
than that, the distance is computed again from the differences; nothing else is ever decided by the
product. So results do not depend on where the features lie, nor on how they are cut into blocks.

Two distances are equal if they differ by at most EQUAL of themselves, which is more than their
rounding: a point at the distance of the k-th neighbour is in the ball, whichever way it rounds.
"""

import hashlib
from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

from gan.scores.moments import BLOCK_ENTRIES, cuts
from gan.scores.progress import progress

EQUAL = 1e-12
"""Relative difference up to which distances are equal; rounding is less up to 4,000 features."""

ROWS = 512
"""Points of a block, whose squared distances to all points are held at a time."""

MANY = 1 / 16
"""Share of the pairs of a block above which all its distances are computed from differences."""


class Balls(NamedTuple):
    """Closed balls around the n examples of one side, each to its k-th nearest other example.

    Attributes:
        radii: [n]; 0 where k other examples coincide with it.
        inside: int [n], examples of the other side in each.
        covered: bool [m], whether an example of the other side is in any.
    """

    radii: np.ndarray
    inside: np.ndarray
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


class Points:
    """The distinct points of two samples: first those of x alone, then those of both, then y's.

    Args:
        x, y: finite features [n, k] and [m, k] of one dtype; not copied.

    Attributes:
        places: int [n] and [m], of every example among the distinct points.
        counts: int [p] and [p], examples of x and of y at every point.
        slices: the points of x, and those of y.
        squares: [p] squared distance of each to the mean of all examples.
    """

    def __init__(self, x: np.ndarray, y: np.ndarray):
        self._x, self._y = x, y
        ids = _numbered(x, y)
        size = max(part.max() for part in ids) + 1
        counts = [np.bincount(part, minlength=size) for part in ids]
        kind = np.where(counts[1] == 0, 0, np.where(counts[0] > 0, 1, 2))
        order = np.argsort(kind, kind="stable")
        place = np.empty(size, np.intp)
        place[order] = np.arange(size)
        self.places = [place[part] for part in ids]
        self.counts = [part[order] for part in counts]
        self.slices = [
            slice(0, np.count_nonzero(kind < 2)),
            slice(np.count_nonzero(kind < 1), size),
        ]
        self._first = np.unique(np.concatenate(ids), return_index=True)[1][order]
        n, m = len(x), len(y)
        self._mean = (n * x.mean(axis=0, dtype=float) + m * y.mean(axis=0, dtype=float)) / (n + m)
        self.squares = np.empty(size)
        for start, end in self.cuts():
            part = self.centered(start, end)
            self.squares[start:end] = np.einsum("ij,ij->i", part, part)

    def __len__(self) -> int:
        return len(self._first)

    @property
    def features(self) -> int:
        """Coordinates of every point (k)."""
        return self._x.shape[1]

    def cuts(self) -> list[tuple[int, int]]:
        """(start, end) of blocks of points whose coordinates are held at a time."""
        return cuts(len(self), self.features)

    def centered(self, start: int, end: int) -> np.ndarray:
        """Some of the points, less the mean of all examples, float64 [end - start, k]."""
        split = self.slices[0].stop
        parts = []
        if start < split:
            parts.append(_taken(self._x, self._first[start : min(end, split)]))
        if end > split:
            parts.append(_taken(self._y, self._first[max(start, split) : end] - len(self._x)))
        found = np.empty((end - start, self.features))
        at = 0
        for part in parts:
            np.subtract(part, self._mean, out=found[at : at + len(part)])
            at += len(part)
        return found

    def rows(self, places: np.ndarray) -> np.ndarray:
        """The points at some places as they are, float64 [len(places), k]."""
        first = self._first[places]
        found = np.empty((len(places), self.features))
        in_x = first < len(self._x)
        found[in_x] = self._x[first[in_x]]
        found[~in_x] = self._y[first[~in_x] - len(self._x)]
        return found

    def distances(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Euclidean distances [l] of the points at places rows [l] and columns [l]."""
        found = np.empty(len(rows))
        step = max(1, BLOCK_ENTRIES // 4 // self.features)
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            difference = self.rows(rows[part]) - self.rows(columns[part])
            found[part] = np.sqrt(np.einsum("ij,ij->i", difference, difference))
        return found


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
    radii, inside, rows, columns = zip(*parts, strict=True)
    here, there = points.places[side] - own.start, points.places[1 - side]
    balls = {
        k: Balls(
            np.concatenate([part[k] for part in radii])[here],
            np.concatenate([part[k] for part in inside])[here],
            covered[k][there],
        )
        for k in ks
    }
    return Around(balls, np.concatenate(rows), np.concatenate(columns))


def _look(points: Points, side: int, start: int, covered: dict[int, np.ndarray]):
    """What a block of points sees: radii [b] and counts inside [b] by k, and the pairs of `Around`;
    marks in `covered` [p] what its balls hold."""
    own, other = points.slices[side], points.slices[1 - side]
    mine, theirs = points.counts[side], points.counts[1 - side]
    end = min(start + ROWS, own.stop)
    block = _Block(points, start, end)
    i, j, near = block.nearest(own, max(covered))
    radii, inside = {}, {}
    for k, held in covered.items():
        radii[k] = _kth(i, near, mine[j], k + 1 - mine[start:end])
        within = block.inside(other, radii[k])
        inside[k] = _weighted(within, theirs[other]) + theirs[start:end]
        held[other] |= within.any(axis=0)
    rest = slice(own.stop, len(points)) if side == 0 else slice(0, own.start)
    return radii, inside, *_nearest_of_all(block, rest, (i, j, near))


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
        self._margin = (2 * points.features + 16) * np.finfo(float).eps
        self.lower = np.empty((self.size, len(points)))
        scaled = -2 * points.centered(start, end)
        for s, e in points.cuts():
            self.lower[:, s:e] = scaled @ points.centered(s, e).T
        shrunk = (1 - self._margin) * points.squares
        self.lower += shrunk[start:end, None]
        self.lower += shrunk
        self._leave_itself_out()
        self.lonely = (points.counts[0] + points.counts[1])[start:end] == 1

    def upper(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        """Upper bounds on the squared distances of pairs; i counts from the start."""
        squares = self._points.squares
        return self.lower[i, j] + 2 * self._margin * (squares[self.start + i] + squares[j])

    def distances(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        """Distances of pairs to rounding."""
        if not self._margin:
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

    def inside(self, columns: slice, radii: np.ndarray) -> np.ndarray:
        """Which of `columns` are in the closed ball of radii [b] around each point, bool."""
        reach = radii * (1 + EQUAL)
        part, limit = self.lower[:, columns], reach**2
        found = part <= limit[:, None]
        if not self._margin:
            return found
        squares, width = self._points.squares, 2 * self._margin
        surely = limit - width * squares[self.start : self.start + self.size]
        doubtful = part > (surely - width * squares[columns].max())[:, None]
        doubtful &= found
        if np.count_nonzero(doubtful) > MANY * doubtful.size:
            doubtful &= part + width * squares[columns] > surely[:, None]
            if self._settled(doubtful):
                return self.inside(columns, radii)
        i, j = _where(doubtful)
        open_ = self.upper(i, j + columns.start) > limit[i]
        i, j = i[open_], j[open_]
        found[i, j] = self.distances(i, j + columns.start) <= reach[i]
        return found

    def _pairs(self, columns: slice, limit):
        """Pairs below limit() -> [b], an upper bound on squared distances that improves when they
        are settled, with what is equal to it."""
        chosen = self.lower[:, columns] <= (limit() * (1 + EQUAL) ** 2)[:, None]
        if self._settled(chosen):
            chosen = self.lower[:, columns] <= (limit() * (1 + EQUAL) ** 2)[:, None]
        i, j = _where(chosen)
        j += columns.start
        return i, j, self.distances(i, j)

    def _settled(self, chosen: np.ndarray) -> bool:
        """Computes all distances from differences if too many pairs were chosen for want of that;
        whether it did."""
        if not self._margin or np.count_nonzero(chosen) <= MANY * chosen.size:
            return False
        self._margin = 0.0
        rows = self._points.rows(np.arange(self.start, self.start + self.size))
        for s, e in self._points.cuts():
            self.lower[:, s:e] = cdist(rows, self._points.rows(np.arange(s, e)), "sqeuclidean")
        self._leave_itself_out()
        return True

    def _leave_itself_out(self) -> None:
        own = np.arange(self.size)
        self.lower[own, self.start + own] = np.inf


def _numbered(*sides: np.ndarray) -> list[np.ndarray]:
    """Numbers of the examples of several sides, the same where all features are; 0 .. p - 1 in the
    order of their first example. Told apart by 128 bits of a hash."""
    numbers: dict[bytes, int] = {}
    found = []
    for side in sides:
        own = []
        for start, end in cuts(*side.shape):
            for row in side[start:end] + 0.0:  # -0 becomes 0; a copy, whose rows are in one piece
                digest = hashlib.blake2b(row, digest_size=16).digest()
                own.append(numbers.setdefault(digest, len(numbers)))
        found.append(np.array(own, np.intp))
    return found


def _taken(x: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """x[rows], without a copy where they follow each other."""
    if np.all(np.diff(rows) == 1):
        return x[rows[0] : rows[-1] + 1]
    return x[rows]


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
