"""The intervals of an evaluation hold the truth as often as they say."""

import numpy as np
import pytest

from gan.referee import resampling
from gan.registries import METRICS
from gan.scores.metric import Score
from tests.scores import interval_coverage
from tests.scores.interval_coverage import BOUNDED, SCORED, coverage


def test_every_interval_of_an_evaluation_is_among_those_measured():
    ends = {name.removesuffix("_low") for name in METRICS if name.endswith("_low")}
    assert ends == set(BOUNDED) and {f"{name}_high" for name in ends} <= set(METRICS)
    found = set()
    for name, metric in METRICS.items():
        if metric.of_features:
            found.add(name)
        elif isinstance(score := metric.compute(metric.cases[0].subject()), Score):
            found |= {name} if score.interval else set()
    # That of copied_share comes from no half-samples: tests/referee/test_faults.py.
    assert found == {*SCORED, "copied_share"}


CHEAP = ("kernel_distance", "frechet_distance", "density", "coverage", "nearest_neighbour_accuracy")


def test_intervals_hold_the_truth_and_are_no_wider_than_needed():
    rows = coverage(30, 60, names=CHEAP)
    assert [row.name for row in rows] == list(CHEAP)
    for row in rows:
        assert row.share >= 0.85 and 0.7 < row.width < 2, row
        # Expectations that are known are those of the values.
        assert abs(row.mean - row.truth) < 4 * row.spread / 30**0.5, row
    assert sum(row.known for row in rows) == 4


def test_intervals_that_are_too_narrow_or_beside_it_are_noticed(monkeypatch):
    right = resampling.interval

    def narrow(value, on_halves, scale=1.0):
        low, high = right(value, on_halves, scale)
        return value - (value - low) / 6, value + (high - value) / 6

    def beside(value, on_halves, scale=1.0):
        low, high = right(value, on_halves, scale)
        return low + (high - low), high + (high - low)

    for wrong, most in ((narrow, 0.75), (beside, 0.1)):
        monkeypatch.setattr(resampling, "interval", wrong)
        for row in coverage(20, 40, names=CHEAP[:1]):
            assert row.share < most, row
    monkeypatch.setattr(resampling, "interval", right)


def test_other_draws_have_other_intervals():
    def of_draw(seed, images=False, shift=0.0):
        draw = np.random.default_rng(seed)
        found = interval_coverage.evidence(draw, 20, images, shift)
        return interval_coverage.intervals(found, ("mode_kl",))["mode_kl"]

    first = of_draw(0)
    assert first == of_draw(0) and first[1] <= first[0] <= first[2]
    assert len({first, of_draw(1), of_draw(0, images=True), of_draw(0, shift=2.0)}) == 4


@pytest.mark.slow
@pytest.mark.parametrize(("shift", "count", "least"), [(0.0, 100, 0.93), (1.0, 40, 0.8)])
def test_every_interval_holds_the_truth_in_93_of_100_evaluations(shift, count, least):
    """Of real examples in place of generated ones; of others in 32 of 40."""
    rows = coverage(count, 150, shift=shift)
    assert len(rows) == len(BOUNDED) + len(SCORED) - 2 + 4
    missed = {row.name: row for row in rows if row.share < least}
    assert not missed
    for row in rows:
        assert row.known == (not shift and row.name in KNOWN), row.name
        assert abs(row.mean - row.truth) < 4 * row.spread / count**0.5 + 1e-12, row


KNOWN = {
    "w1_debiased",
    "sliced_w1_debiased",
    "feature_w1_debiased",
    "kernel_distance",
    "density",
    "coverage",
    "nearest_neighbour_accuracy",
}
"""Scores of which exchangeability gives the expectation."""
