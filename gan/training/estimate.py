"""What a run would take, from its shapes alone, so that an impossible one is refused in words.

Nothing is compiled or allocated: the players are traced on abstract arrays. Memory is a lower
bound, but for a constant: the state, one gradient, what it keeps of the products of a part of the
batch, the examples of a round, and the distances of an evaluation. So nothing that fits is refused;
what is let through may still not fit, by a small factor. Time is a lower bound too: the products of
a round at a speed that no machine reaches.
"""

import math
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from gan import networks, rules
from gan.config import Config
from gan.errors import UserError
from gan.networks.hidden import KEPT
from gan.training.mesh import make_mesh
from gan.training.state import shapes
from gan.transport import memory

PROGRAMS = 64 * 2**20
"""Bytes that compiling and its programs take at least; a run of the smallest preset grew by 112 MiB
on one machine and by more on others."""

CORE_SPEED = 5e11
"""Operations per second above any core of a CPU."""

ACCELERATOR_SPEED = 1e16
"""Operations per second above any accelerator."""

LONGEST = 10 * 365 * 86400
"""Seconds of a run that is refused: ten years."""


class Estimate(NamedTuple):
    """Lower bounds.

    Attributes:
        state: bytes of parameters, averages and moments, of all members.
        round: bytes that a round needs beside it, of all members.
        evaluation: bytes that an evaluation needs beside the state.
        operations: floating-point operations of the whole run.
    """

    state: int
    round: int
    evaluation: int
    operations: float


class _Work(NamedTuple):
    """Of one pass over a batch: bytes that its derivative keeps, and the products' operations."""

    kept: int
    operations: float


def estimate(config: Config, dataset, members: int = 1) -> Estimate:
    """Lower bounds of what a run, or a population of runs, takes.

    Args:
        config: of the run; of any member.
        dataset: what gan.data.load returns; its shape, classes and sizes count.
        members: trained at the same time.

    Raises:
        UserError: as gan.networks.players.
    """
    generator, critic = networks.players(config, dataset.shape, dataset.class_names)
    state = shapes(config, generator, critic)
    batch, example = config.batch_size, 4 * math.prod(dataset.shape)
    made = _work(generator, state.generator, (batch, config.latent_dim), config)
    judged = _work(critic, state.critic, (batch, *dataset.shape), config)
    players = _bytes(state.generator), _bytes(state.critic)
    kept = max(2 * judged.kept, made.kept + judged.kept) // config.accumulation
    examples = 2 * config.n_critic * batch * example + 4 * batch * config.latent_dim
    return Estimate(
        state=members * _bytes(state),
        round=members * (max(players) + kept + examples),
        evaluation=_evaluation(config, dataset),
        operations=float(members)
        * config.steps
        * (config.n_critic * (6 * judged.operations + made.operations) + 3 * made.operations),
    )


def check(config: Config, dataset, devices: int = 0, split: bool = False) -> None:
    """Refuses a run that could not be trained, before anything is compiled or created.

    Args:
        config: of the run.
        dataset: what gan.data.load returns.
        devices: how many to train on; 0 for all.
        split: whether each device keeps a part of the state.

    Raises:
        UserError: for unknown names, a shape that a network cannot handle, conditional networks of
            data without labels, too few devices; and as `require`.
    """
    rules.check(config)
    mesh = make_mesh(devices, config.batch_size, config.accumulation)
    require(config, dataset, mesh.size, split=split)


