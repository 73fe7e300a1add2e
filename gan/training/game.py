"""Everything that a config and a data set determine before the first round."""

from typing import NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh

from gan import networks
from gan.config import Config
from gan.networks import platforms
from gan.training.adversarial import Layout, make_round
from gan.training.feed import Feed, make_feed
from gan.training.loop import make_chunk
from gan.training.mesh import (
    make_mesh,
    mean_over,
    platform_of,
    replicated,
    split_batch,
    split_state,
)
from gan.training.state import Hyperparameters, State, shapes, start


class Game(NamedTuple):
    """The two players, their first state, and the compiled-on-call chunk that trains them."""

    generator: networks.Network
    critic: networks.Network
    mesh: Mesh
    state: State
    hyper: Hyperparameters
    feed: Feed
    chunk: jax.stages.Wrapped


class Program(NamedTuple):
    """A chunk and the shapes, types and places of what it is called with: `chunk.lower(*given)`."""

    chunk: jax.stages.Wrapped
    given: tuple


def make_game(config: Config, dataset, devices: int = 0, split: bool = False) -> Game:
    """Build the game of a config, with its state at step 0.

    Args:
        config: of the run.
        dataset: what gan.data.load returns.
        devices: how many to train on; 0 for all.
        split: whether each device keeps a part of the state, or all of it.

    Raises:
        UserError: as gan.networks.players, or for too few devices.
    """
    mesh = make_mesh(devices, config.batch_size, config.accumulation)
    everywhere = replicated(mesh)
    generator, critic = networks.players(config, dataset.shape, dataset.class_names)
    state = start(config, generator, critic)
    places = _places(mesh, state, split)
    state = jax.device_put(state, places)
    feed = make_feed(dataset, config, state.key, everywhere)
    return Game(
        generator,
        critic,
        mesh,
        state,
        Hyperparameters.of(config),
        feed,
        _chunk(config, generator, critic, feed, mesh, places),
    )


def make_program(config: Config, dataset, mesh: Mesh, split: bool = False) -> Program:
    """The program that trains a config on the devices of a mesh, which need not be at hand: those
    of jax.experimental.topologies will do. `split` and errors as of `make_game`."""
    generator, critic = networks.players(config, dataset.shape, dataset.class_names)
    state = shapes(config, generator, critic)
    feed = make_feed(dataset, config, None)
    given = (state, Hyperparameters.of(config), feed.shapes, np.int32(config.steps))
    places = _places(mesh, state, split)
    everywhere = jax.tree.map(lambda x: replicated(mesh), given[1:])
    given = jax.tree.map(
        lambda x, place: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=place),
        given,
        (places, *everywhere),
    )
    return Program(_chunk(config, generator, critic, feed, mesh, places), given)


def _places(mesh: Mesh, state: State, split: bool) -> State:
    """Where each array of a state lies."""
    if split:
        return split_state(mesh, state)
    return jax.tree.map(lambda x: replicated(mesh), state)


def _chunk(config: Config, generator, critic, feed: Feed, mesh: Mesh, places) -> jax.stages.Wrapped:
    labels = feed.labels if config.conditional else None
    layout, everywhere = _layout(config, mesh), replicated(mesh)
    if not all(place.is_fully_replicated for place in jax.tree.leaves(places)):
        layout = layout._replace(gather=lambda x: jax.lax.with_sharding_constraint(x, everywhere))
    play_round = make_round(config, generator, critic, feed.batch, labels, layout)
    play_round = platforms.always_for(platform_of(mesh), play_round)
    return make_chunk(play_round, (places, everywhere))


def _layout(config: Config, mesh: Mesh) -> Layout:
    """Batches split over the mesh. Devices evaluate the gradients of a step apart, unless a player
    in it couples the examples of a batch: the threads of a CPU would wait for each other too often,
    and GPUs would exchange every part of a gradient by itself. A TPU's compiler does as well alone.
    """
    layout = Layout(split_batch(mesh))
    if mesh.size == 1 or platform_of(mesh) == "tpu" or config.critic.normalization == "batch":
        return layout
    layout = layout._replace(critic_mean=mean_over(mesh))
    if config.generator.normalization == "batch":
        return layout
    return layout._replace(generator_mean=mean_over(mesh))
