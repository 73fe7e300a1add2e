"""How well a number agrees with the truth, on runs whose answer is known."""

import math

import numpy as np
import pytest
from scipy import stats

from gan.benchmarks import checkpoint_choice as choice


def test_agreement_is_signed_so_that_one_is_perfect():
    falling, rising = [5.0, 4.0, 2.0, 1.0], [0.1, 0.2, 0.3, 0.4]
    assert choice.agreement("w1", "precision", [(falling, rising)]).mean == pytest.approx(1)
    assert choice.agreement("w1", "precision", [(rising, rising)]).mean == pytest.approx(-1)
    assert choice.agreement("recall", "precision", [(rising, rising)]).mean == pytest.approx(1)
    assert choice.agreement("critic_loss", "w1", [(rising, falling)]).mean == pytest.approx(1)
    assert choice.agreement("generator_loss", "w1", [(falling, falling)]).mean == pytest.approx(1)


def test_what_is_lost_is_the_truth_at_the_chosen_checkpoint_below_the_best():
    runs = [([3.0, 1.0, 2.0], [0.9, 0.5, 0.6]), ([3.0, 1.0, 2.0], [0.1, 0.5, 0.7])]
    found = choice.agreement("w1", "precision", runs)
    assert found.regret == pytest.approx([0.4, 0.2])
    assert choice.agreement("w1", "w1_debiased", runs).regret == pytest.approx([0.0, 0.4])


def test_mean_and_interval_are_those_of_scipy_and_constants_do_not_count():
    draw = np.random.default_rng(0)
    runs = [(draw.normal(size=9), draw.normal(size=9)) for _ in range(6)]
    each = [stats.spearmanr(mine, real)[0] for mine, real in runs]
    found = choice.agreement("recall", "precision", [*runs, (np.ones(9), draw.normal(size=9))])
    assert found.correlations[:6] == pytest.approx(each) and math.isnan(found.correlations[6])
    expected = stats.t.interval(0.95, 5, np.mean(each), stats.sem(each))
    assert (found.mean, *found.interval) == pytest.approx((np.mean(each), *expected))
    assert math.isnan(choice.agreement("recall", "w1", [([1, 1], [0, 1])]).mean)


@pytest.mark.parametrize(
    "name, better",
    [("w1_debiased", "lower"), ("critic_share", "higher"), ("w1_floor", None), ("unknown", None)],
)
def test_directions_are_those_of_the_metrics(name, better):
    assert choice.direction(name) == better
