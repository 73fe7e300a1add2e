"""The kernel distance: squared maximum mean discrepancy under a cubic kernel.

The estimator of Binkowski et al. 2018 on all pairs: kernel (x.y / k + 1)^3 for k features, without
the diagonals, so that it is unbiased (Gretton et al. 2012) and its expectation does not depend on
n. It is near 0, and may be negative, for two samples of one law.
"""

import numpy as np


def kernel_distance(x: np.ndarray, y: np.ndarray) -> float:
    """Unbiased squared discrepancy of features [n, k] and [m, k], n and m at least 2.

    Returns:
        mean k(x, x') + mean k(y, y') - 2 mean k(x, y) over distinct pairs; symmetric.
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    return float(_within(x) + _within(y) - 2 * _kernel(x, y).mean())


def _within(x: np.ndarray) -> float:
    values = _kernel(x, x)
    return (values.sum() - np.trace(values)) / (len(x) * (len(x) - 1))


def _kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (x @ y.T / x.shape[1] + 1) ** 3
