"""Is the training set closer than it should be?"""

import numpy as np

from gan.scores.cases import APART, apart, copied
from gan.scores.metric import Case, Metric, Ratio

nearest_train = Metric(
    help="distance to the nearest training example",
    meaning="Median distance from a generated example to its nearest training example; "
    "far below nearest_train_real it means copying.",
    compute=lambda evidence: float(np.median(evidence.training.nearest)),
    bounds=(0, np.inf),
    cases=(Case(copied, 0), Case(apart, APART)),
)
nearest_train_real = Metric(
    help="the same for held-out real examples",
    meaning="The same median for held-out real examples.",
    compute=lambda evidence: float(np.median(evidence.training.nearest_real)),
    bounds=(0, np.inf),
    cases=(Case(copied, APART), Case(apart, 0)),
    ratio=Ratio("nearest_ratio", "nearest_train", "nearest training example, generated / real"),
)
w1_train = Metric(
    help="w1 against training examples",
    meaning="w1 against training examples in place of held-out ones; below w1_train_floor it "
    "means memorising.",
    compute=lambda evidence: float(np.mean(evidence.training.w1)),
    bounds=(0, np.inf),
    cases=(Case(copied, 0), Case(apart, APART)),
    column="W1 to training set",
)
w1_train_floor = Metric(
    help="w1 between sets of training examples",
    meaning="Mean distance between disjoint sets of training examples.",
    compute=lambda evidence: float(np.mean(evidence.training.w1_floor)),
    bounds=(0, np.inf),
    cases=(Case(apart, 0),),
    column="its floor",
)
