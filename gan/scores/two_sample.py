"""The 1-nearest-neighbour two-sample test (Lopez-Paz and Oquab 2017; Xu et al. 2018).

Pool both samples; can the nearest neighbour of an example, itself left out, tell which sample it is
from? At chance the two cannot be told apart.
"""

import math

import numpy as np
from scipy import sparse

from gan.scores.pair import Nearest, Pair

PERMUTATIONS = 999

TOGETHER = 64
"""Permutations that are looked at together."""


def nearest_neighbour_accuracy(pair: Pair) -> float:
    """Share of the pooled examples whose nearest other example is from the same sample.

    Where several examples are equally near, each counts in part, so that no order of the examples
    and no side is preferred: exchanging the sides changes nothing, to the last bit.

    Returns:
        A number in [0, 1]: 1/2 - 1 / (2 (2n - 1)) is expected for two samples of one law and equal
        size n, 1 for samples that lie apart, 0 for exact copies of examples that all differ.
    """
    labels = _labels(pair)
    return math.fsum(_matches(pair.nearest, labels[:, None])[:, 0]) / len(labels)


def permutation_p_value(pair: Pair, seed: int = 0, permutations: int = PERMUTATIONS) -> float:
    """Probability of so high an accuracy if which sample an example is from were chance.

    The pooled points stay, their labels are permuted; exact for exchangeable points whatever their
    law, ties included. At least 1 / (permutations + 1).
    """
    labels, nearest = _labels(pair), pair.nearest
    observed = nearest_neighbour_accuracy(pair)
    draw, reached = np.random.default_rng(seed), 0
    for start in range(0, permutations, TOGETHER):
        count = min(TOGETHER, permutations - start)
        draws = draw.permuted(np.repeat(labels[:, None], count, axis=1), axis=0)
        found = _matches(nearest, draws).sum(axis=0) / len(labels)
        # Sums of the same shares in another order differ by rounding: those are ties.
        reached += int(np.sum(found >= observed - 1e-12))
    return (1 + reached) / (permutations + 1)


def _labels(pair: Pair) -> np.ndarray:
    return np.repeat([1.0, 0.0], [len(pair.generated), len(pair.real)])


def _matches(nearest: Nearest, labels: np.ndarray) -> np.ndarray:
    """Examples at every point whose nearest neighbour has their label, each in part where several
    are equally near; [p, q] for each column of labels [n, q], which are 0 or 1.

    An example alone at its point has neighbours elsewhere, of which the share with its label
    counts. Of c examples at one point, s with label 1, each has the c - 1 others: s have s - 1 of
    them with their own label, c - s have c - s - 1.
    """
    p = len(nearest.counts)
    examples = np.arange(len(labels))
    at = sparse.csr_array((np.ones(len(labels)), (nearest.places, examples)), (p, len(labels)))
    near = sparse.csr_array((np.ones(len(nearest.rows)), (nearest.rows, nearest.columns)), (p, p))
    counts = nearest.counts.astype(float)[:, None]
    ones = at @ labels
    around, weight = near @ ones, near @ counts
    alone = np.where(ones > 0, around, weight - around) / np.maximum(weight, 1)
    together = ones * (ones - 1) + (counts - ones) * (counts - ones - 1)
    return np.where(counts == 1, alone, together / np.maximum(counts - 1, 1))
