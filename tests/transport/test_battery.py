"""One battery of random instances, easy and hard, against independent solvers and the verifier."""

import dataclasses
import itertools
import math

import numpy as np
import ot
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from gan import transport
from gan.errors import UserError
from gan.transport import columns, costs, generation, solve


def cubes(x, y):
    return cdist(x, y) ** 3


def squares(x):
    x = np.asarray(x, np.float64)
    return np.concatenate([x, x**2], axis=1)


COSTS = {
    "euclidean": "euclidean",
    "sqeuclidean": "sqeuclidean",
    "cityblock": "cityblock",
    "callable": cubes,
    "features": transport.FeatureCost(squares, "euclidean", "euclidean after squares"),
}
KINDS = ("gaussian", "grid", "duplicates", "collapsed", "identical", "uint8", "clusters", "huge")


def instance(kind, seed, n, m, d):
    rng = np.random.default_rng([seed, n, m, d])
    x, y = rng.normal(size=(n, d)), 1.1 * rng.normal(size=(m, d)) + 0.3
    if kind == "grid":
        return np.rint(x), np.rint(y)
    if kind == "duplicates":
        return x[rng.integers(max(1, n // 3), size=n)], y[rng.integers(max(1, m // 3), size=m)]
    if kind == "collapsed":
        return np.broadcast_to(x[0], x.shape).copy(), y
    if kind == "identical":
        return y[np.arange(n) % m][rng.permutation(n)], y
    if kind == "uint8":
        return rng.integers(256, size=(n, d), dtype=np.uint8), rng.integers(
            99, size=(m, d), dtype=np.uint8
        )
    if kind == "clusters":
        centres = 50 * rng.normal(size=(3, d))
        return (
            x * 0.01 + centres[rng.choice(3, n, p=(0.6, 0.3, 0.1))],
            y * 0.01 + centres[rng.choice(3, m, p=(0.2, 0.3, 0.5))],
        )
    if kind == "huge":
        return 1e30 * x + 1e31, 1e30 * y + 1e31
    return x, y


def sizes(count, seed, largest=1000):
    rng = np.random.default_rng(seed)
    n = np.rint(np.exp(rng.uniform(0, math.log(largest), count))).astype(int)
    m = np.rint(np.exp(rng.uniform(0, math.log(largest), count))).astype(int)
    d = np.rint(np.exp(rng.uniform(0, math.log(784), count))).astype(int)
    return [
        (
            KINDS[k % len(KINDS)],
            list(COSTS)[k // len(KINDS) % len(COSTS)],
            k,
            int(n[k]),
            int(m[k]),
            int(d[k]),
        )
        for k in range(count)
    ]


def costs_of(x, y, cost):
    x, y = x.astype(np.float64), y.astype(np.float64)
    if cost == "features":
        return cdist(squares(x), squares(y))
    return cubes(x, y) if cost == "callable" else cdist(x, y, cost)


@pytest.mark.parametrize("kind, cost, seed, n, m, d", sizes(100, seed=1))
def test_assignment_is_optimal_and_proved(kind, cost, seed, n, m, d):
    x, y = instance(kind, seed, n, n, d)
    matrix = costs_of(x, y, cost)
    i, s = linear_sum_assignment(matrix)
    optimum = matrix[i, s].mean()
    mass = np.ones(n)
    simplex = ot.emd2(mass, mass, matrix, numItermax=10**8) / n
    scale = max(optimum, matrix.max() * 1e-3)
    np.testing.assert_allclose(simplex, optimum, rtol=1e-9, atol=1e-12 * scale)
    r = transport.assignment(x, y, COSTS[cost])
    check(r, x, y, cost, matrix, optimum)
    assert sorted(r.permutation) == list(range(n))
    np.testing.assert_allclose(matrix[i, r.permutation].mean(), optimum, rtol=1e-9, atol=1e-300)


@pytest.mark.parametrize("kind, cost, seed, n, m, d", sizes(100, seed=2))
@pytest.mark.parametrize("weights", ["uniform", "uneven"])
def test_plan_is_optimal_and_proved(weights, kind, cost, seed, n, m, d):
    x, y = instance(kind, seed, n, m, d)
    matrix = costs_of(x, y, cost)
    a = b = None
    wanted = [np.full(n, 1 / n), np.full(m, 1 / m)]
    if weights == "uneven":
        rng = np.random.default_rng(seed)
        wanted = [rng.exponential(size=k) * (rng.random(k) < 0.8) for k in (n, m)]
        wanted = [w if w.sum() else np.ones(len(w)) for w in wanted]
        a, b = wanted = [w / w.sum() for w in wanted]
    optimum = float(ot.emd2(*wanted, matrix, numItermax=10**8))
    r = transport.plan(x, y, a, b, cost=COSTS[cost])
    check(r, x, y, cost, matrix, optimum, a, b)
    for axis, marginal in ((1, wanted[0]), (0, wanted[1])):
        np.testing.assert_allclose(r.plan.sum(axis=axis), marginal, rtol=1e-9, atol=1e-12)


PAIRS = list(itertools.product(KINDS, COSTS))
"""Every other pair is an assignment by column generation, the rest are plans."""


def drawn(kind, cost):
    """Two sizes above those that are solved dense, and a dimension."""
    rng = np.random.default_rng([KINDS.index(kind), list(COSTS).index(cost)])
    return 1200, int(rng.integers(1100, 1300)), int(rng.choice([1, 2, 16, 100]))


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "cost"), PAIRS[::2])
def test_an_assignment_by_column_generation_is_optimal_and_proved(kind, cost, monkeypatch):
    monkeypatch.setattr(solve, "SMALL", 0)
    n, _, d = drawn(kind, cost)
    x, y = instance(kind, 5, n, n, d)
    matrix = costs_of(x, y, cost)
    i, s = linear_sum_assignment(matrix)
    r = transport.assignment(x, y, COSTS[cost])
    check(r, x, y, cost, matrix, matrix[i, s].mean())
    assert sorted(r.permutation) == list(range(n))


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "cost"), PAIRS[1::2])
def test_a_plan_by_column_generation_is_optimal_and_proved(kind, cost):
    n, m, d = drawn(kind, cost)
    x, y = instance(kind, 6, n, m, d)
    matrix = costs_of(x, y, cost)
    mass = np.full(n, 1 / n), np.full(m, 1 / m)
    optimum = float(ot.emd2(*mass, matrix, numItermax=10**9))
    r = transport.plan(x, y, cost=COSTS[cost])
    check(r, x, y, cost, matrix, optimum)
    for axis in (0, 1):
        np.testing.assert_allclose(r.plan.sum(axis=1 - axis), mass[axis], rtol=1e-9)


