"""The 1-nearest-neighbour two-sample test (Lopez-Paz and Oquab 2017; Xu et al. 2018).

Pool both samples; can the nearest neighbour of an example, itself left out, tell which sample it is
from? At chance the two cannot be told apart.
"""

import numpy as np

from gan.evaluation.scores.pair import Pair

PERMUTATIONS = 999


def nearest_neighbour_accuracy(pair: Pair) -> float:
    """Share of the pooled examples whose nearest other example is from the same sample.

    Returns:
        A number in [0, 1]: 1/2 - 1 / (2 (2n - 1)) is expected for two samples of one law and equal
        size n, 1 for samples that lie apart, 0 for exact copies.
    """
    labels = _labels(pair)
    return float(np.mean(labels[_nearest(pair)] == labels))


def permutation_p_value(pair: Pair, seed: int = 0, permutations: int = PERMUTATIONS) -> float:
    """Probability of so high an accuracy if which sample an example is from were chance.

    The pooled points stay, their labels are permuted; exact for exchangeable points whatever their
    law. At least 1 / (permutations + 1).
    """
    labels, nearest = _labels(pair), _nearest(pair)
    observed = np.sum(labels[nearest] == labels)
    draw = np.random.default_rng(seed)
    reached = 1
    for _ in range(permutations):
        draw.shuffle(labels)
        reached += np.sum(labels[nearest] == labels) >= observed
    return float(reached / (permutations + 1))


def _labels(pair: Pair) -> np.ndarray:
    return np.repeat([True, False], [len(pair.generated), len(pair.real)])


def _nearest(pair: Pair) -> np.ndarray:
    upper = np.concatenate([pair.within_generated, pair.between], axis=1)
    lower = np.concatenate([pair.between.T, pair.within_real], axis=1)
    distances = np.concatenate([upper, lower])
    np.fill_diagonal(distances, np.inf)
    return distances.argmin(axis=1)
