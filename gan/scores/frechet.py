"""The Frechet distance between Gaussians fitted to two feature sets (Heusel et al. 2017).

|mu_x - mu_y|^2 + tr(S_x + S_y - 2 (S_x S_y)^(1/2)), the squared W2 distance of the two Gaussians
(Dowson and Landau 1982). Its name must say where the features come from: values in different
feature spaces, or at different n, cannot be compared. It is biased upwards, the more the fewer
examples there are per feature.
"""

import numpy as np


def frechet_distance(x: np.ndarray, y: np.ndarray) -> float:
    """Frechet distance of features [n, k] and [m, k], in squared units of the features.

    The trace of the root is the sum of the singular values of B A', where A'A and B'B are the
    covariances: no root of a matrix is taken, and singular covariances (n <= k) are no exception.

    Returns:
        A number >= 0 up to rounding; exactly |shift|^2 for a shifted copy.
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    shift = x.mean(axis=0) - y.mean(axis=0)
    a, b = _root(x), _root(y)
    common = np.linalg.svd(b @ a.T, compute_uv=False).sum()
    return float(shift @ shift + np.sum(a**2) + np.sum(b**2) - 2 * common)


def _root(x: np.ndarray) -> np.ndarray:
    """A [min(n, k), k] with A'A = covariance of x [n, k]."""
    centered = (x - x.mean(axis=0)) / np.sqrt(len(x) - 1)
    return np.linalg.qr(centered, mode="r")
