"""Column generation against dense solvers, known optima and the verifier."""

import dataclasses
import math

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from gan import transport
from gan.errors import PrecisionError
from gan.transport import (
    account,
    arcs,
    columns,
    costs,
    flows,
    known_pairs,
    neighbours,
    outside,
    pricing,
    products,
    reduction,
    simplex,
    solve,
    sparse,
)
from gan.transport.pricing import Pricer


def gap_of(solution, a, b):
    return math.fsum(
        np.concatenate([solution.mass * solution.costs, -a * solution.u, -b * solution.v])
    )


def forced(x, y, cost, a=None, b=None, **options):
    """Column generation whatever the size, checked for feasibility of plan and potentials."""
    g = costs.geometry(x, y, cost)
    a = np.ones(len(x), np.int64) if a is None else a
    b = np.ones(len(y), np.int64) if b is None else b
    s = columns.plan(g, a, b, dense=0, **options)
    for ends, wanted in ((s.rows, a), (s.columns, b)):
        np.testing.assert_allclose(np.bincount(ends, s.mass, len(wanted)), wanted, rtol=1e-12)
    slack = g.block() - s.u[:, None] - s.v
    scale = np.abs(g.block()).max()
    assert slack.min() >= -1e-14 * scale
    costs_, u, v = (np.ldexp(part, g.exponent) for part in (s.costs, s.u, s.v))
    return dataclasses.replace(s, costs=costs_, u=u, v=v)


@pytest.mark.parametrize("cost", costs.NAMES)
@pytest.mark.parametrize("d", [1, 2, 20])
@pytest.mark.parametrize("n", [7, 600])
def test_agrees_with_scipy(n, d, cost):
    rng = np.random.default_rng([n, d])
    x, y = rng.normal(size=(n, d)), 1.2 * rng.normal(size=(n, d)) + 0.4
    s = forced(x, y, cost)
    matrix = cdist(x, y, cost)
    i, j = linear_sum_assignment(matrix)
    np.testing.assert_allclose(s.costs.sum(), matrix[i, j].sum(), rtol=1e-12)
    assert gap_of(s, np.ones(n), np.ones(n)) <= 1e-12 * s.costs.sum()


def test_thresholds_of_a_sample_serve_where_guesses_of_neighbours_are_poor(monkeypatch):
    monkeypatch.setattr(neighbours, "_EVEN", (20, 64, 0))
    taken = []
    sampled = neighbours.Neighbours._sampled_pool
    monkeypatch.setattr(
        neighbours.Neighbours, "_sampled_pool", lambda *args: taken.append(1) or sampled(*args)
    )
    x, y = np.random.default_rng(3).normal(size=(2, 500, 2))
    s = forced(x, y, "euclidean")
    matrix = cdist(x, y)
    assert taken
    np.testing.assert_allclose(s.costs.sum(), matrix[linear_sum_assignment(matrix)].sum())
    assert gap_of(s, np.ones(500), np.ones(500)) <= 1e-12 * s.costs.sum()


@pytest.mark.parametrize("d, top", [(2, 256), (2, 12), (784, 256), (3072, 256)])
def test_integers_close_the_gap_exactly(d, top):
    rng = np.random.default_rng(d + top)
    x, y = (rng.integers(top, size=(700, d), dtype=np.uint8) for _ in range(2))
    s = forced(x, y, "sqeuclidean")
    assert gap_of(s, np.ones(700), np.ones(700)) == 0
    assert (s.u == np.rint(s.u)).all() and (s.v == np.rint(s.v)).all()
    matrix = cdist(x.astype(float), y.astype(float), "sqeuclidean")
    assert s.costs.sum() == matrix[linear_sum_assignment(matrix)].sum()


