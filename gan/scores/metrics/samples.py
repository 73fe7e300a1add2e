"""Sample scores: fidelity and variety in features."""

import numpy as np

from gan.scores import cases, frechet, inception_type, kernel, manifolds, two_sample
from gan.scores.cases import APART, apart
from gan.scores.metric import Case, Metric, Score
from gan.scores.requirements import (
    CLASSES,
    CLASSIFIER,
    CLASSIFIER_FEATURES,
    HELD_OUT_SAMPLE,
    OTHER_FEATURES,
    TRUSTED,
    TRUSTED_FEATURES,
)


def _feature_w1(evidence) -> Score:
    found, _ = evidence.feature_distance
    features = evidence.space.features.description
    return Score(found.value, found.n, features, found.interval, found.floor, found.p_value)


def _feature_w1_debiased(evidence) -> Score:
    found, real = evidence.feature_distance
    features = evidence.space.features.description
    return Score(found.debiased, found.n, features, found.debiased_interval, real)


def _frechet(pair) -> float:
    return frechet.frechet_distance(pair.generated, pair.real)


def _shifted():
    return cases.pair(cases.normal(), cases.normal(shift=2.0))


def _point_masses():
    return cases.pair(np.zeros((40, 1)), np.ones((40, 1)))


_FRECHET = (
    "Squared Frechet distance between Gaussians fitted to the features of generated and of real "
    "examples; lower is better. It depends on n and on the features: compare like with like."
)
_FRECHET_CASES = (Case(cases.same, 0), Case(_shifted, 5 * 2.0**2))

