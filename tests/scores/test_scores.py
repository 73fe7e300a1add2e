"""Known answers and independent implementations, for every score."""

import contextlib
import io
import warnings

import numpy as np
import ot
import pytest
from prdc import compute_prdc
from scipy import linalg, stats
from sklearn.metrics.pairwise import polynomial_kernel
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from gan.scores.frechet import frechet_distance
from gan.scores.inception_type import inception_type_score
from gan.scores.kernel import kernel_distance
from gan.scores.manifolds import coverage, density, precision, recall
from gan.scores.pair import Pair
from gan.scores.two_sample import nearest_neighbour_accuracy, permutation_p_value


def normal(n, k=5, seed=0, shift=0.0, scale=1.0):
    return shift + scale * np.random.default_rng(seed).normal(size=(n, k))


CLEAR = np.eye(5)[np.arange(40) % 5]
"""Certain labels, evenly spread over 5 classes."""


def test_a_set_against_itself_has_a_density_near_one_and_a_negative_kernel_distance():
    x = normal(400)
    # Every example has 5 balls around it on average, and its own.
    assert density(Pair.of(x, x)) == pytest.approx(6 / 5, rel=1e-12)
    # The diagonals, largest of all, are in the cross term alone.
    kernel = polynomial_kernel(x, degree=3, coef0=1)
    expected = 2 * (kernel.sum() - np.trace(kernel)) / (400 * 399) - 2 * kernel.mean()
    assert kernel_distance(x, x) == pytest.approx(expected, rel=1e-9) and expected < 0


def test_a_generator_that_collapsed_on_one_real_example():
    real = normal(60)
    pair = Pair.of(np.repeat(real[:1], 60, axis=0), real, np.repeat(CLEAR[:1], 60, axis=0))
    assert precision(pair) == 1.0
    assert recall(pair) == 1 / 60  # the one example, on which all generated ones lie
    reached = np.linalg.norm(real - real[0], axis=1) <= pair.balls("real", 5).radii
    assert coverage(pair) == reached.mean() < 0.3
    assert density(pair) == pytest.approx(reached.sum() / 5)
    assert inception_type_score(pair.probabilities) == pytest.approx(1, abs=1e-12)
    assert nearest_neighbour_accuracy(pair) > 0.95
    covariance = np.trace(np.cov(real.T))
    shift = np.sum((real.mean(axis=0) - real[0]) ** 2)
    assert frechet_distance(pair.generated, real) == pytest.approx(covariance + shift, rel=1e-12)
    assert kernel_distance(pair.generated, real) > 0.1


def test_sets_that_lie_apart():
    pair = Pair.of(normal(50), normal(50, seed=1, shift=100), CLEAR)
    for score in (precision, recall, density, coverage):
        assert score(pair) == 0
    assert nearest_neighbour_accuracy(pair) == 1
    assert permutation_p_value(pair) == 1 / 1000
    assert frechet_distance(pair.generated, pair.real) == pytest.approx(5e4, rel=0.02)


def test_precision_and_recall_swap_when_the_arguments_do():
    wide, narrow = normal(80, scale=2.0), normal(80, seed=1, scale=0.5)
    forth, back = Pair.of(narrow, wide), Pair.of(wide, narrow)
    assert precision(forth) > recall(forth) + 0.3  # all among the real ones, few of them found
    assert precision(forth) == recall(back) and recall(forth) == precision(back)
    swapped = forth.swapped()
    assert precision(swapped) == precision(back) and coverage(swapped) == coverage(back)
    assert coverage(forth) != coverage(back) and density(forth) != density(back)


def test_distances_do_not_care_which_side_is_which():
    x, y = normal(40), normal(30, seed=1, shift=0.3)
    for score in (frechet_distance, kernel_distance):
        assert score(x, y) == pytest.approx(score(y, x), rel=1e-10)
    pair = Pair.of(x, y)
    assert nearest_neighbour_accuracy(pair) == nearest_neighbour_accuracy(pair.swapped())


def exact_gaussian(n, mean, covariance):
    """A sample [n, k] whose mean and covariance are exactly those."""
    x = normal(n, len(mean))
    x = x - x.mean(axis=0)
    whitened = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x.T))).T
    return mean + whitened @ np.linalg.cholesky(covariance).T


