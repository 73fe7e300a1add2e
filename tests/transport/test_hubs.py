"""Few hubs and many points against the network simplex on the whole matrix, and at sizes beyond."""

import numpy as np
import ot
import pytest
from scipy.spatial.distance import cdist

from gan import transport
from gan.transport import hubs


def sets(kind, k, m, rng):
    """(costs [k, m], whether they are integers) of a kind of sets."""
    if kind == "floats":
        return cdist(rng.normal(size=(k, 8)), rng.normal(size=(m, 8))), False
    if kind == "pixels":
        x, y = (rng.integers(256, size=(s, 5)) for s in (k, m))
        return cdist(x, y, "sqeuclidean"), True
    if kind == "grid":  # ties everywhere
        x, y = rng.integers(4, size=(k, 2)), rng.integers(20, size=(m, 2))
        return cdist(x, y, "cityblock"), True
    if kind == "beyond":  # differences of costs that are equal up to rounding
        x, y = rng.random(size=(k, 2)), 1 + rng.exponential(size=(m, 2))
        return cdist(x, y, "cityblock"), False
    if kind == "clusters":
        y = np.rint(2 * rng.normal(size=(m, 3))) + 1e-7 * rng.normal(size=(m, 3))
        return cdist(rng.normal(size=(k, 3)), y), False
    if kind == "negative":
        return 1e3 * rng.normal(size=(k, m)) - 1e5, False
    assert kind == "equal"
    return np.full((k, m), 2.5), False


def masses(k, m, weighted, rng):
    if not weighted:
        total = np.lcm(k, m)
        return np.full(k, total // k), np.full(m, total // m)
    return tuple(hubs._shares(rng.exponential(size=size)) for size in (k, m))


def solved(matrix, a, b, integer):
    """The plan and potentials, checked for feasibility and for equality where there is mass."""
    rows, columns, mass, u, v = hubs.plan(matrix, a, b, integer, lambda: None)
    for ends, wanted in ((rows, a), (columns, b)):
        np.testing.assert_array_equal(np.bincount(ends, mass, len(wanted)), wanted)
    assert (u == (matrix - v).min(axis=1)).all()
    slack = matrix[rows, columns] - u[rows] - v[columns]
    assert slack.max() <= (0 if integer else 1e-14 * np.abs(matrix).max())
    return float(mass @ matrix[rows, columns])


@pytest.mark.parametrize(
    "kind", ["floats", "pixels", "grid", "beyond", "clusters", "negative", "equal"]
)
@pytest.mark.parametrize("k, m", [(1, 40), (2, 5000), (5, 700), (40, 900)])
@pytest.mark.parametrize("weighted", [False, True])
def test_agrees_with_the_simplex(kind, k, m, weighted):
    rng = np.random.default_rng([k, m])
    (matrix, integer), (a, b) = sets(kind, k, m, rng), masses(k, m, weighted, rng)
    value = solved(matrix, a, b, integer)
    least = matrix.min()  # it finds some negative costs infeasible
    a, b, total = a / a.sum(), b / b.sum(), a.sum()
    wanted = least + ot.emd2(a, b, matrix - least, numItermax=10**8)
    np.testing.assert_allclose(value / total, wanted, rtol=1e-10)


def test_either_side_may_be_the_small_one():
    rng = np.random.default_rng(0)
    matrix, _ = sets("floats", 6, 800, rng)
    a, b = masses(6, 800, True, rng)
    assert solved(matrix.T, b, a, False) == pytest.approx(solved(matrix, a, b, False), rel=1e-13)


@pytest.mark.parametrize("kind", ["floats", "grid", "beyond", "clusters"])
def test_many_points_need_few_steps(kind):
    rng = np.random.default_rng(1)
    matrix, integer = sets(kind, 7, 60_000, rng)
    looks = []
    hubs.plan(matrix, *masses(7, 60_000, False, rng), integer, lambda: looks.append(1))
    assert len(looks) < 40


@pytest.mark.parametrize(
    "n, m",
    [(2, 100_000), (7, 30_000), (20_000, 3), pytest.param(7, 149_000, marks=pytest.mark.slow)],
)
def test_very_unequal_sizes_are_certified(n, m):
    rng = np.random.default_rng(2)
    x, y = (rng.integers(256, size=(k, 4), dtype=np.uint8) for k in (n, m))
    r = transport.plan(x, y, cost="sqeuclidean")
    assert r.report["solver"] == "hubs" and r.gap == 0
    assert transport.verify(r.certificate, x, y).gap == 0
