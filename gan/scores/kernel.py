"""The kernel distance: squared maximum mean discrepancy under a cubic kernel.

The estimator of Binkowski et al. 2018 on all pairs: kernel (x.y / k + 1)^3 for k features, without
the diagonals, so that it is unbiased (Gretton et al. 2012) and its expectation does not depend on
n. It is near 0, and may be negative, for two samples of one law.
"""

import numpy as np

BLOCK = 1024
"""Examples of either side whose kernel is computed at a time: 8 MiB."""


def kernel_distance(x: np.ndarray, y: np.ndarray) -> float:
    """Unbiased squared discrepancy of features [n, k] and [m, k], n and m at least 2.

    In float64, by blocks, so that neither a matrix [n, m] nor a copy of the features is made.

    Returns:
        mean k(x, x') + mean k(y, y') - 2 mean k(x, y) over distinct pairs; symmetric.
    """
    x, y = np.asarray(x), np.asarray(y)
    return float(_within(x) + _within(y) - 2 * _between(x, y))


def _within(x: np.ndarray) -> float:
    """Mean over pairs of different examples."""
    total = 0.0
    for start, rows in _blocks(x):
        values = _kernel(rows, rows)
        total += values.sum() - np.trace(values)
        total += 2 * sum(_kernel(rows, columns).sum() for _, columns in _blocks(x, start + BLOCK))
    return total / (len(x) * (len(x) - 1))


def _between(x: np.ndarray, y: np.ndarray) -> float:
    """Mean over all pairs."""
    total = sum(_kernel(rows, columns).sum() for _, rows in _blocks(x) for _, columns in _blocks(y))
    return total / (len(x) * len(y))


def _blocks(x: np.ndarray, first: int = 0):
    """(start, block in float64) from row `first` on."""
    for start in range(first, len(x), BLOCK):
        yield start, x[start : start + BLOCK].astype(np.float64)


def _kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    values = x @ y.T
    values /= x.shape[1]
    values += 1
    return values * values * values
