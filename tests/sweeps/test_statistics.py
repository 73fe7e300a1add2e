"""Statistics of few runs against SciPy, closed forms and published counts."""

import numpy as np
import pytest
from scipy import stats

from gan.sweeps import statistics

DRAW = np.random.default_rng(0)
SCORES = DRAW.normal(size=(8, 5))


def test_the_interquartile_mean_is_scipys_trimmed_mean_where_the_cut_is_whole():
    trimmed = stats.trim_mean(SCORES, 0.25, axis=None)
    np.testing.assert_allclose(statistics.interquartile_mean(SCORES), trimmed, rtol=1e-12)


def test_the_interquartile_mean_of_few_values():
    column = np.array([[1.0], [2.0], [3.0], [4.0], [50.0]])
    # A quarter of five values is 1.25: one whole value and a quarter of the next at each end.
    expected = (0.75 * 2 + 3 + 0.75 * 4) / 2.5
    np.testing.assert_allclose(statistics.interquartile_mean(column), expected)
    assert statistics.interquartile_mean(column[:1]) == 1
    assert statistics.interquartile_mean(column[:2]) == 1.5


def test_the_interquartile_mean_ignores_outliers_and_the_order():
    spoiled = SCORES.ravel().copy()
    spoiled[np.argmax(spoiled)] = 1e9
    shuffled = DRAW.permutation(spoiled).reshape(SCORES.shape)
    value = statistics.interquartile_mean(shuffled)
    np.testing.assert_allclose(value, statistics.interquartile_mean(SCORES), rtol=1e-12)


def test_the_median_is_over_tasks_of_means_over_runs():
    assert statistics.median(np.array([[0.0, 10, 5], [2, 20, 6]])) == 5.5


def test_the_bootstrap_repeats_with_its_seed_and_covers_the_truth():
    draw = np.random.default_rng(1)
    covered, count = 0, 60
    for seed in range(count):
        found = statistics.bootstrap(
            lambda s: float(np.mean(s)), draw.normal(size=(20, 3)), seed=seed, resamples=300
        )
        covered += found.low <= 0 <= found.high
        assert found.low <= found.value <= found.high
    assert 0.85 * count <= covered < count
    several = [
        statistics.bootstrap(statistics.interquartile_mean, SCORES, seed=s, resamples=100)
        for s in (0, 0, 1)
    ]
    assert several[0] == several[1] != several[2]


def test_the_bootstrap_is_stratified():
    """With identical runs in each task nothing is uncertain, however far apart the tasks are."""
    tasks = np.tile([0.0, 100, 7], (4, 1))
    found = statistics.bootstrap(statistics.interquartile_mean, tasks, seed=0, resamples=50)
    assert found.low == found.value == found.high


def test_the_profile_falls_from_one_to_zero_and_integrates_to_the_mean():
    scores = np.abs(SCORES)
    thresholds = np.linspace(0, scores.max(), 20_001)
    profile = statistics.performance_profile(scores, thresholds)
    assert profile[0] == 1 and profile[-1] == 0 and np.all(np.diff(profile) <= 0)
    np.testing.assert_allclose(np.trapezoid(profile, thresholds), scores.mean(), rtol=1e-3)


def test_the_probability_of_improvement_is_mann_whitneys_and_swaps():
    x, y = SCORES, DRAW.normal(0.5, size=(6, 5)).round(1)
    x = x.round(1)
    expected = [
        stats.mannwhitneyu(x[:, t], y[:, t]).statistic / (len(x) * len(y)) for t in range(5)
    ]
    value = statistics.probability_of_improvement(x, y)
    np.testing.assert_allclose(value, np.mean(expected), rtol=1e-12)
    np.testing.assert_allclose(value, 1 - statistics.probability_of_improvement(y, x), rtol=1e-12)
    assert statistics.probability_of_improvement(x, x) == 0.5
    assert statistics.probability_of_improvement(x + 100, y) == 1


@pytest.mark.parametrize(
    ("only_a", "only_b", "published"),
    [(1, 88, 3e-25), (0, 147, 1e-44), (1, 104, 5e-30), (77, 100, 0.098)],
)
def test_mcnemar_on_the_counts_of_gulrajani_et_al(only_a, only_b, published):
    np.testing.assert_allclose(statistics.mcnemar_p(only_a, only_b), published, rtol=0.2)


def test_mcnemar_counts_the_four_cells_and_is_symmetric():
    a = np.array([True] * 5 + [False] * 4 + [True] + [False] * 2)
    b = np.array([True] * 5 + [True] * 4 + [False] + [False] * 2)
    found = statistics.mcnemar(a, b)
    assert found[:4] == (1, 4, 5, 2)
    np.testing.assert_allclose(found.p_value, 2 * (1 + 5) / 2**5)
    assert statistics.mcnemar(b, a).p_value == found.p_value
    assert statistics.mcnemar(a, a).p_value == 1


def test_the_sign_test_drops_ties():
    x, y = np.array([1.0, 2, 3, 4, 5, 6]), np.array([0.0, 2, 2, 3, 4, 7])
    np.testing.assert_allclose(statistics.sign_test(x, y), stats.binomtest(4, 5).pvalue)
    assert statistics.sign_test(x, x) == 1


def test_bad_scores_are_refused():
    for bad in (np.ones(3), np.ones((0, 2)), np.array([[np.nan]])):
        with pytest.raises(ValueError, match="finite"):
            statistics.interquartile_mean(bad)
    with pytest.raises(ValueError, match="level"):
        statistics.bootstrap(statistics.median, SCORES, seed=0, level=1.0)
    with pytest.raises(ValueError, match="5 tasks against 3"):
        statistics.probability_of_improvement(SCORES, SCORES[:, :3])
    with pytest.raises(ValueError, match="bool"):
        statistics.mcnemar(np.ones(3), np.ones(3))
    with pytest.raises(ValueError, match="cases"):
        statistics.sign_test(np.ones(3), np.ones(4))
