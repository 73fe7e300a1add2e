"""Sample scores and proportions of a generator on a data set, each with what it depends on.

Features come from the classifier that the project trains on the data set, where it has classes;
points in the plane are their own features; images without classes fall back to their pixels; and a
user may give a function. Real examples that training and classifier never saw are scored like
generated ones: no score stands without what real examples would get at the same n.

Intervals are those of gan.referee.resampling: random halves of both samples.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

from gan.errors import UserError
from gan.referee import resampling
from gan.scores import SCORES, Pair, classifier, modes, two_sample
from gan.scores import proportions as flows

SAMPLES = 1000
"""Examples per scored set (n), where the held-out splits have as many."""

LEAST_SAMPLES = 4
"""Below that the halves behind the intervals would be single examples."""

MOST_SAMPLES = 5000
"""Above that the distances would not fit."""

PLANNED = 500
"""Examples per set whose exact plan is added up by class."""

MODE_SAMPLES = 2500
"""Generated points that modes of a planar mixture are counted over."""

STACKED_SAMPLES = 26_000
"""Generated stacks that modes are counted over, the number of the published counts."""

HALVES = 50
"""Half-samples behind every interval."""

COVERS = (
    "Intervals of 95 %, from the spread of the score over random halves of both samples, cover the "
    "luck of which examples were drawn, generated and real, at this n. They do not cover the bias "
    "that some scores have at a given n, nor the classifier, nor another training run."
)
"""What the intervals of scores cover, for whoever prints them."""

MOST_CLASSES = 100
"""Above that a matrix of flows is not drawn up."""

REFERENCES = {"test": "validation", "validation": "test"}
"""Split of the real examples that are scored like generated ones."""


class Features(NamedTuple):
    """A feature function [n, *shape] -> [n, k] and how a table calls it."""

    apply: Callable[[np.ndarray], np.ndarray]
    description: str


@dataclasses.dataclass(frozen=True)
class Space:
    """What the scores of a data set look at.

    Attributes:
        features: what distances are computed in.
        classifier: of the data set; None without one.
        labels: class [n] of examples [n, *shape]; None where none can be given.
        labelled_by: how a table calls `labels`; why there are none otherwise.
        frechet_name: what the Frechet distance in these features is called.
    """

    features: Features
    classifier: classifier.Classifier | classifier.Stacked | None
    labels: Callable[[np.ndarray], np.ndarray] | None
    labelled_by: str
    frechet_name: str


class Report(NamedTuple):
    """What `evaluate` finds.

    Attributes:
        scores: by name: value, interval [low, high], real (the score of as many real examples), n,
            features; some also total or p_value.
        skipped: reason by name, of scores that make no sense for the data set.
        proportions: None where classes cannot be told.
        unserved: real examples that nobody serves, the loneliest first, [k, *shape].
    """

    scores: dict[str, dict]
    skipped: dict[str, str]
    proportions: dict | None
    unserved: np.ndarray | None

    def entries(self) -> dict[str, dict]:
        """Everything but the pictures, by name, ready for JSON."""
        found = {**self.scores, "skipped_scores": self.skipped}
        return found if self.proportions is None else {**found, "proportions": self.proportions}


def space(
    dataset, given: Features | None = None, say: Callable[[str], None] | None = None
) -> Space:
    """What the scores of `dataset` look at; trains its classifier if there is none yet.

    Args:
        dataset: what gan.data.load returns.
        given: features to use in place of the data set's own.
        say: gets a line when there is something to wait for.
    """
    planar = len(dataset.shape) == 1
    if not planar and dataset.num_classes > 1:
        found = classifier.load_or_train(dataset, say=say)
        own = Features(found.features, found.description)
        name = "frechet_classifier_distance" if given is None else "frechet_distance"
        return Space(given or own, found, found.labels, found.description, name)
    own = Features(
        lambda examples: examples.reshape(len(examples), -1),
        "coordinates" if planar else "pixels, for want of classes to train a classifier on",
    )
    labels, labelled_by = None, f"{dataset.name} has no classes"
    if dataset.modes is not None:
        centers = dataset.modes.centers

        def labels(points):
            return cdist(points, centers).argmin(axis=1)

        labelled_by = "nearest centre of the mixture"
    elif dataset.num_classes > 1:
        labelled_by = f"no rule tells the classes of {dataset.name} apart"
    return Space(given or own, None, labels, labelled_by, "frechet_distance")


def evaluate(
    dataset,
    sample: Callable[[int], np.ndarray],
    where: Space,
    split: str,
    samples: int = SAMPLES,
) -> Report:
    """Score a generator against held-out real examples.

    Args:
        dataset: what gan.data.load returns.
        sample: sample(count) -> generated examples [count, *shape], independent.
        where: from `space`.
        split: "test" or "validation"; the other one is scored like generated examples.
        samples: examples per scored set, lowered to what the splits have.

    Raises:
        UserError: if `samples` is out of range, or given features are not [n, k] and finite.
    """
    check_count(samples)
    reference = REFERENCES[split]
    n = min(samples, held_out(dataset))
    if n < LEAST_SAMPLES:
        names = (*SCORES, "mode_count", "mode_kl", "proportions")
        return Report({}, dict.fromkeys(names, too_few(dataset)), None, None)
    stacked = dataset.base is not None
    counted = STACKED_SAMPLES if stacked else MODE_SAMPLES if dataset.modes is not None else n
    generated = sample(max(n, counted))
    draw = np.random.default_rng(0)
    real, real_classes = dataset.examples(split, draw.permutation(dataset.size(split))[:n])
    others, _ = dataset.examples(reference, draw.permutation(dataset.size(reference))[:n])
    scores, skipped = _scores(where, generated[:n], real, others)
    if where.labels is None:
        skipped |= {name: where.labelled_by for name in ("mode_count", "mode_kl")}
    else:
        rows = np.arange(min(counted, dataset.size(split)))
        counting = dataset.examples(split, rows)[0] if counted > n else others
        scores |= _modes(dataset, where, generated[:counted], counting)
    described, unserved = None, None
    if where.labels is None:
        skipped["proportions"] = where.labelled_by
    elif dataset.num_classes > MOST_CLASSES:
        skipped["proportions"] = f"{dataset.num_classes} classes are too many for a matrix"
    else:
        few = slice(min(n, PLANNED))
        described, unserved = _proportions(
            dataset, where, generated[few], real[few], real_classes[few], others[few]
        )
    return Report(scores, skipped, described, unserved)


def held_out(dataset) -> int:
    """The most examples per set that the held-out splits have."""
    return min(dataset.size(split) for split in REFERENCES)


def too_few(dataset) -> str:
    """Why a small data set has no scores."""
    return f"the held-out splits have {held_out(dataset)} examples each, {LEAST_SAMPLES} are needed"


def check_count(samples: int) -> None:
    """Raises UserError unless sets of `samples` examples can be scored."""
    if not LEAST_SAMPLES <= samples <= MOST_SAMPLES:
        raise UserError(f"samples must be in {LEAST_SAMPLES} .. {MOST_SAMPLES}, got {samples}")


def _features(where: Space, examples: np.ndarray) -> np.ndarray:
    found = np.asarray(where.features.apply(examples), np.float64)
    if found.ndim != 2 or len(found) != len(examples) or not np.isfinite(found).all():
        raise UserError(
            f"{where.features.description} must give finite features [{len(examples)}, k], "
            f"got shape {found.shape}"
        )
    return found


def _scores(where: Space, generated, real, others) -> tuple[dict[str, dict], dict[str, str]]:
    target = _features(where, real)
    pairs = []
    for examples in (generated, others):
        probabilities = None
        if where.classifier is not None:
            probabilities = where.classifier.probabilities(examples)
        pairs.append(Pair.of(_features(where, examples), target, probabilities))
    pair, reference = pairs
    chosen, skipped = {}, {}
    for name, score in SCORES.items():
        if score.needs_classes and where.classifier is None:
            skipped[name] = "there is no classifier of the data set"
        else:
            chosen[name] = score

    on_halves: dict[str, list[float]] = {name: [] for name in chosen}
    for rows in resampling.halves((len(generated), len(real)), HALVES):
        half = pair.take(*rows)
        for name, score in chosen.items():
            on_halves[name].append(score.compute(half))
    found = {}
    for name, score in chosen.items():
        value = score.compute(pair)
        by = where.classifier.description if score.needs_classes else where.features.description
        entry = {
            "value": value,
            "interval": _interval(value, on_halves[name], score.bounds),
            "real": score.compute(reference),
            "n": len(generated),
            "features": by,
        }
        if name == "nearest_neighbour_accuracy":
            entry["p_value"] = two_sample.permutation_p_value(pair)
        found[where.frechet_name if name == "frechet_distance" else name] = entry
    return found, skipped


def _modes(dataset, where: Space, generated, real) -> dict[str, dict]:
    if dataset.modes is not None:
        by = "distance to the nearest centre, within 3 standard deviations"

        def count(points):
            return modes.count_modes(points, dataset.modes.centers, dataset.modes.sigma)

        sides = [generated, real]
    else:
        by = where.labelled_by

        def count(labels):
            return modes.count_classes(labels, dataset.num_classes)

        sides = [where.labels(generated), where.labels(real)]
    side, reference = sides

    whole, compared = count(side), count(reference)
    parts = [count(side[rows]) for (rows,) in resampling.halves([len(side)], HALVES)]

    def entry(field, highest):
        value = float(getattr(whole, field))
        return {
            "value": value,
            "interval": _interval(value, [getattr(part, field) for part in parts], (0, highest)),
            "real": float(getattr(compared, field)),
            "n": len(side),
            "features": by,
            "total": whole.total,
        }

    return {"mode_count": entry("covered", whole.total), "mode_kl": entry("reverse_kl", np.inf)}


def _interval(value: float, on_halves: list[float], bounds: tuple[float, float]) -> list[float]:
    """[low, high], cut to what the score can be."""
    return np.clip(resampling.interval(value, on_halves), *bounds).tolist()


def _proportions(dataset, where: Space, generated, real, real_classes, others):
    classes = dataset.num_classes
    found, compared = (
        flows.proportions(examples, where.labels(examples), real, real_classes, classes)
        for examples in (generated, others)
    )
    described = {
        "n": len(generated),
        "classes": list(dataset.class_names),
        "labels": where.labelled_by,
        "least_change": found.least_change,
        "least_change_interval": found.least_change_interval,
        "plan_change": found.plan_change,
        "unserved": found.unserved_share,
        "real": {
            "least_change": compared.least_change,
            "plan_change": compared.plan_change,
            "unserved": compared.unserved_share,
        },
        "generated_shares": found.flow.sum(axis=1).tolist(),
        "real_shares": found.flow.sum(axis=0).tolist(),
        "flow": found.flow.tolist(),
    }
    return described, real[found.unserved]
