"""What sample scores look at: features, and a rule that tells classes.

Features come from the classifier that the project trains on the data set, where it has classes;
points in the plane are their own features; images without classes fall back to their pixels; and a
user may give a function.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

from gan.errors import UserError
from gan.scores import classifier
from gan.scores.progress import progress
from gan.scores.requirements import has_classifier, no_classes
from gan.transport import memory

BATCH = 512
"""Examples that a feature function is called with, at most."""


class Features(NamedTuple):
    """A function of examples [n, *shape], each by itself, to features [n, k].

    Attributes:
        apply: the function.
        description: what stands beside a score.
        logits: [n, k] -> [n, classes], of a network whose last layer gives the features.
        inception: SHA-256 of the weights, if that is Inception-v3; see gan.scores.inception.
    """

    apply: Callable[[np.ndarray], np.ndarray]
    description: str
    logits: Callable[[np.ndarray], np.ndarray] | None = None
    inception: str = ""

    def checked(self, examples: np.ndarray) -> np.ndarray:
        """Features [n, k] of examples [n, *shape], asked for in batches of BATCH; float32 if the
        function gives these, float64 otherwise.

        Raises:
            UserError: if the function gives something else, or not finite numbers, or if the
                features would not fit in memory.
        """
        found = np.zeros((0, 0))
        for start in progress(range(0, len(examples), BATCH), "features", "batch"):
            part = self._batch(examples[start : start + BATCH])
            if not start:
                size = len(examples) * part.shape[1] * part.itemsize
                memory.require(size, f"features of {len(examples)} examples")
                found = np.empty((len(examples), part.shape[1]), part.dtype)
            elif part.shape[1] != found.shape[1]:
                raise UserError(
                    f"{self.description} must give as many features of every example, got "
                    f"{found.shape[1]} and {part.shape[1]}"
                )
            found[start : start + BATCH] = part
        return found

    def _batch(self, examples: np.ndarray) -> np.ndarray:
        found = np.asarray(self.apply(examples))
        if found.dtype != np.float32:
            found = np.asarray(found, np.float64)
        if found.ndim != 2 or len(found) != len(examples) or not np.isfinite(found).all():
            raise UserError(
                f"{self.description} must give finite features [{len(examples)}, k], "
                f"got shape {found.shape}"
            )
        return found


@dataclasses.dataclass(frozen=True)
class Space:
    """What the scores of a data set look at.

    Attributes:
        features: what distances are computed in.
        classifier: of the data set; None without one.
        labels: class [n] of examples [n, *shape]; None where none can be given.
        labelled_by: how a table calls `labels`; why there are none otherwise.
    """

    features: Features
    classifier: classifier.Classifier | classifier.Stacked | None
    labels: Callable[[np.ndarray], np.ndarray] | None
    labelled_by: str


def space(
    dataset, given: Features | None = None, say: Callable[[str], None] | None = None
) -> Space:
    """What the scores of `dataset` look at; trains its classifier if there is none yet.

    Args:
        dataset: what gan.data.load returns.
        given: features to use in place of the data set's own.
        say: gets a line when there is something to wait for.
    """
    if has_classifier(dataset):
        found = classifier.load_or_train(dataset, say=say)
        own = Features(found.features, found.description)
        return Space(given or own, found, found.labels, found.description)
    planar = len(dataset.shape) == 1
    own = Features(
        lambda examples: examples.reshape(len(examples), -1),
        "coordinates" if planar else "pixels, for want of classes to train a classifier on",
    )
    if dataset.modes is None:
        return Space(given or own, None, None, no_classes(dataset))
    centers = dataset.modes.centers

    def labels(points):
        return cdist(points, centers).argmin(axis=1)

    return Space(given or own, None, labels, "nearest centre of the mixture")
