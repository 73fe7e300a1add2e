"""How sure is a distance between samples? Half-samples for intervals, relabelling for p-values.

Drawing with replacement, the usual bootstrap, is wrong here: repeated points raise a transport
distance. Half-samples are drawn without replacement instead. For a statistic that is, to first
order, a mean over the n points of each set, the variance of its value on random halves, given the
sets, is s^2 / (n/2) (1 - 1/2) = s^2 / n: just the variance of the statistic on whole sets (Politis,
Romano 1994; transport costs are such statistics with the potentials as summands: del Barrio,
Loubes 2019). The halves' own mean lies higher, since the floor does, so only their spread is used.
"""

from collections.abc import Iterator

import numpy as np
from scipy import stats
from scipy.spatial.distance import cdist

LEVEL = 0.95
MOST = 1024


def halves(sets: int, n: int, count: int) -> Iterator[list[np.ndarray]]:
    """`count` times, for each of `sets` sets of n points, the rows of a random half of it."""
    draw = np.random.default_rng(0)
    for _ in range(count):
        yield [draw.permutation(n)[: n // 2] for _ in range(sets)]


def interval(value: float, on_halves: np.ndarray) -> tuple[float, float]:
    """95 % interval around `value`, from the spread of its values on half-samples [count].

    It covers what the statistic would be on average over other samples of the same n, floor
    included; it says nothing about other n.
    """
    width = stats.t.ppf((1 + LEVEL) / 2, len(on_halves) - 1) * np.std(on_halves, ddof=1)
    return float(value - width), float(value + width)


def p_value(x: np.ndarray, y: np.ndarray, permutations: int) -> float:
    """Permutation test that x [n, d] and y [n, d] are samples of one law.

    The statistic is the energy distance 2 E|X - Y| - E|X - X'| - E|Y - Y'| (Szekely, Rizzo 2013): 0
    only for equal laws, and what debiased W1 becomes when points are matched at random instead of
    optimally, so it asks the same question a thousand times cheaper. Sets are cut to their first
    1,024 points. If both are independent samples of one law, the probability of a p-value <= p is
    at most p, at any n and in any dimension.

    Returns:
        (1 + number of relabellings at least as extreme) / (1 + permutations).
    """
    x, y = x[:MOST], y[:MOST]
    both = np.concatenate([x, y])
    costs = cdist(both, both)
    draw = np.random.default_rng(0)
    signs = np.concatenate([np.full(len(x), 1.0), np.full(len(y), -1.0)])
    labels = np.stack([signs, *(draw.permutation(signs) for _ in range(permutations))])
    energies = -np.einsum("kn,kn->k", labels @ costs, labels)
    tolerance = 1e-12 * np.abs(costs).sum()
    return float(np.mean(energies >= energies[0] - tolerance))