@pytest.mark.parametrize("d", [2, 5])
def test_weights_and_unequal_sizes(d):
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(300, d)), rng.normal(size=(500, d)) + 0.5
    a, b = rng.exponential(size=300), rng.exponential(size=500)
    a, b = a / a.sum(), b / b.sum()
    s = forced(x, y, "euclidean", a, b)
    dense = transport.plan(x, y, a, b, cost="euclidean")
    np.testing.assert_allclose(float(s.mass @ s.costs), dense.value, rtol=1e-12)
    assert gap_of(s, a, b) <= 1e-12 * dense.value


def test_a_callable_cost_is_priced_without_a_screen():
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(400, 3)), rng.normal(size=(400, 3))

    def cost(s, t):
        return cdist(s, t) ** 1.5

    s = forced(x, y, cost)
    matrix = cost(x, y)
    np.testing.assert_allclose(
        s.costs.sum(), matrix[linear_sum_assignment(matrix)].sum(), rtol=1e-12
    )


@pytest.mark.parametrize("kind", ["clusters", "near_duplicates", "far_away", "huge", "identical"])
@pytest.mark.parametrize("d", [2, 6])
def test_hard_sets(d, kind):
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(900, d)), rng.normal(size=(900, d))
    if kind == "clusters":
        centres = 30 * rng.normal(size=(5, d))
        x = 0.1 * x + centres[rng.choice(5, 900, p=(0.5, 0.2, 0.1, 0.1, 0.1))]
        y = 0.1 * y + centres[rng.choice(5, 900)]
    if kind == "near_duplicates":
        x = 1e-4 * x + rng.normal(size=(20, d))[rng.integers(20, size=900)]
    if kind == "far_away":
        x, y = x + 1e6, y + 1e6
    if kind == "huge":
        x, y = 1e60 * x, 1e60 * y
    if kind == "identical":
        x = y[::-1].copy()
    s = forced(x, y, "euclidean")
    matrix = cdist(x, y)
    optimum = matrix[linear_sum_assignment(matrix)].sum()
    np.testing.assert_allclose(s.costs.sum(), optimum, rtol=1e-12)
    assert gap_of(s, np.ones(900), np.ones(900)) <= 1e-12 * max(optimum, matrix.max())


@pytest.mark.parametrize("cost", ["euclidean", "sqeuclidean", "cityblock"])
@pytest.mark.parametrize("kind", ["float", "pixels", "offset", "few axes", "pixels, few axes"])
@pytest.mark.parametrize("quickest", [jnp.float32, jnp.bfloat16])
def test_the_screen_misses_no_pair_below_a_threshold(kind, cost, quickest, monkeypatch):
    monkeypatch.setattr(products, "quickest", lambda: quickest)
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(1300, 30)), rng.normal(size=(2300, 30))
    if kind.endswith("few axes"):
        axes = np.linalg.qr(rng.normal(size=(150, 150)))[0] / np.arange(1, 151)[:, None]
        x, y = rng.normal(size=(1300, 150)) @ axes, rng.normal(size=(2300, 150)) @ axes
        y[:50] = x[:50]
    if kind == "pixels, few axes":
        x, y = (np.clip(np.rint(128 + 200 * s), 0, 255).astype(np.uint8) for s in (x, y))
    if kind == "pixels":
        x, y = (rng.integers(256, size=s.shape, dtype=np.uint8) for s in (x, y))
    if kind == "offset":
        x, y = 1e3 * x + 1e7, 1e3 * y + 1e7
        y[:1300] = x + 1e-3
    g = costs.geometry(x, y, cost)
    matrix = g.block()
    v = 0.1 * matrix.mean() * rng.normal(size=2300)
    # Thresholds exactly at costs that occur, and just above them.
    t = np.sort(matrix - v, axis=1)[:, 20]
    t[::2] = np.nextafter(t[::2], np.inf)
    below = matrix < t[:, None] + v
    assert below.sum() > 19 * 1300
    pricer = Pricer(g)
    if pricer.expanded:
        assert pricer.rest == kind.endswith("few axes")
        assert pricer.sketch.x.dtype == quickest
    for closer in (False, True):
        if closer and pricer.expanded and pricer.rough:
            pricer._multiply_all()
        found = np.zeros(matrix.shape, bool)
        for block in pricer.below(t, v):
            found[block.rows, block.columns] = True
            if block.costs is not None:
                assert (block.costs == matrix[block.rows, block.columns]).all()
        assert not (below & ~found).any()
        assert found.sum() < 1.5 * below.sum()
    exact = cost == "sqeuclidean" and kind.startswith("pixels")
    assert (block.costs is not None) == exact


