"""Which number of a training's log chooses the best of its checkpoints?

A number is judged by the truth behind it: its rank correlation with the truth over the checkpoints
of a run (Spearman 1904), and what is lost if it chooses. Both are signed so that more is better.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy import stats

from gan.registries import METRICS

LOSSES: dict[str, Literal["lower", "higher"]] = {
    "critic_loss": "higher",
    "generator_loss": "lower",
    "w1_estimate": "lower",
}
"""Numbers whose direction no metric states: a critic that tells less apart has a higher loss."""

EITHER: dict[str, Literal["lower", "higher"]] = {
    "nearest_neighbour_accuracy": "lower",
    "copied_share": "lower",
}
"""Metrics that are best at a value, and lie on one side of it in a training."""


@dataclasses.dataclass(frozen=True)
class Agreement:
    """How well a number agrees with a truth, over runs.

    Attributes:
        correlations: rank correlation of each run; NaN where the number did not change.
        mean: of those that are finite; NaN without one.
        interval: of the mean, 95 %, over runs (Student 1908); NaN with fewer than two.
        regret: how much worse the truth is at the chosen checkpoint than at the best, of each run.
    """

    correlations: list[float]
    mean: float
    interval: tuple[float, float]
    regret: list[float]


def direction(name: str) -> Literal["lower", "higher"] | None:
    """Which values of a number are better; None where that is not known."""
    if name in LOSSES or name in EITHER:
        return (LOSSES | EITHER)[name]
    return METRICS.get(name).better if name in METRICS else None


def signed(name: str, values: Sequence[float]) -> np.ndarray:
    """Values [k] with more being better."""
    return np.asarray(values, float) * (-1 if direction(name) == "lower" else 1)


def agreement(name: str, truth: str, runs: Sequence[tuple[Sequence, Sequence]]) -> Agreement:
    """Agreement of the number `name` with the metric `truth`.

    Args:
        runs: of each the values [k] of both at its checkpoints.

    >>> found = agreement("w1", "precision", [([3, 2, 1], [0.1, 0.2, 0.4]), ([1, 2, 3], [1, 1, 0])])
    >>> [round(each, 2) for each in found.correlations], found.regret
    ([1.0, 0.87], [0.0, 0.0])
    """
    correlations, regret = [], []
    for values, truths in runs:
        mine, real = signed(name, values), signed(truth, truths)
        constant = np.ptp(mine) == 0 or np.ptp(real) == 0
        correlations.append(math.nan if constant else float(stats.spearmanr(mine, real)[0]))
        regret.append(float(real.max() - real[np.argmax(mine)]))
    finite = [each for each in correlations if math.isfinite(each)]
    mean = float(np.mean(finite)) if finite else math.nan
    return Agreement(correlations, mean, _interval(finite), regret)


def _interval(values: Sequence[float]) -> tuple[float, float]:
    if len(values) < 2:
        return math.nan, math.nan
    reach = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    return tuple(float(each) for each in np.clip(np.mean(values) + [-reach, reach], -1, 1))
