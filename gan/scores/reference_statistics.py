"""Mean and covariance of features, and the files that published scores compare with.

A file of reference statistics is a .npz with `mu` [k] and `sigma` [k, k], as pytorch-fid and the
authors of the score write it (Heusel et al. 2017).
"""

import io
import os

import numpy as np

from gan.errors import UserError
from gan.files import read_bytes, replacing, shortened
from gan.scores import frechet
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
    try:
        frechet.check(mean, covariance)
    except UserError as error:
        raise UserError(f"{shortened(path)}: {error}") from error
    return Moments(count, mean, (covariance + covariance.T) / 2)


def write(path: str, found: Moments, about: str, inception: str = "") -> None:
    """A file of reference statistics: mu, sigma and what else is known.

    Args:
        path: of the file.
        found: the statistics; n is left out where it is unknown.
        about: what they are of.
        inception: SHA-256 of the weights of Inception-v3 that gave the features; "" for none.

    Raises:
        StorageError: it cannot be written.
    """
    known = {"n": found.count, "inception": inception or None, "about": about}
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


def weights(path: str) -> str:
    """SHA-256 of the weights of Inception-v3 behind a file that `is_one`; "" if it does not say."""
    with np.load(os.path.expanduser(path), allow_pickle=False) as file:
        return str(file["inception"]) if "inception" in file else ""
