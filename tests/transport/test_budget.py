"""A time budget ends everywhere with a valid plan and true bounds, whatever the clock says."""

import itertools

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from gan import transport
from gan.transport import budget, columns, costs, generation, separable, sparse


@pytest.fixture
def ticks(monkeypatch):
    """A clock that advances by one second whenever anybody looks."""
    counter = itertools.count()
    monkeypatch.setattr(budget, "clock", lambda: float(next(counter)))
    return counter


def power(x, y):
    return cdist(x, y) ** 1.5


def ends(monkeypatch, x, y, cost, optimum, every):
    """Solves with budgets that end at every so many looks until one is enough; the results."""
    g, ones, results = costs.geometry(x, y, cost), np.ones(len(x), np.int64), []
    while not results or results[-1].v is None or not _optimal(results[-1], optimum):
        counter = itertools.count()
        monkeypatch.setattr(budget, "clock", lambda counter=counter: float(next(counter)))
        s = columns.plan(g, ones, ones, dense=0, end=float(every * len(results)))
        assert sorted(s.rows) == sorted(s.columns) == list(range(len(x)))
        assert (s.mass == 1).all()
        matrix = g.block()
        assert (matrix - s.u[:, None] - s.v).min() >= -1e-12 * matrix.max()
        assert s.u.sum() + s.v.sum() <= optimum * (1 + 1e-12)
        assert s.costs.sum() >= optimum * (1 - 1e-12)
        results.append(s)
        assert len(results) < 400
    return results


def _optimal(s, optimum):
    return s.costs.sum() - s.u.sum() - s.v.sum() <= 1e-9 * optimum


@pytest.mark.parametrize(
    "cost, every", [("euclidean", 5), ("sqeuclidean", 17), ("cityblock", 17), (power, 17)]
)
def test_a_budget_may_end_at_any_look(monkeypatch, cost, every):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(300, 3)), rng.normal(size=(300, 3)) + 0.3
    matrix = cdist(x, y, cost) if isinstance(cost, str) else cost(x, y)
    optimum = matrix[linear_sum_assignment(matrix)].sum()
    optimum = np.ldexp(optimum, -costs.geometry(x, y, cost).exponent)
    results = ends(monkeypatch, x, y, cost, optimum, every)
    solves = [s.report["solves"] for s in results]
    assert solves[0] == 0 < solves[-1]
    assert len(set(solves)) >= 2


def test_integers_stay_integers_out_of_time(monkeypatch):
    rng = np.random.default_rng(1)
    x, y = (rng.integers(50, size=(300, 4)) for _ in range(2))
    matrix = cdist(x, y, "sqeuclidean")
    optimum = matrix[linear_sum_assignment(matrix)].sum()
    for s in ends(monkeypatch, x, y, "sqeuclidean", optimum, 13):
        assert (s.u == np.rint(s.u)).all() and (s.v == np.rint(s.v)).all()
        assert s.u.sum() + s.v.sum() <= optimum


def test_no_solve_is_begun_that_would_end_late(ticks, monkeypatch):
    monkeypatch.setattr(generation, "_SOLVE", 1e9)
    monkeypatch.setattr(sparse.Solver, "plan", lambda *_: pytest.fail("begun"))
    x, y = np.random.default_rng(2).normal(size=(2, 400, 3))
    s = columns.plan(
        costs.geometry(x, y, "euclidean"), *np.ones((2, 400), np.int64), dense=0, end=1e9
    )
    assert s.report["arcs"] > 400  # it came as far as the pool


def test_a_budget_holds_for_hubs(ticks):
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(5, 3)), rng.normal(size=(3000, 3))
    early = transport.plan(x, y, cost="euclidean", seconds=3)
    exact = transport.plan(x, y, cost="euclidean")
    assert exact.report["solver"] == "hubs"
    assert early.lower < exact.lower and exact.upper < early.upper
    bounds = transport.verify(early.certificate, x, y)
    assert bounds.lower <= exact.value <= bounds.upper


def test_the_clock_starts_before_the_sets_are_prepared(ticks):
    def features(x):
        for _ in range(50):
            budget.clock()
        return x

    x, y = np.random.default_rng(4).normal(size=(2, 1500, 3))
    cost = transport.FeatureCost(features, "euclidean", "same")
    assert transport.assignment(x, y, cost, seconds=60).report["solves"] == 0


@pytest.mark.parametrize("n, d", [(4200, 4), (8200, 2)])
def test_an_interrupt_in_the_subset_ends_the_call(monkeypatch, n, d):
    def interrupt(*_):
        raise KeyboardInterrupt

    x, y = np.random.default_rng(5).normal(size=(2, n, d))
    real, calls = sparse.Solver.plan, []

    def second(*arguments):  # the subset has had its first solve then
        calls.append(1)
        return real(*arguments) if len(calls) == 1 else interrupt()

    monkeypatch.setattr(sparse.Solver, "plan", second)
    with pytest.raises(KeyboardInterrupt):
        transport.assignment(x, y)
    assert len(calls) == 2


@pytest.mark.parametrize("cost", costs.NAMES)
@pytest.mark.parametrize("weighted", [False, True])
def test_separable_potentials_are_optimal_on_the_line(cost, weighted):
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=(40, 1)), rng.normal(size=(60, 1)) + 0.2
    a, b = np.full(40, 1 / 40), np.full(60, 1 / 60)
    if weighted:
        a, b = rng.exponential(size=40), rng.exponential(size=60)
        a, b = a / a.sum(), b / b.sum()
    g = costs.geometry(x, y, cost)
    u, v = separable.potentials(g, a, b, lambda: True)
    rows, cols, mass = separable.plan(a, b, x[:, 0], y[:, 0])
    np.testing.assert_allclose(np.bincount(rows, mass, 40), a, rtol=1e-12)
    np.testing.assert_allclose(np.bincount(cols, mass, 60), b, rtol=1e-12)
    assert (g.block() - u[:, None] - v).min() >= 0
    np.testing.assert_allclose(a @ u + b @ v, mass @ g.pairs(rows, cols), rtol=1e-10)


@pytest.mark.parametrize("cost", costs.NAMES)
@pytest.mark.parametrize("integer", [False, True])
def test_separable_potentials_are_feasible_and_see_a_shift(cost, integer):
    rng = np.random.default_rng(7)
    x, y = rng.normal(size=(80, 6)), rng.normal(size=(80, 6)) + 3
    if integer:
        x, y = np.rint(10 * x).astype(int), np.rint(10 * y).astype(int)
    g, ones = costs.geometry(x, y, cost), np.ones(80, np.int64)
    u, v = separable.potentials(g, ones, ones, lambda: True)
    assert (g.block() - u[:, None] - v).min() >= 0
    matrix = g.block()
    optimum = matrix[linear_sum_assignment(matrix)].sum()
    assert 0.7 * optimum < u.sum() + v.sum() <= optimum
    if g.integer:
        assert (u == np.rint(u)).all() and (v == np.rint(v)).all()


def test_bounds_without_time_are_those_of_costs_that_are_not_negative():
    x, y = np.random.default_rng(8).normal(size=(2, 50, 3))
    ones = np.ones(50, np.int64)
    g = costs.geometry(x, y, "euclidean")
    u, v = separable.potentials(g, ones, ones, lambda: False)
    assert (u == 0).all() and (v == 0).all()
