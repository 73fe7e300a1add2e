"""A small training state that is a function of its step, and the checks that go with it."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan import runs


class Moments(NamedTuple):
    count: Any
    mean: Any


def state(step: int) -> dict[str, Any]:
    """Every kind of leaf and container that a training state may have."""
    values = np.random.default_rng(step).normal(size=(9, 7)).astype(np.float32)
    return {
        "generator": {"dense": {"kernel": jnp.asarray(values), "bias": jnp.zeros(300)}},
        "optimizer": (Moments(jnp.int32(step), jnp.asarray(values[0])), ()),
        "half": jnp.full((5,), step, jnp.bfloat16),
        "key": jax.random.key(step),
        "members": jax.random.split(jax.random.key(step + 1), 3),
        "empty": jnp.zeros((0, 4)),
        "flag": jnp.array(step % 2 == 0),
        "double": np.array([step], np.float64),
    }


def assert_is(step: int, restored: Any) -> None:
    """The restored state has the structure and every bit of `state(step)`."""
    expected = state(step)
    assert jax.tree.structure(restored) == jax.tree.structure(expected)
    described = [(x.dtype, x.shape) for x in jax.tree.leaves(restored)]
    assert described == [(x.dtype, x.shape) for x in jax.tree.leaves(expected)]
    assert runs.tree_hash(restored) == runs.tree_hash(expected)
