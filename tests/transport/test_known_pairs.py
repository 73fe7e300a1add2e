import csv

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan import transport
from gan.errors import UserError
from gan.transport import known_pairs
from tests.conftest import ROOT

PAIRS = {
    "translation": known_pairs.translation([0.3, -0.2, 1.0]),
    "shrinking": known_pairs.dilation(2, 0.3),
    "spreading": known_pairs.dilation(5, 1.7),
    "line": known_pairs.line(),
    "line, strong": known_pairs.line(3, -0.9),
    "translated normal": known_pairs.translation([0.3, 0.4], known_pairs.normal()),
    "shrinking normal": known_pairs.dilation(16, 0.5, known_pairs.normal()),
    "squeeze": known_pairs.squeeze(5, 0.5),
    "stretch": known_pairs.squeeze(2, 1.5),
    "pulled": known_pairs.pulled(
        np.random.default_rng(0).normal(size=(5, 3)),
        0.5,
        known_pairs.affine_box(np.ones(3), np.diag([1.0, 2.0, 0.5])),
        "points",
    ),
    "one funnel": known_pairs.seeded_funnels(3, 1),
    "funnels d=2": known_pairs.seeded_funnels(2, 16),
    "funnels d=16": known_pairs.seeded_funnels(16, 64),
}
SHARED = ROOT.parent / "shared" / "w1_benchmark"


def points(pair, count=500, seed=0):
    return pair.source(np.random.default_rng(seed).random((count, pair.dim)))


@pytest.mark.parametrize("name", PAIRS)
def test_primal_equals_dual_per_sample(name):
    pair = PAIRS[name]
    x = points(pair, 5000)
    moved = pair.move(x)
    gained = pair.potential(x) - pair.potential(moved.image)
    np.testing.assert_allclose(gained, moved.distance, rtol=0, atol=1e-12)
    lengths = np.linalg.norm(x - moved.image, axis=1)
    np.testing.assert_allclose(lengths, moved.distance, rtol=0, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(moved.direction, axis=1), 1, atol=1e-12)
    assert moved.distance.std() > 0.01 or "translat" in name


@pytest.mark.parametrize("name", PAIRS)
def test_the_potential_has_slope_at_most_one_and_the_given_gradient(name):
    pair = PAIRS[name]
    x, y = points(pair), points(pair, seed=1)
    differences = np.abs(pair.potential(x) - pair.potential(y))
    assert np.all(differences <= np.linalg.norm(x - y, axis=1) * (1 + 1e-12))
    moved = pair.move(x)
    middle, step = (x + moved.image) / 2, 1e-7
    inside = moved.distance > 1e-3
    assert inside.mean() > 0.9
    rise = pair.potential(middle + step * moved.direction) - pair.potential(middle)
    np.testing.assert_allclose(rise[inside] / step, 1, atol=1e-6)


@pytest.mark.parametrize("name", PAIRS)
def test_the_map_is_an_optimal_assignment_of_its_own_samples(name):
    pair = PAIRS[name]
    x = points(pair, 300)
    moved = pair.move(x)
    order = np.random.default_rng(2).permutation(len(x))
    solved = transport.assignment(x, moved.image[order], cost="euclidean")
    np.testing.assert_allclose(solved.value, moved.distance.mean(), rtol=1e-12)


@pytest.mark.parametrize("name", [name for name in PAIRS if PAIRS[name].w1 is not None])
def test_the_sampled_distance_meets_the_formula(name):
    estimate = known_pairs.w1(PAIRS[name], 40_000)
    assert abs(estimate.value - PAIRS[name].w1) <= 4 * estimate.stderr + 1e-12
    assert estimate.stderr < 0.01 * estimate.value


def test_a_dilation_of_the_line_and_its_mirror_are_as_far():
    for factor in (0.5, 1.5):
        pair = known_pairs.dilation(1, factor, known_pairs.box(3.0))
        assert pair.w1 == 0.75
        estimate = known_pairs.w1(pair, 40_000)
        assert abs(estimate.value - pair.w1) <= 4 * estimate.stderr


@pytest.mark.parametrize("name", PAIRS)
def test_the_same_code_runs_inside_jit(name):
    pair = PAIRS[name]
    x = points(pair, 200)
    moved = jax.jit(pair.move)(jnp.asarray(x, jnp.float32))
    expected = pair.move(x.astype(np.float32).astype(np.float64))
    for value, wanted in zip(moved, expected, strict=True):
        assert value.dtype == jnp.float32
        np.testing.assert_allclose(value, wanted, atol=2e-4)
    potential = jax.jit(pair.potential)(jnp.asarray(x, jnp.float32))
    np.testing.assert_allclose(potential, pair.potential(x), atol=1e-4)


