"""Mean and covariance of features, and the files that published scores compare with.

A file of reference statistics is a .npz with `mu` [k] and `sigma` [k, k], as pytorch-fid and the
authors of the score write it (Heusel et al. 2017).
"""

import io
import os

import numpy as np

from gan.errors import UserError
from gan.files import read_bytes, replacing, shortened
from gan.scores.moments import Moments


def read(path: str) -> Moments:
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
    return Moments(count, mean, (covariance + covariance.T) / 2)


def write(path: str, found: Moments, about: str) -> None:
    """A file of reference statistics: mu, sigma, n if it is known, and `about`, what they are of.

    Raises:
        StorageError: it cannot be written.
    """
    count = {} if found.count is None else {"n": np.array(found.count)}
    with replacing(path) as file:
        np.savez(file, mu=found.mean, sigma=found.covariance, about=np.array(about), **count)
