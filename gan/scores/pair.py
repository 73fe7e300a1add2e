"""Two samples in one feature space, and the neighbours that several scores share."""

import dataclasses

import numpy as np

from gan.scores import neighbours

PRECISION_NEIGHBOURS = 3
DENSITY_NEIGHBOURS = 5
USUAL = (PRECISION_NEIGHBOURS, DENSITY_NEIGHBOURS)
"""Counts of neighbours that scores ask for; what they need is found in one pass."""

SIDES = ("generated", "real")


@dataclasses.dataclass(frozen=True)
class Nearest:
    """The nearest other examples of every example of both sides, pooled, as points.

    Attributes:
        places: int [n + m], the point at which each example lies, generated ones first.
        counts: int [p], examples at every point.
        rows, columns: of every point with a single example the nearest other points, one pair for
            each. Of examples that share a point the nearest are the others there.
    """

    places: np.ndarray
    counts: np.ndarray
    rows: np.ndarray
    columns: np.ndarray


@dataclasses.dataclass(frozen=True)
class Pair:
    """Generated and real examples as features. No matrix of distances is ever held: what scores
    need of them is found by blocks when the first asks, and kept.

    Attributes:
        generated: [n, k], float32 or float64.
        real: [m, k], of the same type.
        probabilities: of the generated examples' classes, float64 [n, c]; None without classes.
    """

    generated: np.ndarray
    real: np.ndarray
    probabilities: np.ndarray | None = None
    _kept: dict = dataclasses.field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, generated, real, probabilities=None) -> "Pair":
        """The pair of features [n, k] and [m, k]. Those in float32 stay so: they are not copied,
        and computed with in float64.

        Raises:
            ValueError: unless both are finite matrices of at least two rows with equal columns.
        """
        x, y = np.asarray(generated), np.asarray(real)
        if x.dtype != np.float32 or y.dtype != np.float32:
            x, y = x.astype(np.float64, copy=False), y.astype(np.float64, copy=False)
        if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or min(len(x), len(y)) < 2:
            raise ValueError(f"need features [n, k] and [m, k], got {x.shape} and {y.shape}")
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            raise ValueError("features must be finite")
        return cls(x, y, probabilities)

    def swapped(self) -> "Pair":
        """The pair with its sides exchanged; class probabilities are dropped."""
        return Pair(self.real, self.generated)

    def take(self, rows: np.ndarray, columns: np.ndarray) -> "Pair":
        """The pair of some of the generated examples and some of the real ones."""
        probabilities = None if self.probabilities is None else self.probabilities[rows]
        return Pair(self.generated[rows], self.real[columns], probabilities)

    def balls(self, side: str, k: int) -> neighbours.Balls:
        """The closed balls around the examples of a side, each to its k-th nearest other.

        Args:
            side: "generated" or "real".
            k: at least 1; lowered to the number of other examples.
        """
        k = min(k, len(getattr(self, side)) - 1)
        return self._around(side, k).balls[k]

    @property
    def nearest(self) -> Nearest:
        """The nearest other example of every example."""
        found = [self._around(side) for side in SIDES]
        points = self._points()
        return Nearest(
            np.concatenate(points.places),
            points.counts[0] + points.counts[1],
            np.concatenate([part.rows for part in found]),
            np.concatenate([part.columns for part in found]),
        )

    def _points(self) -> neighbours.Points:
        if "points" not in self._kept:
            self._kept["points"] = neighbours.Points(self.generated, self.real)
        return self._kept["points"]

    def _around(self, side: str, k: int | None = None) -> neighbours.Around:
        found = self._kept.get(side)
        if found is None or k not in (None, *found.balls):
            most = len(getattr(self, side)) - 1
            ks = {min(usual, most) for usual in (*USUAL, k or 1)}
            found = neighbours.around(self._points(), SIDES.index(side), ks)
            self._kept[side] = found
        return found