def test_frechet_distance_of_gaussians_has_its_closed_form():
    # Commuting covariances: the sum of (root a - root b)^2, beside the shift.
    a, b = np.diag([1.0, 4.0, 9.0]), np.diag([4.0, 4.0, 1.0])
    x, y = exact_gaussian(50, np.zeros(3), a), exact_gaussian(70, np.array([3.0, 0, 4]), b)
    assert frechet_distance(x, y) == pytest.approx(25 + 1 + 0 + 4, rel=1e-10)


def test_frechet_distance_agrees_with_scipys_root_and_with_pot():
    x, y = normal(200, 8), normal(150, 8, seed=1, shift=0.2) @ normal(8, 8, seed=2)
    s, t = np.cov(x.T), np.cov(y.T)
    root = linalg.sqrtm(s @ t)
    shift = np.sum((x.mean(axis=0) - y.mean(axis=0)) ** 2)
    expected = shift + np.trace(s + t - 2 * root.real)
    assert frechet_distance(x, y) == pytest.approx(expected, rel=1e-9)
    bures = ot.gaussian.bures_wasserstein_distance(x.mean(axis=0), y.mean(axis=0), s, t)
    assert frechet_distance(x, y) == pytest.approx(float(bures) ** 2, rel=1e-9)


def test_frechet_distance_needs_no_more_examples_than_features():
    x, y = normal(6, 20), normal(9, 20, seed=1)
    s, t = np.cov(x.T), np.cov(y.T)
    root = linalg.eigh(s)[1] * np.sqrt(np.maximum(linalg.eigh(s)[0], 0)) @ linalg.eigh(s)[1].T
    traces = np.sqrt(np.maximum(linalg.eigvalsh(root @ t @ root), 0)).sum()
    shift = np.sum((x.mean(axis=0) - y.mean(axis=0)) ** 2)
    expected = shift + np.trace(s) + np.trace(t) - 2 * traces
    assert frechet_distance(x, y) == pytest.approx(expected, rel=1e-6)


def test_kernel_distance_agrees_with_scikit_learns_kernel():
    x, y = normal(30, 4), normal(40, 4, seed=1, shift=0.5)
    xx, yy, xy = (polynomial_kernel(a, b, degree=3, coef0=1) for a, b in ((x, x), (y, y), (x, y)))
    off = [k[~np.eye(len(k), dtype=bool)].mean() for k in (xx, yy)]
    assert kernel_distance(x, y) == pytest.approx(sum(off) - 2 * xy.mean(), rel=1e-10)


def test_kernel_distance_is_unbiased():
    sets = np.random.default_rng(0).normal(size=(800, 2, 10, 3))
    found = [kernel_distance(x, y) for x, y in sets]
    error = np.std(found) / np.sqrt(len(found))
    with_diagonals = [
        polynomial_kernel(x, coef0=1).mean()
        + polynomial_kernel(y, coef0=1).mean()
        - 2 * polynomial_kernel(x, y, coef0=1).mean()
        for x, y in sets
    ]
    assert abs(np.mean(found)) < 3 * error < np.mean(with_diagonals) / 5


def test_inception_type_score_from_its_definition():
    p = np.random.default_rng(0).dirichlet(np.ones(4), size=30)
    marginal = p.mean(axis=0)
    divergences = [sum(q * np.log(q / m) for q, m in zip(row, marginal, strict=True)) for row in p]
    assert inception_type_score(p) == pytest.approx(np.exp(np.mean(divergences)), rel=1e-12)
    assert inception_type_score(np.full((7, 4), 0.25)) == pytest.approx(1, abs=1e-12)
    assert inception_type_score(CLEAR[[0, 0, 1, 1]]) == pytest.approx(2, rel=1e-12)


def test_inception_type_score_agrees_with_scipy():
    p = np.random.default_rng(1).dirichlet(np.full(6, 0.3), size=50)
    information = stats.entropy(p.mean(axis=0)) - stats.entropy(p, axis=1).mean()
    assert inception_type_score(p) == pytest.approx(np.exp(information), rel=1e-12)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_manifold_scores_agree_with_the_published_package(k):
    real, fake = normal(90), normal(110, seed=1, shift=0.4, scale=0.8)
    pair = Pair.of(fake, real)
    with contextlib.redirect_stdout(io.StringIO()):
        expected = compute_prdc(real, fake, nearest_k=k)
    found = {"precision": precision, "recall": recall, "density": density, "coverage": coverage}
    for name, score in found.items():
        assert score(pair, k) == pytest.approx(expected[name], abs=1e-12), name
        assert 0.2 < score(pair, k)


