"""Values, gaps and weights at every scale: one far point, any power, any unit of cost or mass."""

import itertools
import math

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from gan import transport
from gan.errors import PrecisionError, UserError
from gan.transport import closed_forms, costs, dense, flows, generation, solve, ways
from gan.transport.masses import balanced
from tests.transport import problems


@pytest.mark.parametrize("seed", range(150))
def test_small_problems_have_the_rational_optimum(seed):
    problem = problems.draw(seed)
    problems.check(problem, problems.solve(problem))


@pytest.mark.parametrize("seed", [5, 6])
def test_large_problems_have_the_value_of_other_solvers(seed):
    problem = problems.draw(seed, large=True)
    problems.check_large(problem, problems.solve(problem))


def test_the_rational_solver_agrees_with_every_permutation():
    problem = problems.draw(3)
    x, y = np.random.default_rng(0).normal(size=(2, 5, 2))
    problem |= {"x": x, "y": y, "cost": "euclidean", "a": None, "b": None}
    best = float(problems.exact_value(problem))
    problem |= {"a": np.full(5, 0.2), "b": np.full(5, 0.2)}
    assert float(problems.exact_value(problem)) == pytest.approx(best, rel=1e-14)


SCALES = [10.0**k for k in (-150, -108, -30, -8, 12, 80, 145)]


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("path", ["dense", "bounds", "unequal", "weighted", "line", "columns"])
def test_distances_scale_with_the_points(path, scale, monkeypatch):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 3)), rng.normal(size=(30 + (path == "unequal"), 3)) + 0.3
    weights = rng.random((2, 30)) if path == "weighted" else (None, None)
    if path == "weighted":
        weights = weights / weights.sum(axis=1, keepdims=True)
    if path == "line":
        x, y = x[:, :1], y[:20, :1]
    if path == "columns":
        monkeypatch.setattr(solve, "SMALL", 0)
    if path == "bounds":
        monkeypatch.setattr(ways, "_LEAST", 8)
    for p in (1, 2, 3):
        one = transport.wasserstein(x, y, p)
        assert transport.wasserstein(x * scale, y * scale, p) == pytest.approx(
            one * scale, rel=1e-13, abs=0
        )
    for cost, power in (("euclidean", 1), ("sqeuclidean", 2), ("cityblock", 1)):
        one = transport.plan(x, y, *weights, cost=cost)
        r = transport.plan(x * scale, y * scale, *weights, cost=cost)
        assert r.value == pytest.approx(one.value * scale**power, rel=1e-13, abs=0)
        assert 0 <= r.gap <= 1e-13 * r.value


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e-17, 1e7, 1e18, 1e300])
def test_values_scale_with_the_weights(scale):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 40, 3))
    a, b = rng.random((2, 40))
    b *= a.sum() / b.sum()
    one = transport.plan(x, y, a, b, cost="euclidean")
    r = transport.plan(x, y, a * scale, b * scale, cost="euclidean")
    assert r.value == pytest.approx(one.value * scale, rel=1e-13, abs=0)
    assert 0 <= r.gap <= 1e-13 * r.value
    np.testing.assert_allclose(r.plan.sum(axis=1), a * scale, rtol=1e-13)


@pytest.mark.parametrize("light", [1e-14, 1e-17, 1e-300])
def test_light_points_have_their_own_weight(light):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 3)), rng.normal(size=(60, 3))
    a, b = np.full(40, light), np.full(60, light)
    a[0], b[5] = 1 - 39 * light, 1 - 59 * light
    r = transport.plan(x, y, a, b, cost="euclidean")
    np.testing.assert_allclose(r.plan.sum(axis=1)[1:], a[1:], rtol=1e-13)
    np.testing.assert_allclose(np.delete(r.plan.sum(axis=0), 5), light, rtol=1e-13)


@pytest.mark.parametrize("bits", [16, 24])
def test_intensities_of_pictures_are_masses(bits):
    rng = np.random.default_rng(1)
    pixels = np.stack(np.meshgrid(np.arange(12), np.arange(12)), -1).reshape(-1, 2)
    a, b = rng.integers(2**bits, size=(2, 144))
    b[0] += a.sum() - b.sum() if a.sum() > b.sum() else 0
    a[0] += b.sum() - a.sum()
    whole = transport.plan(pixels, pixels, a, b, cost="cityblock")
    share = transport.plan(pixels, pixels, a / a.sum(), b / b.sum(), cost="cityblock")
    assert whole.value == pytest.approx(share.value * a.sum(), rel=1e-13)
    np.testing.assert_allclose(whole.plan.sum(axis=1), a, rtol=1e-15)
    assert whole.gap <= 1e-14 * whole.value


