"""Precision, recall, density and coverage: balls around one sample that hold points of the other.

The ball of an example reaches to its k-th nearest neighbour in its own sample. With R the real and
G the generated sample:

- precision: share of G inside some ball of R; recall: share of R inside some ball of G
  (Kynkaanniemi et al. 2019; k = 3). They swap when the samples do.
- density: mean number of balls of R that hold an example of G, over k: unlike precision it is not
  fooled by one wide ball around an outlier, and may exceed 1;
- coverage: share of balls of R that hold an example of G (Naeem et al. 2020; k = 5).

Balls are closed: a point at exactly the distance of the k-th neighbour is inside, up to rounding
(as in Kynkaanniemi et al.'s own code; that of Naeem et al. leaves it out). So a sample covers
itself even where points coincide, and its density in itself is 1 + 1 / k, since every example lies
in its own ball.
"""

import numpy as np

from gan.scores.pair import DENSITY_NEIGHBOURS, PRECISION_NEIGHBOURS, Pair


def precision(pair: Pair, k: int = PRECISION_NEIGHBOURS) -> float:
    """Share of generated examples inside the k-neighbour ball of a real one, in [0, 1]."""
    return float(np.mean(pair.balls("real", k).covered))


def recall(pair: Pair, k: int = PRECISION_NEIGHBOURS) -> float:
    """Share of real examples inside the k-neighbour ball of a generated one, in [0, 1]."""
    return float(np.mean(pair.balls("generated", k).covered))


def density(pair: Pair, k: int = DENSITY_NEIGHBOURS) -> float:
    """Mean number of real k-neighbour balls around a generated example, over k; at least 0.

    k is at most the number of other real examples, m - 1, so that the expectation is 1 for two
    samples of one law whatever m.
    """
    k = min(k, len(pair.real) - 1)
    return float(np.sum(pair.balls("real", k).inside) / (k * len(pair.generated)))


def coverage(pair: Pair, k: int = DENSITY_NEIGHBOURS) -> float:
    """Share of real k-neighbour balls with a generated example inside, in [0, 1]."""
    return float(np.mean(pair.balls("real", k).inside > 0))
