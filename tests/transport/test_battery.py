"""One battery of random instances, easy and hard, against independent solvers and the verifier."""

import math

import numpy as np
import ot
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from gan import transport

COSTS = ("euclidean", "sqeuclidean", "cityblock")
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


def sizes(count, seed):
    rng = np.random.default_rng(seed)
    n = np.rint(np.exp(rng.uniform(0, math.log(300), count))).astype(int)
    m = np.rint(np.exp(rng.uniform(0, math.log(300), count))).astype(int)
    d = np.rint(np.exp(rng.uniform(0, math.log(784), count))).astype(int)
    return [
        (KINDS[k % len(KINDS)], COSTS[k // len(KINDS) % 3], k, int(n[k]), int(m[k]), int(d[k]))
        for k in range(count)
    ]


@pytest.mark.parametrize("kind, cost, seed, n, m, d", sizes(96, seed=1))
def test_assignment_is_optimal_and_proved(kind, cost, seed, n, m, d):
    x, y = instance(kind, seed, n, n, d)
    matrix = cdist(x.astype(np.float64), y.astype(np.float64), cost)
    i, s = linear_sum_assignment(matrix)
    optimum = matrix[i, s].mean()
    r = transport.assignment(x, y, cost)
    check(r, x, y, matrix, optimum)
    assert sorted(r.permutation) == list(range(n))
    np.testing.assert_allclose(matrix[i, r.permutation].mean(), optimum, rtol=1e-9, atol=1e-300)


@pytest.mark.parametrize("kind, cost, seed, n, m, d", sizes(96, seed=2))
@pytest.mark.parametrize("weights", ["uniform", "uneven"])
def test_plan_is_optimal_and_proved(weights, kind, cost, seed, n, m, d):
    x, y = instance(kind, seed, n, m, d)
    matrix = cdist(x.astype(np.float64), y.astype(np.float64), cost)
    a = b = None
    wanted = [np.full(n, 1 / n), np.full(m, 1 / m)]
    if weights == "uneven":
        rng = np.random.default_rng(seed)
        wanted = [rng.exponential(size=k) * (rng.random(k) < 0.8) for k in (n, m)]
        wanted = [w if w.sum() else np.ones(len(w)) for w in wanted]
        a, b = wanted = [w / w.sum() for w in wanted]
    optimum = float(ot.emd2(*wanted, matrix, numItermax=10**8))
    r = transport.plan(x, y, a, b, cost=cost)
    check(r, x, y, matrix, optimum, a, b)
    for axis, marginal in ((1, wanted[0]), (0, wanted[1])):
        np.testing.assert_allclose(r.plan.sum(axis=axis), marginal, rtol=1e-9, atol=1e-12)


def check(r, x, y, matrix, optimum, a=None, b=None):
    scale = max(optimum, matrix.max() * 1e-3)
    np.testing.assert_allclose(r.value, optimum, rtol=1e-9, atol=1e-12 * scale)
    u, v = r.potentials
    assert (matrix - u[:, None] - v).min() >= -1e-12 * matrix.max() - 1e-300
    arcs = r.plan.tocoo()
    slack = matrix[arcs.row, arcs.col] - u[arcs.row] - v[arcs.col]
    assert float(arcs.data @ slack) <= 1e-11 * scale + 1e-300
    bounds = transport.verify(r.certificate, x, y, a, b)
    np.testing.assert_allclose(bounds.upper, r.value, rtol=1e-12, atol=1e-13 * scale)
    assert bounds.gap <= 1e-10 * scale + 1e-300
    if r.integer:
        assert bounds.integer
        assert r.gap == bounds.gap == 0