@pytest.mark.parametrize("far", [1e6, 1e9, 1e12])
@pytest.mark.parametrize("path", ["dense", "bounds", "columns"])
def test_one_far_point_in_both_sets_changes_nothing(far, path, monkeypatch):
    x, y = np.random.default_rng(0).normal(size=(2, 90, 8))
    x[0, 0] = y[5, 0] = far
    matrix = cdist(x, y, "sqeuclidean")
    wanted = matrix[linear_sum_assignment(matrix)].mean()
    if path == "columns":
        monkeypatch.setattr(solve, "SMALL", 0)
    if path == "bounds":
        monkeypatch.setattr(ways, "_LEAST", 8)
    r = transport.assignment(x, y, "sqeuclidean")
    assert r.value == pytest.approx(wanted, rel=1e-13)
    assert r.gap <= 1e-13 * r.value
    # Unequal sets take the simplex, which such a range defeats.
    r = transport.plan(x, np.concatenate([y, y]), cost="sqeuclidean")
    assert r.value == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("p", [30, 50, 180, 400])
def test_high_orders_agree_with_scipy(p):
    x, y = np.random.default_rng(0).normal(size=(2, 150, 4))
    distances = cdist(x, y)
    unit = distances[linear_sum_assignment(distances**2)].max()
    powers = np.minimum((distances / unit), 1e300 ** (1 / p)) ** p
    wanted = unit * powers[linear_sum_assignment(powers)].mean() ** (1 / p)
    # Shortest augmenting paths in float64 see only the greatest powers, hence the bound.
    found = transport.wasserstein(x, y, p)
    assert found == pytest.approx(wanted, rel=1e-9) and found <= wanted * (1 + 1e-12)


@pytest.mark.parametrize("p", [60, 100, 400])
def test_high_orders_in_the_plane_are_those_on_the_line(p):
    x, y = np.array([1, 2, 3, 54.0]) * 1e-5, np.array([1, 2, 3, 4.0]) * 1e-5
    flat = [np.stack([s, 0 * s], axis=1) for s in (x, y)]
    wanted = 50e-5 * 0.25 ** (1 / p)
    assert transport.wasserstein(x, y, p) == pytest.approx(wanted, rel=1e-13)
    assert transport.wasserstein(*flat, p) == pytest.approx(wanted, rel=1e-13)


@pytest.mark.parametrize("cost", ["cityblock", "euclidean"])
def test_time_stamps_are_moved_before_they_are_rounded(cost):
    now = 1_764_180_000_000_000_000
    x, y = np.array([[0], [64], [300]]) + now, np.array([[100], [10], [333]]) + now
    wanted = min(
        sum(abs(int(x[i, 0]) - int(y[j, 0])) for i, j in enumerate(s))
        for s in itertools.permutations(range(3))
    )
    assert transport.assignment(x, y, cost).value == wanted / 3
    assert transport.wasserstein(x, y) == pytest.approx(wanted / 3, rel=1e-15)
    assert transport.wasserstein(np.uint64(x), y) == pytest.approx(wanted / 3, rel=1e-15)
    low, high = np.array([[np.iinfo(np.int64).min]]), np.array([[np.iinfo(np.int64).max]])
    with pytest.raises(UserError, match="not exact in float64"):
        transport.assignment(low, high, cost)
    with pytest.raises(UserError, match="callable cost needs integers"):
        transport.assignment(x, y, cdist)


def test_weights_and_orders_of_any_dtype():
    x, y = np.random.default_rng(0).normal(size=(2, 7, 2))
    uniform = transport.plan(x, y, cost="euclidean").value
    for a in (jnp.ones(7) / 7, np.full(7, 1 / 7, np.float16)):
        r = transport.plan(x, y, a, None, cost="euclidean")
        assert r.value == pytest.approx(uniform, rel=1e-3 if a.dtype == "float16" else 1e-6)
    for p in (np.int64(2), np.float32(2), jnp.asarray(2)):
        assert transport.wasserstein(x, y, p) == transport.wasserstein(x, y, 2)
    with pytest.raises(UserError, match="equal positive sums"):
        transport.plan(x, y, np.ones(7, int), np.array([1, 1, 1, 1, 1, 1, 2]), cost="euclidean")


