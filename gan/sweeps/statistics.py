"""Statistics for a handful of runs: point estimates with intervals, and exact paired tests.

Scores are arrays [runs, tasks]: one row per seed, one column per task (data set, architecture,
setting), higher or lower is better as the caller says. With few runs a mean hides its own
uncertainty; the estimates and plots here are those of Agarwal et al. 2021 ("Deep reinforcement
learning at the edge of the statistical precipice"). Paired successes and failures are compared by
McNemar's exact test (1947), which is a sign test on the pairs that differ.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import stats


class IntervalEstimate(NamedTuple):
    """A point estimate and the ends of its interval."""

    value: float
    low: float
    high: float


class Pairs(NamedTuple):
    """Two methods on the same cases: how many succeeded with `only_a`, `only_b`, `both`, `neither`,
    and the exact two-sided p-value of "A and B succeed equally often"."""

    only_a: int
    only_b: int
    both: int
    neither: int
    p_value: float


def median(scores: np.ndarray) -> float:
    """Median over tasks of the mean over runs; scores [runs, tasks]."""
    return float(np.median(np.mean(_scores(scores), axis=0)))


def interquartile_mean(scores: np.ndarray) -> float:
    """Mean of the middle half of all scores [runs, tasks] pooled.

    A quarter of the values is cut off at each end, values at the cut in part, so that four equal
    groups weigh the same whatever the count. Robust as the median, and it uses half of the data.
    The mean for one or two values. A trimmed mean that drops only whole values (SciPy's, and that
    of Agarwal et al. 2021) is the same where 4 divides the count, and keeps a little more than
    half elsewhere.
    """
    ordered = np.sort(_scores(scores), axis=None)
    count = len(ordered)
    left = np.clip(np.arange(1, count + 1) - count / 4, 0, 1)
    weights = np.minimum(left, left[::-1])
    return float(np.sum(weights * ordered) / np.sum(weights))


def bootstrap(
    statistic: Callable[..., float],
    *groups: np.ndarray,
    seed: int,
    level: float = 0.95,
    resamples: int = 2000,
) -> IntervalEstimate:
    """Percentile interval of a statistic under a stratified bootstrap.

    Runs are drawn with replacement within each task and each group apart, so that no resample lacks
    a task.

    Args:
        statistic: of as many arrays [runs, tasks] as there are groups.
        groups: scores of one or several methods, [runs, tasks] each, any numbers of runs.
        seed: of the resamples; the same seed gives the same interval.
        level: probability that the interval is meant to cover.
        resamples: number of bootstrap samples.

    Raises:
        ValueError: for scores that are no finite [runs, tasks], or a level outside (0, 1).
    """
    if not 0 < level < 1:
        raise ValueError(f"level must be in (0, 1), got {level}")
    groups = tuple(_scores(group) for group in groups)
    draw = np.random.default_rng(seed)
    values = [
        statistic(
            *(np.take_along_axis(g, draw.integers(0, len(g), g.shape), axis=0) for g in groups)
        )
        for _ in range(resamples)
    ]
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return IntervalEstimate(float(statistic(*groups)), float(low), float(high))


def performance_profile(scores: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Share of all scores [runs, tasks] above each threshold [t]; float64 [t], not increasing in
    the threshold. The area under it from 0 is the mean of non-negative scores."""
    pooled = _scores(scores).ravel()
    return np.mean(pooled[None] > np.asarray(thresholds, float)[:, None], axis=1)


def probability_of_improvement(x: np.ndarray, y: np.ndarray) -> float:
    """Mean over tasks of P(X > Y) + P(X = Y) / 2 for one run of each; 1/2 for equal methods.

    Args:
        x, y: [runs, tasks] with the same tasks and any numbers of runs.

    Raises:
        ValueError: if the tasks differ in number.
    """
    x, y = _scores(x), _scores(y)
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"{x.shape[1]} tasks against {y.shape[1]}")
    differences = x[:, None] - y[None]
    return float(np.mean((differences > 0) + (differences == 0) / 2))


def mcnemar(a: np.ndarray, b: np.ndarray) -> Pairs:
    """Exact comparison of two methods' successes on the same cases; a, b bool [cases].

    Raises:
        ValueError: unless both are bool arrays of one length.
    """
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype != bool or b.dtype != bool or a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"need two bool [cases], got {a.dtype}{a.shape} and {b.dtype}{b.shape}")
    only_a, only_b = int(np.sum(a & ~b)), int(np.sum(b & ~a))
    both, neither = int(np.sum(a & b)), int(np.sum(~a & ~b))
    return Pairs(only_a, only_b, both, neither, mcnemar_p(only_a, only_b))


def mcnemar_p(only_a: int, only_b: int) -> float:
    """Two-sided p-value of McNemar's exact test from the cases that only one method solved: under
    equality each goes either way with probability 1/2. 1 when there are none."""
    if only_a + only_b == 0:
        return 1.0
    return float(stats.binomtest(only_a, only_a + only_b).pvalue)


def sign_test(x: np.ndarray, y: np.ndarray) -> float:
    """Two-sided p-value of "x is as often above y as below", for pairs [cases]; ties are dropped.

    Raises:
        ValueError: unless both are finite and of one length.
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    if x.shape != y.shape or x.ndim != 1 or not np.all(np.isfinite([x, y])):
        raise ValueError(f"need two finite [cases], got {x.shape} and {y.shape}")
    return mcnemar_p(int(np.sum(x > y)), int(np.sum(x < y)))


def _scores(scores: np.ndarray) -> np.ndarray:
    scores = np.asarray(scores, float)
    if scores.ndim != 2 or scores.size == 0 or not np.all(np.isfinite(scores)):
        raise ValueError(f"scores must be finite [runs, tasks], got shape {scores.shape}")
    return scores
