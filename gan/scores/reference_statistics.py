"""Mean and covariance of features, and the files that published scores compare with.

A file of reference statistics is a .npz with `mu` [k] and `sigma` [k, k], as pytorch-fid and the
authors of the score write it (Heusel et al. 2017).
"""

import io
import os
from typing import NamedTuple

import numpy as np

from gan.errors import UserError
from gan.files import read_bytes, replacing, shortened

BLOCK = 4096
"""Rows that are in float64 at a time."""


class Statistics(NamedTuple):
    """Of features [n, k].

    Attributes:
        mean: float64 [k].
        covariance: float64 [k, k], with n - 1 below the sum.
        count: n; None where a file does not say.
    """

    mean: np.ndarray
    covariance: np.ndarray
    count: int | None = None


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
    singular values of B A', where A'A and B'B are the covariances. Eigenvalues below k times the
    rounding of the largest are rounding, and count as 0: so covariances of fewer examples than
    features are no exception.

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
    size = np.abs(covariance).max()
    if np.abs(covariance - covariance.T).max() > 1e-5 * size or np.diag(covariance).min() < 0:
        raise UserError(f"{shortened(path)}: sigma is no covariance")
    return Statistics(mean, (covariance + covariance.T) / 2, count)


def write(path: str, found: Statistics, about: str) -> None:
    """A file of reference statistics: mu, sigma, n if it is known, and `about`, what they are of.

    Raises:
        StorageError: it cannot be written.
    """
    count = {} if found.count is None else {"n": np.array(found.count)}
    with replacing(path) as file:
        np.savez(file, mu=found.mean, sigma=found.covariance, about=np.array(about), **count)


def _root(covariance: np.ndarray) -> np.ndarray:
    """A [r, k] with A'A = covariance [k, k], r its rank up to rounding."""
    values, vectors = np.linalg.eigh(covariance)
    kept = values > len(values) * np.finfo(np.float64).eps * values[-1]
    return np.sqrt(values[kept])[:, None] * vectors.T[kept]