def test_masks_are_not_ignored():
    x = np.ma.masked_array(np.arange(6.0).reshape(3, 2), mask=np.eye(3, 2))
    with pytest.raises(UserError, match="x has 2 masked entries"):
        transport.assignment(x, x.data)
    with pytest.raises(UserError, match="a has 1 masked"):
        a = np.ma.masked_array([1.0, 0.0, 0.0], mask=[0, 0, 1])
        transport.plan(x.data, x.data, a, cost="euclidean")
    with pytest.raises(UserError, match="masked"):
        closed_forms.line(x[:, 0], [0.0])
    assert transport.assignment(np.ma.masked_array(x.data), x.data).value == 0


def test_quantiles_refuse_unequal_sums():
    with pytest.raises(UserError, match="equal positive sums, got 4.0 and 1.0"):
        closed_forms.line([0, 1], [0], [3, 1], [1])
    assert closed_forms.line([0, 1], [0], [3, 1], [4]) == 0.25


@pytest.mark.parametrize("factor", [1e-290, 1e290])
def test_callable_costs_of_any_size(factor):
    x, y = np.random.default_rng(0).normal(size=(2, 20, 2))
    r = transport.assignment(x, y, lambda s, t: factor * cdist(s, t))
    assert r.value == pytest.approx(factor * transport.assignment(x, y).value, rel=1e-13, abs=0)


def test_values_that_leave_float64_are_refused_in_words():
    x, y = np.random.default_rng(0).normal(size=(2, 5, 2))
    for scale in (1e200, 1e-200):
        with pytest.raises(UserError, match="leaves the range of float64"):
            transport.assignment(x * scale, y * scale, "sqeuclidean")
        one = transport.wasserstein(x, y, 2)
        assert transport.wasserstein(x * scale, y * scale, 2) == pytest.approx(
            one * scale, rel=1e-13, abs=0
        )


def test_what_is_not_proved_is_an_error(monkeypatch):
    x, y = np.random.default_rng(0).normal(size=(2, 20, 2))

    def identity(matrix):
        v = np.zeros(len(matrix))
        return np.arange(len(matrix)), matrix.min(axis=1), v

    monkeypatch.setattr(dense, "assignment", identity)
    monkeypatch.setattr(
        generation.Generation, "generate", lambda run, v, whole: (_raise(), None, None)
    )
    with pytest.raises(PrecisionError, match="stuck"):
        transport.wasserstein(x, y)
    monkeypatch.setattr(generation, "_PROVED", math.inf)
    with pytest.raises(PrecisionError, match="may cost 0.* of its value too much"):
        transport.wasserstein(x, y)


def _raise():
    raise PrecisionError("stuck")


def test_a_forest_carries_whole_masses_exactly():
    big = 10**40
    rows, cols = np.array([0, 0, 1]), np.array([0, 1, 1])
    assert flows.exact_flow(rows, cols, [big + 1, 2], [big, 3]) == [big, 1, 2]
    assert flows.exact_flow(rows, cols, [1, 5], [3, 3]) is None  # would be negative
    assert flows.exact_flow(rows[:2], cols[:2], [1, 5], [3, 3]) is None


def test_levels_add_up_to_the_masses():
    rng = np.random.default_rng(0)
    a, b = 10.0 ** -rng.uniform(0, 200, 9), 10.0 ** -rng.uniform(0, 200, 7)
    masses = balanced(a, b * (a.sum() / b.sum()), 9, 7)
    sums, count = [[0] * 9, [0] * 7], 0
    for *sides, unit in masses.levels():
        assert sides[0].sum() == sides[1].sum() < 2**52
        assert min(side.min() for side in sides) >= 0
        for total, side in zip(sums, sides, strict=True):
            for k, mass in enumerate(side.tolist()):
                total[k] += mass * unit
        count += 1
    assert count > 2
    for found, wanted in zip(sums, (masses.a, masses.b), strict=True):
        assert all(0 <= (w - f) << 53 <= w for f, w in zip(found, wanted, strict=True))


def test_the_exact_scale_of_points_is_a_power_of_two():
    x, y = np.random.default_rng(0).normal(size=(2, 5, 2)) * 1e-90
    geometry = costs.geometry(x, y, "sqeuclidean")
    assert (np.ldexp(geometry.x, geometry.unit) == x).all()
    assert 0.1 < np.ptp(np.concatenate([geometry.x, geometry.y]), axis=0).max() <= 1
    assert geometry.exponent == 2 * geometry.unit
