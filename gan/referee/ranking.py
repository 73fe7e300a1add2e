"""Which of several generators is nearest to the real examples, and how sure is that?

All are compared with the same real sets at the same n, on the same random halves of these, so that
the luck of which real examples were drawn cancels in differences. A difference of two debiased
distances has an interval from its spread over the halves (see gan.referee.resampling).
"""

import itertools
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy import stats

from gan.referee import resampling
from gan.referee.distances import Distance, Interval


class Comparison(NamedTuple):
    """Two generators.

    Attributes:
        nearer, farther: names, by debiased distance.
        difference: of the debiased distances, at least 0.
        interval: 95 % interval of it.
        probability: that `nearer` is nearer, over samples of the same n.
        told_apart: whether the interval excludes 0.
    """

    nearer: str
    farther: str
    difference: float
    interval: Interval
    probability: float
    told_apart: bool


def ranked(found: Mapping[str, Distance]) -> list[str]:
    """Names by debiased distance, the nearest first."""
    return sorted(found, key=lambda name: found[name].debiased)


def comparisons(found: Mapping[str, Distance]) -> list[Comparison]:
    """Every two of the generators, in the order of their ranks.

    Args:
        found: distances with resamples, all from one reference and at one n.

    Raises:
        ValueError: for distances without resamples, or at several n.
    """
    if len({distance.n for distance in found.values()}) > 1:
        raise ValueError("distances at several n cannot be ranked")
    return [
        _compared(nearer, farther, found[nearer], found[farther])
        for nearer, farther in itertools.combinations(ranked(found), 2)
    ]


def _compared(nearer: str, farther: str, a: Distance, b: Distance) -> Comparison:
    if a.debiased_on_halves is None or b.debiased_on_halves is None:
        raise ValueError("a comparison needs resamples")
    difference = b.debiased - a.debiased
    on_halves = np.subtract(b.debiased_on_halves, a.debiased_on_halves)
    interval = Interval(*resampling.interval(difference, on_halves))
    spread = float(np.std(on_halves, ddof=1))
    sure = stats.t.cdf(difference / spread, len(on_halves) - 1) if spread else float(difference > 0)
    return Comparison(
        nearer,
        farther,
        difference,
        interval,
        float(sure) if spread or difference else 0.5,
        interval.low > 0,
    )
