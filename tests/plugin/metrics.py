"""Two metrics of somebody's own."""

import numpy as np

from gan.scores import cases
from gan.scores.metric import Case, Metric


def gap(pair):
    """Distance between the means of two feature sets."""
    return float(np.linalg.norm(pair.generated.mean(axis=0) - pair.real.mean(axis=0)))


mean_gap = Metric(
    help="distance between the means of the features",
    meaning="How far the mean features of generated and of real examples lie apart.",
    of_features=gap,
    better="lower",
    bounds=(0, np.inf),
    cases=(Case(cases.same, 0), Case(cases.far, 1000 * 5**0.5)),
)
mean_norm = Metric(
    help="mean norm of generated examples",
    meaning="How far generated examples lie from the origin on average.",
    compute=lambda evidence: float(
        np.linalg.norm(evidence.look.fakes[0].reshape(evidence.look.probe.n, -1), axis=1).mean()
    ),
    bounds=(0, np.inf),
    cost="cheap",
    cases=(Case(cases.apart, cases.APART),),
)
