"""The sets that sample scores compare, and how many examples they have.

Real examples that training and classifier never saw are scored like generated ones: no score stands
without what real examples would get at the same n.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from gan.errors import UserError
from gan.scores.requirements import LEAST_SAMPLES, held_out
from gan.transport import memory

SAMPLES = 1000
"""Examples per scored set (n), where the held-out splits have as many."""

MOST_SAMPLES = 50_000
"""The number of the published protocols; nearest neighbours take time with its square."""

PLANNED = 500
"""Examples per set whose exact plan is added up by class."""

MODE_SAMPLES = 2500
"""Generated points that modes of a planar mixture are counted over."""

STACKED_SAMPLES = 26_000
"""Generated stacks that modes are counted over, the number of the published counts."""

HALVES = 50
"""Half-samples behind every interval; see gan.referee.resampling."""

LARGEST_HALF = 2500
"""Examples of a half-sample at most: of larger sets it is less than a half."""

COVERS = (
    "Intervals of 95 %, from the spread of the score over random halves of both samples (over "
    f"{LARGEST_HALF:,} examples of each where these are more), cover the luck of which examples "
    "were drawn, generated and real, at this n. They do not cover the bias that some scores have "
    "at a given n, nor the classifier, nor another training run."
)
"""What the intervals of scores cover, for whoever prints them."""

REFERENCES = {"test": "validation", "validation": "test"}
"""Split of the real examples that are scored like generated ones."""


class Samples(NamedTuple):
    """What sample scores compare.

    Attributes:
        generated, real, others: [n, *shape]; held-out real ones, and those of the other held-out
            split, which are scored like generated ones.
        real_classes: int [n].
        counted: generated examples [m, *shape] that modes are counted over, and `counted_real`.
    """

    generated: np.ndarray
    real: np.ndarray
    others: np.ndarray
    real_classes: np.ndarray
    counted: np.ndarray
    counted_real: np.ndarray

    @property
    def n(self) -> int:
        """Examples of each set."""
        return len(self.generated)


def draw(dataset, sample: Callable[[int], np.ndarray], split: str, samples: int) -> Samples:
    """The sets that a generator is scored with.

    Args:
        dataset: what gan.data.load returns, with at least LEAST_SAMPLES held-out examples.
        sample: sample(count) -> generated examples [count, *shape], independent.
        split: "test" or "validation"; the other one is scored like generated examples.
        samples: examples per scored set, lowered to what the splits have.

    Raises:
        UserError: if `samples` is out of range, or the sets would not fit in memory.
    """
    check_count(samples)
    reference = REFERENCES[split]
    n = min(samples, held_out(dataset))
    memory.require(3 * 4 * n * math.prod(dataset.shape), f"sets of {n} examples")
    stacked = dataset.base is not None
    counted = STACKED_SAMPLES if stacked else MODE_SAMPLES if dataset.modes is not None else n
    generated = sample(max(n, counted))
    rows = np.random.default_rng(0)
    real, classes = dataset.examples(split, rows.permutation(dataset.size(split))[:n])
    others, _ = dataset.examples(reference, rows.permutation(dataset.size(reference))[:n])
    compared = others
    if counted > n:
        compared = dataset.examples(split, np.arange(min(counted, dataset.size(split))))[0]
    return Samples(generated[:n], real, others, classes, generated[:counted], compared)


def check_count(samples: int) -> None:
    """Raises UserError unless sets of `samples` examples can be scored."""
    if not LEAST_SAMPLES <= samples <= MOST_SAMPLES:
        raise UserError(f"samples must be in {LEAST_SAMPLES} .. {MOST_SAMPLES}, got {samples}")
