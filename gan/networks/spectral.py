"""Spectral normalisation (Miyato et al. 2018): kernels divided by their largest singular value.

A kernel [..., inputs, outputs] counts as the matrix of its last axis against all others; for a
convolution that is the authors' convention, and not the norm of the operator on images. A leading
axis beyond [inputs, outputs] or [k, k, inputs, outputs] is the depth of a stack: one matrix each.

The singular value is u' W v with v = W' u / |W' u| and one vector u per matrix, which is kept among
the parameters, receives no gradient, and moves by one power iteration after every step of the
player. The parameters are {"weights": the network's own, "directions": the vectors u}.
"""

from typing import Any

import jax
import jax.numpy as jnp

from gan.precise import in_full

FIRST_ITERATIONS = 20


def initial(weights: dict, key: jax.Array) -> dict:
    """Parameters with vectors drawn from `key` and then iterated until they mean something."""
    params = {"weights": weights, "directions": _drawn(weights, key)}
    return jax.lax.fori_loop(0, FIRST_ITERATIONS, lambda _, params: advanced(params), params)


def normalized(params: dict) -> dict:
    """The network's own parameters with every kernel divided; differentiable in the kernels."""
    return _scaled(params["weights"], params["directions"])


def advanced(params: dict) -> dict:
    """The same weights, with each vector one power iteration further."""
    moved = jax.tree.map(
        lambda u, kernel: _iterate(_matrix(kernel), u)[0],
        params["directions"],
        _kernels(params["weights"]),
    )
    return {"weights": params["weights"], "directions": moved}


@in_full
def _scaled(weights: Any, directions: Any) -> Any:
    if isinstance(weights, dict):
        return {
            name: _scaled(value, directions[name]) if name in directions else value
            for name, value in weights.items()
        }
    matrix = _matrix(weights)
    u, v = jax.lax.stop_gradient(_iterate(matrix, directions))
    largest = jnp.einsum("...i,...io,...o->...", v, matrix, u)
    return weights / largest.reshape(largest.shape + (1,) * (weights.ndim - largest.ndim))


@in_full
def _iterate(matrix, u):
    """(u, v) after one power iteration from u; matrix [..., i, o], u [..., o], v [..., i]."""
    v = _unit(jnp.einsum("...io,...o->...i", matrix, u))
    return _unit(jnp.einsum("...io,...i->...o", matrix, v)), v


def _unit(x):
    return x / jnp.linalg.norm(x, axis=-1, keepdims=True)


def _matrix(kernel):
    """[k, k, i, o] -> [k * k * i, o], [i, o] as it is; a leading depth axis stays."""
    depth = kernel.shape[: kernel.ndim % 2]
    return kernel.reshape(*depth, -1, kernel.shape[-1])


def _kernels(weights: dict) -> dict:
    """The tree of kernels alone."""
    found: dict = {}
    for name, value in weights.items():
        if isinstance(value, dict):
            inner = _kernels(value)
            found |= {name: inner} if inner else {}
        elif name == "kernel":
            found[name] = value
    return found


def _drawn(weights: dict, key: jax.Array) -> dict:
    kernels, structure = jax.tree.flatten(_kernels(weights))
    keys = jax.random.split(key, len(kernels))
    drawn = [
        jax.random.normal(k, (*kernel.shape[: kernel.ndim % 2], kernel.shape[-1]), kernel.dtype)
        for k, kernel in zip(keys, kernels, strict=True)
    ]
    return jax.tree.unflatten(structure, drawn)
