"""Scorers of somebody's own: this project's scores as functions of two sets, and faulty ones."""

import numpy as np

from gan.referee.distances import w1
from gan.registries import METRICS
from gan.scores.inception_type import inception_type_score
from gan.scores.pair import Pair


def _of_pair(name):
    def scorer(generated, real):
        return METRICS.get(name).of_features(Pair.of(generated, real))

    return scorer


frechet_distance = _of_pair("frechet_distance")
kernel_distance = _of_pair("kernel_distance")
precision = _of_pair("precision")
recall = _of_pair("recall")
density = _of_pair("density")
coverage = _of_pair("coverage")
nearest_neighbour_accuracy = _of_pair("nearest_neighbour_accuracy")

__all__ = ["inception_type_score", "w1"]


def deaf(generated, real):
    """Takes what is not a number for 0, and prints."""
    print("a scorer that prints")
    return frechet_distance(np.nan_to_num(generated), np.nan_to_num(real))


value = 3
"""No function."""
