"""Several games as one jitted training: seeds and float hyper-parameters on a leading axis.

A member is a whole run: its own parameters, key, optimiser states, step and hyper-parameters. The
members share one compilation, nothing else, so each takes the batches of its own seed, one that
diverges stops alone, and any of them can be continued by itself or in another company.

Vectorised (`jax.vmap`), every operation carries all members, which is what an accelerator wants; a
member then equals its solo run up to rounding. In turn (`jax.lax.map`), the program trains one
member after the other and a member has the bits of its solo run; on a CPU that is no slower, since
one member's matrix products already fill a core. With several devices each holds its share of
the members and never talks to the others.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from gan import config as configs
from gan import networks
from gan.config import Config
from gan.errors import UserError
from gan.networks import platforms
from gan.training.adversarial import make_round
from gan.training.feed import Feed, make_feed
from gan.training.game import Program
from gan.training.loop import make_play
from gan.training.mesh import platform_of
from gan.training.state import Hyperparameters, State, shapes, start

AXIS = "member"
SWITCHES = ("instance_noise", "weight_clip", "augmentation_target")
"""Hyper-parameters whose zero leaves a part out of the round."""


class Population(NamedTuple):
    """k games in one: every leaf of `state` and `hyper` has a leading axis of k members."""

    configs: tuple[Config, ...]
    generator: networks.Network
    critic: networks.Network
    mesh: Mesh
    state: State
    hyper: Hyperparameters
    feed: Feed
    chunk: jax.stages.Wrapped


def shape_of(config: Config) -> Config:
    """The config without what may differ inside a population: seed and float hyper-parameters.

    Of those in SWITCHES it keeps whether they are zero.
    """
    plain = Config()
    free = {name: getattr(plain, name) for name in ("seed", *Hyperparameters._fields)}
    free |= {name: float(getattr(config, name) > 0) for name in SWITCHES}
    return configs.replace(config, free)


def make_population(
    members: Sequence[Config], dataset, devices: int = 0, vectorized: bool | None = None
) -> Population:
    """Build the games of several configs as one, states at step 0.

    Args:
        members: at least one; they differ in seed and in fields of `Hyperparameters` only.
        dataset: what gan.data.load returns, held on the device.
        devices: devices to split the members over; 0 for as many as divide them evenly.
        vectorized: all members in every operation, or one after the other; None for the first
            except on a CPU.

    Raises:
        UserError: for members that differ in anything else (the field is named), a streamed data
            set, or a number of devices that does not divide the members.
    """
    config = members[0]
    for number, other in enumerate(members):
        _refuse_difference(number, config, other)
    if dataset.streamed:
        raise UserError(f"a population keeps its data on the device; {dataset.name} is streamed")
    mesh = _make_mesh(len(members), devices)
    generator, critic = networks.players(config, dataset.shape, dataset.class_names)
    split = NamedSharding(mesh, PartitionSpec(AXIS))
    states = [start(member, generator, critic) for member in members]
    state = jax.device_put(stack(states), split)
    hyper = jax.device_put(stack([Hyperparameters.of(member) for member in members]), split)
    feed = make_feed(dataset, config, state.key, NamedSharding(mesh, PartitionSpec()))
    play_round = _round(config, generator, critic, feed, mesh)
    if vectorized is None:
        vectorized = platform_of(mesh) != "cpu"
    return Population(
        tuple(members),
        generator,
        critic,
        mesh,
        state,
        hyper,
        feed,
        _make_chunk(play_round, mesh, vectorized),
    )


def make_program(config: Config, members: int, dataset, mesh: Mesh) -> Program:
    """The program that trains so many members of a config on the devices of a mesh, which need not
    be at hand, vectorised. Errors as of `make_population`."""
    generator, critic = networks.players(config, dataset.shape, dataset.class_names)
    state = shapes(config, generator, critic)
    feed = make_feed(dataset, config, None)
    split, whole = (NamedSharding(mesh, PartitionSpec(*axes)) for axes in ((AXIS,), ()))

    def each(tree):
        return jax.tree.map(
            lambda x: jax.ShapeDtypeStruct((members, *np.shape(x)), x.dtype, sharding=split), tree
        )

    shared = jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=whole), feed.shapes
    )
    given = (each(state), each(Hyperparameters.of(config)), shared, each(np.int32(0)))
    return Program(_make_chunk(_round(config, generator, critic, feed, mesh), mesh, True), given)


def stack(trees: Sequence):
    """Several `trees` of one structure as one tree with a leading axis of members."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


def member(tree, index: int):
    """The tree of one member, on the host, from a stacked tree that is there already.

    Args:
        tree: of arrays [members, ...].
        index: of the member.
    """
    return jax.tree.map(lambda leaf: leaf[index], tree)


def _round(config: Config, generator, critic, feed: Feed, mesh: Mesh) -> Callable:
    labels = feed.labels if config.conditional else None
    play_round = make_round(config, generator, critic, feed.batch, labels)
    return platforms.always_for(platform_of(mesh), play_round)


def _make_mesh(members: int, devices: int) -> Mesh:
    available = jax.devices()
    count = devices or math.gcd(members, len(available))
    if not 1 <= count <= len(available):
        raise UserError(f"--devices {count}: must be 1 .. {len(available)}, or 0 for all")
    if members % count:
        raise UserError(f"{members} members cannot be split evenly over {count} devices")
    return jax.make_mesh((count,), (AXIS,), axis_types=(AxisType.Auto,), devices=available[:count])


def _refuse_difference(number: int, first: Config, other: Config) -> None:
    here, there = configs.flatten(shape_of(first)), configs.flatten(shape_of(other))
    for path in here:
        if here[path] != there[path]:
            ours, theirs = configs.flatten(first)[path], configs.flatten(other)[path]
            raise UserError(
                f"members of a population share {path}: {ours!r} in member 0, {theirs!r} in member "
                f"{number}; train these apart"
            )


def _make_chunk(play_round: Callable, mesh: Mesh, vectorized: bool) -> jax.stages.Wrapped:
    """Jitted chunk(state, hyper, data, stops [k]) -> (state, metrics [k]); the state is donated."""
    solo = make_play(play_round)

    def share(state, hyper, data, stops):
        if vectorized:
            return jax.vmap(solo, in_axes=(0, 0, None, 0))(state, hyper, data, stops)
        return jax.lax.map(lambda one: solo(one[0], one[1], data, one[2]), (state, hyper, stops))

    split, whole = PartitionSpec(AXIS), PartitionSpec()
    # The shares of the devices run independent loops; the check would ask for a common carry.
    shares = jax.shard_map(
        share,
        mesh=mesh,
        in_specs=(split, split, whole, split),
        out_specs=split,
        check_vma=False,
    )
    return jax.jit(shares, donate_argnums=0)
