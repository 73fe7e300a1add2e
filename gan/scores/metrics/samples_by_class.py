"""Does every class get its share, and does the generator make what it is asked for?"""

from gan.scores import class_accuracy
from gan.scores.cases import conditional, mixture
from gan.scores.metric import Case, Metric, Score
from gan.scores.proportions import NEAREST
from gan.scores.requirements import (
    CLASSES,
    CONDITIONAL,
    FEW_CLASSES,
    HELD_OUT_SAMPLE,
    TRUSTED,
)

_FLOWS = (HELD_OUT_SAMPLE, CLASSES, FEW_CLASSES, TRUSTED)


def _classification_accuracy(evidence) -> Score:
    found = evidence.classification_accuracy
    rule = f"classifier trained on {found.n:,} examples of each kind"
    return Score(found.generated, found.n, rule, real=found.real)


least_change = Metric(
    help="mass that must change class",
    meaning="Share of the mass that must change class whatever the plan: the generator's "
    "proportions against those of the real examples.",
    compute=lambda evidence: evidence.proportions.score(
        "least_change", evidence.proportions.generated.least_change_interval
    ),
    needs=_FLOWS,
    better="lower",
    bounds=(0, 1),
    cases=(
        Case(lambda: mixture(4), 0),
        Case(lambda: mixture(2), 1 / 2),
        Case(lambda: mixture(1), 3 / 4),
    ),
    within="proportions",
)
plan_change = Metric(
    help="mass that changes class under the exact plan",
    meaning="Share of the mass that changes class under the exact W1 plan.",
    compute=lambda evidence: evidence.proportions.score("plan_change"),
    needs=_FLOWS,
    better="lower",
    bounds=(0, 1),
    cases=(Case(lambda: mixture(4), 0), Case(lambda: mixture(1), 3 / 4)),
    within="proportions",
)
missed_share = Metric(
    help="real examples that are near no generated one",
    meaning=f"Share of real examples that are not among the {NEAREST} real ones nearest to any "
    "generated one.",
    compute=lambda evidence: evidence.proportions.score("missed_share"),
    needs=_FLOWS,
    better="lower",
    bounds=(0, 1),
    cases=(Case(lambda: mixture(4), 0), Case(lambda: mixture(1), 3 / 8)),
    within="proportions",
)
class_share = Metric(
    help="examples of the class that was asked for",
    meaning="Share of generated examples that the data set's own classifier assigns to the "
    "class that was asked for, a mean over classes with as many examples each.",
    compute=lambda evidence: class_accuracy.means(evidence.class_shares)[0],
    needs=(CONDITIONAL, TRUSTED),
    better="higher",
    bounds=(0, 1),
    cases=(
        Case(lambda: conditional((0, 1)), 1),
        Case(lambda: conditional((0, 0)), 1 / 2),
        Case(lambda: conditional((1, 0)), 0),
    ),
    column="share assigned to the asked class",
)
class_share_real = Metric(
    help="the same of real examples",
    meaning="Share of held-out real examples that the classifier assigns to their own "
    "label: what a perfect generator would have.",
    compute=lambda evidence: class_accuracy.means(evidence.class_shares)[1],
    needs=(CONDITIONAL, TRUSTED),
    bounds=(0, 1),
    cases=(Case(lambda: conditional((1, 0)), 1),),
    column="the same of real examples",
)
classification_accuracy = Metric(
    help="accuracy on real examples of a classifier trained on generated ones",
    source="Ravuri, Vinyals 2019",
    meaning="Classification accuracy score: the share of held-out real examples that a classifier "
    "gives their label after training on as many generated examples as the training set has; "
    "beside it what training on real ones gives. It falls when a class lacks variety or is drawn "
    "beside its real form, and says nothing about copying.",
    compute=_classification_accuracy,
    needs=(CONDITIONAL,),
    better="higher",
    bounds=(0, 1),
    cost="asked",
    cases=(Case(lambda: conditional((0, 1)), 1), Case(lambda: conditional((1, 0)), 0)),
)