def test_a_sketch_that_leaves_many_pairs_is_given_up(monkeypatch):
    rng = np.random.default_rng(0)
    axes = np.rint(40 * rng.normal(size=(3, 200)))
    x, y = (np.rint(rng.normal(size=(n, 3)) @ axes).clip(-120, 120) + 128 for n in (1300, 2300))
    g = costs.geometry(x.astype(np.uint8), y.astype(np.uint8), "sqeuclidean")
    matrix, v = g.block(), np.zeros(2300)
    few, many = (np.sort(matrix, axis=1)[:, k] for k in (5, 200))
    pricer = Pricer(g)
    assert pricer.rough and pricer.rest
    list(pricer.below(few, v))
    assert pricer.rough and pricer.left < pricing._LEFT * pricer.seen
    first = list(pricer.below(many, v))
    second = list(pricer.below(many, v))
    assert not pricer.rough
    pairs = [
        np.concatenate([b.rows * 2300 + b.columns for b in blocks]) for blocks in (first, second)
    ]
    held = np.flatnonzero(matrix < many[:, None])
    assert all(np.isin(held, found).all() for found in pairs)
    assert all(block.costs is None for block in first)
    for block in second:
        np.testing.assert_array_equal(block.costs, matrix[block.rows, block.columns])


def test_the_budget_bound_is_below_every_reduced_cost():
    rng = np.random.default_rng(5)
    for scale in (1.0, 1e20):
        x, y = scale * rng.normal(size=(1100, 50)), scale * rng.normal(size=(2100, 50))
        for cost in ("euclidean", "sqeuclidean"):
            g = costs.geometry(x, y, cost)
            matrix = g.block()
            v = 0.1 * matrix.mean() * rng.normal(size=2100)
            exact, lower = (matrix - v).min(axis=1), Pricer(g).lower(v)
            assert (lower <= exact).all()
            assert (exact - lower).max() < 1e-4 * matrix.mean()


def test_a_budget_ends_early_with_true_bounds(monkeypatch):
    monkeypatch.setattr(solve, "SMALL", 0)
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=(2500, 8)), rng.normal(size=(2500, 8)) + 0.3
    exact = transport.assignment(x, y)
    assert exact.report["solver"] == "column generation"
    early = transport.assignment(x, y, seconds=1e-6)
    assert early.lower <= exact.value <= early.upper
    assert early.gap > 1e-6
    bounds = transport.verify(early.certificate, x, y)
    assert early.lower <= bounds.lower <= exact.value
    assert bounds.upper == pytest.approx(early.upper, rel=1e-13)


def test_an_interrupt_returns_the_best_bounds_so_far(monkeypatch):
    monkeypatch.setattr(solve, "SMALL", 0)
    rng = np.random.default_rng(7)
    x, y = rng.normal(size=(2200, 4)), rng.normal(size=(2200, 4)) + 0.3

    def interrupt(state):
        if state["stage"] == "priced":
            raise KeyboardInterrupt

    r = transport.assignment(x, y, progress=interrupt)
    exact = transport.assignment(x, y).value
    assert r.lower <= exact <= r.upper
    assert r.gap > 0


