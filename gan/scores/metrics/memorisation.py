"""Is the training set closer than it should be?"""

import numpy as np

from gan.referee import faults
from gan.scores.cases import APART, apart, copied
from gan.scores.metric import Case, Metric, Ratio, Score
from gan.scores.requirements import TRAINING


def _copied(evidence) -> Score:
    found = evidence.training
    share, error = faults.copied_share(found.nearest, found.nearest_held_out, found.sizes)
    interval = (share - 1.96 * error, min(1.0, share + 1.96 * error))
    return Score(share, len(found.nearest[0]), "nearest of all real examples", interval, 0.0)


nearest_train = Metric(
    help="distance to the nearest training example",
    meaning="Median distance from a generated example to its nearest training example; "
    "far below nearest_train_real it means copying.",
    compute=lambda evidence: float(np.median(evidence.training.nearest[0])),
    needs=(TRAINING,),
    bounds=(0, np.inf),
    cases=(Case(copied, 0), Case(apart, APART)),
)
nearest_train_real = Metric(
    help="the same for held-out real examples",
    meaning="Median distance from a held-out real example to its nearest training example.",
    compute=lambda evidence: float(np.median(evidence.training.nearest_real)),
    needs=(TRAINING,),
    bounds=(0, np.inf),
    cases=(Case(copied, APART), Case(apart, 0)),
    ratio=Ratio("nearest_ratio", "nearest_train", "nearest training example, generated / real"),
)
w1_train = Metric(
    help="w1 against training examples",
    meaning="w1 against training examples in place of held-out ones; below w1_train_floor it "
    "means memorising.",
    compute=lambda evidence: float(np.mean(evidence.training.w1)),
    needs=(TRAINING,),
    bounds=(0, np.inf),
    cases=(Case(copied, 0), Case(apart, APART)),
    column="W1 to training set",
)
w1_train_floor = Metric(
    help="w1 between sets of training examples",
    meaning="Mean distance between disjoint sets of training examples.",
    compute=lambda evidence: float(np.mean(evidence.training.w1_floor)),
    needs=(TRAINING,),
    bounds=(0, np.inf),
    cases=(Case(apart, 0),),
    column="its floor",
)
copied_share = Metric(
    help="share of generated examples that are copies of training examples",
    source="after Meehan, Chaudhuri, Dasgupta 2020",
    meaning="Share of generated examples that repeat a training example, from how often the "
    "nearest real example is a training one; near 0, on either side, without copying.",
    compute=_copied,
    needs=(TRAINING,),
    bounds=(-np.inf, 1),
    cases=(Case(copied, 1),),
)
