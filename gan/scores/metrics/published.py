"""Scores as the field publishes them, in the features of Inception-v3 with the published weights.

Generated examples are compared with the whole training set, as published values are; n and what
else differs from the published protocol stands beside each. Under other features the same formulas
have other names: frechet_distance, kernel_distance, precision and so on, on held-out examples.
"""

import types

import numpy as np

from gan.scores import cases
from gan.scores.metric import Case, Metric
from gan.scores.published_sets import Sets
from gan.scores.requirements import INCEPTION, PUBLISHED_WEIGHTS

_NEEDS = (INCEPTION, PUBLISHED_WEIGHTS)


def _evidence(generated, training, logits=lambda features: features):
    """Evidence of features [n, k] and [m, k]."""
    sets = Sets(np.asarray(generated), np.asarray(training), "train", None, logits, "given")
    return types.SimpleNamespace(published=sets)


def _same():
    return _evidence(cases.normal(), cases.normal())


def _shifted():
    return _evidence(cases.normal(), cases.normal(shift=2.0))


def _far():
    return _evidence(cases.normal(), cases.normal(shift=1000.0))


def _collapsed():
    """All generated examples are one of the 40 training examples."""
    return _evidence(np.repeat(cases.normal()[:1], 40, axis=0), cases.normal())


def _swapped():
    """All training examples are one of the 40 generated ones."""
    return _evidence(cases.normal(), np.repeat(cases.normal()[:1], 40, axis=0))


def _masses(generated: float):
    """Point masses at a number and at 1, in one dimension."""
    return _evidence(np.full((40, 1), generated), np.ones((40, 1)))


def _certain(classes: int):
    """Logits that are certain of the class, of 4,000 examples evenly in some of 5 classes."""
    return _evidence(1e4 * np.eye(5)[np.arange(4000) % classes], cases.normal())


fid = Metric(
    help="Frechet inception distance to the training set",
    source="Heusel et al. 2017",
    meaning="Squared Frechet distance between Gaussians fitted to Inception-v3's features of "
    "generated examples and of the training set; lower is better. FID falls with n: published "
    "values are at 50,000.",
    compute=lambda evidence: evidence.published.fid,
    needs=_NEEDS,
    better="lower",
    bounds=(0, np.inf),
    cases=(Case(_same, 0), Case(_shifted, 5 * 2.0**2)),
)
kid = Metric(
    help="kernel inception distance to the training set",
    source="Binkowski et al. 2018",
    meaning="Squared kernel discrepancy between Inception-v3's features of generated examples and "
    "of the training set, a mean over subsets: near 0, on either side, when they cannot be told "
    "apart, whatever n.",
    compute=lambda evidence: evidence.published.kid[0],
    needs=_NEEDS,
    better="lower",
    cases=(Case(lambda: _masses(1.0), 0), Case(lambda: _masses(0.0), 1 + 8 - 2)),
)
kid_spread = Metric(
    help="spread of kid over subsets",
    source="Binkowski et al. 2018",
    meaning="Standard deviation of kid over its subsets, the number that papers give "
    "behind it; no interval for other samples.",
    compute=lambda evidence: evidence.published.kid[1],
    needs=_NEEDS,
    bounds=(0, np.inf),
    cases=(Case(lambda: _masses(0.0), 0),),
)
inception_score = Metric(
    help="are examples clear to Inception-v3, and varied",
    source="Salimans et al. 2016",
    meaning="Are generated examples clear to Inception-v3, and varied? From 1 to 1,008, a mean "
    "over 10 parts; it looks at no real examples, and says little of images unlike ImageNet's.",
    compute=lambda evidence: evidence.published.inception_score[0],
    needs=_NEEDS,
    better="higher",
    bounds=(1, np.inf),
    cases=(
        Case(lambda: _certain(5), 5, within=0.05),
        Case(lambda: _certain(2), 2, within=0.02),
        Case(lambda: _certain(1), 1),
    ),
)
inception_score_spread = Metric(
    help="spread of inception_score over parts",
    source="Salimans et al. 2016",
    meaning="Standard deviation of inception_score over its parts, the number that papers "
    "give behind it; no interval for other samples.",
    compute=lambda evidence: evidence.published.inception_score[1],
    needs=_NEEDS,
    bounds=(0, np.inf),
    cases=(Case(lambda: _certain(1), 0),),
)
inception_precision = Metric(
    help="precision against training examples, in Inception-v3's features",
    source="Kynkaanniemi et al. 2019",
    meaning="Share of generated examples within the reach of a training example's third neighbour, "
    "in Inception-v3's features: quality.",
    compute=lambda evidence: evidence.published.balls["precision"],
    needs=_NEEDS,
    better="higher",
    bounds=(0, 1),
    cases=(Case(_same, 1), Case(_collapsed, 1), Case(_swapped, 1 / 40), Case(_far, 0)),
)
inception_recall = Metric(
    help="recall of training examples, in Inception-v3's features",
    source="Kynkaanniemi et al. 2019",
    meaning="Share of training examples within the reach of a generated example's third "
    "neighbour, in Inception-v3's features: variety.",
    compute=lambda evidence: evidence.published.balls["recall"],
    needs=_NEEDS,
    better="higher",
    bounds=(0, 1),
    cases=(Case(_same, 1), Case(_swapped, 1), Case(_collapsed, 1 / 40), Case(_far, 0)),
)
inception_density = Metric(
    help="density of training examples, in Inception-v3's features",
    source="Naeem et al. 2020",
    meaning="How densely training examples surround a generated one, in Inception-v3's features; "
    "near 1 when they cannot be told apart. An example at the reach of another is outside it, as "
    "in the authors' code.",
    compute=lambda evidence: evidence.published.balls["density"],
    needs=_NEEDS,
    better="higher",
    bounds=(0, np.inf),
    cases=(Case(_same, 1), Case(_swapped, 0), Case(_far, 0)),
)
inception_coverage = Metric(
    help="coverage of training examples, in Inception-v3's features",
    source="Naeem et al. 2020",
    meaning="Share of training examples that have a generated one within reach of their fifth "
    "neighbour, in Inception-v3's features. An example at the reach is outside, as in the "
    "authors' code.",
    compute=lambda evidence: evidence.published.balls["coverage"],
    needs=_NEEDS,
    better="higher",
    bounds=(0, 1),
    cases=(Case(_same, 1), Case(_swapped, 0), Case(_far, 0)),
)
