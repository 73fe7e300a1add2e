"""Moments by blocks, and the Frechet distance of given moments."""

import numpy as np
import pytest
from scipy import linalg

from gan.errors import UserError
from gan.scores import frechet, moments
from gan.scores.frechet import frechet_distance, frechet_of_moments


def normal(n, k, seed=0, shift=0.0):
    return shift + np.random.default_rng(seed).normal(size=(n, k))


def turned(variances, seed=0):
    """A covariance with these eigenvalues, in directions that depend on the seed."""
    axes = linalg.qr(normal(len(variances), len(variances), seed))[0]
    return (axes * variances) @ axes.T


def of(x):
    found = moments.moments(x)
    return found.mean, found.covariance


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shift", [0.0, 1000.0])
def test_moments_by_blocks_are_those_of_the_whole(monkeypatch, dtype, shift):
    x = normal(101, 5, shift=shift).astype(dtype)
    exact = x.astype(np.longdouble)
    centered = exact - exact.mean(axis=0)
    expected = (centered.T @ centered / 100).astype(float)
    for entries in (5, 35, 10**6):
        monkeypatch.setattr(moments, "BLOCK_ENTRIES", entries)
        found = moments.moments(x)
        assert found.count == 101
        np.testing.assert_allclose(found.mean, exact.mean(axis=0).astype(float), rtol=1e-14)
        np.testing.assert_allclose(found.covariance, expected, rtol=1e-12, atol=1e-13)
        np.testing.assert_array_equal(found.covariance, found.covariance.T)


def test_moments_of_a_stream_do_not_depend_on_its_order():
    x, running = normal(60, 3, shift=7), moments.Running()
    for part in (x[50:], x[:1], x[1:1], x[1:50]):
        running.add(part)
    np.testing.assert_allclose(running.moments().covariance, np.cov(x.T), rtol=1e-12)
    np.testing.assert_allclose(running.moments().mean, x.mean(axis=0), rtol=1e-13)


@pytest.mark.parametrize(
    ("blocks", "hint"),
    [
        ([np.zeros((1, 3))], "at least 2"),
        ([], "at least 2"),
        ([np.zeros((2, 3)), np.zeros((2, 4))], r"\[n, 3\], got shape \(2, 4\)"),
        ([np.zeros(3)], "matrix"),
        ([np.full((2, 2), np.inf)], "finite"),
    ],
)
def test_what_has_no_moments_is_refused(blocks, hint):
    running = moments.Running()
    with pytest.raises(UserError, match=hint):
        for block in blocks:
            running.add(block)
        running.moments()


@pytest.mark.parametrize(("n", "m", "k"), [(200, 150, 8), (6, 9, 20), (30, 12, 12), (40, 7, 7)])
def test_moments_have_the_distance_of_their_samples(n, m, k):
    x, y = normal(n, k), normal(m, k, 1, shift=0.2) @ normal(k, k, 2)
    x[:, 0] = 3.0  # a feature that never varies
    expected = frechet_distance(x, y)
    assert frechet_of_moments(*of(x), *of(y)) == pytest.approx(expected, rel=1e-7)
    assert frechet_of_moments(*of(y), *of(x)) == pytest.approx(expected, rel=1e-7)


def test_moments_agree_with_scipys_root():
    s, t = turned(np.geomspace(1, 1e-4, 30)), turned(np.geomspace(3, 1e-3, 30), 1)
    expected = 4 * 30 + np.trace(s + t - 2 * linalg.sqrtm(s @ t).real)
    found = frechet_of_moments(np.zeros(30), s, np.full(30, 2.0), t)
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("direct", [1024, 4])
def test_covariances_without_variance_in_some_directions(monkeypatch, direct):
    """Commuting ones have the closed form sum (root a - root b)^2, singular or not."""
    monkeypatch.setattr(frechet, "DIRECT", direct)
    a, b = np.zeros(60), np.zeros(60)
    a[:40], b[20:] = np.geomspace(1, 1e-6, 40), np.geomspace(4, 1e-5, 40)
    expected = np.sum((np.sqrt(a) - np.sqrt(b)) ** 2)
    found = frechet_of_moments(np.zeros(60), turned(a), np.zeros(60), turned(b))
    assert found == pytest.approx(expected, abs=1e-6)
    assert frechet_of_moments(np.ones(60), turned(a), np.ones(60), turned(a)) < 1e-6
    nothing = np.zeros((60, 60))
    found = frechet_of_moments(np.zeros(60), nothing, np.full(60, 2.0), turned(b))
    assert found == pytest.approx(240 + b.sum(), rel=1e-12)


def test_many_features_go_by_their_moments_and_few_examples_do_not(monkeypatch):
    x, y = normal(90, 20), normal(80, 20, 1, shift=0.3)
    expected = frechet_distance(x, y), frechet_distance(x[:9], y[:8])
    monkeypatch.setattr(frechet, "DIRECT", 10)
    asked = []
    monkeypatch.setattr(frechet, "moments", lambda x: asked.append(len(x)) or moments.moments(x))
    assert frechet_distance(x, y) == pytest.approx(expected[0], rel=1e-9) and asked == [90, 80]
    assert frechet_distance(x[:9], y[:8]) == pytest.approx(expected[1], rel=1e-12)
    assert asked == [90, 80]


def test_blocks_do_not_change_the_distance_of_few_features(monkeypatch):
    x, y = normal(90, 6, shift=1000), normal(70, 6, 1, shift=1000.5)
    whole = frechet_distance(x, y)
    monkeypatch.setattr(moments, "BLOCK_ENTRIES", 30)
    assert frechet_distance(x, y) == pytest.approx(whole, rel=1e-10)
    single = frechet_distance(x.astype(np.float32), y.astype(np.float32))
    assert single == pytest.approx(whole, rel=1e-3)
    twice = [part.astype(np.float32).astype(float) for part in (x, y)]
    assert single == pytest.approx(frechet_distance(*twice), rel=1e-12)


@pytest.mark.parametrize(
    ("mu", "sigma", "hint"),
    [
        (np.zeros(3), np.eye(2), "need mu"),
        (np.zeros((2, 1)), np.eye(2), "need mu"),
        (np.zeros(2), np.array([[1, np.nan], [np.nan, 1]]), "finite"),
        (np.zeros(2), np.array([[1, 0.5], [0, 1]]), "symmetric"),
        (np.zeros(2), np.diag([1.0, -1]), "negative eigenvalues"),
        (np.zeros(2), np.array([[0, 1.0], [1, 0]]), "negative eigenvalues"),
        (np.zeros(3), np.ones((3, 3)) * -0.9 + 1.9 * np.eye(3), "negative eigenvalues"),
    ],
)
def test_what_is_no_covariance_is_refused(mu, sigma, hint):
    right = np.zeros(len(mu)), np.eye(len(mu))
    for sides in ((mu, sigma, *right), (*right, mu, sigma)):
        with pytest.raises(UserError, match=hint):
            frechet_of_moments(*sides)


def test_moments_of_two_feature_spaces_are_refused():
    with pytest.raises(UserError, match="as many features, got 3 and 2"):
        frechet_of_moments(np.zeros(3), np.eye(3), np.zeros(2), np.eye(2))


def test_a_covariance_kept_in_float32_is_one():
    sigma = turned(np.geomspace(1, 1e-9, 30)).astype(np.float32)
    assert abs(frechet_of_moments(np.zeros(30), sigma, np.zeros(30), sigma)) < 1e-4
