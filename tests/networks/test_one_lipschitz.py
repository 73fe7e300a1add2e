"""Critics whose slope is at most 1 by construction."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan import config, networks
from gan.networks import groupsort
from gan.objectives.penalties import slopes

CASES = list(itertools.product(("groupsort", "cones"), ((2,), (8, 8, 1))))


def critic(name, shape, **fields):
    return networks.critic(config.Network(name=name, width=16, depth=2, **fields), shape)


@pytest.mark.parametrize("scale", [0.3, 1.0, 10.0])
@pytest.mark.parametrize(("name", "shape"), CASES)
def test_slope_and_differences_stay_below_one_for_any_parameters(name, shape, scale):
    f = critic(name, shape)
    keys = jax.random.split(jax.random.key(7), 4)
    params = jax.tree.map(lambda p: scale * p, jax.jit(f.init)(keys[0]))
    score = jax.jit(f.apply)
    biases = [leaf for leaf in jax.tree.leaves(params) if leaf.ndim == 1]
    assert biases
    x, y = (2 * jax.random.normal(k, (200, *shape)) for k in keys[1:3])
    measured = slopes(lambda points: score(params, points), x)
    assert 0.1 < measured.max() <= 1 + 1e-4
    differences = jnp.abs(score(params, x) - score(params, y))
    distances = jnp.linalg.norm((x - y).reshape(200, -1), axis=1)
    assert np.all(differences <= distances * (1 + 1e-4))
    assert differences.max() > 0.1


@pytest.mark.parametrize(("n", "m"), [(6, 6), (7, 3), (5, 1), (1, 1)])
def test_the_cayley_transform_is_orthonormal_and_starts_at_the_identity(n, m):
    free = jax.random.normal(jax.random.key(0), (n, m))
    for scale in (0.1, 1.0, 5.0):
        q = groupsort.orthonormal(scale * free)
        np.testing.assert_allclose(q.T @ q, np.eye(m), atol=1e-5)
    np.testing.assert_array_equal(groupsort.orthonormal(jnp.zeros((n, m))), np.eye(n, m))
    if n > 1:
        assert np.abs(groupsort.orthonormal(free) - np.eye(n, m)).max() > 0.1


def test_sorting_permutes_each_row_and_orders_its_pairs():
    h = jax.random.normal(jax.random.key(0), (5, 8))
    moved = groupsort.sorted_pairs(h)
    np.testing.assert_array_equal(np.sort(moved, axis=1), np.sort(h, axis=1))
    assert np.all(moved[:, :4] <= moved[:, 4:]) and not np.array_equal(h, moved)


def test_a_groupsort_network_keeps_gradients_at_length_one():
    """From a wide layer on nothing is projected away: the slope in that layer is exactly 1."""
    f = critic("groupsort", (16,))
    params = jax.jit(f.init)(jax.random.key(0))
    x = jax.random.normal(jax.random.key(1), (20, 16))
    np.testing.assert_allclose(
        jax.jit(lambda x: slopes(lambda p: f.apply(params, p), x))(x), 1, atol=1e-5
    )


def test_cold_cones_are_the_highest_cone():
    f = critic("cones", (3,))
    params = f.init(jax.random.key(0)) | {"log_temperature": jnp.float32(-9)}
    params["heights"] = jax.random.normal(jax.random.key(1), (16,))
    x = np.asarray(jax.random.normal(jax.random.key(2), (10, 3)))
    peaks, heights = np.asarray(params["peaks"]), np.asarray(params["heights"])
    distances = np.linalg.norm(x[:, None] - peaks[None], axis=2)
    np.testing.assert_allclose(f.apply(params, x), (heights - distances).max(1), atol=2e-3)


def test_a_cone_has_a_finite_slope_at_its_peak():
    f = critic("cones", (2,))
    params = f.init(jax.random.key(0))
    assert np.all(np.isfinite(slopes(lambda x: f.apply(params, x), params["peaks"])))
