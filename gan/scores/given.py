"""Generated and real examples that come as arrays: what stands in for a run's players and data set.

Real examples are needed twice, for a distance and for its floor. The floor's come from the training
examples where these are given, or known from the data set; without them, the real examples are cut
into halves at random.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

from gan.errors import UserError
from gan.referee.probe import Look, Probe

MOST = 60_000
"""Most examples of every set."""

REPEATS = 4
"""Sets of generated, and of other real examples, at most."""

LEAST = 4
"""Fewest examples of every set."""


class Sample(NamedTuple):
    """Examples [n, *shape] with their labels, int [n]; None where nobody says."""

    examples: np.ndarray
    labels: np.ndarray | None = None

    def take(self, rows) -> Sample:
        """Some of them."""
        return Sample(self.examples[rows], None if self.labels is None else self.labels[rows])


class RealExamples:
    """Real examples by split, as a data set has them (see gan.data.Dataset).

    Args:
        test: the held-out examples that generated ones are compared with.
        validation: other held-out ones.
        train: training examples; None without them.
        origin: the data set that they are of; gives classes and modes. None for unknown laws.
        rows: of the real examples as they came, those in `test`.

    Attributes:
        name, shape, num_classes, class_names, modes, base: as of a data set.
        origin, rows: as given.
        trained: whether training examples are known.
    """

    def __init__(
        self, test: Sample, validation: Sample, train: Sample | None, origin: Any, rows: np.ndarray
    ):
        self.origin, self.rows, self.trained = origin, rows, train is not None
        self._splits = {"test": test, "validation": validation}
        self._splits["train"] = train or Sample(test.examples[:0])
        self.shape = test.examples.shape[1:]
        self.name = getattr(origin, "name", "the real set")
        self.num_classes = getattr(origin, "num_classes", 1)
        self.class_names = getattr(origin, "class_names", ("all",))
        self.modes = getattr(origin, "modes", None)
        self.base = getattr(origin, "base", None)

    def size(self, split: str) -> int:
        """Examples of a split."""
        return len(self._splits[split].examples)

    def examples(self, split: str, rows=None) -> tuple[np.ndarray, np.ndarray]:
        """Examples [m, *shape] of a split and their labels, int [m], 0 where nobody says."""
        rows = np.arange(self.size(split)) if rows is None else np.asarray(rows)
        examples, labels = self._splits[split]
        if labels is None:
            return examples[rows], np.zeros(len(rows), np.int32)
        return examples[rows], labels[rows]


class StandIn(NamedTuple):
    """What metrics ask of the players, of generators that are known by their examples alone."""

    dataset: RealExamples
    split: str
    training_examples: np.ndarray
    labels: tuple = ()
    real_labels: None = None


def set_size(sets: RealExamples, fewest: int, most: int | None = None) -> int:
    """How many examples every set has that distances are taken between.

    Args:
        sets: the real examples.
        fewest: examples of the generator that has the fewest; two sets are made of them.
        most: the most there can be; None for MOST.

    Raises:
        UserError: if it would be below LEAST.
    """
    other = sets.size("train") // 2 if sets.trained else sets.size("validation")
    n = min(fewest // 2, sets.size("test"), other, most or MOST)
    if n < LEAST:
        raise UserError(
            f"distances need {LEAST} examples in every set, twice: there are {fewest} generated "
            f"and {sets.size('test')} held-out real ones"
        )
    return n


class RealSide:
    """What all generated sets are compared with.

    Attributes:
        sets: the real examples by split.
        probe: of n of them, and other real sets.
        rows: of the test split that the probe holds, in its order.
        n: examples of every set that distances are taken between.
        repeats: generated sets of each generator.
    """

    def __init__(self, sets: RealExamples, fewest: int, most: int | None = None, gap: float = 0.0):
        """The real side for generators of `fewest` examples or more; see `set_size` and Probe."""
        self.sets, self.n = sets, set_size(sets, fewest, most)
        n = self.n
        self.repeats = min(REPEATS, fewest // n)
        draw = np.random.default_rng(0)
        self.rows = draw.permutation(sets.size("test"))[:n]
        other = "train" if sets.trained else "validation"
        order = draw.permutation(sets.size(other))
        pieces = min(REPEATS, len(order) // n)
        others = [sets.examples(other, order[i * n : (i + 1) * n])[0] for i in range(pieces)]
        stand_in = StandIn(sets, "test", sets.examples("train")[0])
        self.probe = Probe(sets.examples("test", self.rows)[0], others, stand_in, gap)

    def look(self, fake: np.ndarray) -> GivenLook:
        """Generated examples [at least 2 n, *shape] beside the real ones."""
        return GivenLook(self, fake)


class GivenLook(Look):
    """Generated examples beside the real side, in random order; see gan.referee.probe.Look.

    Attributes:
        rows: of the generated examples in each of the sets.
        real_rows: of the test split in the real set.
    """

    def __init__(self, side: RealSide, fake: np.ndarray):
        self._fake, n = fake, side.n
        self._order = np.random.default_rng(1).permutation(len(fake))
        self.rows = [self._order[i * n : (i + 1) * n] for i in range(side.repeats)]
        self.real_rows = side.rows
        super().__init__(side.probe, [fake[rows] for rows in self.rows], None)

    def sample(self, count: int) -> np.ndarray:
        """Generated examples, `count` or as many as there are."""
        return self._fake[self._order[:count]]

    @functools.cached_property
    def extra(self) -> np.ndarray:
        """All generated examples."""
        return self._fake
