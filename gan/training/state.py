"""The training state: arrays only, one tree.

It can be vmapped, donated, sharded, checkpointed and hashed. Nothing else is needed to continue a
run: a batch is a pure function of (key, step).
"""

import functools
import inspect
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan.config import Config
from gan.networks import Network
from gan.registries import OPTIMIZERS


class State(NamedTuple):
    """Everything that training changes, after `step` rounds."""

    step: jax.Array  # int32 scalar
    key: jax.Array  # uint32, the data of a PRNG key; constant
    generator: Any
    average: Any  # moving average of `generator`, the one that is evaluated
    critic: Any
    generator_optimizer: Any
    critic_optimizer: Any
    probability: Any = ()  # of augmentations, float32 scalar, where it adapts; else nothing


class Hyperparameters(NamedTuple):
    """The floats of a run, as scalars that enter the jitted round: runs that differ only here share
    one compilation, and can be vmapped."""

    generator_learning_rate: Any
    critic_learning_rate: Any
    beta1: Any
    beta2: Any
    weight_decay: Any
    penalty_weight: Any
    penalty_target: Any
    penalty2_weight: Any
    penalty2_target: Any
    weight_clip: Any
    instance_noise: Any
    augmentation_probability: Any
    augmentation_target: Any
    augmentation_examples: Any
    ema_decay: Any

    @classmethod
    def of(cls, config: Config) -> "Hyperparameters":
        """The hyper-parameters of a config, as float32 scalars."""
        return cls(*(jnp.float32(getattr(config, name)) for name in cls._fields))


def adaptive(config: Config) -> bool:
    """Whether the probability of augmentations adapts, and is part of the state."""
    return config.augmentation_target > 0


@functools.partial(jax.jit, static_argnums=(0, 1, 3, 4))
def initial_state(
    generator: Network, critic: Network, seed, optimizer: str = "adam", adaptive: bool = False
) -> State:
    """State before the first round; `seed` is an integer below 2**32, `optimizer` a name,
    `adaptive` whether the probability of augmentations adapts.

    One program, which start-ups find in the compilation cache whatever the seed; operation by
    operation the same bits take seconds.
    """
    key = jax.random.key(seed)
    generator_key, critic_key, run_key = jax.random.split(key, 3)
    generator_params = generator.init(generator_key)
    critic_params = critic.init(critic_key)
    moments = OPTIMIZERS.get(optimizer).start
    return State(
        step=jnp.int32(0),
        key=jax.random.key_data(run_key),
        generator=generator_params,
        average=jax.tree.map(jnp.copy, generator_params),
        critic=critic_params,
        generator_optimizer=moments(generator_params),
        critic_optimizer=moments(critic_params),
        probability=jnp.float32(0) if adaptive else (),
    )


def start(config: Config, generator: Network, critic: Network) -> State:
    """State of a run before its first round."""
    seed = np.uint32(config.seed)
    return initial_state(generator, critic, seed, config.optimizer, adaptive(config))


def shapes(config: Config, generator: Network, critic: Network) -> State:
    """Shapes and types of the state of a run, without computing it."""
    make = inspect.unwrap(initial_state)
    fixed = np.uint32(0), config.optimizer, adaptive(config)
    return jax.eval_shape(lambda: make(generator, critic, *fixed))
