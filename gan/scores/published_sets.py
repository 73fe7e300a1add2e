"""The sets that scores of published names compare, and what stands beside such a score.

Published values are of 50,000 generated examples against the whole training set. Here the number of
generated ones is the user's, and every score says how it was computed and what differs. Held-out
real examples, as many, are scored like generated ones where the split has as many.
"""

import dataclasses
import functools
import time
from collections.abc import Callable

import numpy as np

from gan.errors import UserError
from gan.scores import published
from gan.scores.metric import Score
from gan.scores.reference_statistics import distance, statistics
from gan.scores.space import Features

LEAST = published.PARTS
"""Fewest generated examples: the Inception score has so many parts."""

BLOCK = 2048
"""Training examples that are in memory at a time."""

MINUTE = 60


@dataclasses.dataclass(frozen=True, eq=False)
class Sets:
    """Features of the compared examples.

    Attributes:
        generated: [n, k].
        training: of the whole training split, [m, k].
        held_out: of other real examples, [n, k]; None where there are not so many.
        logits: features [n, k] -> logits [n, classes].
        features: what all this was computed by.
    """

    generated: np.ndarray
    training: np.ndarray
    held_out: np.ndarray | None
    logits: Callable[[np.ndarray], np.ndarray]
    features: str

    @functools.cached_property
    def fid(self) -> Score:
        """Squared Frechet distance to the training set."""
        reference = statistics(self.training)

        def value(features):
            return distance(statistics(features), reference)

        return self._score(value, f"FID against {self._all}, moments in float64")

    @functools.cached_property
    def kid(self) -> tuple[Score, Score]:
        """Kernel discrepancy to the training set, and its deviation over subsets."""
        sizes = len(self.generated), len(self.training)
        size = min(published.SUBSET_SIZE, *sizes)

        def value(features):
            return published.kid(features, self.training, published.subsets(sizes, size))

        how = f"KID against {self._all}, {published.SUBSETS} subsets of {size:,}"
        if size < published.SUBSET_SIZE:
            how += f" in place of {published.SUBSET_SIZE:,}"
        return self._spread(value, f"{how}, float64")

    @functools.cached_property
    def inception_score(self) -> tuple[Score, Score]:
        """Inception score, and its deviation over parts."""
        order = np.random.default_rng(0).permutation(len(self.generated))

        def value(features):
            return published.inception_score(self.logits(features[order]))

        how = f"Inception score over {published.PARTS} parts in random order"
        return self._spread(value, f"{how}, logits without bias, float64")

    @functools.cached_property
    def balls(self) -> dict[str, Score]:
        """Precision, recall, density and coverage against as many training examples."""
        n, m = len(self.generated), len(self.training)
        rows = np.random.default_rng(0).permutation(m)[: min(n, m)]
        real = self.training[np.sort(rows)]
        found = published.balls(self.generated, real)._asdict()
        beside = {} if self.held_out is None else published.balls(self.held_out, real)._asdict()
        how = (
            f"precision, recall, density, coverage against {len(real):,} of {self._all}, k = "
            f"{published.PRECISION_NEIGHBOURS} and {published.DENSITY_NEIGHBOURS}; their authors "
            f"took VGG-16's features"
        )
        return {
            name: Score(value, n, self._said(how), real=beside.get(name))
            for name, value in found.items()
        }

    @property
    def _all(self) -> str:
        return f"all {len(self.training):,} of train"

    def _said(self, how: str) -> str:
        n = len(self.generated)
        count = f"{n:,} generated"
        if n != published.COUNT:
            count += f", not the {published.COUNT:,} of published values: do not compare with these"
        return f"{how}; {count}; {self.features}"

    def _score(self, value: Callable[[np.ndarray], float], how: str) -> Score:
        real = None if self.held_out is None else value(self.held_out)
        return Score(value(self.generated), len(self.generated), self._said(how), real=real)

    def _spread(self, value: Callable[[np.ndarray], published.Spread], how: str):
        found = value(self.generated)
        real = (None, None) if self.held_out is None else value(self.held_out)
        n, said = len(self.generated), self._said(how)
        return tuple(Score(a, n, said, real=b) for a, b in zip(found, real, strict=True))


def draw(
    dataset,
    sample: Callable[[int], np.ndarray],
    split: str,
    features: Features,
    count: int,
    say: Callable[[str], None] | None = None,
) -> Sets:
    """The features of generated examples and of the whole training split.

    Args:
        dataset: what gan.data.load returns.
        sample: sample(count) -> generated examples [count, *shape], independent.
        split: held-out real examples are of this one.
        features: Inception-v3's.
        count: generated examples.
        say: gets a line when there is something to wait for.

    Raises:
        UserError: for fewer than LEAST examples, or features that are not finite.
    """
    if count < LEAST:
        raise UserError(
            f"scores of published names need at least {LEAST} samples, got {count}: give "
            f"--samples {LEAST} or more, or name other metrics"
        )
    start = time.monotonic()
    generated = features.checked(sample(count)).astype(np.float32)
    held_out = None
    if dataset.size(split) >= count:
        rows = np.random.default_rng(0).permutation(dataset.size(split))[:count]
        held_out = features.checked(dataset.examples(split, rows)[0]).astype(np.float32)
    passed = count if held_out is None else 2 * count
    seconds = (time.monotonic() - start) / passed * dataset.size("train")
    if say is not None and seconds > MINUTE:
        say(
            f"computing features of all {dataset.size('train'):,} training images, about "
            f"{seconds / MINUTE:.0f} minutes"
        )
    training = [
        features.checked(dataset.examples("train", rows)[0]).astype(np.float32)
        for rows in np.split(
            np.arange(dataset.size("train")), range(BLOCK, dataset.size("train"), BLOCK)
        )
    ]
    whole = np.concatenate(training)
    return Sets(generated, whole, held_out, features.logits, features.description)
