"""How far a score would move with other examples: its spread over halves of the sample.

A random half, drawn without replacement, of a sample of n has a mean that varies around that of the
whole exactly as much as the mean of n fresh examples varies around the truth (Shao and Wu 1989).
So the standard deviation of a score over halves estimates that of the score itself at the full n,
and, unlike a bootstrap, halves never hold an example twice, which neighbour counts could not bear.
"""

from collections.abc import Callable

import numpy as np

HALVES = 50
NORMAL = 1.959964
"""97.5 % quantile of the standard normal law."""

COVERS = (
    "95 % intervals: the score plus and minus 1.96 standard deviations over "
    f"{HALVES} random halves of both samples. They cover the luck of which examples were drawn, "
    "generated and real, at this n; not the bias that some scores have at a given n, not the "
    "classifier, and not what another training run would give."
)
"""What the intervals cover, for whoever prints them."""


def halves(sizes: tuple[int, ...], seed: int = 0, count: int = HALVES):
    """`count` times the rows of a random half of each of several samples."""
    draw = np.random.default_rng(seed)
    for _ in range(count):
        yield tuple(draw.permutation(size)[: size // 2] for size in sizes)


def spread(
    scores: Callable[..., dict[str, float]],
    sizes: tuple[int, ...],
    seed: int = 0,
    count: int = HALVES,
) -> dict[str, float]:
    """Standard deviation by name of scores(rows of sample 1, rows of sample 2, ...) over halves.

    Args:
        scores: gets one index array per sample.
        sizes: sizes of the samples, at least 4 each.
        seed: randomness of the halves: same seed, same result.
        count: how many halves.
    """
    found: dict[str, list[float]] = {}
    for rows in halves(sizes, seed, count):
        for name, value in scores(*rows).items():
            found.setdefault(name, []).append(value)
    return {name: float(np.std(values, ddof=1)) for name, values in found.items()}


def interval(
    value: float, deviation: float, bounds: tuple[float, float] = (-np.inf, np.inf)
) -> list[float]:
    """[low, high] around a score, cut to what the score can be."""
    around = value + NORMAL * deviation * np.array([-1.0, 1.0])
    return np.clip(around, *bounds).tolist()