def test_laws_are_what_they_say():
    rng = np.random.default_rng(0)
    uniform = rng.random((100_000, 3))
    x = known_pairs.normal().draw(uniform)
    np.testing.assert_allclose(np.cov(x.T), np.eye(3), atol=0.02)
    np.testing.assert_allclose(np.quantile(x, [0.025, 0.5]), [-1.96, 0], atol=0.02)
    np.testing.assert_allclose(
        np.linalg.norm(x, axis=1).mean(), known_pairs.normal().mean_length(3), rtol=0.01
    )
    axes = np.array([[1.0, 1.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 3.0]])
    y = known_pairs.affine_box([1, 2, 3], axes).draw(uniform)
    np.testing.assert_allclose(y.mean(0), [1, 2, 3], atol=0.05)
    np.testing.assert_allclose(np.cov(y.T), axes.T @ axes, atol=0.1)


def test_normal_numbers_are_finite_at_the_ends():
    ends = np.array([[0.0, np.nextafter(1, 0)]])
    for uniform in (ends, ends.astype(np.float32), jnp.asarray([[0.0, 1 - 2**-24]])):
        drawn = np.asarray(known_pairs.normal().draw(uniform))
        assert drawn.dtype == uniform.dtype
        assert -9 < drawn[0, 0] < -5 and 5 < drawn[0, 1] < 9


def test_funnels_stay_in_the_box_and_rays_end_where_another_funnel_takes_over():
    pair = PAIRS["funnels d=2"]
    x = points(pair, 5000)
    moved = pair.move(x)
    assert np.abs(moved.image).max() <= 2.5
    # With t = |x - a| / |up - a| the map keeps t^7 of |x - a| = u(x) - b, so it tells where up is.
    centers, offsets = np.zeros((2, 2)), np.array([0.0, 0.0])
    centers[1, 0] = 1.0
    pair = known_pairs.funnels(centers, offsets)
    x = points(pair, 2000)
    moved = pair.move(x)
    radius = np.min(np.linalg.norm(x[:, None] - centers, axis=2), axis=1)
    kept = (radius - moved.distance) / radius
    told = kept > 1e-4  # closer to a centre, rounding hides where up is
    assert told.mean() > 0.8
    x, radius, kept = x[told], radius[told], kept[told]
    moved = pair.move(x)
    full = radius / kept ** (1 / 7)
    up = moved.image + (full - radius + moved.distance)[:, None] * moved.direction
    step = 1e-6
    np.testing.assert_allclose(pair.potential(up - step * moved.direction), full - step, rtol=1e-9)
    beyond = up + step * moved.direction
    outside = np.abs(beyond).max(1) > 2.5
    assert 0.5 < outside.mean() < 0.95
    assert np.all(pair.potential(beyond)[~outside] < full[~outside] + 0.999 * step)


def test_the_power_of_the_map_is_eight():
    pair = known_pairs.funnels(np.zeros((1, 1)), np.zeros(1), half_width=2.0)
    x = np.array([[1.0], [-0.5], [2.0]])
    moved = pair.move(x)
    np.testing.assert_allclose(moved.image[:, 0], [2 * 0.5**8, -2 * 0.25**8, 2.0], rtol=1e-14)


def test_seeded_instances_are_reproducible_and_differ():
    first, again, other = (known_pairs.seeded_funnels(4, 8, seed) for seed in (0, 0, 1))
    assert first.fingerprint == again.fingerprint != other.fingerprint
    assert first.family == "8 funnels" and first.dim == 4
    assert known_pairs.w1(first, 1000) == known_pairs.w1(again, 1000) != known_pairs.w1(other, 1000)


def test_bad_funnels_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"offsets \[n\]"):
        known_pairs.funnels(np.zeros((3, 2)), np.zeros(2))
    with pytest.raises(UserError, match="finite"):
        known_pairs.funnels(np.full((3, 2), np.nan), np.zeros(3))
    for name, content in (("text.npz", b"no archive"), ("empty.npz", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match="wanted is an .npz file"):
            known_pairs.load_funnels(str(tmp_path / name))
    np.savez(tmp_path / "half.npz", centers=np.zeros((3, 2)))
    with pytest.raises(UserError, match="offsets"):
        known_pairs.load_funnels(str(tmp_path / "half.npz"))
    with pytest.raises(UserError, match="cannot read the funnels"):
        known_pairs.load_funnels(str(tmp_path / "absent.npz"))


def cells():
    if not (SHARED / "truth.csv").exists():
        return [pytest.param(None, marks=pytest.mark.skip(reason=f"no {SHARED}"))]
    with open(SHARED / "truth.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(list(SHARED.glob("*.npz"))) == 18
    return [
        pytest.param(
            row,
            id=f"d{row['dim']}_n{row['funnels']}",
            marks=[pytest.mark.slow] if row["funnels"] == "256" else [],
        )
        for row in rows
    ]


@pytest.mark.parametrize("row", cells())
def test_published_pairs_have_the_published_distance(row):
    pair = known_pairs.load_funnels(str(SHARED / f"funnels_d{row['dim']}_n{row['funnels']}.npz"))
    assert (pair.dim, pair.family) == (int(row["dim"]), f"{row['funnels']} funnels")
    x = points(pair, 5000)
    moved = pair.move(x)
    gained = pair.potential(x) - pair.potential(moved.image)
    np.testing.assert_allclose(gained, moved.distance, rtol=0, atol=1e-12)
    estimate = known_pairs.w1(pair)
    assert abs(estimate.value - float(row["w1_true"])) <= 3 * float(row["stderr"])
