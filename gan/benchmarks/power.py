"""How often does each score notice a known fault, at a level of 5 %?

A score is noticed where it is worse than real examples in place of generated ones usually get: a
rank test, whose level holds exactly, whatever the law of the score (Phipson and Smyth 2010).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from gan.benchmarks.injected_faults import Pool
from gan.errors import UserError
from gan.referee import distances, faults
from gan.registries import METRICS
from gan.scores import evaluation, modes
from gan.scores.pair import Pair
from gan.scores.requirements import Situation, distrust, trusted
from gan.scores.space import Space

LEVEL = 0.05
"""How often a test may accuse real examples."""


class Share(NamedTuple):
    """How many of some trials succeeded, and a 95 % interval of the probability (Wilson 1927)."""

    count: int
    trials: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """The share."""
        return self.count / self.trials


def of_features(situation: Situation) -> list[str]:
    """The metrics that compare two sets in the features of a data set, registered by anybody.

    Raises:
        UserError: if these features, or the classes, cannot be trusted.
    """
    if not trusted(situation):
        raise UserError(distrust(situation))
    names, _ = evaluation.possible([], situation)
    return [name for name in names if METRICS.get(name).of_features]


def scores(fake: np.ndarray, real: np.ndarray, pool: Pool, space: Space, names: Sequence[str]):
    """The scores of one set against another, by the name of the metric.

    Args:
        fake, real: examples [n, *shape].
        pool: gives the training examples.
        space: features and classes, of a data set with a classifier.
        names: of metrics of features.
    """
    features = [space.features.checked(each) for each in (fake, real)]
    pair = Pair.of(*features, space.classifier.probabilities(fake))
    counted = modes.count_classes(space.labels(fake), pool.classes)
    near = [distances.nearest_one(fake, each) for each in (pool.train, real)]
    return {
        "w1": distances.w1(fake, real),
        "sliced_w1": distances.sliced(fake, real),
        "feature_w1": distances.w1(*features),
        **{name: float(METRICS.get(name).of_features(pair)) for name in names},
        "mode_count": float(counted.covered),
        "mode_kl": counted.reverse_kl,
        "copied_share": faults.copied_share(*near, (len(pool.train), len(real)))[0],
    }


def p_value(name: str, value: float, usual: Sequence[float]) -> float:
    """Probability, for real examples, of a score as bad as this: the rank among `usual` values.

    Where a metric is neither better high nor low, high is bad: more copies, sets told apart.

    >>> p_value("w1", 3.0, [1.0, 2.0, 4.0]), p_value("precision", 0.5, [0.9, 0.8, 0.7])
    (0.5, 0.25)
    """
    sign = -1 if METRICS.get(name).better == "higher" else 1
    as_bad = np.sum(sign * np.asarray(usual) >= sign * value)
    return float((1 + as_bad) / (1 + len(usual)))


def power(name: str, values: Sequence[float], usual: Sequence[float]) -> Share:
    """How often a score notices.

    Args:
        name: of the metric.
        values: of sets with a fault.
        usual: of real examples, apart from those of `values`; at least 1 / LEVEL - 1.

    Raises:
        ValueError: if `usual` are too few for the level.
    """
    if len(usual) + 1 < 1 / LEVEL:
        raise ValueError(f"a level of {LEVEL:g} needs {1 / LEVEL - 1:.0f} values of real examples")
    return share(sum(p_value(name, value, usual) <= LEVEL for value in values), len(values))


def share(count: int, trials: int) -> Share:
    """So many successes of so many trials, with their interval."""
    low, high = stats.binomtest(count, trials).proportion_ci(method="wilson")
    return Share(count, trials, float(low), float(high))
