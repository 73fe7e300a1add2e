import numpy as np
import ot
import pytest
from scipy.spatial.distance import cdist
from sklearn.neighbors import NearestNeighbors

from gan.scores import proportions
from gan.scores.proportions import NEAREST, missed_examples, total_variation


def blobs(counts, seed=0, apart=10.0):
    """Points around the corners (apart k, 0), with their classes."""
    labels = np.repeat(np.arange(len(counts)), counts)
    points = np.random.default_rng(seed).normal(size=(len(labels), 2))
    return points + apart * np.stack([labels, 0 * labels], axis=1), labels


def test_seventy_thirty_against_half_and_half_moves_a_fifth():
    x, source = blobs([70, 30])
    y, target = blobs([50, 50], seed=1)
    found = proportions.proportions(x, source, y, target, 2)
    np.testing.assert_allclose(found.flow, [[0.5, 0.2], [0.0, 0.3]], atol=1e-12)
    assert found.least_change == pytest.approx(0.2) and found.plan_change == pytest.approx(0.2)
    low, high = found.least_change_interval
    # The standard deviation of the difference between two shares of 100.
    deviation = np.sqrt((0.7 * 0.3 + 0.5 * 0.5) / 100)
    assert high - low == pytest.approx(2 * 1.96 * deviation, rel=0.2)
    assert low < 0.2 < high


def test_digits_seventy_thirty(digits):
    images, labels = digits.examples("train")
    zeros, ones = images[labels == 0], images[labels == 1]
    x = np.concatenate([zeros[:42], ones[:18]])
    y = np.concatenate([zeros[42:72], ones[18:48]])
    classes = np.repeat([0, 1], [42, 18]), np.repeat([0, 1], [30, 30])
    found = proportions.proportions(x, classes[0], y, classes[1], 2)
    assert found.least_change == pytest.approx(0.2)
    assert 0.2 - 1e-12 <= found.plan_change <= 0.25
    np.testing.assert_allclose(found.flow.sum(axis=1), [0.7, 0.3], atol=1e-12)
    np.testing.assert_allclose(found.flow.sum(axis=0), [0.5, 0.5], atol=1e-12)


def test_the_right_proportions_of_classes_that_touch_may_still_move():
    x, source = blobs([40, 40], apart=0.5)
    y, target = blobs([40, 40], seed=1, apart=0.5)
    found = proportions.proportions(x, source, y, target, 2)
    assert found.least_change == 0 < found.plan_change


def test_sets_of_unequal_size():
    x, source = blobs([14, 6])
    y, target = blobs([20, 20, 0], seed=1)
    found = proportions.proportions(x, source, y, target, 3)
    np.testing.assert_allclose(found.flow, [[0.5, 0.2, 0], [0, 0.3, 0], [0, 0, 0]], atol=1e-9)


def test_the_examples_of_a_missing_class_are_missed_and_the_farthest_comes_first():
    x, _ = blobs([100, 0, 0])
    y, target = blobs([50, 25, 25], seed=1)
    missed = missed_examples(x, y)
    assert set(missed) >= set(np.flatnonzero(target == 2))
    assert target[missed[0]] == 2 and target[missed[24]] == 2 and target[missed[25]] != 2
    away = np.linalg.norm(y[missed][:, None] - x[None], axis=2).min(axis=1)
    assert np.all(np.diff(away) <= 1e-9)
    found = proportions.proportions(x, np.zeros(100, int), y, target, 3)
    assert found.missed_share == len(missed) / 100 >= 0.5
    np.testing.assert_array_equal(found.missed, missed)


def test_copies_serve_everybody():
    x, _ = blobs([30, 30])
    assert len(missed_examples(x[::-1], x)) == 0
    assert len(missed_examples(x[:1], x)) == 60 - NEAREST


def test_total_variation():
    assert total_variation(np.array([0.7, 0.3]), np.array([0.5, 0.5])) == pytest.approx(0.2)
    assert total_variation(np.array([1.0, 0]), np.array([0, 1.0])) == 1


def test_the_flow_agrees_with_pot_and_scipy():
    x, source = blobs([30, 12, 8], apart=2.0)
    y, target = blobs([20, 25, 15], seed=1, apart=2.0)
    plan = ot.emd(np.full(50, 1 / 50), np.full(60, 1 / 60), cdist(x, y))
    expected = np.zeros((3, 3))
    np.add.at(expected, np.ix_(source, target), plan)
    found = proportions.proportions(x, source, y, target, 3)
    np.testing.assert_allclose(found.flow, expected, atol=1e-12)
    assert found.plan_change == pytest.approx(1 - np.trace(expected), abs=1e-12)
    # The least change is transport between the classes at the price of 1 per change.
    shares = np.bincount(source) / 50, np.bincount(target) / 60
    least = ot.emd2(*shares, 1.0 - np.eye(3))
    assert found.least_change == pytest.approx(least, abs=1e-12)
    assert 0.1 < found.least_change < found.plan_change


def test_what_is_missed_agrees_with_scikit_learn():
    x, _ = blobs([40, 5])
    y, _ = blobs([30, 20], seed=1)
    near = NearestNeighbors(n_neighbors=NEAREST).fit(y).kneighbors(x)[1]
    assert set(missed_examples(x, y)) == set(range(50)) - set(near.ravel())
