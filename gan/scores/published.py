"""Scores as the field publishes them, on features and logits; which ones, the caller says.

Each follows the code that its published values come from, at these settings unless another is
given:

- FID (Heusel et al. 2017): moments in float64, 50,000 generated examples against the training set;
- KID (Binkowski et al. 2018): cubic kernel (x.y / k + 1)^3, unbiased, mean and standard deviation
  over 100 subsets of 1,000 of each side, drawn without replacement;
- Inception score (Salimans et al. 2016): mean and standard deviation over 10 parts, logits without
  the bias of the last layer;
- precision and recall (Kynkaanniemi et al. 2019): k = 3, a point at the radius is inside;
- density and coverage (Naeem et al. 2020): k = 5, a point at the radius is outside.

The last two conventions are their authors'; they matter where points coincide. The balls of
gan.scores.manifolds are closed throughout.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from scipy.special import log_softmax

from gan.scores import frechet, manifolds
from gan.scores.kernel import kernel_distance
from gan.scores.moments import moments
from gan.scores.pair import DENSITY_NEIGHBOURS, PRECISION_NEIGHBOURS, Pair

COUNT = 50_000
"""Generated examples behind published values."""

SUBSETS = 100
SUBSET_SIZE = 1000
PARTS = 10


class Spread(NamedTuple):
    """A mean over subsets with their standard deviation (with their number below the sum)."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, values: list[float]) -> "Spread":
        """Of the values on the subsets."""
        return cls(float(np.mean(values)), float(np.std(values)))


class Balls(NamedTuple):
    """Precision, recall and coverage, in [0, 1], and density, at least 0."""

    precision: float
    recall: float
    density: float
    coverage: float


def fid(generated: np.ndarray, real: np.ndarray) -> float:
    """Squared Frechet distance of features [n, k] and [m, k], from their means and covariances.

    For those in a file, see gan.scores.reference_statistics.
    """
    return frechet.between(moments(generated), moments(real))


def subsets(
    sizes: tuple[int, int], size: int = SUBSET_SIZE, count: int = SUBSETS, seed: int = 0
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """`count` times `size` different rows of each of two sets.

    Raises:
        ValueError: if a set has fewer than `size` rows.
    """
    if size > min(sizes):
        raise ValueError(f"subsets of {size} need as many examples, got {sizes}")
    draw = np.random.default_rng(seed)
    for _ in range(count):
        yield tuple(draw.choice(n, size, replace=False) for n in sizes)


def kid(
    generated: np.ndarray,
    real: np.ndarray,
    picks: Iterable[tuple[np.ndarray, np.ndarray]] | None = None,
) -> Spread:
    """Squared kernel discrepancy of features [n, k] and [m, k], over subsets.

    Args:
        generated, real: features.
        picks: rows of each side for every subset; None for those of `subsets`.

    Returns:
        The mean, near 0 on either side for two samples of one law, whatever the sizes; and the
        deviation, which is that between values at the size of a subset.
    """
    picks = subsets((len(generated), len(real))) if picks is None else picks
    return Spread.of([kernel_distance(generated[rows], real[columns]) for rows, columns in picks])


def inception_score(logits: np.ndarray, parts: int = PARTS) -> Spread:
    """exp of the mean of KL(p(class | example) || p(class)), on consecutive parts of the examples.

    Args:
        logits: [n, c], n at least `parts`, in an order that has nothing to do with classes.
        parts: part i has the rows from i n / parts on.

    Returns:
        From 1 (the network says the same of all examples) to c.

    Raises:
        ValueError: if there are fewer examples than parts.
    """
    if len(logits) < parts:
        raise ValueError(f"{parts} parts need as many examples, got {len(logits)}")
    scores = []
    for part in range(parts):
        rows = slice(part * len(logits) // parts, (part + 1) * len(logits) // parts)
        log_p = log_softmax(np.asarray(logits[rows], np.float64), axis=1)
        p = np.exp(log_p)
        marginal = p.mean(axis=0)
        log_marginal = np.log(marginal, out=np.zeros_like(marginal), where=marginal > 0)
        scores.append(float(np.exp(np.sum(p * (log_p - log_marginal), axis=1).mean())))
    return Spread.of(scores)


def balls(
    generated: np.ndarray,
    real: np.ndarray,
    near: int = PRECISION_NEIGHBOURS,
    wide: int = DENSITY_NEIGHBOURS,
) -> Balls:
    """Precision and recall, density and coverage of features [n, k] against [m, k].

    The ball of an example reaches to its neighbour number `near` (precision, recall) or `wide`
    (density, coverage) in its own set. Distances are exact to rounding, by blocks: see
    gan.scores.neighbours.

    Raises:
        ValueError: if a set has no more than `wide` examples.
    """
    if min(len(generated), len(real)) <= max(near, wide):
        raise ValueError(f"{max(near, wide)} neighbours need more examples than that in each set")
    pair = Pair.of(generated, real)
    around = pair.balls("real", wide)
    within = around.inside - around.touching
    return Balls(
        precision=manifolds.precision(pair, near),
        recall=manifolds.recall(pair, near),
        density=float(np.sum(within)) / (wide * len(generated)),
        coverage=float(np.mean(within > 0)),
    )
