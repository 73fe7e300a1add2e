"""Scores of generated examples beside real ones, by name; one file per family.

Every score is a function of a `Pair` of feature sets. Which features is for the caller to choose
and to print: a score without its features, its n and an interval says nothing.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from gan.lazy import on_first_use
from gan.scores import frechet, inception_type, kernel, manifolds, two_sample
from gan.scores.pair import Pair

__getattr__ = on_first_use(__name__)

__all__ = ["MEANINGS", "SCORES", "Pair", "Score"]


class Score(NamedTuple):
    """One score: what computes it, what it can be, and whether it needs class probabilities."""

    compute: Callable[[Pair], float]
    bounds: tuple[float, float]
    needs_classes: bool = False


SCORES = {
    "frechet_distance": Score(
        lambda pair: frechet.frechet_distance(pair.generated, pair.real), (0, np.inf)
    ),
    "kernel_distance": Score(
        lambda pair: kernel.kernel_distance(pair.generated, pair.real), (-np.inf, np.inf)
    ),
    "inception_type_score": Score(
        lambda pair: inception_type.inception_type_score(pair.probabilities), (1, np.inf), True
    ),
    "precision": Score(manifolds.precision, (0, 1)),
    "recall": Score(manifolds.recall, (0, 1)),
    "density": Score(manifolds.density, (0, np.inf)),
    "coverage": Score(manifolds.coverage, (0, 1)),
    "nearest_neighbour_accuracy": Score(two_sample.nearest_neighbour_accuracy, (0, 1)),
}
"""Scores by name."""

_FRECHET = (
    "Squared Frechet distance between Gaussians fitted to the features of generated and of real "
    "examples; lower is better. It depends on n and on the features: compare like with like."
)

MEANINGS = {
    "frechet_distance": _FRECHET,
    "frechet_classifier_distance": _FRECHET,
    "kernel_distance": "Squared kernel discrepancy between the features of generated and of real "
    "examples, unbiased: near 0, on either side, when they cannot be told apart.",
    "inception_type_score": "Are generated examples clear to the classifier, and varied? From 1 to "
    "the number of classes; real examples are never looked at.",
    "precision": "Share of generated examples that lie among the real ones: quality. Within the "
    "reach of a real example's third neighbour.",
    "recall": "Share of real examples that lie among the generated ones: variety. Precision with "
    "the sides exchanged.",
    "density": "How densely real examples surround a generated one, against their own density; "
    "near 1 when they cannot be told apart, and it may exceed 1.",
    "coverage": "Share of real examples that have a generated one within reach of their fifth "
    "neighbour: variety, which outliers cannot raise.",
    "nearest_neighbour_accuracy": "How often the nearest example tells generated from real: 1/2 "
    "when they cannot be told apart, 1 when they lie apart, 0 for copies.",
    "feature_w1": "Exact Wasserstein-1 distance between the features of generated and of held-out "
    "real examples; what real examples get is its floor.",
    "feature_w1_debiased": "feature_w1 less half the distances within the real and within the "
    "generated sets: near 0 for a perfect generator.",
    "mode_count": "Modes that have a generated example: components of a mixture within three "
    "standard deviations, or classes that the classifier sees.",
    "mode_kl": "How unevenly the generated examples spread over all modes, in nats; 0 is even.",
}
"""What every score means."""
