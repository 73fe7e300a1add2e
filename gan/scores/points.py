"""The distinct points of two samples: examples that coincide are merged and counted.

A collapsed generator, or data on a lattice, has few points however many its examples are; and what
coincides is at distance 0 without any rounding.
"""

import hashlib

import numpy as np

from gan.scores.moments import BLOCK_ENTRIES, cuts


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