def test_progress_reports_rigorous_bounds_that_close():
    rng = np.random.default_rng(8)
    x, y = rng.normal(size=(2200, 4)), rng.normal(size=(2200, 4)) + 0.3
    seen = []
    r = transport.assignment(x, y, progress=seen.append)
    bounds = [(s["lower"], s["upper"]) for s in seen if s["lower"] is not None]
    assert len(bounds) >= 2
    lows, highs = zip(*bounds, strict=True)
    assert list(lows) == sorted(lows) and list(highs) == sorted(highs, reverse=True)
    assert all(low <= r.value * (1 + 1e-14) and high >= r.value for low, high in bounds)
    assert bounds[-1][1] - bounds[-1][0] <= 1e-12 * r.value < bounds[0][1] - bounds[0][0]


def test_what_a_pool_is_known_to_hold_is_not_looked_at_again(monkeypatch):
    """A look brings in more than is violated, however often there was one, so that small changes
    of potentials need none."""
    rng = np.random.default_rng(3)
    g = costs.geometry(rng.normal(size=(1100, 12)), rng.normal(size=(1100, 12)), "euclidean")
    pricer = Pricer(g)
    rest = outside.Outside(g, pricer, account.Account(None))
    pool = rest.first_pool(np.zeros(1100))
    rest.spares, rest.close = 0, True
    looks = []
    below = pricer.below
    monkeypatch.setattr(pricer, "below", lambda *a, **k: looks.append(a) or below(*a, **k))
    v = rest.reference.copy()
    assert rest.widen(pool, pool.least(v), v, 0.0) and not looks
    v[7] += 1
    assert rest.widen(pool, pool.least(v), v, 0.0) and len(looks) == 1
    margin = (rest.thresholds - pool.least(v)).min()
    assert margin > 1e-3 and (rest.reference == v).all()
    v += margin / 3 * rng.uniform(-1, 1, size=1100)
    assert rest.widen(pool, pool.least(v), v, 0.0) and len(looks) == 1
    np.testing.assert_allclose(pool.least(v), (g.block() - v).min(axis=1), rtol=1e-13)


def test_progress_tells_how_far_a_pass_is(monkeypatch):
    """Whatever the stage, with the bounds of before; never with those of the smaller problem."""
    monkeypatch.setattr(account, "_PERIOD", 0)
    rng = np.random.default_rng(8)
    x, y = rng.normal(size=(2, 5000, 12))
    seen = []
    r = transport.assignment(x, y, progress=seen.append)
    stages = {s["stage"] for s in seen}
    assert {"first pass", "solve", "priced", "start: first pass"} <= stages
    assert [s["seconds"] for s in seen] == sorted(s["seconds"] for s in seen)
    within = [s for s in seen if s["stage"] == "first pass" and s["done"] is not None]
    shares = [s["done"] for s in within]
    assert shares == sorted(shares) and 0 < shares[0] < 0.2 and shares[-1] == 1
    assert within[-1]["left"] == 0 and all(s["left"] >= 0 for s in within)
    bounds = [(s["lower"], s["upper"]) for s in seen]
    known = [pair for pair in bounds if pair[0] is not None]
    assert bounds == [(None, None)] * (len(bounds) - len(known)) + known
    assert all(low <= r.value <= high for low, high in known)


def test_negative_costs_are_solved():
    i, j = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    weights = np.array([-7.0, -3.0, -(2.0**30), -5.0])
    rows, cols, _, u, v = simplex.plan(np.ones(2), np.ones(2), i, j, weights)
    assert set(zip(rows.tolist(), cols.tolist(), strict=True)) == {(0, 1), (1, 0)}
    assert u.sum() + v.sum() == -3 - 2**30


def test_a_large_assignment_is_certified():
    rng = np.random.default_rng(9)
    x, y = rng.normal(size=(4000, 64)), 1.1 * rng.normal(size=(4000, 64)) + 0.3
    r = transport.assignment(x, y)
    bounds = transport.verify(r.certificate, x, y)
    assert bounds.gap <= 1e-12 * r.value
    assert sorted(r.permutation) == list(range(4000))
    assert set(r.report) >= {"rounds", "solves", "arcs", "seconds", "peak_bytes"}


