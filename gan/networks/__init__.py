"""Generators and critics by name: the only room that knows flax.

The rest of the code sees three functions per player, `init(key) -> params`,
`apply(params, x) -> y` and `project(params) -> params`, and plain trees of arrays. A new
architecture is one module that defines a flax module for each player, and one line in the tables
below.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gan import config
from gan.errors import UserError
from gan.networks import cones, dcgan, groupsort, mlp, spectral
from gan.networks.classifier import Classifier


def unchanged(params: Any) -> Any:
    """The projection of a network whose parameters may be anything."""
    return params


class Network(NamedTuple):
    """One player as pure functions: `init(key) -> params`, `apply(params, x) -> y`, and
    `project(params) -> params`, which training calls after every step of that player."""

    init: Callable[[jax.Array], Any]
    apply: Callable[[Any, jax.Array], jax.Array]
    project: Callable[[Any], Any] = unchanged


GENERATORS = {"mlp": mlp.Generator, "dcgan": dcgan.Generator}
CRITICS = {
    "mlp": mlp.Critic,
    "dcgan": dcgan.Critic,
    "groupsort": groupsort.Critic,
    "cones": cones.Critic,
}


def generator(spec: config.Network, latent_dim: int, shape: tuple[int, ...]) -> Network:
    """Generator from latents [b, latent_dim] to examples [b, *shape]; images lie in [-1, 1].

    Raises:
        UserError: for an unknown name, or a shape the architecture cannot make.
    """
    network = _pure(_build(GENERATORS, "generator.name", spec, shape), (latent_dim,))
    return _with_weights(network, spec)


def critic(spec: config.Network, shape: tuple[int, ...]) -> Network:
    """Critic from examples [b, *shape] to scores [b], without a bound on their range.

    Raises:
        UserError: for an unknown name, or a shape the architecture cannot read.
    """
    return _with_weights(_pure(_build(CRITICS, "critic.name", spec, shape), shape), spec)


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


def _with_weights(network: Network, spec: config.Network) -> Network:
    if spec.weights == "free":
        return network

    def init(key):
        return spectral.initial(network.init(key), jax.random.fold_in(key, 1))

    def apply(params, x):
        return network.apply(spectral.normalized(params), x)

    return Network(init, apply, spectral.advanced)
