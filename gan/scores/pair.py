"""Two samples in one feature space, with the distances that several scores share."""

import dataclasses

import numpy as np
from scipy.spatial.distance import cdist


@dataclasses.dataclass(frozen=True)
class Pair:
    """Generated and real examples as features, with every Euclidean distance between them.

    Attributes:
        generated: float64 [n, k].
        real: float64 [m, k].
        probabilities: of the generated examples' classes, float64 [n, c]; None without classes.
        within_generated, within_real: [n, n] and [m, m], 0 on the diagonal.
        between: [n, m].
    """

    generated: np.ndarray
    real: np.ndarray
    probabilities: np.ndarray | None
    within_generated: np.ndarray
    within_real: np.ndarray
    between: np.ndarray

    @classmethod
    def of(cls, generated, real, probabilities=None) -> "Pair":
        """The pair of features [n, k] and [m, k].

        Raises:
            ValueError: unless both are finite matrices of at least two rows with equal columns.
        """
        x, y = np.asarray(generated, np.float64), np.asarray(real, np.float64)
        if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or min(len(x), len(y)) < 2:
            raise ValueError(f"need features [n, k] and [m, k], got {x.shape} and {y.shape}")
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            raise ValueError("features must be finite")
        return cls(x, y, probabilities, cdist(x, x), cdist(y, y), cdist(x, y))

    def swapped(self) -> "Pair":
        """The pair with its sides exchanged; class probabilities are dropped."""
        return Pair(
            self.real, self.generated, None, self.within_real, self.within_generated, self.between.T
        )

    def take(self, rows: np.ndarray, columns: np.ndarray) -> "Pair":
        """The pair of some of the generated examples and some of the real ones."""
        return Pair(
            self.generated[rows],
            self.real[columns],
            None if self.probabilities is None else self.probabilities[rows],
            self.within_generated[np.ix_(rows, rows)],
            self.within_real[np.ix_(columns, columns)],
            self.between[np.ix_(rows, columns)],
        )
