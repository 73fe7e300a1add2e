import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan import config
from gan.networks import dense, mlp

SIZES = (3, 5, 1)
"""Inputs and outputs of two layers."""


def stack(layer, h):
    for size in SIZES[1:]:
        h = jnp.tanh(layer(size)(h))
    return h


class Ours(nn.Module):
    @nn.compact
    def __call__(self, x):
        return dense.turn(stack(dense.Dense, dense.turn(x)))


class Flax(nn.Module):
    @nn.compact
    def __call__(self, x):
        return stack(nn.Dense, x)


@functools.partial(jax.jit, static_argnums=0)
def derivatives(module, params, x):
    """Values, gradients, those of the squared slopes, and those of their squares again."""

    def slopes(params, x):
        gradient = jax.grad(lambda x: module.apply(params, x).sum())(x)
        return (gradient**2).sum()

    def again(params, x):
        gradients = jax.grad(slopes, (0, 1))(params, x)
        return sum((leaf**2).sum() for leaf in jax.tree.leaves(gradients))

    value = module.apply(params, x)
    first = jax.grad(lambda *given: (module.apply(*given) ** 2).sum(), (0, 1))(params, x)
    return (value, first, *(jax.grad(f, (0, 1))(params, x) for f in (slopes, again)))


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-5)])
def test_layers_are_those_of_flax_to_third_order(dtype, tolerance):
    with jax.enable_x64(dtype == np.float64):
        x = np.random.default_rng(0).normal(size=(4, SIZES[0])).astype(dtype)
        params = jax.jit(Flax().init)(jax.random.key(0), x)
        ours = jax.jit(Ours().init)(jax.random.key(0), x)
        jax.tree.map(np.testing.assert_array_equal, ours, params)  # old checkpoints are read
        params = jax.tree.map(lambda leaf: jnp.asarray(leaf + 0.1, dtype), params)
        found = derivatives(Ours(), params, x)
        wanted = derivatives(Flax(), params, x)
        scale = jax.tree.map(lambda leaf: np.abs(leaf).max(), wanted)
        jax.tree.map(
            lambda a, b, s: np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * s),
            found,
            wanted,
            scale,
        )


def test_members_of_a_population_are_apart():
    x = np.random.default_rng(0).normal(size=(4, SIZES[0])).astype(np.float32)
    init = jax.jit(Flax().init)
    params = [init(jax.random.key(seed), x) for seed in range(2)]
    together = jax.tree.map(lambda *leaves: np.stack(leaves), *params)
    found = jax.vmap(lambda params: derivatives(Ours(), params, x))(together)
    for member, own in enumerate(params):
        jax.tree.map(
            lambda a, b, member=member: np.testing.assert_allclose(a[member], b, 1e-4, 1e-6),
            found,
            derivatives(Ours(), own, x),
        )


def test_half_precision_stays_half_and_mixed_inputs_are_promoted():
    x = jnp.ones((4, SIZES[0]), jnp.bfloat16)
    params = Ours().init(jax.random.key(0), x)
    half = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), params)
    assert Ours().apply(half, x).dtype == jnp.bfloat16
    assert Ours().apply(params, x).dtype == jnp.float32
    gradients = jax.grad(lambda params, x: Ours().apply(params, x).sum(), (0, 1))(params, x)
    assert {leaf.dtype for leaf in jax.tree.leaves(gradients[0])} == {jnp.dtype(jnp.float32)}
    assert gradients[1].dtype == jnp.bfloat16


def test_a_cpu_is_given_no_product_of_the_slow_form():
    """None whose first factor is summed over its first axis, in a penalty's second derivative."""
    spec = config.Network(name="mlp", width=64, depth=3)
    critic, x = mlp.Critic(spec, (2,)), jnp.ones((32, 2))
    params = jax.jit(critic.init)(jax.random.key(0), x)

    def slow(module, params):
        def penalty(params, x):
            gradient = jax.grad(lambda x: module.apply(params, x).sum())(x)
            return ((jnp.linalg.norm(gradient, axis=1) - 1) ** 2).mean()

        text = jax.jit(jax.grad(penalty)).lower(params, x).compile().as_text()
        assert "contracting_dims" in text
        return text.count("lhs_contracting_dims={0}")

    assert slow(critic, params) == 0
    examples_first = nn.Sequential([nn.Dense(64), jnp.tanh, nn.Dense(64), jnp.tanh, nn.Dense(1)])
    assert slow(examples_first, jax.jit(examples_first.init)(jax.random.key(0), x)) > 0
