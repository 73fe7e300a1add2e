"""Approximate solvers: all give permutations, and rounding and refinement do as they say."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from gan import transport
from gan.benchmarks import approximations, peers, refinement
from gan.errors import UserError


@pytest.mark.slow
@pytest.mark.parametrize("name", approximations.SOLVERS)
def test_every_solver_gives_a_permutation_that_is_better_than_chance(name, tmp_path):
    cost = "sqeuclidean"
    row = approximations.measure(name, 200, 3, cost, tmp_path)
    found = np.load(tmp_path / f"{name}-{cost}-3-200.npy")
    assert (np.sort(found) == np.arange(200)).all() and row["seconds"] > 0
    matrix = cdist(*peers.sets(200, 3), cost)
    assert matrix[np.arange(200), found].mean() < 0.8 * matrix.mean()


def test_an_unknown_solver_is_refused(tmp_path):
    with pytest.raises(UserError, match="did you mean 'sliced'"):
        approximations.measure("slice", 10, 2, "euclidean", tmp_path)


@pytest.mark.parametrize("n", [1, 7, 500])
def test_rounding_a_permutation_gives_it_back(n, monkeypatch):
    monkeypatch.setattr(approximations, "_BLOCK", 3000)  # several blocks
    s = np.random.default_rng(n).permutation(n)
    matrix = np.eye(n)[s]
    assert (approximations.greedy(lambda i, j: matrix[np.ix_(i, j)], n) == s).all()


def test_a_column_goes_to_the_greatest_that_asks_and_the_others_ask_again():
    scores = np.array([[3.0, 2.0, 0.0], [4.0, 1.0, 0.5], [0.0, 1.5, 1.0]])
    found = approximations.greedy(lambda i, j: scores[np.ix_(i, j)], 3)
    assert found.tolist() == [2, 0, 1]


@pytest.mark.parametrize("cost", approximations.COSTS)
def test_refinement_is_exact_on_a_leaf_and_near_on_many(cost):
    x, y = peers.sets(200, 3)
    s = refinement.permutation(x, y, cost)
    assert (s == linear_sum_assignment(cdist(x, y, cost))[1]).all()
    x, y = peers.sets(1501, 2)  # odd: parts of unequal sizes
    given = transport.certify_plan(x, y, refinement.permutation(x, y, cost), cost)
    assert 0 < given.excess[0] < 0.05


def test_refinement_finds_a_translation():
    x = np.random.default_rng(0).normal(size=(1000, 2))
    order = np.random.default_rng(1).permutation(1000)
    found = refinement.permutation(x, x[order] + 5, "sqeuclidean")
    assert (order[found] == np.arange(1000)).all()
