"""Mode counts: for mixtures of known Gaussians in the plane, and for classes."""

import math
from typing import NamedTuple

import numpy as np
from scipy import stats


class Modes(NamedTuple):
    """`covered` of `total` centres have a high-quality sample; `high_quality` is their share of all
    samples; `reverse_kl` is KL(share per mode || uniform) in nats, over the high-quality samples
    assigned to their nearest centre; `fewest` is the number of samples of the rarest mode that is
    covered, 0 if none is."""

    covered: int
    total: int
    high_quality: float
    reverse_kl: float
    fewest: int


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
        return Modes(0, total, 0.0, float(np.log(total)), 0)
    counts = np.bincount(labels, minlength=total)
    counts = counts[counts > 0]
    shares = counts / counts.sum()
    return Modes(
        covered=len(counts),
        total=total,
        high_quality=1.0,
        reverse_kl=float(np.sum(shares * np.log(shares * total))),
        fewest=int(counts.min()),
    )


def found_by_chance(found: Modes) -> tuple[float, float]:
    """How far the expected number of covered modes in another sample of n may lie below and above
    the number found, on account of the modes that chance decides; 95 % confidence each.

    Below: of the rarest covered mode, which has c samples, at least L are expected, where c or more
    come by chance with P(Poisson(L) >= c) = 0.05 (Garwood 1936); exp(-L) is the chance of none.
    Above: what n samples missed has a share of at most 3 / n together (the rule of three: Hanley,
    Lippman-Hand 1983). Spread evenly over the u missed modes, which is worst, it gives
    u (1 - exp(-3 / u)) of them an example: 0.95 for one mode, 3 for many.
    """
    missed = found.total - found.covered
    above = missed * -math.expm1(-3 / missed) if missed else 0.0
    below = math.exp(-stats.chi2.ppf(0.05, 2 * found.fewest) / 2) if found.fewest else 0.0
    return below, above
