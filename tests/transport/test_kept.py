"""What a solution keeps of all pairs: true after any move, and less work after a small one."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from gan import transport
from gan.errors import UserError
from gan.transport import columns, costs, kept, solve


def solved(x, y, cost, **options):
    geometry = costs.geometry(x, y, cost)
    ones = np.ones((2, len(x)), np.int64)
    return geometry, columns.plan(geometry, *ones, dense=0, keep=True, **options)


def sets(n, d, seed=0, integer=False):
    rng = np.random.default_rng(seed)
    if integer:
        return rng.integers(256, size=(2, n, d), dtype=np.uint8)
    return rng.normal(size=(n, d)), 1.1 * rng.normal(size=(n, d)) + 0.3


@pytest.mark.parametrize("cost", costs.NAMES)
@pytest.mark.parametrize("d", [5, 20])
@pytest.mark.parametrize("step", [0, 1e-3, 0.1, 0.5])
def test_no_pair_below_moved_thresholds_is_missing(step, d, cost):
    x, y = sets(400, d)
    _, s = solved(x, y, cost)
    rng = np.random.default_rng(1)
    moved = [side + step * rng.normal(size=side.shape) for side in (x, y)]
    geometry = costs.geometry(*moved, cost)
    assert s.kept.serves(geometry)
    t, r = s.kept.after(geometry)
    held = np.zeros(geometry.shape, bool)
    held[s.kept.rows, s.kept.columns] = True
    below = geometry.block() < t[:, None] + r
    assert not (below & ~held).any()
    assert below.any() or step >= 0.1


@pytest.mark.parametrize("step", [0.02, 1])
def test_a_move_along_a_pair_is_taken_in_full(step):
    """A pair just outside the pool comes in by all that both of its points have moved."""
    x, y = np.array([[0.0, 0, 0, 0], [9, 0, 0, 0]]), np.array([[4.0, 0, 0, 0], [9, 9, 0, 0]])
    for cost, least in (("euclidean", 4), ("cityblock", 4), ("sqeuclidean", 16)):
        geometry = costs.Geometry(x, y, cost, False)
        whole = kept.Kept(geometry, *np.zeros((2, 0), int), np.full(2, least), np.zeros(2))
        moves = ([[length, 0, 0, 0], [0] * 4] for length in (step, 1.5 * step))
        near = costs.Geometry(x + next(moves), y - np.array(next(moves)), cost, False)
        t, r = whole.after(near)
        cost_now = near.block()[0, 0]
        assert t[0] + r[0] <= cost_now
        assert step == 1 or t[0] + r[0] > cost_now - 0.02
        assert t[1] == pytest.approx(least, rel=1e-12) and r[1] == 0


@pytest.mark.parametrize("cost", costs.NAMES)
@pytest.mark.parametrize("step", [0, 0.002, 0.3])
def test_a_warm_start_finds_the_same_optimum(step, cost, monkeypatch):
    monkeypatch.setattr(solve, "SMALL", 0)
    x, y = sets(900, 16)
    first = transport.assignment(x, y, cost, keep=True)
    assert first.kept is not None
    moved = x + step * np.random.default_rng(2).normal(size=x.shape)
    warm = transport.assignment(moved, y, cost, warm=first)
    matrix = cdist(moved, y, cost)
    np.testing.assert_allclose(warm.value, matrix[linear_sum_assignment(matrix)].mean(), rtol=1e-13)
    bounds = transport.verify(warm.certificate, moved, y)
    assert bounds.gap <= 1e-11 * warm.value and warm.gap <= 1e-14 * warm.value
    assert warm.kept is None
    assert "first pass" in first.report["seconds"]
    assert ("first pass" in warm.report["seconds"]) == (step > 0.1)


def test_integers_stay_exact(monkeypatch):
    monkeypatch.setattr(solve, "SMALL", 0)
    x, y = sets(700, 12, integer=True)
    first = transport.assignment(x, y, "sqeuclidean", keep=True)
    moved = np.where(x < 255, x + (np.random.default_rng(3).random(x.shape) < 0.01), x)
    moved = moved.astype(np.uint8)
    warm = transport.assignment(moved, y, "sqeuclidean", warm=first)
    assert warm.gap == 0 == transport.verify(warm.certificate, moved, y).gap


def test_warm_starts_follow_one_another(monkeypatch):
    monkeypatch.setattr(solve, "SMALL", 0)
    (x, y), rng = sets(600, 10), np.random.default_rng(4)
    found = transport.assignment(x, y, keep=True)
    for _ in range(4):
        x = x + 0.003 * rng.normal(size=x.shape)
        found = transport.assignment(x, y, warm=found, keep=True)
        assert found.value == pytest.approx(transport.assignment(x, y).value, rel=1e-13)
        assert len(found.kept.rows) < 600 * 80


def test_another_problem_is_no_use(monkeypatch):
    monkeypatch.setattr(solve, "SMALL", 0)
    x, y = sets(600, 10)
    first = transport.assignment(x, y, keep=True)
    other = transport.assignment(x, y, "sqeuclidean", warm=first)
    assert "first pass" in other.report["seconds"]
    assert other.value == pytest.approx(transport.assignment(x, y, "sqeuclidean").value, rel=1e-13)
    far = transport.assignment(1000 * x, 1000 * y, warm=first)
    assert far.value == pytest.approx(1000 * first.value, rel=1e-13)
    with pytest.raises(UserError, match="warm must be 500"):
        transport.assignment(x[:500], y[:500], warm=first)
    assert transport.assignment(x, y).kept is None