def test_radii_agree_with_scikit_learn():
    x = normal(50)
    expected = NearestNeighbors(n_neighbors=4).fit(x).kneighbors(x)[0][:, 3]
    np.testing.assert_allclose(Pair.of(x, x).balls("real", 3).radii, expected, rtol=1e-12)


def test_nearest_neighbour_accuracy_agrees_with_scikit_learns_classifier():
    x, y = normal(40, 3), normal(50, 3, seed=1, shift=0.7)
    both, labels = np.concatenate([x, y]), np.repeat([0, 1], [40, 50])
    right = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for i in range(90):
            others = np.arange(90) != i
            model = KNeighborsClassifier(1).fit(both[others], labels[others])
            right.append(model.predict(both[i : i + 1])[0] == labels[i])
    assert nearest_neighbour_accuracy(Pair.of(x, y)) == pytest.approx(np.mean(right), abs=1e-12)


def test_two_samples_of_one_law_are_at_chance():
    found, p = [], []
    for seed in range(60):
        x, y = np.random.default_rng(seed).normal(size=(2, 40, 3))
        pair = Pair.of(x, y)
        found.append(nearest_neighbour_accuracy(pair))
        p.append(permutation_p_value(pair, permutations=99))
    chance = 1 / 2 - 1 / (2 * 79)
    assert np.mean(found) == pytest.approx(chance, abs=0.03)
    # Under the null a p-value <= 0.2 has probability at most 0.2.
    assert np.mean(np.array(p) <= 0.2) < 0.36 and np.min(p) < 0.2
    assert permutation_p_value(pair, seed=1) == permutation_p_value(pair, seed=1)
    assert permutation_p_value(pair, seed=1) != permutation_p_value(pair, seed=2)


def test_part_of_a_pair_is_the_pair_of_the_parts():
    x, y = normal(20), normal(30, seed=1)
    rows, columns = np.array([3, 1, 7, 9]), np.array([2, 20, 11])
    whole, part = Pair.of(x, y, CLEAR[:20]), Pair.of(x[rows], y[columns], CLEAR[rows])
    for name in ("generated", "real", "probabilities"):
        np.testing.assert_array_equal(getattr(whole.take(rows, columns), name), getattr(part, name))
    assert precision(whole) != precision(whole.take(rows, columns)) == precision(part)


@pytest.mark.parametrize(
    "x, y",
    [
        (normal(3, 2), normal(3, 3)),
        (normal(1), normal(5)),
        (np.zeros(4), np.zeros(4)),
        (np.full((3, 2), np.nan), normal(3, 2)),
    ],
)
def test_features_that_cannot_be_compared_are_refused(x, y):
    with pytest.raises(ValueError, match="features"):
        Pair.of(x, y)


@pytest.mark.parametrize("law", ["one-hot", "grid", "all equal"])
def test_equal_distances_prefer_no_sample(law):
    """On a discrete law the accuracy is the same whichever sample comes first, and the test keeps
    its level of 5 % (at most 10 rejections of 60 with probability 0.9998)."""
    draw = np.random.default_rng(0)
    rejected = 0
    for trial in range(60):
        x, y = (
            {
                "one-hot": lambda n: np.eye(10)[draw.integers(0, 10, n)],
                "grid": lambda n: draw.integers(0, 3, (n, 3)),
                "all equal": lambda n: np.zeros((n, 2)),
            }[law](n)
            for n in (60, 20)
        )
        pair = Pair.of(x, y)
        rejected += permutation_p_value(pair, seed=trial, permutations=99) <= 0.05
        forth, back = nearest_neighbour_accuracy(pair), nearest_neighbour_accuracy(pair.swapped())
        assert forth == pytest.approx(back, abs=1e-12)
    assert rejected <= 10


def test_examples_that_are_equally_near_share_the_vote():
    """Generated 0 and 0, real 0 and 1: each of the three zeros has two nearest, one has three."""
    pair = Pair.of([[0.0], [0.0]], [[0.0], [1.0]])
    assert nearest_neighbour_accuracy(pair) == pytest.approx((1 / 2 + 1 / 2 + 0 + 1 / 3) / 4)


@pytest.mark.parametrize("m", [2, 3, 4, 5, 6, 12])
def test_the_density_of_one_law_is_one_on_average_whatever_the_count(m):
    """Balls reach to at most the m - 1 other real examples. Mean of 2,000 pairs of m points."""
    draw = np.random.default_rng(m)
    found = [density(Pair.of(*draw.normal(size=(2, m, 2)))) for _ in range(2000)]
    assert np.mean(found) == pytest.approx(1, abs=5 * np.std(found) / 2000**0.5)
