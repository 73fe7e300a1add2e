"""Mean and covariance of a sample that need not be in memory: taken in by blocks, in float64.

Each block is centred by its own mean, and blocks are merged by the formula of Chan, Golub and
LeVeque (1979): features far from 0 lose no digits, and the result does not depend on how the sample
is cut, up to rounding.
"""

from typing import NamedTuple

import numpy as np

from gan.errors import UserError

BLOCK_ENTRIES = 1 << 23
"""Numbers per block of an array: 64 MiB in float64."""


class Moments(NamedTuple):
    """Of a sample of `count` examples with k features.

    Attributes:
        count: n, at least 2; None where a file does not say.
        mean: float64 [k].
        covariance: float64 [k, k], with divisor n - 1; symmetric.
    """

    count: int | None
    mean: np.ndarray
    covariance: np.ndarray


def moments(x: np.ndarray) -> Moments:
    """Moments of features [n, k], n at least 2; float64 copies of blocks are all that it needs.

    Raises:
        UserError: as `Running`.
    """
    running = Running()
    for start, end in cuts(*x.shape):
        running.add(x[start:end])
    return running.moments()


def cuts(n: int, k: int) -> list[tuple[int, int]]:
    """(start, end) of blocks of rows of a matrix [n, k], each of at most BLOCK_ENTRIES numbers."""
    rows = max(1, BLOCK_ENTRIES // max(1, k))
    return [(start, min(start + rows, n)) for start in range(0, n, rows)]


class Running:
    """Moments of a sample that comes block by block, in any order and of any sizes."""

    def __init__(self):
        self._count, self._mean, self._scatter = 0, None, None

    def add(self, block: np.ndarray) -> None:
        """Take in features [b, k].

        Raises:
            UserError: unless they are a finite matrix with as many columns as those before.
        """
        block = np.asarray(block, np.float64)
        if block.ndim != 2 or (self._count and block.shape[1] != len(self._mean)):
            earlier = f"[n, {len(self._mean)}]" if self._count else "[n, k]"
            raise UserError(f"features must be a matrix {earlier}, got shape {block.shape}")
        if not len(block):
            return
        mean = block.mean(axis=0)
        if not np.isfinite(mean).all():
            raise UserError("features must be finite")
        centered = block - mean
        scatter = centered.T @ centered
        if self._count:
            count = self._count + len(block)
            gap = mean - self._mean
            self._scatter += scatter
            self._scatter += np.outer(gap, gap) * (self._count * len(block) / count)
            self._mean = self._mean + gap * (len(block) / count)
            self._count = count
        else:
            self._count, self._mean, self._scatter = len(block), mean, scatter

    def moments(self) -> Moments:
        """What has come so far.

        Raises:
            UserError: if that is fewer than two examples.
        """
        if self._count < 2:
            raise UserError(f"a covariance needs at least 2 examples, got {self._count}")
        return Moments(self._count, self._mean.copy(), self._scatter / (self._count - 1))
