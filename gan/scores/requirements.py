"""What numbers need of a data set and a run, known before the first step of training."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

from gan.config import Config
from gan.errors import UserError
from gan.registries import METRICS

LEAST = {"train": 4, "validation": 2, "test": 2}
"""Fewest examples of each split: a distance and its floor compare two examples with two others."""

LEAST_SAMPLES = 4
"""Fewest examples of a scored set: below that, half samples would be single examples."""

MOST_CLASSES = 100
"""Above that a matrix of flows is not drawn up."""

LEAST_ACCURACY = 0.9
"""Share of held-out real images that the data set's own classifier must get right: features and
labels of one that errs more often say too little of the images."""

HELD_OUT = ("validation", "test")

INCEPTION_SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
"""Of the file of Inception-v3's weights that published scores use."""


class Situation(NamedTuple):
    """What a number may depend on beside the players.

    Attributes:
        dataset: what gan.data.load returns.
        conditional: whether the generator is asked for classes.
        features_given: whether the user gave the features of sample scores.
        players: whether networks are at hand, a generator and a critic; else generated examples
            come as arrays.
        trained: whether training examples are known.
        accuracy: share of held-out real images that the classifier of the data set gets right;
            None without one, or where nobody has asked it yet.
        inception: SHA-256 of the weights, if those are Inception-v3's; "" for other features.
    """

    dataset: Any
    conditional: bool = False
    features_given: bool = False
    players: bool = True
    trained: bool = True
    accuracy: float | None = None
    inception: str = ""


@dataclasses.dataclass(frozen=True)
class Requirement:
    """What a metric needs.

    Attributes:
        met: whether a situation has it.
        reason: why there is no number, where it has not.
        said: whether an evaluation says so of a number that nobody asked for by name.
    """

    met: Callable[[Situation], bool]
    reason: Callable[[Situation], str]
    said: bool = True


def held_out(dataset) -> int:
    """The most examples per set that the held-out splits have."""
    return min(dataset.size(split) for split in HELD_OUT)


def too_few(dataset) -> str:
    """Why a small data set has no sample scores."""
    return f"the held-out splits have {held_out(dataset)} examples each, {LEAST_SAMPLES} are needed"


def has_classifier(dataset) -> bool:
    """Whether a classifier of the data set can be trained: images of several classes."""
    return len(dataset.shape) > 1 and dataset.num_classes > 1


def no_classes(dataset) -> str:
    """Why nobody can say of which class a generated example is."""
    if dataset.num_classes > 1:
        return f"no rule tells the classes of {dataset.name} apart"
    return f"{dataset.name} has no classes"


def trusted(situation: Situation) -> bool:
    """Whether nothing is known against the classifier of the data set."""
    if situation.accuracy is None or not has_classifier(situation.dataset):
        return True
    return situation.accuracy >= LEAST_ACCURACY


def distrust(situation: Situation) -> str:
    """Why nothing may rest on a classifier."""
    right = 100 * (situation.accuracy or 0.0)
    return (
        f"the classifier of {situation.dataset.name} is right on {right:.1f} % "
        f"of held-out real images, {100 * LEAST_ACCURACY:.0f} % are needed"
    )


HELD_OUT_SAMPLE = Requirement(
    lambda s: held_out(s.dataset) >= LEAST_SAMPLES, lambda s: too_few(s.dataset)
)
CLASSIFIER = Requirement(
    lambda s: has_classifier(s.dataset), lambda s: "there is no classifier of the data set"
)
TRUSTED = Requirement(trusted, distrust)
TRUSTED_FEATURES = Requirement(lambda s: s.features_given or trusted(s), distrust)
CLASSES = Requirement(
    lambda s: has_classifier(s.dataset) or s.dataset.modes is not None,
    lambda s: no_classes(s.dataset),
)
FEW_CLASSES = Requirement(
    lambda s: s.dataset.num_classes <= MOST_CLASSES,
    lambda s: f"{s.dataset.num_classes} classes are too many for a matrix",
)
MIXTURE = Requirement(
    lambda s: s.dataset.modes is not None,
    lambda s: f"{s.dataset.name} is no mixture of known components",
    said=False,
)
PLAYERS = Requirement(
    lambda s: s.players, lambda s: "generated examples were given, not networks", said=False
)
TRAINING = Requirement(lambda s: s.trained, lambda s: "no training examples were given")
CONDITIONAL = Requirement(
    lambda s: s.conditional and has_classifier(s.dataset),
    lambda s: "the run is not conditional, or there is no classifier of the data set",
    said=False,
)
CLASSIFIER_FEATURES = Requirement(
    lambda s: has_classifier(s.dataset) and not s.features_given,
    lambda s: "its features are not those of the data set's classifier: take frechet_distance",
    said=False,
)
OTHER_FEATURES = Requirement(
    lambda s: not CLASSIFIER_FEATURES.met(s),
    lambda s: "its features are the classifier's: take frechet_classifier_distance",
    said=False,
)

INCEPTION = Requirement(
    lambda s: bool(s.inception),
    lambda s: (
        "its features are Inception-v3's: give --features inception:FILE to experiments.evaluate"
    ),
    said=False,
)
PUBLISHED_WEIGHTS = Requirement(
    lambda s: s.inception == INCEPTION_SHA256,
    lambda s: (
        f"the Inception weights have SHA-256 {s.inception[:8]}..., those of published scores "
        f"{INCEPTION_SHA256[:8]}...: take the scores that do not bear a published name"
    ),
)


def unmet(name: str, situation: Situation) -> Requirement | None:
    """The first requirement of a metric that a situation does not meet; every metric of features
    needs those that can be trusted."""
    metric = METRICS.get(name)
    needs = (*metric.needs, TRUSTED_FEATURES) if metric.of_features else metric.needs
    return next((need for need in needs if not need.met(situation)), None)


def check(config: Config, dataset) -> list[str]:
    """What an evaluation of a run on `dataset` will leave out or lower, one line each.

    Args:
        config: gives evaluation_size and metrics.
        dataset: what gan.data.load returns.

    Raises:
        UserError: if no evaluation would be possible, naming the splits, what they have and need;
            or for an unknown metric.
    """
    for name in config.metrics:
        METRICS.get(name)
    sizes = {split: dataset.size(split) for split in LEAST}
    short = [split for split, least in LEAST.items() if sizes[split] < least]
    if short:
        have = ", ".join(f"{sizes[split]} in {split}" for split in LEAST)
        need = ", ".join(f"{least} in {split}" for split, least in LEAST.items())
        raise UserError(
            f"{dataset.name} is too small to evaluate on: it has {have} examples; needed are at "
            f"least {need} (20 different images where splits are cut from one folder)"
        )
    lines = []
    n = min(config.evaluation_size, sizes["validation"], sizes["test"], sizes["train"] // 2)
    if n < config.evaluation_size:
        lines.append(f"evaluation_size {config.evaluation_size} is lowered to {n} by the splits")
    if held_out(dataset) < LEAST_SAMPLES:
        lines.append(f"no sample scores and proportions: {too_few(dataset)}")
    return lines