feature_w1 = Metric(
    help="exact W1 between features",
    meaning="Exact Wasserstein-1 distance between the features of generated and of held-out "
    "real examples; what real examples get is its floor.",
    compute=_feature_w1,
    needs=(TRUSTED_FEATURES,),
    better="lower",
    bounds=(0, np.inf),
    cases=(Case(lambda: apart(0.0), 0), Case(apart, APART)),
)
feature_w1_debiased = Metric(
    help="feature_w1 without what sampling alone produces",
    meaning="feature_w1 less half the distances within the real and within the "
    "generated sets: near 0 for a perfect generator.",
    compute=_feature_w1_debiased,
    needs=(TRUSTED_FEATURES,),
    better="lower",
    cases=(Case(lambda: apart(0.0), 0), Case(apart, APART)),
)
frechet_distance = Metric(
    help="Frechet distance of features",
    source="Heusel et al. 2017; Dowson and Landau 1982",
    meaning=_FRECHET,
    of_features=_frechet,
    needs=(HELD_OUT_SAMPLE, OTHER_FEATURES),
    better="lower",
    bounds=(0, np.inf),
    cases=_FRECHET_CASES,
)
frechet_classifier_distance = Metric(
    help="Frechet distance of the features of the data set's own classifier",
    source="Heusel et al. 2017; Dowson and Landau 1982",
    meaning=_FRECHET,
    of_features=_frechet,
    needs=(HELD_OUT_SAMPLE, CLASSIFIER_FEATURES),
    better="lower",
    bounds=(0, np.inf),
    cases=_FRECHET_CASES,
)
kernel_distance = Metric(
    help="squared kernel discrepancy of features, unbiased",
    source="Binkowski et al. 2018",
    meaning="Squared kernel discrepancy between the features of generated and of real "
    "examples, unbiased: near 0, on either side, when they cannot be told apart.",
    of_features=lambda pair: kernel.kernel_distance(pair.generated, pair.real),
    needs=(HELD_OUT_SAMPLE,),
    better="lower",
    cases=(
        Case(lambda: cases.pair(np.zeros((40, 1)), np.zeros((40, 1))), 0),
        Case(_point_masses, 1 + 8 - 2),
    ),
)
inception_type_score = Metric(
    help="are examples clear to the classifier, and varied",
    source="Salimans et al. 2016",
    meaning="Are generated examples clear to the classifier, and varied? It is "
    "between 1 and the number of classes, and never looks at real examples.",
    of_features=lambda pair: inception_type.inception_type_score(pair.probabilities),
    needs=(HELD_OUT_SAMPLE, CLASSIFIER, TRUSTED),
    better="higher",
    bounds=(1, np.inf),
    cases=(Case(cases.same, 5), Case(cases.collapsed, 1)),
)
precision = Metric(
    help="share of generated examples among the real ones",
    source="Kynkaanniemi et al. 2019",
    meaning="Share of generated examples that lie among the real ones: quality. Within the "
    "reach of a real example's third neighbour.",
    of_features=manifolds.precision,
    needs=(HELD_OUT_SAMPLE,),
    better="higher",
    bounds=(0, 1),
    cases=(
        Case(cases.same, 1),
        Case(cases.collapsed, 1),
        Case(cases.swapped, 1 / 40),
        Case(cases.far, 0),
    ),
)
recall = Metric(
    help="share of real examples among the generated ones",
    source="Kynkaanniemi et al. 2019",
    meaning="Share of real examples that lie among the generated ones: variety. It is the "
    "precision of real examples among generated ones.",
    of_features=manifolds.recall,
    needs=(HELD_OUT_SAMPLE,),
    better="higher",
    bounds=(0, 1),
    cases=(
        Case(cases.same, 1),
        Case(cases.swapped, 1),
        Case(cases.collapsed, 1 / 40),
        Case(cases.far, 0),
    ),
)
density = Metric(
    help="how densely real examples surround a generated one",
    source="Naeem et al. 2020",
    meaning="How densely real examples surround a generated one, against their own density; "
    "near 1 when they cannot be told apart, and it may exceed 1.",
    of_features=manifolds.density,
    needs=(HELD_OUT_SAMPLE,),
    better="higher",
    bounds=(0, np.inf),
    cases=(Case(cases.same, 6 / 5), Case(cases.far, 0)),
)
coverage = Metric(
    help="share of real examples with a generated one near by",
    source="Naeem et al. 2020",
    meaning="Share of real examples that have a generated one within reach of their fifth "
    "neighbour: variety, which outliers cannot raise.",
    of_features=manifolds.coverage,
    needs=(HELD_OUT_SAMPLE,),
    better="higher",
    bounds=(0, 1),
    cases=(Case(cases.same, 1), Case(cases.far, 0)),
)
nearest_neighbour_accuracy = Metric(
    help="does the nearest example tell generated from real",
    source="Lopez-Paz and Oquab 2017; Xu et al. 2018",
    meaning="How often the nearest example tells generated from real: 1/2 "
    "when they cannot be told apart, 1 when they lie apart, 0 for copies.",
    of_features=two_sample.nearest_neighbour_accuracy,
    p_value=two_sample.permutation_p_value,
    needs=(HELD_OUT_SAMPLE,),
    bounds=(0, 1),
    cases=(Case(cases.same, 0), Case(cases.far, 1)),
)
mode_count = Metric(
    help="modes with a generated example",
    source="Lin et al. 2018; Srivastava et al. 2017",
    meaning="Modes that have a generated example: components of a mixture within three "
    "standard deviations, or classes that the classifier sees.",
    compute=lambda evidence: evidence.mode_counts.covered,
    needs=(HELD_OUT_SAMPLE, CLASSES, TRUSTED),
    better="higher",
    bounds=(0, np.inf),
    cases=(Case(lambda: cases.mixture(4), 4), Case(lambda: cases.mixture(1), 1)),
)
mode_kl = Metric(
    help="how unevenly examples spread over all modes",
    source="Srivastava et al. 2017",
    meaning="How unevenly the generated examples spread over all modes, in nats; 0 is even.",
    compute=lambda evidence: evidence.mode_counts.score("reverse_kl", np.inf),
    needs=(HELD_OUT_SAMPLE, CLASSES, TRUSTED),
    better="lower",
    bounds=(0, np.inf),
    cases=(Case(lambda: cases.mixture(4), 0), Case(lambda: cases.mixture(2), np.log(2))),
)
