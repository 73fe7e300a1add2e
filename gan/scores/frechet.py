"""The Frechet distance between Gaussians fitted to two feature sets (Heusel et al. 2017).

|mu_x - mu_y|^2 + tr(S_x + S_y - 2 (S_x S_y)^(1/2)), the squared W2 distance of the two Gaussians
(Dowson and Landau 1982). Its name must say where the features come from: values in different
feature spaces, or at different n, cannot be compared. It is biased upwards, the more the fewer
examples there are per feature.

The trace of the root is the sum of the singular values of B A', where A'A and B'B are the
covariances: no root of a matrix is taken, and singular covariances (n <= k) are no exception.
"""

import numpy as np
from scipy import linalg

from gan.errors import UserError
from gan.scores.moments import Moments, cuts, moments

DIRECT = 1024
"""Largest side of a matrix whose singular values are computed as such; those of a larger one are
roots of eigenvalues, in a third of the time (see `_sum_of_singular_values`)."""

TOLERATED = 1e-5
"""How far a covariance may be from symmetric, or from having no negative eigenvalue, relative to
its largest variance: matrices that were kept in float32 are."""


def frechet_distance(x: np.ndarray, y: np.ndarray) -> float:
    """Frechet distance of features [n, k] and [m, k], in squared units of the features.

    Where k, or n and m, are at most DIRECT, the factors A and B come from the features themselves
    and are exact to rounding; beyond, from their covariances, see `frechet_of_moments`. Either way
    features are taken by blocks, so that no float64 copy of them is made.

    Returns:
        A number >= 0 up to rounding; exactly |shift|^2 for a shifted copy.

    Raises:
        UserError: if there are fewer than two examples, or the features are not finite.
    """
    x, y = np.asarray(x), np.asarray(y)
    if min(x.shape[1], max(len(x), len(y))) > DIRECT:
        return between(moments(x), moments(y))
    shift = _mean(x) - _mean(y)
    a, b = _root(x), _root(y)
    common = _sum_of_singular_values(b @ a.T)
    return float(shift @ shift + np.sum(a**2) + np.sum(b**2) - 2 * common)


def between(x: Moments, y: Moments) -> float:
    """`frechet_of_moments` of two samples' moments."""
    return frechet_of_moments(x.mean, x.covariance, y.mean, y.covariance)


def frechet_of_moments(mu_x, sigma_x, mu_y, sigma_y) -> float:
    """Frechet distance of Gaussians with means mu [k] and covariances sigma [k, k].

    Published reference statistics come as such pairs. A covariance whose rank is below k is one
    like any other: directions without variance, as far as rounding lets that be known, are left
    out. What remains of the rounding of a singular covariance is a relative error of about 1e-8 per
    such direction, which is in the covariance itself.

    Args:
        mu_x, mu_y: [k].
        sigma_x, sigma_y: [k, k], symmetric and without negative eigenvalues.

    Returns:
        A number >= 0 up to rounding; |mu_x - mu_y|^2 for equal covariances.

    Raises:
        UserError: for shapes that do not fit, numbers that are not finite, or a matrix that is no
            covariance.
    """
    mu_x, sigma_x = _checked(mu_x, sigma_x)
    mu_y, sigma_y = _checked(mu_y, sigma_y)
    if mu_x.shape != mu_y.shape:
        raise UserError(
            f"both sides need as many features, got {len(mu_x)} and {len(mu_y)}: "
            "they are not of one feature space"
        )
    shift = mu_x - mu_y
    common = _sum_of_singular_values(_factor(sigma_y) @ _factor(sigma_x).T)
    return float(shift @ shift + np.trace(sigma_x) + np.trace(sigma_y) - 2 * common)


def check(mu, sigma) -> None:
    """Raises UserError unless mu [k] and sigma [k, k] are a mean and a covariance."""
    _factor(_checked(mu, sigma)[1])


def _mean(x: np.ndarray) -> np.ndarray:
    return x.mean(axis=0, dtype=np.float64)


def _root(x: np.ndarray) -> np.ndarray:
    """A [at most max(n, k), k] with A'A = covariance of x [n, k]."""
    if len(x) < 2:
        raise UserError(f"a covariance needs at least 2 examples, got {len(x)}")
    mean = _mean(x)
    if not np.isfinite(mean).all():
        raise UserError("features must be finite")
    if len(x) <= x.shape[1]:
        return (x - mean) / np.sqrt(len(x) - 1)
    root = np.zeros((0, x.shape[1]))
    for start, end in cuts(*x.shape):
        root = np.linalg.qr(np.concatenate([root, x[start:end] - mean]), mode="r")
    return root / np.sqrt(len(x) - 1)


def _checked(mu, sigma) -> tuple[np.ndarray, np.ndarray]:
    """A mean [k] and a covariance [k, k] in float64."""
    mu, sigma = np.asarray(mu, np.float64), np.asarray(sigma, np.float64)
    if mu.ndim != 1 or not len(mu) or sigma.shape != (len(mu), len(mu)):
        raise UserError(f"need mu [k] and sigma [k, k], got {mu.shape} and {sigma.shape}")
    if not (np.isfinite(mu).all() and np.isfinite(sigma).all()):
        raise UserError("mu and sigma must be finite")
    variances = sigma.diagonal()
    allowed = TOLERATED * np.abs(variances).max()
    if np.abs(sigma - sigma.T).max() > allowed:
        raise UserError("sigma must be symmetric: it is no covariance")
    largest = np.sqrt(np.maximum(np.outer(variances, variances), 0))
    if variances.min() < -allowed or (np.abs(sigma) > largest + allowed).any():
        raise UserError("sigma must not have negative eigenvalues: it is no covariance")
    return mu, sigma


def _factor(sigma: np.ndarray) -> np.ndarray:
    """A [r, k] with A'A = sigma [k, k] of rank r: its Cholesky factor; where a pivot is no more
    than rounding, the one with pivoting, which ends there (LAPACK's pstrf)."""
    rounding = len(sigma) * np.finfo(float).eps * sigma.diagonal().max()
    try:
        root = linalg.cholesky(sigma)
        if np.square(root.diagonal()).min() > rounding:
            return root
    except linalg.LinAlgError:
        pass  # singular, or no covariance: the other one tells
    factor, order, rank, _ = linalg.lapack.dpstrf(sigma)
    root = np.zeros((rank, len(sigma)))
    root[:, order - 1] = np.triu(factor[:rank])
    missed = sigma.diagonal() - np.einsum("rk,rk->k", root, root)
    if np.abs(missed).max() > TOLERATED * np.abs(sigma.diagonal()).max():
        raise UserError("sigma must not have negative eigenvalues: it is no covariance")
    return root


def _sum_of_singular_values(m: np.ndarray) -> float:
    """Of a matrix [r, s].

    Beyond DIRECT as roots of the eigenvalues of its smaller product with itself, whose errors are
    1e-16 of the largest eigenvalue: singular values down to 1e-8 of the largest are seen.
    """
    if not m.size:
        return 0.0
    if min(m.shape) <= DIRECT:
        return float(np.linalg.svd(m, compute_uv=False).sum())
    product = m @ m.T if len(m) <= m.shape[1] else m.T @ m
    return float(np.sqrt(np.maximum(linalg.eigvalsh(product), 0)).sum())
