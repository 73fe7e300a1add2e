"""Column generation on a matrix of bounds, against dense solvers; and bounds against costs."""

import itertools

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from gan import transport
from gan.transport import costs, matrix, ways
from tests.transport import test_battery as battery


@pytest.fixture
def small(monkeypatch):
    """The way of hundreds of points for some dozens."""
    monkeypatch.setattr(ways, "_LEAST", 8)
    taken = []
    bounded = ways._bounded
    monkeypatch.setattr(ways, "_bounded", lambda *args: taken.append(bounded(*args)) or taken[-1])
    return taken


@pytest.mark.parametrize("cost", costs.NAMES)
@pytest.mark.parametrize("kind", ["gaussian", "grid", "uint8", "clusters", "huge", "duplicates"])
@pytest.mark.parametrize("d", [1, 3, 64, 300])
def test_bounds_lie_below_the_costs_and_close(kind, cost, d):
    geometry = costs.geometry(*battery.instance(kind, 1, 150, 130, d), cost)
    bounds = np.longdouble(matrix.lower(geometry))
    x, y = np.longdouble(geometry.x), np.longdouble(geometry.y)
    difference = np.abs(x[:, None] - y[None])
    exact = difference.sum(axis=2) if cost == "cityblock" else (difference**2).sum(axis=2)
    exact = np.sqrt(exact) if cost == "euclidean" else exact
    rounding = 1e-15 * d if cost == "cityblock" else 0  # there they are the costs
    assert (bounds <= exact * (1 + rounding)).all()
    assert (exact - bounds).max() <= (0.01 if cost == "euclidean" else 1e-4) * exact.max()


@pytest.mark.parametrize("n, m, d", [(1, 1, 1), (63, 65, 2), (200, 130, 64), (20, 30, 5000)])
def test_products_in_blocks_are_products(n, m, d):
    rng = np.random.default_rng(n)
    x, y = (rng.integers(-9, 9, size=(k, d)).astype(np.float32) for k in (n, m))
    np.testing.assert_array_equal(matrix._product(x, y), x.astype(int) @ y.T.astype(int))


@pytest.mark.parametrize(
    ("kind", "cost"), list(itertools.product(battery.KINDS, battery.COSTS)), ids="-".join
)
def test_small_problems_are_solved_and_proved(kind, cost, small):
    d = [1, 2, 16][battery.KINDS.index(kind) % 3]
    x, y = battery.instance(kind, 3, 90, 90, d)
    costs_ = battery.costs_of(x, y, cost)
    i, s = linear_sum_assignment(costs_)
    r = transport.assignment(x, y, battery.COSTS[cost])
    assert small
    battery.check(r, x, y, cost, costs_, costs_[i, s].mean())
    assert sorted(r.permutation) == list(range(90))


def test_where_all_costs_tie_the_dense_solver_does_it(small):
    x, y = battery.instance("collapsed", 3, 90, 90, 16)
    r = transport.assignment(x, y)
    assert small[-1] is None
    assert r.value == pytest.approx(np.linalg.norm(x - y, axis=1).mean(), rel=1e-13)


@pytest.mark.parametrize("cost", ["euclidean", "sqeuclidean"])
@pytest.mark.parametrize("d", [2, 64])
def test_hundreds_of_points_take_a_matrix_of_bounds(d, cost):
    x, y = battery.instance("gaussian", 4, 600, 600, d)
    matrix_ = battery.costs_of(x, y, cost)
    r = transport.assignment(x, y, cost)
    assert r.report["solver"] == "dense" and r.report["solves"] > 0
    np.testing.assert_allclose(r.value, matrix_[linear_sum_assignment(matrix_)].mean(), rtol=1e-13)
    assert r.gap <= 1e-14 * r.value
    assert r.report["arcs"] < 600 * 80


def test_warm_potentials_are_used(small):
    x, y = battery.instance("gaussian", 5, 300, 300, 16)
    cold = transport.assignment(x, y)
    warm = transport.assignment(x, y, warm=cold.potentials[1])
    assert warm.value == pytest.approx(cold.value, rel=1e-14)
    assert warm.report["subset"] is None is not cold.report["subset"]
