"""Problems on lists of arcs: both methods against SciPy, and which of them is taken."""

import sys

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from gan import transport
from gan.errors import PrecisionError, UserError
from gan.transport import scaling, simplex, sparse


def problem(n, bits, seed, each=6):
    """Random arcs with a permutation among them, and integer weights of so many bits."""
    rng = np.random.default_rng(seed)
    rows = np.concatenate([np.repeat(np.arange(n), each), np.arange(n)])
    columns = np.concatenate([rng.integers(n, size=n * each), rng.permutation(n)])
    rows, columns = np.divmod(np.unique(rows * n + columns), n)
    weights = rng.integers(2**bits, size=len(rows)) - 2 ** (bits - 1)
    weights[:2] = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    return rows, columns, weights.astype(np.float64)


def optimum(n, rows, columns, weights):
    """The least sum in Python's integers, from SciPy on shares of the weights that are exact."""
    matrix = np.full((n, n), 2.0**50)
    matrix[rows, columns] = weights
    i, j = linear_sum_assignment(matrix)
    return sum(map(int, matrix[i, j].tolist()))


@pytest.mark.parametrize("n", [2, 50, 700])
@pytest.mark.parametrize("bits", [1, 20, None])
def test_cost_scaling_and_its_potentials_are_optimal(n, bits):
    # SciPy adds such weights in float64: 40 bits are exact there.
    rows, columns, weights = problem(n, min(bits or scaling.bits(n), 40), n)
    permutation, u, v = scaling.plan(n, rows, columns, weights)
    assert sorted(permutation) == list(range(n))
    slack = weights - u[rows] - v[columns]
    assert slack.min() == 0 and (slack == np.rint(slack)).all()
    value = sum(map(int, (u + v[permutation]).tolist()))
    assert value == sum(map(int, u.tolist())) + sum(map(int, v.tolist()))
    assert value == optimum(n, rows, columns, weights)


def test_weights_of_all_bits_do_not_overflow():
    n = 3000
    rows, columns, weights = problem(n, scaling.bits(n), 0, each=12)
    assert np.ptp(weights) == 2.0 ** scaling.bits(n) - 1
    _, u, v = scaling.plan(n, rows, columns, weights)
    *_, du, dv = simplex.plan(np.ones(n), np.ones(n), rows, columns, weights)
    assert u.sum() + v.sum() == du.sum() + dv.sum()


def test_without_its_package_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ortools.graph.python", None)
    with pytest.raises(UserError, match="needs the package ortools, 9.15"):
        scaling.plan(2, np.array([0, 1]), np.array([0, 1]), np.zeros(2))


def test_arcs_without_a_permutation_have_no_plan():
    rows, columns = np.array([0, 1, 2, 2]), np.array([0, 0, 1, 2])
    assert scaling.plan(3, rows, columns, np.arange(4.0)) is None
    ones = np.ones(3, np.int64)
    with pytest.raises(PrecisionError):
        sparse.Solver(ones, ones).plan(rows, columns, np.arange(4.0))


def test_potentials_that_take_long_are_left_to_the_simplex(monkeypatch):
    n = 300
    rows, columns, weights = problem(n, 20, 1)
    one = np.full(n, 3)
    solver = sparse.Solver(one, one)
    i, j, mass, u, v = solver.plan(rows, columns, weights)
    assert solver.solves == {"cost scaling": 1, "network simplex": 0}
    assert (mass == 3).all() and abs(np.median(v)) <= 0.5
    monkeypatch.setattr(scaling, "shortest", lambda *_: None)
    again = solver.plan(rows, columns, weights)
    assert solver.solves == {"cost scaling": 1, "network simplex": 1}
    assert 3 * (again[3].sum() + again[4].sum()) == 3 * (u.sum() + v.sum())
    assert (weights - again[3][rows] - again[4][columns]).min() >= 0
    monkeypatch.undo()
    solver.plan(rows, columns, weights)  # it is not tried again
    assert solver.solves["network simplex"] == 2


def test_a_permutation_that_is_not_optimal_has_no_potentials():
    starts, columns = np.array([0, 2, 4]), np.array([0, 1, 0, 1])
    weights = np.array([0.0, 1.0, 1.0, 0.0])
    best, worst = np.array([0, 1]), np.array([1, 0])
    assert scaling.shortest(starts, columns, weights, best, np.zeros(2), 10_000) is not None
    assert scaling.shortest(starts, columns, weights, worst, np.ones(2), 10_000) is None


@pytest.mark.parametrize("a, b", [([2, 1, 1], [1, 1, 2]), ([2, 2], [1, 1, 2]), ([1, 1], [1, 1])])
def test_only_equal_masses_are_assigned(a, b):
    a, b = np.array(a), np.array(b)
    rows, columns = np.divmod(np.arange(len(a) * len(b)), len(b))
    solver = sparse.Solver(a, b)
    i, j, mass, u, v = solver.plan(rows, columns, np.arange(float(len(rows))))
    assert (np.bincount(i, mass, len(a)) == a).all() and (np.bincount(j, mass, len(b)) == b).all()
    assert bool(solver.solves["cost scaling"]) == bool((a == 1).all() and (b == 1).all())


@pytest.mark.parametrize("d, method", [(2, "network simplex"), (64, "cost scaling")])
def test_the_plane_is_left_to_the_simplex_and_many_coordinates_to_cost_scaling(d, method):
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(1500, d)), 1.1 * rng.normal(size=(1500, d)) + 0.3
    r = transport.assignment(x, y)
    assert r.report["sparse"][method] >= r.report["solves"] - 1
    assert r.gap <= 1e-13 * r.value
    matrix = np.linalg.norm(x[:, None] - y, axis=2)
    wanted = matrix[linear_sum_assignment(matrix)].mean()
    assert abs(r.value - wanted) <= 1e-13 * wanted
