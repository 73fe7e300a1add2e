"""Plans from elsewhere: their excess against brute force, their proofs, and what is refused."""

import math

import numpy as np
import pytest
from scipy import sparse
from scipy.spatial.distance import cdist

from gan import transport
from gan.errors import UserError

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(6, 3)), RNG.normal(size=(6, 3)) + 0.5
A, B = np.array([1, 2, 3, 1, 2, 3]) / 12, np.array([3, 3, 2, 2, 1, 1]) / 12


@pytest.mark.parametrize("cost", ["euclidean", "sqeuclidean", "cityblock"])
def test_the_excess_of_every_permutation_is_that_of_brute_force(cost):
    optimum = transport.brute_force.assignment(cdist(X, Y, cost))[1]
    for seed in range(10):
        s = np.random.default_rng(seed).permutation(6)
        value = cdist(X, Y, cost)[np.arange(6), s].mean()
        given = transport.certify_plan(X, Y, s, cost)
        assert given.value == pytest.approx(value, rel=1e-14)
        assert given.lower == pytest.approx(optimum, rel=1e-14)
        assert given.excess == pytest.approx((value / optimum - 1,) * 2, rel=1e-12)
        bounds = transport.verify(given.certificate, X, Y)
        assert bounds.lower <= given.lower * (1 + 1e-15) and bounds.upper >= given.value * (
            1 - 1e-15
        )
        assert bounds.gap == pytest.approx(value - optimum, rel=1e-9, abs=1e-13)


def test_an_optimal_permutation_has_no_excess_in_integers():
    x, y = (RNG.integers(256, size=(50, 4), dtype=np.uint8) for _ in range(2))
    best = transport.assignment(x, y, "sqeuclidean")
    given = transport.certify_plan(x, y, best.permutation, "sqeuclidean")
    assert given.excess == (0, 0) and given.lower == given.value == best.value
    assert transport.verify(given.certificate, x, y).gap == 0
    worse = np.roll(best.permutation, 1)
    given = transport.certify_plan(x, y, worse, "sqeuclidean")
    bounds = transport.verify(given.certificate, x, y)
    assert bounds.integer and bounds.gap == pytest.approx(given.value - best.value, rel=1e-14)


def test_one_solution_judges_several_plans(monkeypatch):
    best = transport.assignment(X, Y)
    alone = transport.certify_plan(X, Y, np.arange(6))
    monkeypatch.setattr("gan.transport.given.optimum", lambda *_: pytest.fail("solved"))
    for plan in (np.arange(6), np.eye(6) / 6):
        given = transport.certify_plan(X, Y, plan, optimal=best)
        assert (given.value, given.lower, given.upper) == pytest.approx(
            (alone.value, alone.lower, alone.upper), rel=1e-15
        )
        assert transport.verify(given.certificate, X, Y).gap == pytest.approx(
            given.value - best.value, rel=1e-9
        )


@pytest.mark.parametrize(
    "x, y, options, message",
    [
        (X + 1, Y, {}, "x differs"),
        (X, Y[::-1], {}, "y differs"),
        (X, Y, {"cost": "sqeuclidean"}, "the cost differs"),
        (X, Y, {"a": np.full(6, 1 / 6)}, "without weights"),
    ],
)
def test_the_solution_of_another_problem_is_refused(x, y, options, message):
    best = transport.assignment(X, Y)
    with pytest.raises(UserError, match=f"optimal must be .*{message}"):
        transport.certify_plan(x, y, np.eye(6) / 6, optimal=best, **options)
    weighted = transport.plan(X, Y, cost="euclidean")
    with pytest.raises(UserError, match="must be an assignment"):
        transport.certify_plan(X, Y, np.arange(6), optimal=weighted)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array, sparse.coo_array])
def test_a_plan_between_weights_is_bounded(kind):
    independent = np.outer(A, B)
    given = transport.certify_plan(X, Y, kind(independent), a=A, b=B)
    matrix = np.linalg.norm(X[:, None] - Y, axis=2)
    assert given.value == pytest.approx((independent * matrix).sum(), rel=1e-14)
    optimum = transport.plan(X, Y, A, B, cost="euclidean").value
    assert given.lower == pytest.approx(optimum, rel=1e-13)
    assert given.excess[1] > 0.1
    bounds = transport.verify(given.certificate, X, Y, A, B)
    assert bounds.upper == pytest.approx(given.value, rel=1e-13)


def test_a_plan_of_more_points_than_a_permutation_has():
    x = np.concatenate([X, X + 1])
    given = transport.certify_plan(x, Y, np.full((12, 6), 1 / 72))
    assert given.excess[0] > 0.1
    assert given.lower == pytest.approx(transport.plan(x, Y, cost="euclidean").value, rel=1e-13)


@pytest.mark.parametrize("options", [{"gap": 0.1}, {"seconds": 1e-4}])
def test_a_wide_gap_or_a_short_time_widens_the_bounds_and_they_hold(options):
    x, y = RNG.normal(size=(3000, 3)), RNG.normal(size=(3000, 3))
    s = np.arange(3000)
    exact, rough = (transport.certify_plan(x, y, s, **kind) for kind in ({}, options))
    assert rough.lower < exact.lower <= exact.upper < rough.upper < rough.value == exact.value
    assert rough.excess[0] < exact.excess[0] <= exact.excess[1] < rough.excess[1]
    bounds = transport.verify(rough.certificate, x, y)
    assert rough.lower * (1 - 1e-12) <= bounds.lower <= exact.lower * (1 + 1e-12)


def test_two_equal_sets_have_no_relative_excess():
    assert transport.certify_plan(X, X, np.arange(6)).excess == (0, 0)
    assert transport.certify_plan(X, X, np.roll(np.arange(6), 1)).excess == (math.inf, math.inf)


@pytest.mark.parametrize(
    "plan, options, message",
    [
        ([0, 1, 2, 3, 4, 4], {}, "every number once, got 4 2 times"),
        ([0, 1, 2, 3, 4, 6], {}, "must hold 0 to 5, got 6 at 5"),
        ([0, 1, 2], {}, "must be 6 integers, got 3"),
        (np.arange(6.0), {}, "must be 6 integers, got 6 of dtype float64"),
        (np.arange(6), {"a": A}, "no plan between points with weights"),
        (np.zeros((6, 5)), {}, r"masses \[6, 6\], got shape \(6, 5\)"),
        (np.full((6, 6), "a"), {}, "must be real numbers"),
        (-np.eye(6) / 6, {}, r"not negative, got -0.16.* from x\[0\] to y\[0\]"),
        (np.full((6, 6), np.nan), {}, "must be finite"),
        (np.outer(B, A), {"a": A, "b": B}, "misses the weights of x by 0.66"),
        (np.eye(6), {}, "misses the weights of x by 5"),
    ],
)
def test_what_is_no_plan_is_refused_before_the_work(plan, options, message, monkeypatch):
    monkeypatch.setattr("gan.transport.given.optimum", lambda *_: pytest.fail("solved"))
    with pytest.raises(UserError, match=message):
        transport.certify_plan(X, Y, plan, **options)


def test_a_permutation_between_unequal_sets_is_refused():
    with pytest.raises(UserError, match="no plan between 6 and 5 points"):
        transport.certify_plan(X, Y[:5], np.arange(6))
