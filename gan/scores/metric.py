"""What an entry of the metrics is: one number of an evaluation, complete in one place."""

import dataclasses
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np

from gan import registry
from gan.scores.requirements import Requirement


class Score(NamedTuple):
    """A number with what it depends on.

    Attributes:
        value: of the generated examples.
        n: examples of each set.
        features: what it was computed in, and by which classifier or rule.
        interval: 95 %, over other samples of the same n; None without one.
        real: what as many held-out real examples get in place of the generated ones; None where
            that is unknown.
        p_value: of a test that generated and real examples are of one law; None without one.
        total: the most that the value can be; None where that goes without saying.
    """

    value: float
    n: int
    features: str
    interval: tuple[float, float] | None = None
    real: float | None = None
    p_value: float | None = None
    total: int | None = None


class Case(NamedTuple):
    """A known answer.

    Attributes:
        subject: makes what the metric is computed from; see gan.scores.cases.
        value: the answer.
        within: by how much it may be missed.
    """

    subject: Callable[[], Any]
    value: float
    within: float = 1e-6


class Ratio(NamedTuple):
    """Another metric, `of`, in units of this one, for tables over runs: name and heading."""

    name: str
    of: str
    column: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Metric(registry.Entry):
    """One number of an evaluation. Either `compute` or `of_features` is given.

    Attributes:
        meaning: what the number says, in one or two plain sentences.
        compute: gan.scores.evidence.Evidence -> a number, or a `Score`.
        of_features: gan.scores.pair.Pair -> a number; interval and the value of real examples are
            added, which makes it a `Score`.
        p_value: Pair -> the p-value that stands beside `of_features`.
        needs: what the data set and the run must have.
        better: which values are better; None where neither is, so that nothing is ranked by it.
        bounds: the least and the largest value there can be.
        cost: "cheap" ones are computed while training too, "full" ones at an evaluation, and
            "asked" ones where they are asked for by name.
        cases: known answers; where there is a direction at least two, best first.
        column: its heading in tables over runs; "" leaves it out there.
        ratio: what such a table shows behind it.
        within: name of the object of evaluation.json that holds it with others; "" for none.
    """

    meaning: str
    cases: tuple[Case, ...]
    compute: Callable[[Any], float | Score] | None = None
    of_features: Callable[[Any], float] | None = None
    p_value: Callable[[Any], float] | None = None
    needs: tuple[Requirement, ...] = ()
    better: Literal["lower", "higher"] | None = None
    bounds: tuple[float, float] = (-np.inf, np.inf)
    cost: Literal["cheap", "full", "asked"] = "full"
    column: str = ""
    ratio: Ratio | None = None
    within: str = ""

    def __post_init__(self) -> None:
        if (self.compute is None) == (self.of_features is None):
            raise TypeError(f"a metric has compute or of_features: {self.help}")
        if not self.cases:
            raise TypeError(f"a metric has a case: {self.help}")
