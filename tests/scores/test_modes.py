import numpy as np
import pytest
from scipy import spatial, stats

from gan.scores.evidence import Counts
from gan.scores.modes import Modes, count_classes, count_modes, found_by_chance

CENTERS = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])


def test_one_point_on_every_centre_covers_all_evenly():
    found = count_modes(CENTERS, CENTERS, 0.1)
    assert found == (4, 4, 1.0, 0.0, 1)


def test_a_collapsed_set_covers_one():
    found = count_modes(np.zeros((50, 2)), CENTERS, 0.1)
    assert found.covered == 1 and found.high_quality == 1 and found.fewest == 50
    np.testing.assert_allclose(found.reverse_kl, np.log(4))


def test_quality_ends_at_three_standard_deviations():
    points = CENTERS[[0, 0, 1, 1]] + np.array([[0.29, 0], [0.31, 0], [0, 0.29], [0.3, 0.3]])
    found = count_modes(points, CENTERS, 0.1)
    assert found.covered == 2 and found.high_quality == 0.5
    np.testing.assert_allclose(found.reverse_kl, np.log(2))


def test_points_far_from_everything_cover_nothing():
    found = count_modes(np.full((5, 2), 5.0), CENTERS, 0.1)
    assert found.covered == 0 and found.high_quality == 0
    np.testing.assert_allclose(found.reverse_kl, np.log(4))


@pytest.mark.parametrize("seed", range(5))
def test_counts_and_divergence_agree_with_scipy(seed):
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(12, 2))
    points = centers[rng.integers(7, size=400)] + 0.1 * rng.normal(size=(400, 2))
    away, mode = spatial.cKDTree(centers).query(points)
    good = away <= 3 * 0.06
    counts = np.bincount(mode[good], minlength=12)
    found = count_modes(points, centers, 0.06)
    assert (found.covered, found.total) == (np.count_nonzero(counts), 12)
    assert found.high_quality == good.mean() and 0.5 < good.mean() < 1
    divergence = stats.entropy(counts, np.ones(12))
    np.testing.assert_allclose(found.reverse_kl, divergence, rtol=1e-12)
    assert count_classes(mode[good], 12)[3] == found.reverse_kl


def test_a_thousand_classes_as_of_stacked_images():
    """Uniform labels cover nearly all; the divergence of a share of 1/10 is log 10."""
    labels = np.random.default_rng(0).integers(1000, size=26_000)
    found = count_classes(labels, 1000)
    assert found.covered == 1000 and 0 < found.reverse_kl < 0.03
    few = count_classes(np.repeat(np.arange(100), 7), 1000)
    assert few.covered == 100
    np.testing.assert_allclose(few.reverse_kl, np.log(10), rtol=1e-12)
    assert count_classes(np.zeros(0, int), 1000)[:2] == (0, 1000)


def test_modes_without_an_example_may_have_been_missed_by_chance():
    """The bound holds for the rarest shares that n examples miss with a chance of 5 %, however they
    are spread over the missed modes."""

    def above(unseen):
        return found_by_chance(Modes(2, 2 + unseen, 1.0, 0.0, 100))[1]

    assert above(0) == 0
    np.testing.assert_allclose([above(1), above(10**6)], [0.95, 3], atol=3e-4)
    n = 500
    together = 1 - 0.05 ** (1 / n)
    draw = np.random.default_rng(0)
    for unseen in (1, 2, 7):
        for shares in together * draw.dirichlet(np.ones(unseen), 20):
            assert np.sum(1 - (1 - shares) ** n) <= above(unseen)


@pytest.mark.parametrize("count", [1, 3, 20])
def test_a_mode_with_few_examples_may_be_missed_by_the_next_sample(count):
    """By the least Poisson mean under which that many come with a chance of 5 %."""
    below, above = found_by_chance(Modes(5, 5, 1.0, 0.0, count))
    assert above == 0 and stats.poisson.sf(count - 1, -np.log(below)) == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("labels", "total", "low", "high"),
    [
        ([0, 1, 2] * 50 + [3] * 3, 4, 3 + 1 - np.exp(-stats.chi2.ppf(0.05, 6) / 2), 4),
        ([0, 1, 2] * 50, 4, 3, 3 + 1 - np.exp(-3)),
        ([0, 1, 2] * 50, 3, 3, 3),
        ([0] * 150, 40, 1, 1 + 39 * (1 - np.exp(-3 / 39))),
    ],
)
def test_the_interval_of_a_count_allows_for_both_kinds_of_chance(labels, total, low, high):
    """All halves cover the same modes, so that nothing else widens it."""
    whole = count_classes(np.array(labels), total)
    score = Counts(whole, whole, [whole] * 5, len(labels), "labels").covered
    assert score.value == whole.covered and score.total == total
    np.testing.assert_allclose(score.interval, (low, high), atol=1e-12)
