"""Closed forms and enumeration, against the solvers and against each other."""

import math

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import wasserstein_distance

from gan import transport
from gan.errors import UserError
from gan.transport import brute_force, closed_forms, columns, costs, dense


@pytest.mark.parametrize("n", range(1, 9))
@pytest.mark.parametrize("ties", [False, True])
def test_assignment_agrees_with_every_permutation(n, ties):
    rng = np.random.default_rng(n)
    matrix = rng.integers(3, size=(n, n)).astype(float) if ties else rng.random((n, n))
    s, u, v = dense.assignment(matrix)
    best, value = brute_force.assignment(matrix)
    np.testing.assert_allclose(matrix[np.arange(n), s].mean(), value, rtol=1e-13)
    np.testing.assert_allclose(matrix[np.arange(n), best].mean(), value, rtol=1e-13)
    np.testing.assert_allclose(u.mean() + v.mean(), value, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("cost", costs.NAMES)
@pytest.mark.parametrize("n", range(1, 9))
def test_few_points_with_ties_and_duplicates(n, cost):
    """Both sets lie on a grid of nine points, so that points repeat within and across them."""
    rng = np.random.default_rng(n)
    x, y = rng.integers(3, size=(2, n, 2))
    x[n // 2 :] = x[0]
    _, value = brute_force.assignment(cdist(x, y, cost))
    for front in (x.astype(float), x):
        r = transport.assignment(front, y, cost)
        assert sorted(r.permutation) == list(range(n))
        np.testing.assert_allclose(r.value, value, rtol=1e-14)
        bounds = transport.verify(r.certificate, front, y)
        assert bounds.gap - bounds.rounding <= 1e-14 and bounds.rounding <= 1e-13
    geometry, ones = costs.geometry(x.astype(float), y, cost), np.ones(n, np.int64)
    forced = columns.plan(geometry, ones, ones, dense=0)
    found = np.ldexp((forced.mass * forced.costs).sum() / n, geometry.exponent)
    np.testing.assert_allclose(found, value, rtol=1e-12)


def test_there_are_720_permutations_of_six_points():
    permutations, costs = brute_force.every_permutation(np.random.default_rng(0).random((6, 6)))
    assert len(set(map(tuple, permutations))) == len(costs) == 720


@pytest.mark.parametrize("shape", [(10, 10), (3, 4), (0, 0)])
def test_brute_force_refuses_what_it_cannot_enumerate(shape):
    with pytest.raises(UserError, match="matrix must be square"):
        brute_force.assignment(np.zeros(shape))


@pytest.mark.parametrize("p", [1, 2, 3])
@pytest.mark.parametrize("n, m", [(40, 40), (40, 23)])
def test_quantiles_are_optimal_on_the_line(p, n, m):
    rng = np.random.default_rng(n + m)
    x, y = rng.normal(size=n), rng.normal(size=m) + 1
    a, b = rng.exponential(size=n), rng.exponential(size=m)
    a, b = a / a.sum(), b / b.sum()

    def cost(s, t):
        return np.abs(s - t.T) ** p

    for weights in ((None, None), (a, b)):
        value = transport.plan(x, y, *weights, cost=cost).value ** (1 / p)
        np.testing.assert_allclose(closed_forms.line(x, y, *weights, p=p), value, rtol=1e-11)
    np.testing.assert_allclose(transport.wasserstein(x, y), wasserstein_distance(x, y))


def test_gaussians_in_one_dimension_and_commuting():
    value = closed_forms.gaussians([1.0], [[4.0]], [4.0], [[64.0]])
    np.testing.assert_allclose(value, math.hypot(3, 6), rtol=1e-14)
    s, t = np.diag([1.0, 4.0, 9.0]), np.diag([4.0, 4.0, 1.0])
    np.testing.assert_allclose(closed_forms.gaussians([0] * 3, s, [0] * 3, t), math.sqrt(5))


def test_gaussians_of_the_sample_moments_bound_w2_below():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(300, 3)), rng.exponential(size=(300, 3))
    moments = [m for s in (x, y) for m in (s.mean(axis=0), np.cov(s.T, bias=True))]
    bound, value = closed_forms.gaussians(*moments), transport.wasserstein(x, y, 2)
    assert 0.5 * value < bound < value


def test_a_linear_monge_map_between_gaussians_has_the_bures_value():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(500, 4))
    root = rng.normal(size=(4, 4))
    matrix = root @ root.T
    y = x @ matrix
    covariance = x.T @ x / 500 - np.outer(x.mean(0), x.mean(0))
    bound = closed_forms.gaussians(x.mean(0), covariance, y.mean(0), matrix @ covariance @ matrix)
    np.testing.assert_allclose(transport.wasserstein(x, y, 2), bound, rtol=1e-10)


def test_two_samples_of_the_unit_interval():
    rng = np.random.default_rng(3)
    values = [transport.wasserstein(rng.random(9), rng.random(9), 2) ** 2 for _ in range(4000)]
    error = np.std(values) / math.sqrt(len(values))
    assert abs(np.mean(values) - closed_forms.uniform_samples(9)) < 4 * error


def test_random_assignment_tends_to_pi_squared_over_six():
    rng = np.random.default_rng(4)
    totals = []
    for _ in range(800):
        matrix = rng.exponential(size=(12, 12))
        s, _, _ = dense.assignment(matrix)
        totals.append(matrix[np.arange(12), s].sum())
    error = np.std(totals) / math.sqrt(len(totals))
    assert abs(np.mean(totals) - closed_forms.random_assignment(12)) < 4 * error
    np.testing.assert_allclose(closed_forms.random_assignment(10**6), math.pi**2 / 6, rtol=1e-5)


def test_line_refuses_orders_below_one():
    with pytest.raises(UserError, match="p must be at least 1, got 0.5"):
        closed_forms.line([0.0], [1.0], p=0.5)