def require(
    config: Config, dataset, devices: int = 1, members: int = 1, split: bool = False
) -> None:
    """Refuses a run that does not fit into memory or would take more than ten years.

    Args:
        config, dataset, members: as for `estimate`.
        devices: that the batches are split over, and the state if `split`.

    Raises:
        UserError: names what is too large, the estimate and what there is.
    """
    found = estimate(config, dataset, members)
    sizes = (
        f"with batch_size {config.batch_size}, latent_dim {config.latent_dim}, "
        f"generator.width {config.generator.width} and depth {config.generator.depth}, "
        f"critic.width {config.critic.width} and depth {config.critic.depth}"
        + (f", {members} members" if members > 1 else "")
    )
    on_cpu = jax.default_backend() == "cpu"
    free = memory.available() if on_cpu else _device_memory()
    one_round = found.round if on_cpu else found.round // devices
    state = found.state // devices if split and not on_cpu else found.state
    largest = max(
        ("the state", state, sizes),
        ("a round", state + one_round, sizes),
        (
            "an evaluation",
            state + found.evaluation,
            f"with evaluation_size {config.evaluation_size} and evaluation_repeats "
            f"{config.evaluation_repeats}",
        ),
        key=lambda part: part[1],
    )
    name, needed, why = largest
    needed += PROGRAMS
    if free is not None and needed > free:
        raise UserError(
            f"{name} of this run needs at least {gibibytes(needed)}, {gibibytes(free)} are "
            f"available: {why}"
        )
    cores = os.cpu_count() or 1
    speed = CORE_SPEED * cores if on_cpu else ACCELERATOR_SPEED * devices
    seconds = found.operations / speed
    if seconds > LONGEST:
        raise UserError(
            f"{config.steps:,} steps would take over {seconds / (365 * 86400):,.0f} years on any "
            f"machine of this size: {sizes}"
        )


def gibibytes(count: int) -> str:
    """Bytes as an error shows them."""
    return f"{count / 2**30:,.1f} GiB"


def _device_memory() -> int | None:
    statistics = jax.local_devices()[0].memory_stats() or {}
    if "bytes_limit" not in statistics:
        return None
    return statistics["bytes_limit"] - statistics.get("bytes_in_use", 0)


def _evaluation(config: Config, dataset) -> int:
    """Bytes of the sets and of the matrices of distances that gan.referee holds at once."""
    trained_on = dataset.size("train")
    n = min(config.evaluation_size, dataset.size("test"), trained_on // 2)
    repeats = max(2, config.evaluation_repeats)
    others = min(repeats, trained_on // max(1, n))
    sets = (1 + repeats + others) * n * 8 * math.prod(dataset.shape)
    return sets + (2 * repeats - 1 + others) * n * n * 8


def _work(player: networks.Network, params: Any, shape: tuple[int, ...], config) -> _Work:
    """Of one pass of a player over inputs of that shape."""
    given = [jax.ShapeDtypeStruct(shape, np.float32)]
    if config.conditional:
        given.append(jax.ShapeDtypeStruct(shape[:1], np.int32))
    traced = jax.make_jaxpr(player.apply)(params, *given)
    width = 2 if config.precision == "bfloat16" else 4
    every = list(_equations(traced.jaxpr))
    products = [e for e in every if e.primitive.name in ("dot_general", "conv_general_dilated")]
    marked = [e for e in every if e.primitive.name == "name" and e.params["name"] == KEPT]
    return _Work(
        width * sum(_size(equation) for equation in (marked if config.remat else products)),
        sum(2.0 * _size(equation) * _terms(equation) for equation in products),
    )


def _size(equation) -> int:
    return equation.outvars[0].aval.size


def _equations(jaxpr) -> Iterator[Any]:
    """Every equation of a program, those of loops once."""
    for equation in jaxpr.eqns:
        yield equation
        for inner in jax.tree.leaves(
            list(equation.params.values()), is_leaf=lambda value: hasattr(value, "eqns")
        ):
            inner = getattr(inner, "jaxpr", inner)
            if hasattr(inner, "eqns"):
                yield from _equations(inner)


def _terms(equation) -> int:
    """Products that each entry of an output sums."""
    left, right = (variable.aval for variable in equation.invars[:2])
    if equation.primitive.name == "dot_general":
        (contracted, _), _ = equation.params["dimension_numbers"]
        return math.prod(left.shape[axis] for axis in contracted)
    outgoing = equation.params["dimension_numbers"].rhs_spec[0]
    return right.size // max(1, right.shape[outgoing])


def _bytes(tree: Any) -> int:
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))
