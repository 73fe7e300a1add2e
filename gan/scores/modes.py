"""Mode counts: for mixtures of known Gaussians in the plane, and for classes."""

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
    found = count_classes(distances.argmin(axis=1)[good], len(centers))
    return found._replace(high_quality=float(good.mean()))


def count_classes(labels: np.ndarray, total: int) -> Modes:
    """Modes of labels [n] in 0 .. total - 1, all of high quality; no label at all covers nothing,
    with the largest reverse_kl.

    With the labels that a classifier gives stacked images, the count and divergence of Srivastava
    et al. 2017 (there with 26,000 examples and 1,000 classes; both depend on the number).
    """
    if not len(labels):
        return Modes(0, total, 0.0, float(np.log(total)))
    counts = np.bincount(labels, minlength=total)
    shares = counts[counts > 0] / counts.sum()
    return Modes(
        covered=int(np.count_nonzero(counts)),
        total=total,
        high_quality=1.0,
        reverse_kl=float(np.sum(shares * np.log(shares * total))),
    )