@pytest.mark.parametrize("n", [5000, pytest.param(20000, marks=pytest.mark.slow)])
def test_a_known_optimum_at_any_size(n):
    """Gradient of a convex function: the identity is optimal for p = 2."""
    rng = np.random.default_rng(10)
    root = rng.normal(size=(8, 8))
    x = rng.normal(size=(n, 8))
    y = x @ (root @ root.T / 8)
    order = rng.permutation(n)
    r = transport.assignment(x, y[order], "sqeuclidean")
    np.testing.assert_array_equal(order[r.permutation], np.arange(n))
    assert r.gap <= 1e-12 * r.value


@pytest.mark.slow
def test_a_known_optimum_for_p_1_at_eight_thousand_points():
    """Points moved along the rays of a funnel pair (Korotin et al. 2022): the identity is optimal,
    and the pair's own potential proves it."""
    n = 8_000
    pair = known_pairs.seeded_funnels(64, 16)
    x = pair.source(np.random.default_rng(11).random((n, 64)))
    moved = pair.move(x)
    order = np.random.default_rng(12).permutation(n)
    r = transport.assignment(x, moved.image[order], "euclidean")
    np.testing.assert_allclose(r.value, moved.distance.mean(), rtol=1e-12)
    proved = (pair.potential(x) - pair.potential(moved.image)).mean()
    np.testing.assert_allclose(r.value, proved, rtol=1e-12)
    assert r.gap <= 1e-12 * r.value


def test_duplicates_are_merged_and_split_again():
    rng = np.random.default_rng(11)
    images = rng.integers(256, size=(600, 49), dtype=np.uint8)
    others = rng.integers(256, size=(600, 49), dtype=np.uint8)
    x, y = np.repeat(images, 4, axis=0), others[np.arange(2400) % 600]
    r = transport.assignment(x, y, "sqeuclidean")
    assert r.report["distinct"] == [600, 600]
    assert r.value == transport.assignment(images, others, "sqeuclidean").value
    assert sorted(r.permutation) == list(range(2400))
    assert transport.verify(r.certificate, x, y).gap == 0


def test_a_collapsed_set_is_merged():
    rng = np.random.default_rng(12)
    x = rng.normal(size=(30, 10))[rng.integers(30, size=2500)]
    y = rng.normal(size=(2500, 10))
    r = transport.assignment(x, y)
    assert r.report["distinct"][0] == 30
    bounds = transport.verify(r.certificate, x, y)
    assert bounds.gap <= 1e-12 * r.value


