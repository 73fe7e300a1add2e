import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan import config, networks
from gan.networks import spectral


def kernels(key):
    shapes = {"dense": (5, 3), "convolution": (3, 3, 2, 4), "stack": (2, 3, 3, 2, 4)}
    keys = jax.random.split(key, len(shapes))
    weights = {
        name: {"kernel": jax.random.normal(k, shape), "bias": jnp.ones(shape[-1])}
        for k, (name, shape) in zip(keys, shapes.items(), strict=True)
    }
    return {"layers": weights, "scale": jnp.ones(3)}


def largest(kernel):
    """Largest singular values by NumPy, one per matrix."""
    depth = kernel.shape[: kernel.ndim % 2]
    return np.linalg.norm(kernel.reshape(*depth, -1, kernel.shape[-1]), 2, axis=(-2, -1))


def test_every_kernel_gets_norm_one_and_nothing_else_changes():
    weights = kernels(jax.random.key(0))

    @jax.jit
    def converged(weights, key):
        params = spectral.initial(weights, key)
        params = jax.lax.fori_loop(0, 100, lambda _, p: spectral.advanced(p), params)
        return spectral.normalized(params)

    normalized = converged(weights, jax.random.key(1))
    for name, layer in normalized["layers"].items():
        np.testing.assert_allclose(largest(np.asarray(layer["kernel"])), 1, rtol=1e-4)
        ratio = layer["kernel"] / weights["layers"][name]["kernel"]
        assert np.ptp(ratio.reshape(*ratio.shape[: ratio.ndim % 2], -1), axis=-1).max() < 1e-4
        np.testing.assert_array_equal(layer["bias"], weights["layers"][name]["bias"])
    np.testing.assert_array_equal(normalized["scale"], weights["scale"])


def test_the_gradient_is_that_of_the_exact_norm():
    """Where u has converged, stopping its gradient leaves the gradient of W / |W|."""
    with jax.enable_x64(True):
        weights = {"kernel": jax.random.normal(jax.random.key(0), (5, 3), jnp.float64)}
        toward = jax.random.normal(jax.random.key(2), (5, 3), jnp.float64)
        params = spectral.initial(weights, jax.random.key(1))
        params = jax.lax.fori_loop(0, 300, lambda _, p: spectral.advanced(p), params)

        def value(kernel):
            return jnp.sum(
                toward * spectral.normalized(params | {"weights": {"kernel": kernel}})["kernel"]
            )

        def exact(kernel):
            return jnp.sum(toward * kernel / jnp.linalg.norm(kernel, 2))

        found, expected = (jax.grad(f)(weights["kernel"]) for f in (value, exact))
        np.testing.assert_allclose(found, expected, rtol=1e-8)


@pytest.mark.parametrize("name", ["mlp", "table1"])
def test_a_spectral_critic_is_blind_to_the_scale_of_its_kernels_and_moves_only_its_vectors(name):
    spec = config.Network(name=name, width=4, depth=4, weights="spectral")
    critic = networks.critic(spec, (8, 8, 1))
    params = jax.jit(critic.init)(jax.random.key(0))
    x = jax.random.normal(jax.random.key(1), (32, 8, 8, 1))  # enough that no layer is dead
    scaled = params | {
        "weights": jax.tree_util.tree_map_with_path(
            lambda path, leaf: 7 * leaf if path[-1].key == "kernel" else leaf, params["weights"]
        )
    }
    apply = jax.jit(critic.apply)
    np.testing.assert_allclose(apply(params, x), apply(scaled, x), rtol=1e-4)
    gradients = jax.jit(jax.grad(lambda p: jnp.sum(critic.apply(p, x))))(params)
    assert all(not np.any(leaf) for leaf in jax.tree.leaves(gradients["directions"]))
    assert all(np.any(leaf) for leaf in jax.tree.leaves(gradients["weights"]) if leaf.ndim > 1)
    moved = critic.project(params)
    same = jax.tree.map(np.array_equal, moved, params)
    assert all(jax.tree.leaves(same["weights"])) and not all(jax.tree.leaves(same["directions"]))


def test_a_spectral_mlp_has_slopes_of_at_most_one():
    spec = config.Network(name="mlp", width=16, depth=3, weights="spectral")
    critic = networks.critic(spec, (8, 8, 1))
    params = jax.jit(critic.init)(jax.random.key(0))
    params = jax.lax.fori_loop(0, 200, lambda _, p: critic.project(p), params)
    x = jax.random.normal(jax.random.key(1), (16, 8, 8, 1))
    gradients = jax.vmap(jax.grad(lambda x: critic.apply(params, x[None])[0]))(x)
    slopes = np.linalg.norm(gradients.reshape(16, -1), axis=1)
    assert 0 < slopes.max() <= 1 + 1e-5
