"""Generators and critics by name: the only package that knows flax.

The rest of the code sees three functions per player, `init(key) -> params`,
`apply(params, x) -> y` and `project(params) -> params`, and plain trees of arrays. Players that are
class-conditional are `apply(params, x, labels) -> y` with labels int32 [b], or float32
[b, classes]: weights that sum to 1, for points between classes. A new architecture is one module
that assigns an `Architecture`; see gan.networks.architecture.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gan import config
from gan.errors import UserError
from gan.networks import spectral
from gan.networks.architecture import Architecture
from gan.networks.classifier import Classifier
from gan.registries import ARCHITECTURES

__all__ = [
    "Architecture",
    "Network",
    "classifier",
    "critic",
    "generator",
    "names",
    "parameter_count",
    "players",
]


def unchanged(params: Any) -> Any:
    """The projection of a network whose parameters may be anything."""
    return params


class Network(NamedTuple):
    """One player as pure functions: `init(key) -> params`, `apply(params, x) -> y` (with labels
    `apply(params, x, labels) -> y`), and `project(params) -> params`, which training calls after
    every step of that player."""

    init: Callable[[jax.Array], Any]
    apply: Callable[..., jax.Array]
    project: Callable[[Any], Any] = unchanged


def players(
    choice: config.Config, shape: tuple[int, ...], class_names: Sequence[str]
) -> tuple[Network, Network]:
    """The generator and the critic of a config, for data of that shape and those classes.

    Args:
        choice: the config.
        shape: of one example.
        class_names: of the data; they count if the config is conditional.

    Raises:
        UserError: as `generator` and `critic`, for conditional players of data without labels, and
            for augmentations of points.
    """
    if choice.augmentations and len(shape) != 3:
        raise UserError(f"augmentations are for images; {choice.data.name} has points")
    classes = len(class_names) if choice.conditional else 0
    if classes == 1:
        raise UserError(f"conditional needs labelled data; all of {choice.data.name} is one class")
    return (
        generator(choice.generator, choice.latent_dim, shape, classes),
        critic(choice.critic, shape, classes),
    )


def generator(
    spec: config.Network, latent_dim: int, shape: tuple[int, ...], classes: int = 0
) -> Network:
    """Generator from latents [b, latent_dim] to examples [b, *shape]; images lie in [-1, 1].

    Args:
        spec: the architecture.
        latent_dim: length of a latent.
        shape: of one example.
        classes: number of classes of a conditional generator; 0 for one without labels.

    Raises:
        UserError: for an unknown name, a shape the architecture cannot make, or labels that it
            does not take or cannot do without.
    """
    module, condition = _build("generator", spec, shape, classes)
    return _with_weights(_pure(module, (latent_dim,), condition), spec)


def critic(spec: config.Network, shape: tuple[int, ...], classes: int = 0) -> Network:
    """Critic from examples [b, *shape] to scores [b], without a bound on their range.

    Args:
        spec: the architecture.
        shape: of one example.
        classes: number of classes of a conditional critic; 0 for one without labels.

    Raises:
        UserError: as `generator`.
    """
    module, condition = _build("critic", spec, shape, classes)
    return _with_weights(_pure(module, shape, condition), spec)


def classifier(shape: tuple[int, ...], classes: int) -> Network:
    """Classifier from examples [b, *shape] to (features [b, k], logits [b, classes]).

    Args:
        shape: of one example.
        classes: how many there are.
    """
    return _pure(Classifier(classes), shape)


def parameter_count(params: Any) -> int:
    """Number of scalars in a tree of parameters, `params`."""
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def names(*players: str) -> list[str]:
    """The architectures of this library that have one of these players: "generator", "critic",
    "conditional_generator" or "conditional_critic"."""
    return [
        name
        for name, entry in ARCHITECTURES.items()
        if any(getattr(entry, player) is not None for player in players)
    ]


def _build(role: str, spec: config.Network, shape: tuple[int, ...], classes: int):
    """(flax module, what it is given beside its input): nothing, or a label."""
    entry = ARCHITECTURES.get(spec.name)
    entry.check_spec(spec)
    wanted, other = (f"conditional_{role}", role) if classes else (role, f"conditional_{role}")
    player = getattr(entry, wanted)
    if player is not None:
        if not classes:
            return player(spec, shape), ()
        return player(spec, shape, classes), (jnp.zeros(1, jnp.int32),)
    if getattr(entry, other) is None:
        fault = f"has no {role}; those that have one"
    else:
        fault = "takes no labels; conditional networks" if classes else "needs labels; without them"
    raise UserError(f"{role}.name {spec.name} {fault}: {', '.join(sorted(names(wanted)))}")


def _pure(module, input_shape: tuple[int, ...], condition: tuple = ()) -> Network:
    def init(key):
        return module.init(key, jnp.zeros((1, *input_shape)), *condition)["params"]

    def apply(params, x, *condition):
        return module.apply({"params": params}, x, *condition)

    return Network(init, apply)


def _with_weights(network: Network, spec: config.Network) -> Network:
    if spec.weights == "free":
        return network

    def init(key):
        weights_key, directions_key = jax.random.split(key)
        return spectral.initial(network.init(weights_key), directions_key)

    def apply(params, x, *condition):
        return network.apply(spectral.normalized(params), x, *condition)

    return Network(init, apply, spectral.advanced)
