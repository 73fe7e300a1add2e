"""Precision, recall, density and coverage: balls around one sample that hold points of the other.

The ball of an example reaches to its k-th nearest neighbour in its own sample. With R the real and
G the generated sample:

- precision: share of G inside some ball of R; recall: share of R inside some ball of G
  (Kynkaanniemi et al. 2019; k = 3). They swap when the samples do.
- density: mean number of balls of R that hold an example of G, over k: unlike precision it is not
  fooled by one wide ball around an outlier, and may exceed 1;
- coverage: share of balls of R that hold an example of G (Naeem et al. 2020; k = 5).

Balls are closed, so a sample covers itself even where points coincide.
"""

import numpy as np

from gan.scores.pair import Pair

PRECISION_NEIGHBOURS = 3
DENSITY_NEIGHBOURS = 5


def precision(pair: Pair, k: int = PRECISION_NEIGHBOURS) -> float:
    """Share of generated examples inside the k-neighbour ball of a real one, in [0, 1]."""
    return float(np.mean(np.any(pair.between <= radii(pair.within_real, k), axis=1)))


def recall(pair: Pair, k: int = PRECISION_NEIGHBOURS) -> float:
    """Share of real examples inside the k-neighbour ball of a generated one, in [0, 1]."""
    return precision(pair.swapped(), k)


def density(pair: Pair, k: int = DENSITY_NEIGHBOURS) -> float:
    """Mean number of real k-neighbour balls around a generated example, over k; at least 0.

    k is at most the number of other real examples, m - 1, so that the expectation is 1 for two
    samples of one law whatever m.
    """
    k = min(k, len(pair.real) - 1)
    return float(np.sum(pair.between <= radii(pair.within_real, k)) / (k * len(pair.generated)))


def coverage(pair: Pair, k: int = DENSITY_NEIGHBOURS) -> float:
    """Share of real k-neighbour balls with a generated example inside, in [0, 1]."""
    return float(np.mean(pair.between.min(axis=0) <= radii(pair.within_real, k)))


def radii(within: np.ndarray, k: int) -> np.ndarray:
    """Distance [n] to the k-th nearest other example of the same sample; k at most n - 1."""
    k = min(k, len(within) - 1)
    others = within + np.diag(np.full(len(within), np.inf))
    return np.partition(others, k - 1, axis=1)[:, k - 1]
