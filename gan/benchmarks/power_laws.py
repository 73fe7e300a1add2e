"""Power laws by least squares on logarithms, with intervals.

log value = log factor + exponent * log size + error, with independent normal errors of one standard
deviation. Intervals are Student's, with n - 2 degrees of freedom; a cost that is no power law shows
as a wide one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

LEVEL = 0.95
"""Coverage of the intervals, if the errors are what the model says."""


class PowerLaw(NamedTuple):
    """value = factor * size^exponent.

    `interval` is that of the exponent, None from two sizes. `last` is the exponent between the two
    largest sizes. `deviation` is the standard deviation of the errors of the logarithms (0 from two
    sizes); `middle` and `breadth` are the mean of the sizes' logarithms and the sum of squares
    about it.
    """

    exponent: float
    factor: float
    interval: tuple[float, float] | None
    last: float
    count: int
    deviation: float
    middle: float
    breadth: float


def fit(sizes: Sequence[float], values: Sequence[float]) -> PowerLaw:
    """Least squares of log values on log sizes.

    Args:
        sizes, values: [n] positive, n >= 2, sizes not all equal.

    Returns:
        The `PowerLaw`; of an exact power law the exponent to rounding and an interval of no width.

    Raises:
        ValueError: for fewer than two different sizes or numbers that are not positive.
    """
    order = np.argsort(sizes)
    x, y = np.asarray(sizes, float)[order], np.asarray(values, float)[order]
    if x.shape != y.shape or len(np.unique(x)) < 2 or not (np.all(x > 0) and np.all(y > 0)):
        raise ValueError(f"a power law needs two different sizes, all positive; got {x} and {y}")
    x, y = np.log(x), np.log(y)
    middle, breadth = x.mean(), np.sum((x - x.mean()) ** 2)
    exponent = np.sum((x - middle) * (y - y.mean())) / breadth
    errors = y - y.mean() - exponent * (x - middle)
    free = len(x) - 2
    deviation = math.sqrt(np.sum(errors**2) / free) if free else 0.0
    reach = _quantile(len(x)) * deviation / math.sqrt(breadth) if free else 0.0
    return PowerLaw(
        float(exponent),
        float(np.exp(y.mean() - exponent * middle)),
        (float(exponent - reach), float(exponent + reach)) if free else None,
        float((y[-1] - y[-2]) / (x[-1] - x[-2])) if x[-1] > x[-2] else math.nan,
        len(x),
        deviation,
        float(middle),
        float(breadth),
    )


def predict(law: PowerLaw, size: float) -> tuple[float, float, float]:
    """(value, low, high) at a size: the line, and the interval in which one more value would lie.

    The interval takes for granted that the power law goes on; it is the line alone from two sizes.
    """
    value = law.factor * size**law.exponent
    if law.count == 2:
        return value, value, value
    away = (math.log(size) - law.middle) ** 2 / law.breadth
    reach = _quantile(law.count) * law.deviation * math.sqrt(1 + 1 / law.count + away)
    return value, value * math.exp(-reach), value * math.exp(reach)


def _quantile(count: int) -> float:
    return float(stats.t.ppf((1 + LEVEL) / 2, count - 2))
