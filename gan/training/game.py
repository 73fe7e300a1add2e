"""Everything that a config and a data set determine before the first round."""

from typing import NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh

from gan import networks
from gan.config import Config
from gan.errors import UserError
from gan.training.adversarial import Layout, make_round
from gan.training.feed import Feed, make_feed
from gan.training.loop import make_chunk
from gan.training.mesh import make_mesh, mean_over, replicated, split_batch
from gan.training.state import Hyperparameters, State, initial_state


class Game(NamedTuple):
    """The two players, their first state, and the compiled-on-call chunk that trains them."""

    generator: networks.Network
    critic: networks.Network
    mesh: Mesh
    state: State
    hyper: Hyperparameters
    feed: Feed
    chunk: jax.stages.Wrapped


def make_game(config: Config, dataset, devices: int = 0) -> Game:
    """Build the game of a config on `devices` devices (0: all), state at step 0.

    Raises:
        UserError: for unknown names, a shape a network cannot handle, augmentations of points,
            conditional networks of data without labels, or too few devices.
    """
    if config.augmentations and len(dataset.shape) != 3:
        raise UserError(f"augmentations are for images; {dataset.name} has points")
    mesh = make_mesh(devices, config.batch_size)
    everywhere = replicated(mesh)
    generator, critic = networks.players(config, dataset.shape, dataset.class_names)
    state = initial_state(generator, critic, np.uint32(config.seed), config.optimizer)
    state = jax.device_put(state, everywhere)
    feed = make_feed(dataset, config, state.key, everywhere)
    labels = feed.labels if config.conditional else None
    layout = Layout(split_batch(mesh))
    if _apart(config, mesh):
        layout = layout._replace(mean=mean_over(mesh))
    play_round = make_round(config, generator, critic, feed.batch, labels, layout)
    return Game(
        generator,
        critic,
        mesh,
        state,
        Hyperparameters.of(config),
        feed,
        make_chunk(play_round, everywhere),
    )


def _apart(config: Config, mesh: Mesh) -> bool:
    """Whether devices evaluate gradients apart: on a CPU, where threads would wait for each other
    too often, unless a player couples the examples of a batch. Otherwise the compiler decides."""
    coupled = "batch" in (config.generator.normalization, config.critic.normalization)
    return mesh.size > 1 and mesh.devices.flat[0].platform == "cpu" and not coupled
