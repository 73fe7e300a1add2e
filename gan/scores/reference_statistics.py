"""Mean and covariance of features, and the files that published scores compare with.

A file of reference statistics is a .npz with `mu` [k] and `sigma` [k, k], as pytorch-fid and the
authors of the score write it (Heusel et al. 2017).
"""

import io
import os
from typing import NamedTuple

import numpy as np
from scipy.linalg import lapack

from gan.errors import UserError
from gan.files import read_bytes, replacing, shortened

BLOCK = 4096
"""Rows that are in float64 at a time."""

TOLERATED = 1e-5
"""How far a covariance in a file may be from symmetric, and from one without negative eigenvalues,
relative to its largest number: float32 is."""


class Statistics(NamedTuple):
    """Of features [n, k].

    Attributes:
        mean: float64 [k].
        covariance: float64 [k, k], with n - 1 below the sum.
        count: n; None where a file does not say.
        inception: SHA-256 of the weights of Inception-v3 that gave the features; "" where a file
            does not say.
    """

    mean: np.ndarray
    covariance: np.ndarray
    count: int | None = None
    inception: str = ""


def statistics(features: np.ndarray) -> Statistics:
    """Mean and covariance of features [n, k], n at least 2, summed in float64.

    Raises:
        ValueError: for another shape.
    """
    features = np.asarray(features)
    if features.ndim != 2 or len(features) < 2:
        raise ValueError(f"need features [n, k] of at least two examples, got {features.shape}")
    mean = features.mean(axis=0, dtype=np.float64)
    covariance = np.zeros((len(mean), len(mean)))
    for start in range(0, len(features), BLOCK):
        centered = features[start : start + BLOCK] - mean
        covariance += centered.T @ centered
    return Statistics(mean, covariance / (len(features) - 1), len(features))


def distance(x: Statistics, y: Statistics) -> float:
    """Squared Frechet distance of the Gaussians of these statistics (Dowson and Landau 1982).

    |mean_x - mean_y|^2 + tr(S_x + S_y - 2 (S_x S_y)^(1/2)). The trace of the root is the sum of the
    singular values of B A', where A'A and B'B are the covariances. Directions whose variance is
    rounding count as without any: so covariances of fewer examples than features are no exception.

    Returns:
        A number >= 0 up to rounding; exactly |shift|^2, up to rounding, for a shifted copy.

    Raises:
        ValueError: if the numbers of features differ.
    """
    if x.mean.shape != y.mean.shape:
        raise ValueError(f"statistics of {len(x.mean)} and of {len(y.mean)} features")
    shift = x.mean - y.mean
    common = np.linalg.svd(_root(y.covariance) @ _root(x.covariance).T, compute_uv=False).sum()
    return float(shift @ shift + np.trace(x.covariance) + np.trace(y.covariance) - 2 * common)


def read(path: str) -> Statistics:
    """The statistics in a file of reference statistics.

    Raises:
        UserError: if the file is missing, damaged, or holds no mean with its covariance.
    """
    path = os.path.expanduser(path)
    try:
        with np.load(io.BytesIO(read_bytes(path)), allow_pickle=False) as file:
            mean, covariance = (np.asarray(file[name], np.float64) for name in ("mu", "sigma"))
            count = int(file["n"]) if "n" in file else None
            inception = str(file["inception"]) if "inception" in file else ""
    except OSError as error:
        raise UserError(f"cannot read {shortened(path)}: {error.strerror or error}") from error
    except Exception as error:  # whatever a damaged file makes NumPy's parsers raise
        raise UserError(
            f"{shortened(path)} is no undamaged .npz file with mu [k] and sigma [k, k]"
        ) from error
    if mean.ndim != 1 or covariance.shape != 2 * mean.shape or not mean.size:
        raise UserError(
            f"{shortened(path)} must hold mu [k] and sigma [k, k], has {mean.shape} and "
            f"{covariance.shape}"
        )
    if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
        raise UserError(f"{shortened(path)} holds numbers that are not finite")
    even = (covariance + covariance.T) / 2
    missed = even.diagonal() - np.sum(_root(even) ** 2, axis=0)
    faults = np.abs(covariance - even).max(), np.abs(missed).max()
    if max(faults) > TOLERATED * np.abs(covariance).max():
        raise UserError(f"{shortened(path)}: sigma is no covariance")
    return Statistics(mean, even, count, inception)


def write(path: str, found: Statistics, about: str) -> None:
    """A file of reference statistics: mu, sigma, what else is known, and `about`, what they are of.

    Raises:
        StorageError: it cannot be written.
    """
    known = {"n": found.count, "inception": found.inception or None, "about": about}
    more = {name: np.array(value) for name, value in known.items() if value is not None}
    with replacing(path) as file:
        np.savez(file, mu=found.mean, sigma=found.covariance, **more)


def is_one(path: str) -> bool:
    """Whether a file is a .npz with mu and sigma; False for one that is not there or damaged."""
    try:
        with np.load(os.path.expanduser(path), allow_pickle=False) as file:
            return {"mu", "sigma"} <= set(file)
    except Exception:  # whatever NumPy's parsers raise; reading it as something else says more
        return False


def _root(covariance: np.ndarray) -> np.ndarray:
    """A [r, k] with A'A = covariance [k, k] of rank r: its Cholesky factor with pivoting, which
    ends where what is left is rounding (LAPACK's pstrf)."""
    factor, order, rank, _ = lapack.dpstrf(covariance)
    root = np.zeros((rank, len(covariance)))
    root[:, order - 1] = np.triu(factor[:rank])
    return root
