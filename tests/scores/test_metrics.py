"""What every entry of the metrics must have, and do."""

import numpy as np
import pytest

from gan.registries import METRICS
from gan.scores.metric import Case, Metric, Score
from tests.entries import names

NAMES = names(METRICS, "tests.plugin.metrics:mean_gap", "tests.plugin.metrics:mean_norm")


def computed(metric, case):
    """The number that a metric has of the subject of a case."""
    function = metric.compute or metric.of_features
    found = function(case.subject())
    return found.value if isinstance(found, Score) else found


def test_there_are_metrics():
    assert len(METRICS) > 50
    assert {"w1", "critic_share", "kernel_distance", "recall", "class_share"} <= set(METRICS)


@pytest.mark.parametrize("name", NAMES)
def test_known_answers(name):
    metric = METRICS.get(name)
    for case in metric.cases:
        value = computed(metric, case)
        assert value == pytest.approx(case.value, rel=0, abs=case.within)
        assert metric.bounds[0] - 1e-9 <= value <= metric.bounds[1] + 1e-9
        assert computed(metric, case) == value


@pytest.mark.parametrize("name", NAMES)
def test_what_is_better_is_better(name):
    metric = METRICS.get(name)
    if metric.better is None:
        return
    sign = {"lower": 1, "higher": -1}[metric.better]
    values = [sign * computed(metric, case) for case in metric.cases]
    assert len(values) > 1 and values == sorted(values) and values[0] < values[-1]


@pytest.mark.parametrize("name", NAMES)
def test_entries_say_what_they_are(name):
    metric = METRICS.get(name)
    assert metric.help and not metric.help.endswith(".")
    assert metric.meaning.endswith((".", "classes.")) and len(metric.meaning) > 20
    assert metric.cost in ("cheap", "full", "asked") and metric.bounds[0] < metric.bounds[1]
    assert not (metric.of_features and metric.cost == "cheap")
    if metric.ratio:
        assert metric.ratio.of in METRICS


def test_a_metric_without_a_case_or_without_a_computation_is_refused():
    case = Case(lambda: None, 0)
    for wrong in (
        {"cases": ()},
        {"cases": (case,), "of_features": np.mean},
        {"cases": (case,), "compute": None},
    ):
        with pytest.raises(TypeError, match="nothing at all"):
            Metric(**{"help": "nothing at all", "meaning": "Nothing.", "compute": np.mean} | wrong)