@pytest.mark.parametrize("cost", ["euclidean", "sqeuclidean", "cityblock"])
@pytest.mark.parametrize("d", [1, 2, 16])
def test_independent_solvers_agree(d, cost):
    """Shortest augmenting paths, the network simplex, and ours, dense and by column generation."""
    n = 250
    x, y = instance("gaussian", 7, n, n, d)
    matrix = costs_of(x, y, cost)
    values = {"scipy": matrix[linear_sum_assignment(matrix)].mean()}
    mass = np.ones(n)
    values["pot"] = ot.emd2(mass, mass, matrix, numItermax=10**8) / n
    values["ours"] = transport.assignment(x, y, cost).value
    geometry = costs.geometry(x, y, cost)
    forced = columns.plan(geometry, *np.ones((2, n), np.int64), dense=0)
    values["ours, columns"] = np.ldexp(forced.mass @ forced.costs / n, geometry.exponent)
    for name, value in values.items():
        np.testing.assert_allclose(value, values["scipy"], rtol=1e-12, err_msg=name)


def test_arcs_do_not_drop_and_join_for_ever():
    """The optimum stands still here while thousands of arcs are violated."""
    x, y = instance("huge", 5, 1200, 1200, 2)
    r = transport.assignment(x, y, cost="cityblock", seconds=60)
    assert r.gap <= 1e-12 * r.value
    assert r.report["solves"] < 200


def test_an_optimum_falls_only_below_every_one_before():
    ones, potentials = np.ones(3), np.arange(3.0)
    run = generation.Generation(None, ones, ones, 0.0, math.inf, None)
    falls = [run.improved(potentials, potentials + shift) for shift in (1, 1, 2, 0, 0, 1, -1)]
    assert falls == [True, False, False, True, False, False, True]


def check(r, x, y, cost, matrix, optimum, a=None, b=None):
    scale = max(optimum, matrix.max() * 1e-3)
    np.testing.assert_allclose(r.value, optimum, rtol=1e-9, atol=1e-12 * scale)
    u, v = r.potentials
    assert (matrix - u[:, None] - v).min() >= -1e-12 * matrix.max() - 1e-300
    arcs = r.plan.tocoo()
    slack = matrix[arcs.row, arcs.col] - u[arcs.row] - v[arcs.col]
    assert float(arcs.data @ slack) <= 1e-11 * scale + 1e-300
    wanted = None if isinstance(COSTS[cost], str) else COSTS[cost]
    bounds = transport.verify(r.certificate, x, y, a, b, cost=wanted)
    # What may underflow in a root is in the interval.
    tiny = 1e-14 * matrix.max() + 1e-140
    np.testing.assert_allclose(bounds.upper, r.value, rtol=1e-12, atol=tiny)
    assert bounds.gap <= 1e-10 * scale + 1e-140
    if r.integer:
        assert bounds.integer
        assert r.gap == bounds.gap == 0
    tampering_is_caught(r.certificate, x, y, a, b, wanted, 10 * matrix.max() + 1)
    if r.permutation is not None:
        a_swap_is_caught(r, x, y, wanted, matrix)


def tampering_is_caught(certificate, x, y, a, b, cost, much):
    """Another set is refused; a raised potential shows a gap as large as the raise allows."""
    moved = x.copy()
    moved.flat[0] += 1 if x.dtype.kind == "u" else max(1.0, abs(moved.flat[0]))
    with pytest.raises(UserError, match="is not the point set"):
        transport.verify(certificate, moved, y, a, b, cost=cost)
    weights = np.full(len(y), 1 / len(y)) if b is None else b
    k = int(np.argmin(weights))
    if weights[k] < 1:  # with all mass on one point the raise is a shift, which changes nothing
        v = certificate.v.copy()
        v[k] += np.asarray(much, v.dtype)
        bounds = transport.verify(dataclasses.replace(certificate, v=v), x, y, a, b, cost=cost)
        # The verifier clips it to the largest cost that the points allow.
        assert bounds.gap > 0.003 * much * (1 - weights[k])


def a_swap_is_caught(r, x, y, cost, matrix):
    """Of all exchanges of two ends, the dearest shows as a gap of exactly its excess."""
    columns = r.certificate.columns.copy()
    matched = matrix[np.arange(len(x)), columns]
    crossed = matrix[:, columns]
    excess = crossed + crossed.T - matched[:, None] - matched
    i, j = np.unravel_index(excess.argmax(), excess.shape)
    columns[[i, j]] = columns[[j, i]]
    bounds = transport.verify(dataclasses.replace(r.certificate, columns=columns), x, y, cost=cost)
    wanted, rounding = excess[i, j] / len(x), 1e-12 * matrix.max() + 1e-140
    assert abs(bounds.gap - r.gap - wanted) <= 1e-9 * wanted + rounding
