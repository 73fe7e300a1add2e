"""How close are the generated examples to held-out ones? Exact transport's answers."""

import numpy as np

from gan.scores import cases
from gan.scores.cases import APART, apart
from gan.scores.metric import Case, Metric, Ratio

SLICED = 2 * APART / np.pi
"""Sliced W1 of a shift by APART in the plane, up to the directions that were drawn."""

w1 = Metric(
    help="exact Wasserstein-1 distance to held-out examples",
    source="Kantorovich and Rubinstein 1958",
    meaning="Exact Wasserstein-1 distance from generated examples to held-out real ones: the mean "
    "distance an example travels under the cheapest one-to-one matching. Lower is better, down to "
    "the floor.",
    compute=lambda evidence: evidence.look.distance.value,
    better="lower",
    bounds=(0, np.inf),
    cost="cheap",
    cases=(
        Case(lambda: apart(0.0), 0),
        Case(apart, APART),
        Case(lambda: cases.mixture(1), 5 + 50**0.5 / 2),
    ),
    column="W1",
)
w1_spread = Metric(
    help="spread of w1 over generated sets",
    meaning="Standard deviation of w1 over independent generated sets.",
    compute=lambda evidence: evidence.look.distance.spread,
    bounds=(0, np.inf),
    cost="cheap",
    cases=(Case(apart, 0),),
)
w1_floor = Metric(
    help="w1 of other real examples",
    meaning="What w1 would be for a perfect generator: the same distance from other real "
    "examples to the held-out ones.",
    compute=lambda evidence: evidence.look.distance.floor,
    bounds=(0, np.inf),
    cost="cheap",
    cases=(Case(apart, 0), Case(cases.copied, APART)),
    column="floor",
    ratio=Ratio("w1_ratio", "w1", "W1 / floor"),
)
w1_floor_spread = Metric(
    help="spread of w1_floor over real sets",
    meaning="Standard deviation of w1_floor over sets of other real examples.",
    compute=lambda evidence: evidence.look.distance.floor_spread,
    bounds=(0, np.inf),
    cost="cheap",
    cases=(Case(cases.copied, 0),),
)
w1_debiased = Metric(
    help="w1 without what sampling alone produces",
    meaning="w1 less half the distances within the real and within the generated sets: near "
    "0 for a perfect generator, clearly positive for one that misses or repeats examples.",
    compute=lambda evidence: evidence.look.distance.debiased,
    better="lower",
    cost="cheap",
    cases=(Case(lambda: apart(0.0), 0), Case(cases.copied, APART / 2), Case(apart, APART)),
    column="debiased",
)
w1_low = Metric(
    help="lower end of an interval of w1",
    meaning="Lower end of a 95 % interval of w1 over other samples of the same n.",
    compute=lambda evidence: evidence.look.uncertain_distance.interval.low,
    cases=(Case(apart, APART),),
)
w1_high = Metric(
    help="upper end of a 95 % interval of w1",
    meaning="Upper end of a 95 % interval of w1 over other samples of the same n.",
    compute=lambda evidence: evidence.look.uncertain_distance.interval.high,
    cases=(Case(apart, APART),),
)
w1_debiased_low = Metric(
    help="lower end of an interval of w1_debiased",
    meaning="Lower end of a 95 % interval of w1_debiased over other samples.",
    compute=lambda evidence: evidence.look.uncertain_distance.debiased_interval.low,
    cases=(Case(apart, APART),),
)
w1_debiased_high = Metric(
    help="upper end of a 95 % interval of w1_debiased",
    meaning="Upper end of a 95 % interval of w1_debiased over other samples.",
    compute=lambda evidence: evidence.look.uncertain_distance.debiased_interval.high,
    cases=(Case(apart, APART),),
)
p_value = Metric(
    help="permutation test that generated and real examples come from one distribution",
    source="Fisher 1935",
    meaning="Probability of a w1_debiased as high, if generated and real examples came from one "
    "distribution: a permutation test on at most 256 examples a set, which can say 0.005 at the "
    "least.",
    compute=lambda evidence: evidence.look.uncertain_distance.p_value,
    bounds=(0.005, 1),
    cases=(Case(apart, 0.005), Case(lambda: apart(0.0), 1)),
)
sliced_w1 = Metric(
    help="mean W1 on the line, over fixed directions",
    source="Rabin et al. 2012",
    meaning="Mean W1 between projections of generated and real examples on 256 fixed "
    "directions; sees less than w1, but has a far lower floor.",
    compute=lambda evidence: evidence.look.sliced_distance.value,
    better="lower",
    bounds=(0, np.inf),
    cases=(Case(lambda: apart(0.0), 0), Case(apart, SLICED, within=0.1)),
)
sliced_w1_floor = Metric(
    help="sliced_w1 of other real examples",
    meaning="What sliced_w1 would be for a perfect generator.",
    compute=lambda evidence: evidence.look.sliced_distance.floor,
    bounds=(0, np.inf),
    cases=(Case(apart, 0), Case(cases.copied, SLICED, within=0.1)),
)
sliced_w1_debiased = Metric(
    help="sliced_w1 without what sampling alone produces",
    meaning="sliced_w1 less half the distances within the real and within the generated sets.",
    compute=lambda evidence: evidence.look.sliced_distance.debiased,
    better="lower",
    cases=(Case(lambda: apart(0.0), 0), Case(apart, SLICED, within=0.1)),
)
sliced_w1_debiased_low = Metric(
    help="lower end of an interval of sliced_w1_debiased",
    meaning="Lower end of a 95 % interval of sliced_w1_debiased.",
    compute=lambda evidence: evidence.look.sliced_distance.debiased_interval.low,
    cases=(Case(apart, SLICED, within=0.1),),
)
sliced_w1_debiased_high = Metric(
    help="upper end of that interval",
    meaning="Upper end of a 95 % interval of sliced_w1_debiased.",
    compute=lambda evidence: evidence.look.sliced_distance.debiased_interval.high,
    cases=(Case(apart, SLICED, within=0.1),),
)
