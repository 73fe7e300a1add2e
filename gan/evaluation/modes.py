"""Mode counts for laws that are mixtures of known Gaussians in the plane."""

from typing import NamedTuple

import numpy as np


class Modes(NamedTuple):
    """`covered` of `total` centres have a high-quality sample; `high_quality` is their share of all
    samples; `reverse_kl` is KL(share per mode || uniform) in nats, over the high-quality samples
    assigned to their nearest centre."""

    covered: int
    total: int
    high_quality: float
    reverse_kl: float


def count_modes(points: np.ndarray, centers: np.ndarray, sigma: float) -> Modes:
    """Modes of points [n, 2] against centers [k, 2] of standard deviation sigma.

    A sample is of high quality within 3 sigma of its nearest centre (Lin et al. 2018). With no
    high-quality sample at all, reverse_kl is log k, its largest value.
    """
    distances = np.linalg.norm(points[:, None] - centers[None], axis=2)
    good = distances.min(axis=1) <= 3 * sigma
    counts = np.bincount(distances.argmin(axis=1)[good], minlength=len(centers))
    if not good.any():
        return Modes(0, len(centers), 0.0, float(np.log(len(centers))))
    shares = counts[counts > 0] / counts.sum()
    return Modes(
        covered=int(np.count_nonzero(counts)),
        total=len(centers),
        high_quality=float(good.mean()),
        reverse_kl=float(np.sum(shares * np.log(shares * len(centers)))),
    )
