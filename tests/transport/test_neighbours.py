"""Few dimensions: boxes that are pruned hold nothing, and the optimum is the same."""

import numpy as np
import pytest

from gan.transport import costs, neighbours
from gan.transport.boxes import Boxes, Tree
from gan.transport.columns import plan
from gan.transport.neighbours import cells


def sets(kind, d, n=700, m=900):
    rng = np.random.default_rng([d, len(kind)])
    x, y = rng.normal(size=(n, d)), 1.1 * rng.normal(size=(m, d)) + 0.3
    if kind == "grid":
        x, y = (np.clip(np.rint(40 * s + 128), 0, 255).astype(np.uint8) for s in (x, y))
    if kind == "clusters":
        x, y = (
            0.01 * s + 50 * rng.normal(size=(4, d))[rng.integers(4, size=len(s))] for s in (x, y)
        )
    if kind == "outlier":
        x[0], y[-1] = 1e7, -1e7
    if kind == "offset":
        x, y = 1e3 * x + 1e8, 1e3 * y + 1e8
        y[:n] = x + 1e-3
    return x, y


@pytest.mark.parametrize("cost", costs.NAMES)
@pytest.mark.parametrize("kind", ["float", "grid", "clusters", "outlier", "offset"])
@pytest.mark.parametrize("d", [1, 2, 3])
def test_boxes_miss_no_pair_below_a_threshold(d, kind, cost):
    g = costs.geometry(*sets(kind, d), cost)
    matrix = g.pairs(*np.indices(g.shape).reshape(2, -1)).reshape(g.shape)
    rng = np.random.default_rng(4)
    for v in (0.1 * np.median(matrix) * rng.normal(size=len(g.y)), -matrix[0]):
        # Thresholds exactly at costs that occur, and just above them.
        t = np.sort(matrix - v, axis=1)[:, 20]
        t[::2] = np.nextafter(t[::2], np.inf)
        found = np.zeros(matrix.shape, np.int64)
        for rows, columns, _ in Boxes(g.x, g.y, cost).below(t, v):
            np.add.at(found, (rows, columns), 1)
        below = matrix < t[:, None] + v
        assert below.sum() > 5 * len(g.x)
        assert not (below & (found == 0)).any()
        assert found.max() == 1
        slack = matrix - t[:, None] - v
        rounding = 1e-13 * (matrix + np.abs(t)[:, None] + np.abs(v))
        assert (slack[found > 0] <= rounding[found > 0]).all()


@pytest.mark.parametrize("cost", costs.NAMES)
def test_the_bound_of_boxes_allows_for_its_own_rounding(cost):
    """Of two single points far from the origin the bound is the reduced cost, 0 here, and what is
    left of it is rounding: a pair must not be left out for that."""
    rng = np.random.default_rng(6)
    below = missed = 0
    for _ in range(200):
        g = costs.geometry(*(1e8 + rng.normal(size=(2, 1, 2))), cost)
        v = rng.normal(size=1)
        c = g.pairs(np.zeros(1, int), np.zeros(1, int))
        t = np.nextafter(c - v, np.inf)
        if c < t + v:
            below += 1
            missed += not any(len(rows) for rows, *_ in Boxes(g.x, g.y, cost).below(t, v))
    assert below > 100 and missed == 0


def test_boxes_leave_most_pairs_out():
    x, y = np.random.default_rng(0).normal(size=(2, 20000, 2))
    v = -np.square(y).sum(axis=1) / 2
    boxes = Boxes(x, y, "sqeuclidean")
    t = boxes.nearest(v, 1)[1][:, 0]
    priced = sum(pairs for *_, pairs in boxes.below(t + 1e-9, v))
    assert priced < 0.15 * 20000**2


@pytest.mark.parametrize("cost", costs.NAMES)
def test_nearest_points_are_near(cost):
    g = costs.geometry(*sets("float", 2), cost)
    v = 0.05 * np.random.default_rng(1).normal(size=len(g.y))
    found, values = Boxes(g.x, g.y, cost).nearest(v, 5)
    exact = np.sort(g.block() - v, axis=1)
    rows = np.repeat(np.arange(len(g.x)), 5)
    np.testing.assert_allclose(g.pairs(rows, found.ravel()) - v[found.ravel()], values.ravel())
    assert np.mean(values == exact[:, :5]) > 0.9
    back, _ = Boxes(g.x, g.y, cost).nearest(np.zeros(len(g.x)), 1, of_x=False)
    assert np.mean(g.block()[back[:, 0], np.arange(len(g.y))] == g.block().min(axis=0)) > 0.9


@pytest.mark.parametrize("n", [1, 5, 33, 1000])
def test_a_tree_holds_every_point_once_and_cells_keep_mass_and_mean(n):
    rng = np.random.default_rng(n)
    points, mass = rng.normal(size=(n, 3)), rng.integers(1, 9, size=n)
    tree = Tree(points)
    assert sorted(tree.order[tree.real]) == list(range(n))
    centres, masses = cells(points, mass)
    assert masses.sum() == mass.sum() and len(masses) <= max(1, n / 4)
    np.testing.assert_allclose(masses @ centres, mass @ points, atol=1e-9)


def test_hundreds_of_points_that_nearly_coincide_end_soon():
    """A collapsed generator with a little noise: hundreds of pairs of a row nearly tie."""
    rng, n = np.random.default_rng(0), 3000
    x = np.repeat(rng.normal(size=(n // 200, 2)), 200, axis=0) + 0.01 * rng.normal(size=(n, 2))
    y = rng.normal(size=(n, 2))
    geometry = costs.geometry(x, y, "euclidean")
    solution = plan(geometry, *np.ones((2, n), np.int64), dense=0)
    value = solution.mass @ solution.costs
    gap = value - solution.u.sum() - solution.v.sum()
    assert gap <= 1e-14 * value
    assert solution.report["solves"] < 40
    even = neighbours.Neighbours(costs.geometry(y, y + 1, "euclidean"), None, None, None)
    crowded = neighbours.Neighbours(geometry, None, None, None)
    assert (even.count, crowded.count) == (20, 60)
