"""Products of sets, rounded or not: what a screen finds by them is all there is."""

import jax.numpy as jnp
import numpy as np
import pytest

from gan.transport import costs, products
from gan.transport.pricing import Pricer

TYPES = {"bfloat16": jnp.bfloat16, "float32": jnp.float32}


@pytest.fixture(params=list(TYPES))
def kind(request, monkeypatch):
    """The type whose products are taken to be quickest here."""
    monkeypatch.setattr(products, "quickest", lambda: TYPES[request.param])
    return TYPES[request.param]


def gaussians():
    rng = np.random.default_rng(0)
    return rng.normal(size=(1100, 40)), 1.1 * rng.normal(size=(2100, 40)) + 0.3


def test_rounding_is_allowed_for(monkeypatch):
    """Without what it may be off by, some of the nearest columns are missed."""
    monkeypatch.setattr(products, "quickest", lambda: jnp.bfloat16)
    g = costs.geometry(*gaussians(), "euclidean")
    pricer = Pricer(g)
    t, v = g.block().min(axis=1) * (1 + 1e-9), np.zeros(len(g.y))
    assert len(np.unique(np.concatenate([found.rows for found in pricer.below(t, v)]))) == len(t)
    pricer.screen = pricer.screen._replace(slack=pricer.whole.slack)
    assert len(np.unique(np.concatenate([found.rows for found in pricer.below(t, v)]))) < 0.9 * len(
        t
    )


def test_rounding_of_either_set_is_allowed_for(monkeypatch):
    """The others, around the same centre, are whole numbers, which do not move."""
    monkeypatch.setattr(products, "quickest", lambda: jnp.bfloat16)
    x, y = (np.concatenate([side, -side]) for side in gaussians())
    for sets in ((np.rint(x), y), (x, np.rint(y))):
        g = costs.geometry(*sets, "euclidean")
        pricer = Pricer(g)
        assert pricer.sketch.slack > pricer.whole.slack
        t = g.block().min(axis=1) * (1 + 1e-9)
        blocks = pricer.below(t, np.zeros(len(g.y)))
        assert len(np.unique(np.concatenate([found.rows for found in blocks]))) == len(t)


def test_the_share_by_which_points_move_bounds_every_inner_product(monkeypatch):
    monkeypatch.setattr(products, "quickest", lambda: jnp.bfloat16)
    sets, _ = products.prepared(costs.geometry(*gaussians(), "euclidean"))
    low = products.rounded(sets)
    inner = [np.float64(s.x) @ np.float64(s.y).T for s in (sets, low)]
    sums = sets.xx[:, None] + sets.yy
    off = 2 * np.abs(inner[0] - inner[1]) / sums
    assert off.max() < low.slack - sets.slack < 2.0**-7 * 1.02
    assert off.max() > (low.slack - sets.slack) / 20


def test_near_points_of_far_clusters_are_not_rounded(kind):
    """All points of a cluster would seem to be equal."""
    rng = np.random.default_rng(0)
    x, y = (100 * rng.integers(0, 2, (1100, 40)) for _ in range(2))
    x, y = (np.repeat(s[:20], 100, axis=0) + rng.normal(size=(2000, 40)) for s in (x, x))
    assert Pricer(costs.geometry(x, y, "euclidean")).sketch.x.dtype == np.float32


def test_few_coordinates_are_not_rounded(kind):
    g = costs.geometry(*(side[:, :5] for side in gaussians()), "euclidean")
    assert Pricer(g).sketch.x.dtype == np.float32


def test_small_integers_give_the_same_screen_in_either_type(kind):
    rng = np.random.default_rng(0)
    x, y = (rng.integers(0, 256, (40, 50)).astype(np.uint8) for _ in range(2))
    g = costs.geometry(x, y, "sqeuclidean")
    t, v = rng.normal(5e5, 1e5, 40), rng.normal(0, 1e5, 40)
    pricer, matrix = Pricer(g), g.block()
    assert pricer.whole.x.dtype == kind and not pricer.rough
    (found,) = pricer.below(t, v)
    wanted = np.nonzero(matrix < t[:, None] + v)
    within = np.nonzero(matrix < t[:, None] + v + 1e-4 * matrix)
    pairs = set(zip(*map(np.ndarray.tolist, found[:2]), strict=True))
    assert set(zip(*map(np.ndarray.tolist, wanted), strict=True)) <= pairs
    assert pairs <= set(zip(*map(np.ndarray.tolist, within), strict=True)) and len(pairs) < 1600
    np.testing.assert_array_less(pricer.lower(v), (matrix - v).min(axis=1) + 1e-6)


def test_the_quickest_type_is_one_of_two():
    assert products.quickest() in TYPES.values()
