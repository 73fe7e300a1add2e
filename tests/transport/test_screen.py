"""The float32 screen of the verifier loses no pair that counts, and leaves few others."""

import numpy as np
import pytest

from gan.transport import certificates, verify
from gan.transport.certificates import costs, verifier
from gan.transport.certificates.screen import Screen

EVERY = slice(None)


def squares_of(x, y):
    return ((x[:, None].astype(np.longdouble) - y[None].astype(np.longdouble)) ** 2).sum(-1)


def sets(seed, n, m, d, far=0.0, scale=1.0):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, d)) + far, rng.normal(size=(m, d)) - far
    return scale * x, scale * y, rng.normal(size=m) * scale


@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize(
    ("d", "far", "scale"),
    [(1, 0, 1), (2, 3, 1), (64, 0, 1), (64, 5, 2.0**-8), (784, 1, 2.0**-40), (3, 0, 1e6)],
)
def test_every_pair_at_the_very_border_is_left(squared, d, far, scale):
    x, y, v = sets(0, 200, 150, d, far, scale)
    exact = squares_of(x, y)
    v = v * scale if squared else v
    cost = exact if squared else np.sqrt(exact)
    nearest = np.argmin(cost - v, axis=1)
    least = (cost - v)[np.arange(200), nearest].astype(np.float64)
    i, j = Screen(x, y, v, squared).below(EVERY, EVERY, least + 1e-13 * np.abs(least))
    left = set(zip(i.tolist(), j.tolist(), strict=True))
    assert left >= set(enumerate(nearest.tolist())), "a minimum was lost"
    assert len(left) <= 2 * 200


def test_a_screen_without_its_margin_would_lose_pairs(monkeypatch):
    """So the test above can fail."""
    x, y, v = sets(1, 200, 150, 64)
    cost = np.sqrt(squares_of(x, y)) - v
    screen = Screen(x, y, v, squared=False)
    monkeypatch.setattr(screen, "off", 0.0)
    screen.right[:, -1] = (v**2 - (y**2).sum(1)) / 2
    i, _ = screen.below(EVERY, EVERY, cost.min(axis=1).astype(np.float64) * (1 + 1e-13))
    assert len(set(i.tolist())) < 200


def test_thresholds_below_every_distance_leave_nothing():
    x, y, v = sets(2, 50, 40, 5)
    for squared in (False, True):
        i, _ = Screen(x, y, v, squared).below(EVERY, EVERY, np.full(50, -100.0))
        assert len(i) == 0


def test_a_block_that_is_left_nearly_whole_is_given_up():
    x, y, v = sets(2, 50, 40, 5)
    assert Screen(x, y, v, squared=False).below(EVERY, EVERY, np.full(50, 100.0)) is None


@pytest.mark.parametrize("cost", ["euclidean", "sqeuclidean"])
@pytest.mark.parametrize("kind", ["float", "integer", "plane"])
def test_minima_are_those_of_all_pairs(cost, kind, monkeypatch):
    """Also of a plan and potentials that are far from the best."""
    x, y, v = sets(3, 700, 650, 2 if kind == "plane" else 30)
    x, y, v = (np.rint(40 * s) if kind == "integer" else s / 8 for s in (x, y, v))
    rows = np.arange(700)
    pricer = costs.Named(x, y, cost, rows, rows % 650, kind == "integer" and cost != "euclidean")
    found, where = verifier._minima(pricer, 700, v, None)
    monkeypatch.setattr(costs.Named, "screen", lambda self, v: None)
    full, _ = verifier._minima(pricer, 700, v, None)
    exact = squares_of(x, y)
    exact = (exact if cost == "sqeuclidean" else np.sqrt(exact)) - v
    least = exact.min(axis=1)
    np.testing.assert_array_equal(exact[rows, where], least)  # pairs may tie
    size = 1 if pricer.integer else np.abs(least).max() + np.abs(v).max()
    assert (found <= least + 1e-15 * size).all() and (found >= full - 1e-15 * size).all()
    np.testing.assert_allclose(found, least.astype(np.float64), rtol=0, atol=1e-13 * size)


def test_threads_give_the_bounds_of_one(monkeypatch):
    x, y, _ = sets(4, 600, 600, 8)
    v = np.zeros(600)
    plan = np.arange(600), np.arange(600), np.full(600, 1 / 600)
    certificate = certificates.issue(x, y, "euclidean", *plan, 1.0, v, (0.0, 9.0), "plan")
    one = verify(certificate, x, y)
    monkeypatch.setattr(verifier, "_LARGE", 1)
    steps = []
    assert verify(certificate, x, y, progress=steps.append) == one
    assert steps == sorted(steps) and len(steps) == 2 and steps[-1] == 1
