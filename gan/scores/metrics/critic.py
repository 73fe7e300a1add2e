"""What does the critic know? Its claim, and what exact transport proves of it."""

import numpy as np

from gan.scores.cases import APART, apart
from gan.scores.metric import Case, Metric
from gan.scores.requirements import PLAYERS

PERCENT = (5, 50, 95)
"""Which of the slopes are reported; all at once, since their last bits depend on their company."""


def _slope(place: int):
    return lambda evidence: float(np.percentile(evidence.look.slopes, PERCENT)[place])


def blind():
    """A critic that looks the wrong way, along the points."""
    return apart(critic=(0.0, 2.0))


def backwards():
    """A critic that takes generated points for real."""
    return apart(critic=(1.0, 0.0))


w1_estimate = Metric(
    help="what the critic believes w1 is",
    source="Arjovsky et al. 2017",
    meaning="What the critic believes w1 is: its mean score of the real examples less that "
    "of the generated ones (the negative critic loss without penalty). Compare it with w1.",
    compute=lambda evidence: evidence.look.certificate.estimate,
    needs=(PLAYERS,),
    cost="cheap",
    cases=(Case(apart, 2 * APART), Case(blind, 0), Case(backwards, -APART)),
    column="W1 estimate",
)
critic_share = Metric(
    help="certified share of w1",
    meaning="Certified share of w1: what the critic, scaled down to slope 1 (w1_estimate / "
    "lipschitz), proves of the exact distance between the compared sets. At most 1; scaling the "
    "critic does not change it.",
    compute=lambda evidence: evidence.look.certificate.share,
    needs=(PLAYERS,),
    better="higher",
    bounds=(-np.inf, 1),
    cost="cheap",
    cases=(Case(apart, 1), Case(blind, 0), Case(backwards, -1)),
)
reference_share = Metric(
    help="critic_share of the reference critic",
    meaning="critic_share of the reference critic, which exact transport between as many other "
    "examples yields. A critic with a smaller share is not trained enough.",
    compute=lambda evidence: evidence.look.reference_certificate.share,
    needs=(PLAYERS,),
    bounds=(-np.inf, 1),
    cost="cheap",
    cases=(Case(apart, 1),),
)
c_transform_bound = Metric(
    help="lower bound on w1 that needs no slope",
    meaning="Lower bound on w1 that the critic's scores prove without any scaling; "
    "negative when its slopes are far from 1.",
    compute=lambda evidence: evidence.look.certificate.c_transform_bound,
    needs=(PLAYERS,),
    cost="cheap",
    cases=(Case(apart, APART),),
)
duality_gap = Metric(
    help="what is left of w1 beyond the scaled critic's value",
    meaning="What is left of w1 beyond the scaled critic's value: exactly the critic's half "
    "of the game's duality gap.",
    compute=lambda evidence: evidence.look.certificate.duality_gap,
    needs=(PLAYERS,),
    better="lower",
    bounds=(0, np.inf),
    cost="cheap",
    cases=(Case(apart, 0), Case(blind, APART), Case(backwards, 2 * APART)),
)
gradient_cosine = Metric(
    help="does the critic's gradient point where transport moves examples",
    meaning="How well the critic's gradient at generated examples points where exact "
    "transport moves them: 1 is perfect, 0 is no better than chance.",
    compute=lambda evidence: evidence.look.certificate.gradient_cosine,
    needs=(PLAYERS,),
    better="higher",
    bounds=(-1, 1),
    cost="cheap",
    cases=(Case(apart, 1), Case(blind, 0), Case(backwards, -1)),
)
lipschitz = Metric(
    help="largest slope of the critic between compared examples",
    meaning="Largest slope of the critic between any two of the compared examples.",
    compute=lambda evidence: evidence.look.certificate.lipschitz,
    needs=(PLAYERS,),
    bounds=(0, np.inf),
    cost="cheap",
    cases=(Case(apart, 2), Case(backwards, 1)),
)
slope_5 = Metric(
    help="5th percentile of the critic's slope",
    meaning="5th percentile of the critic's slope between real and generated examples; the "
    "penalty asks for slopes near its target.",
    compute=_slope(0),
    needs=(PLAYERS,),
    bounds=(0, np.inf),
    cost="cheap",
    cases=(Case(apart, 2), Case(backwards, 1)),
)
slope_50 = Metric(
    help="median of the critic's slope",
    meaning="Median of the critic's slope between real and generated examples.",
    compute=_slope(1),
    needs=(PLAYERS,),
    bounds=(0, np.inf),
    cost="cheap",
    cases=(Case(apart, 2), Case(backwards, 1)),
)
slope_95 = Metric(
    help="95th percentile of the critic's slope",
    meaning="95th percentile of the critic's slope between real and generated examples.",
    compute=_slope(2),
    needs=(PLAYERS,),
    bounds=(0, np.inf),
    cost="cheap",
    cases=(Case(apart, 2), Case(backwards, 1)),
)
