"""Generators and critics by name: the only room that knows flax.

The rest of the code sees two functions per player, `init(key) -> params` and
`apply(params, x) -> y`, and plain trees of arrays. A new architecture is one module that defines a
flax module for each player, and one line in the tables below.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gan import config
from gan.errors import UserError
from gan.networks import dcgan, mlp
from gan.networks.classifier import Classifier


class Network(NamedTuple):
    """One player as pure functions: `init(key) -> params`, `apply(params, x) -> y`."""

    init: Callable[[jax.Array], Any]
    apply: Callable[[Any, jax.Array], jax.Array]


GENERATORS = {"mlp": mlp.Generator, "dcgan": dcgan.Generator}
CRITICS = {"mlp": mlp.Critic, "dcgan": dcgan.Critic}


def generator(spec: config.Network, latent_dim: int, shape: tuple[int, ...]) -> Network:
    """Generator from latents [b, latent_dim] to examples [b, *shape]; images lie in [-1, 1].

    Raises:
        UserError: for an unknown name, or a shape the architecture cannot make.
    """
    return _pure(_build(GENERATORS, "generator.name", spec, shape), (latent_dim,))


def critic(spec: config.Network, shape: tuple[int, ...]) -> Network:
    """Critic from examples [b, *shape] to scores [b], without a bound on their range.

    Raises:
        UserError: for an unknown name, or a shape the architecture cannot read.
    """
    return _pure(_build(CRITICS, "critic.name", spec, shape), shape)


def classifier(shape: tuple[int, ...], classes: int) -> Network:
    """Classifier from examples [b, *shape] to (features [b, k], logits [b, classes])."""
    return _pure(Classifier(classes), shape)


def parameter_count(params: Any) -> int:
    """Number of scalars in a tree of parameters."""
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def _build(table: dict, field: str, spec: config.Network, shape: tuple[int, ...]):
    if spec.name not in table:
        raise UserError(config.unknown(field, spec.name, table))
    return table[spec.name](spec, shape)


def _pure(module, input_shape: tuple[int, ...]) -> Network:
    def init(key):
        return module.init(key, jnp.zeros((1, *input_shape)))["params"]

    def apply(params, x):
        return module.apply({"params": params}, x)

    return Network(init, apply)
