"""What metrics are computed from: a look of the referee's, and what sample scores add to it.

Everything is computed once, when the first metric asks for it, and shared by the others.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from gan.referee import distances, resampling
from gan.scores import (
    class_accuracy,
    classification_accuracy,
    modes,
    published_sets,
    samples,
)
from gan.scores import proportions as flows
from gan.scores import space as spaces
from gan.scores.metric import Score
from gan.scores.pair import Pair
from gan.scores.requirements import Situation


class Counts(NamedTuple):
    """Modes of the generated examples, of held-out real ones, and of half-samples of the former;
    `n` examples, told apart as `rule` says."""

    generated: modes.Modes
    real: modes.Modes
    halves: list[modes.Modes]
    n: int
    rule: str

    def score(self, field: str, highest: float) -> Score:
        """One of the fields of gan.scores.modes.Modes, from 0 to `highest`."""
        value = float(getattr(self.generated, field))
        on_halves = [getattr(half, field) for half in self.halves]
        return Score(
            value=value,
            n=self.n,
            features=self.rule,
            interval=clipped(value, on_halves, (0, highest)),
            real=float(getattr(self.real, field)),
            total=self.generated.total,
        )

    @property
    def covered(self) -> Score:
        """Modes with an example. A mode that the sample missed is missed by all of its halves, and
        one with few examples is in nearly all of them, so the interval allows for both."""
        score = self.score("covered", self.generated.total)
        below, above = modes.found_by_chance(self.generated)
        ends = (
            min(score.interval[0], score.value - below),
            max(score.interval[1], score.value + above),
        )
        return score._replace(interval=(max(0.0, ends[0]), min(score.total, ends[1])))


class Flows(NamedTuple):
    """Proportions of `n` generated examples, and of as many other real ones, against real ones;
    `missed` are the real examples [k, *shape] that are near no generated one."""

    generated: flows.Proportions
    real: flows.Proportions
    n: int
    class_names: list[str]
    rule: str
    missed: np.ndarray

    def score(self, field: str, interval: tuple[float, float] | None = None) -> Score:
        """One of the numbers of gan.scores.proportions.Proportions."""
        value = getattr(self.generated, field)
        return Score(value, self.n, self.rule, interval, getattr(self.real, field))


class Training(NamedTuple):
    """How close generated examples lie to training ones.

    Attributes:
        nearest: distances [n] of a generated set to the nearest training examples, with their rows.
        nearest_real: the same distances of the held-out set.
        nearest_held_out: as `nearest`, to the held-out set in place of the training examples.
        sizes: how many training and held-out examples these are.
        w1: between generated and training sets.
        w1_floor: between training sets.
    """

    nearest: tuple[np.ndarray, np.ndarray]
    nearest_real: np.ndarray
    nearest_held_out: tuple[np.ndarray, np.ndarray]
    sizes: tuple[int, int]
    w1: list[float]
    w1_floor: list[float]


class Evidence:
    """A look at the players of a run, and everything that metrics share.

    Args:
        look: what gan.referee.probe.Probe.look returns.
        conditional: whether the generator is asked for classes.
        given: features of sample scores, in place of the data set's own.
        count: examples of every scored set; lowered to what the splits have.
        say: gets a line when there is something to wait for.
        space: what sample scores look at, where it is known already.
    """

    def __init__(
        self,
        look,
        *,
        conditional: bool = False,
        given: spaces.Features | None = None,
        count: int = samples.SAMPLES,
        say: Callable[[str], None] | None = None,
        space: spaces.Space | None = None,
    ):
        self.look = look
        self.players = look.probe.players
        self.dataset = self.players.dataset
        self.situation = Situation(
            self.dataset,
            conditional,
            given is not None,
            players=hasattr(self.players, "generate"),
            trained=self.dataset.size("train") > 0,
            inception=given.inception if given is not None else "",
        )
        self._given, self._count = given, count
        self.say = say or (lambda line: None)
        self._features: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        if space is not None:
            self.space = space

    @functools.cached_property
    def space(self) -> spaces.Space:
        """Features, classifier and the rule that tells classes."""
        return spaces.space(self.dataset, self._given, self.say)

    @functools.cached_property
    def judged(self) -> Situation:
        """The situation, with how good the classifier is; trains it if there is none yet."""
        classifier = self.space.classifier
        return self.situation._replace(accuracy=classifier and classifier.accuracy_per_image)

    def features(self, examples: np.ndarray) -> np.ndarray:
        """Features [n, k] of a set [n, *shape] in the space; computed once for each array."""
        if id(examples) not in self._features:
            # The array is kept with them, so that no other can have its id.
            self._features[id(examples)] = examples, self.space.features.checked(examples)
        return self._features[id(examples)][1]

    @functools.cached_property
    def samples(self) -> samples.Samples:
        """The sets that sample scores compare."""
        return samples.draw(self.dataset, self.look.sample, self.players.split, self._count)

    @functools.cached_property
    def pair(self) -> Pair:
        """Generated and held-out real examples in the features of the space."""
        return self._pair(self.samples.generated)

    @functools.cached_property
    def real_pair(self) -> Pair:
        """The same with other held-out real examples in place of the generated ones."""
        return self._pair(self.samples.others)

    @functools.cached_property
    def published(self) -> published_sets.Sets:
        """The sets that scores of published names compare."""
        return published_sets.draw(
            self.dataset,
            self.look.sample,
            self.players.split,
            self.space.features,
            self._count,
            self.say,
        )

    def _pair(self, examples) -> Pair:
        probabilities = None
        if self.space.classifier is not None:
            probabilities = self.space.classifier.probabilities(examples)
        return Pair.of(self.features(examples), self.features(self.samples.real), probabilities)

    @functools.cached_property
    def modes(self) -> modes.Modes:
        """Components of a mixture in the plane, over many generated points."""
        mixture = self.dataset.modes
        return modes.count_modes(self.look.extra, mixture.centers, mixture.sigma)

    @functools.cached_property
    def mode_counts(self) -> Counts:
        """Components of a mixture, or classes, with what real examples get and half-samples."""
        mixture, sides = self.dataset.modes, [self.samples.counted, self.samples.counted_real]
        if mixture is not None:
            rule = "distance to the nearest centre, within 3 standard deviations"
            count = functools.partial(
                modes.count_modes, centers=mixture.centers, sigma=mixture.sigma
            )
        else:
            rule = self.space.labelled_by
            count = functools.partial(modes.count_classes, total=self.dataset.num_classes)
            sides = [self.space.labels(side) for side in sides]
        side, reference = sides
        halves = resampling.halves([len(side)], samples.HALVES)
        return Counts(
            count(side),
            count(reference),
            [count(side[rows]) for (rows,) in halves],
            len(side),
            rule,
        )

    @functools.cached_property
    def proportions(self) -> Flows:
        """What exact transport says about classes, on fewer examples."""
        few = slice(min(self.samples.n, samples.PLANNED))
        sets = self.samples
        found, compared = (
            flows.proportions(
                examples[few],
                self.space.labels(examples[few]),
                sets.real[few],
                sets.real_classes[few],
                self.dataset.num_classes,
            )
            for examples in (sets.generated, sets.others)
        )
        return Flows(
            found,
            compared,
            len(sets.generated[few]),
            list(self.dataset.class_names),
            self.space.labelled_by,
            sets.real[few][found.missed],
        )

    @functools.cached_property
    def feature_distance(self) -> tuple[distances.Distance, float]:
        """W1 between features, and what its debiased value is for real examples; of no more
        examples of each set than sample scores have."""
        return self.look.feature_distance(self.features, self._count)

    @functools.cached_property
    def class_shares(self) -> dict[str, dict[str, float | None]]:
        """How often a conditional generator makes the class that it is asked for."""
        return class_accuracy.shares(*self._asked)

    @functools.cached_property
    def classification_accuracy(self) -> classification_accuracy.Accuracy:
        """Of classifiers trained on generated examples, and on real ones."""
        return classification_accuracy.accuracy(*self._asked, self.say)

    @property
    def _asked(self) -> tuple:
        """What both need that judge a generator by the classes that it is asked for."""
        return (
            functools.partial(self.players.generate, self.look.generator_params),
            self.players.latent_dim,
            self.dataset,
            self.space.classifier,
            self.players.split,
        )

    @functools.cached_property
    def training(self) -> Training:
        """How close the generated examples are to training examples."""
        fakes, probe = self.look.fakes, self.look.probe
        references = self.players.training_examples
        return Training(
            distances.nearest_one(fakes[0], references),
            distances.nearest_one(probe.real, references)[0],
            distances.nearest_one(fakes[0], probe.real),
            (len(references), len(probe.real)),
            [distances.w1(x, y) for x, y in zip(fakes, probe.others, strict=False)],
            [distances.w1(x, y) for x, y in itertools.combinations(probe.others, 2)],
        )


def clipped(value: float, on_halves: list[float], bounds: tuple[float, float], scale: float = 1.0):
    """Interval (low, high) from half-samples, cut to what the number can be."""
    return tuple(np.clip(resampling.interval(value, on_halves, scale), *bounds).tolist())
