"""The 1-nearest-neighbour two-sample test (Lopez-Paz and Oquab 2017; Xu et al. 2018).

Pool both samples; can the nearest neighbour of an example, itself left out, tell which sample it is
from? At chance the two cannot be told apart.
"""

import numpy as np

from gan.scores.pair import Pair

PERMUTATIONS = 999


def nearest_neighbour_accuracy(pair: Pair) -> float:
    """Share of the pooled examples whose nearest other example is from the same sample.

    Where several examples are equally near, each counts in part, so that no order of the examples
    and no side is preferred.

    Returns:
        A number in [0, 1]: 1/2 - 1 / (2 (2n - 1)) is expected for two samples of one law and equal
        size n, 1 for samples that lie apart, 0 for exact copies of examples that all differ.
    """
    return float(_accuracies(_nearest(pair), _labels(pair)[:, None])[0])


def permutation_p_value(pair: Pair, seed: int = 0, permutations: int = PERMUTATIONS) -> float:
    """Probability of so high an accuracy if which sample an example is from were chance.

    The pooled points stay, their labels are permuted; exact for exchangeable points whatever their
    law, ties included. At least 1 / (permutations + 1).
    """
    labels, nearest = _labels(pair), _nearest(pair)
    draws = np.repeat(labels[:, None], permutations, axis=1)
    draws = np.random.default_rng(seed).permuted(draws, axis=0)
    observed = _accuracies(nearest, labels[:, None])[0]
    # Sums of the same shares in another order differ by rounding: those are ties.
    reached = np.sum(_accuracies(nearest, draws) >= observed - 1e-12)
    return float((1 + reached) / (permutations + 1))


def _labels(pair: Pair) -> np.ndarray:
    return np.repeat([1.0, 0.0], [len(pair.generated), len(pair.real)])


def _accuracies(nearest, labels) -> np.ndarray:
    """Accuracy [p] of each column of labels [n, p], which are 0 or 1."""
    share = nearest @ labels
    return np.mean(labels * share + (1 - labels) * (1 - share), axis=0)


def _nearest(pair: Pair) -> np.ndarray:
    """Weights [n, n] of the pooled examples as nearest neighbours; rows sum to 1."""
    upper = np.concatenate([pair.within_generated, pair.between], axis=1)
    lower = np.concatenate([pair.between.T, pair.within_real], axis=1)
    distances = np.concatenate([upper, lower])
    np.fill_diagonal(distances, np.inf)
    tied = (distances == distances.min(axis=1, keepdims=True)).astype(np.float64)
    return tied / tied.sum(axis=1, keepdims=True)