def test_merging_tells_points_apart():
    points = np.array([[0.0, 1.0], [-0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [2.0, 2.0]])
    merged = reduction.distinct(points, np.array([1, 1, 1, 1, 0]))
    assert sorted(merged.mass) == [1, 3]
    assert merged.group[0] == merged.group[1] == merged.group[3] != merged.group[2]


def test_a_warm_start_reaches_the_same_optimum_with_less_work():
    rng = np.random.default_rng(13)
    x, y = rng.normal(size=(3000, 16)), rng.normal(size=(3000, 16)) + 0.3
    first = transport.assignment(x, y)
    moved = x + 0.01 * rng.normal(size=x.shape)
    cold = transport.assignment(moved, y)
    warm = transport.assignment(moved, y, warm=first.potentials[1])
    np.testing.assert_allclose(warm.value, cold.value, rtol=1e-13)
    assert warm.report["subset"] is None
    assert warm.report["rounds"] < cold.report["rounds"]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"gap": -1}, "gap must be"),
        ({"seconds": 0}, "seconds must be positive"),
        ({"warm": np.zeros(3)}, "warm must be 5 finite"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        transport.assignment(np.zeros((5, 2)), np.ones((5, 2)), **options)


def test_the_corner_rule_is_feasible():
    a, b = np.array([3, 1, 2]), np.array([1, 1, 4])
    i, j = flows.corner(a, b, np.array([0.0, 2.0, 1.0]), np.array([5.0, 6.0, 7.0]))
    assert set(zip(i.tolist(), j.tolist(), strict=True)) == {(0, 0), (0, 1), (0, 2), (2, 2), (1, 2)}
    _, _, mass, u, v = simplex.plan(a, b, i, j, np.arange(5.0))
    assert mass.sum() == 6
    with pytest.raises(PrecisionError, match="ended with code"):
        simplex.plan(a, b, i[:2], j[:2], np.zeros(2))


@pytest.mark.parametrize("cost", ["euclidean", lambda x, y: cdist(x, y) ** 3])
def test_no_pairs_have_no_costs(cost):
    """A pool that already holds every arc of a corner asks for none."""
    g = costs.geometry(np.eye(3), np.eye(3), cost)
    nothing = np.empty(0, np.int32)
    assert g.pairs(nothing, nothing).shape == (0,)


@pytest.mark.parametrize("cost", ["sqeuclidean", "cityblock", "euclidean"])
def test_costs_of_8_bit_sets_are_exact_though_they_pass_2_to_the_24(cost):
    """Corners of the cube, the farthest pairs there are, shifted to where float32 is coarsest."""
    rng = np.random.default_rng(0)
    for low in (0, 2**24 - 256):
        x, y = (low + 255 * rng.integers(2, size=(40, 3000)) for _ in range(2))
        x[0], y[0], y[1] = low, low + 255, low + 1
        g = costs.geometry(x, y, cost)
        assert g.x.dtype == np.float32
        difference = np.abs(x[:, None] - y)
        wanted = (difference if cost == "cityblock" else difference**2).sum(axis=2)
        wanted = np.sqrt(wanted) if cost == "euclidean" else wanted
        rows, columns = np.divmod(np.arange(1600), 40)
        assert (g.pairs(rows, columns) == wanted.ravel()).all()
        assert (g.block() == wanted).all()


@pytest.mark.parametrize("cost", costs.NAMES)
@pytest.mark.parametrize("kind", ["float", "sorted clusters", "few axes"])
def test_thresholds_let_about_the_wanted_number_through(kind, cost):
    rng = np.random.default_rng(14)
    x, y = rng.normal(size=(1200, 10)), rng.normal(size=(3000, 10))
    if kind == "sorted clusters":
        x, y = (s + 50 * np.arange(len(s))[:, None] // (len(s) // 10) for s in (x, y))
    if kind == "few axes":
        axes = np.linalg.qr(rng.normal(size=(150, 150)))[0] / np.arange(1, 151)[:, None]
        x, y = (rng.normal(size=(len(s), 150)) @ axes for s in (x, y))
    g = costs.geometry(x, y, cost)
    pricer, matrix = Pricer(g), g.block()
    v = 0.1 * matrix.std() * rng.normal(size=3000)
    t = pricer.quantile(v, rng.permutation(3000)[:2048], 40, transpose=False)
    assert 30 < (matrix - v < t[:, None]).sum(axis=1).mean() < 55
    s = pricer.quantile(t, rng.permutation(1200)[:1100], 16, transpose=True)
    assert 11 < (matrix - t[:, None] < s).sum(axis=0).mean() < 22


@pytest.mark.parametrize("cost", costs.NAMES)
def test_potentials_extend_by_the_mean_of_minima(cost):
    rng = np.random.default_rng(15)
    x, y = rng.normal(size=(103, 10)), rng.normal(size=(300, 10))
    g = costs.geometry(x, y, cost)
    rows, u = np.sort(rng.permutation(103)[:50]), rng.normal(size=50)
    reduced = g.block(rows) - u[:, None]
    wanted = np.mean([reduced[k::4].min(axis=0) for k in range(4)], axis=0)
    np.testing.assert_allclose(Pricer(g).extended(rows, u, 4), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("cost", ["euclidean", "cityblock"])
def test_estimates_do_not_depend_on_how_many_points_are_compared_at_once(cost, monkeypatch):
    rng = np.random.default_rng(16)
    g = costs.geometry(rng.normal(size=(700, 10)), rng.normal(size=(900, 10)), cost)
    sample, v, u = rng.permutation(900)[:811], rng.normal(size=900) - 100, rng.normal(size=503)

    def estimates():
        pricer = Pricer(g)
        return (
            pricer.quantile(v, sample, 40, transpose=False),
            pricer.extended(np.arange(503), u - 100, 4),
        )

    whole = estimates()
    assert min(whole[0].min(), whole[1].min()) > 90
    monkeypatch.setattr(pricing, "_WIDE", 300)
    monkeypatch.setattr(pricing, "_parts", lambda n, others: [slice(0, 99), slice(99, n)])
    for one, other in zip(whole, estimates(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6)


def test_progress_tells_what_is_left_of_a_pass(monkeypatch):
    """Not of all that its stage did before."""
    told, now = [], [0.0]
    monkeypatch.setattr(account.time, "perf_counter", lambda: now[0])
    own = account.Account(told.append)
    with own.stage("price"):
        now[0] = 1000.0
        for _ in own.followed([pricing.Found(np.empty(0), np.empty(0), 10)] * 10, 100):
            now[0] += 5
    last = told[-1]
    assert last["stage"] == "price" and last["done"] == 1.0 and last["left"] == 0
    assert 15 <= told[1]["left"] <= 50


def test_a_unit_that_cannot_become_finer_ends_the_solve(monkeypatch):
    """As between a million points, whose weights have fewer bits than their number."""
    monkeypatch.setattr(sparse.Solver, "bits", lambda self: 8)
    rng = np.random.default_rng(17)
    x, y = rng.normal(size=(600, 8)), rng.normal(size=(600, 8))
    rounds = []

    def told(state):
        rounds.append(state["stage"])
        assert len(rounds) < 1000, "the solve does not end"

    solution = forced(x, y, "euclidean", progress=told)
    one = np.ones(600, np.int64)
    assert gap_of(solution, one, one) <= 32 * 2**-52 * solution.costs.sum()


def test_known_costs_stay_with_their_arcs():
    """Of pairs in any order, some of them twice and some in the pool already."""
    rng = np.random.default_rng(18)
    g = costs.geometry(rng.normal(size=(40, 3)), rng.normal(size=(50, 3)), "sqeuclidean")
    matrix = g.block()
    pool = arcs.Pool((40, 50), *(np.empty(0, k) for k in (np.int32, np.int32, float, bool)))
    for count in (200, 300, 100):
        rows, columns = rng.integers(40, size=count), rng.integers(50, size=count)
        before = len(pool)
        added = pool.add(g, rows, columns, False, matrix[rows, columns])
        assert added == len(pool) - before > 0
        np.testing.assert_array_equal(pool.costs, matrix[pool.rows, pool.columns])
        keys = pool.rows * 50 + pool.columns
        assert (np.diff(keys) > 0).all() and np.isin(rows * 50 + columns, keys).all()


def test_integer_costs_are_solved_to_the_last_unit_with_few_bits(monkeypatch):
    """Weights of eight bits are multiples of a coarse unit at first."""
    monkeypatch.setattr(sparse.Solver, "bits", lambda self: 8)
    rng = np.random.default_rng(19)
    x, y = (rng.integers(256, size=(400, 12), dtype=np.uint8) for _ in range(2))
    solution, one = forced(x, y, "sqeuclidean"), np.ones(400, np.int64)
    assert gap_of(solution, one, one) == 0
    exact = cdist(x.astype(float), y.astype(float), "sqeuclidean")
    assert solution.costs.sum() == exact[linear_sum_assignment(exact)].sum()
