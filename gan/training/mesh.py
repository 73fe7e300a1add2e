"""Data parallelism: one mesh over every device, batches split, everything else replicated, or the
state split too.

The same round runs on one device, on several, and on several hosts joined by jax.distributed.
"""

import math
import os
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.flatten_util import ravel_pytree
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from gan.errors import UserError
from gan.networks import platforms

AXIS = "batch"
SPLIT = 2**12
"""Numbers that an array has at least which devices keep in parts: of fewer an exchange costs more
than it saves."""


def divide_cpu(devices: int) -> None:
    """Let a CPU be `devices` devices, at most one per core, unless the environment decides that.

    To be called before the first use of a device; other platforms are left alone. Networks whose
    layers are too small for several threads keep several cores busy this way, each with its part of
    the batch.
    """
    given = "xla_force_host_platform_device_count" in os.environ.get("XLA_FLAGS", "")
    given |= "JAX_NUM_CPU_DEVICES" in os.environ
    if devices > 1 and not given:
        pinned = hasattr(os, "sched_getaffinity")
        cores = len(os.sched_getaffinity(0)) if pinned else os.cpu_count() or 1
        jax.config.update("jax_num_cpu_devices", min(devices, cores))


def make_mesh(devices: int = 0, batch_size: int | None = None, parts: int = 1) -> Mesh:
    """Mesh over the first `devices` devices of all hosts (0: all of them).

    Raises:
        UserError: if there are fewer devices, or they do not divide each of the parts of a batch.
    """
    available = jax.devices()
    count = devices or len(available)
    if not 1 <= count <= len(available):
        raise UserError(f"--devices {count}: must be 1 .. {len(available)}, or 0 for all")
    if batch_size is not None:
        require_shares(batch_size, parts, count)
    return jax.make_mesh((count,), (AXIS,), axis_types=(AxisType.Auto,), devices=available[:count])


def require_shares(batch_size: int, parts: int, devices: int) -> None:
    """Refuses a batch, looked at in so many equal parts, that devices cannot share evenly."""
    if batch_size % (parts * devices):
        times = f" times accumulation {parts}" if parts > 1 else ""
        raise UserError(
            f"batch_size {batch_size} must be a multiple of the {devices} devices{times}"
        )


def platform_of(mesh: Mesh) -> str:
    """What a program for a mesh is traced for: what its devices are, "cpu", "gpu" or "tpu", unless
    `platforms.traced_for` names another."""
    return platforms.named() or mesh.devices.flat[0].platform


def replicated(mesh: Mesh) -> NamedSharding:
    """Sharding of arrays that every device holds in full."""
    return NamedSharding(mesh, PartitionSpec())


def split_state(mesh: Mesh, state) -> Any:
    """A tree of shardings under which each device holds a part of every array (Rajbhandari et al.
    2020), along the longest axis that the devices divide; all of it where there is none, or little
    to save.

    Args:
        mesh: over the devices.
        state: a tree of arrays, or of their shapes.
    """

    def of(leaf) -> NamedSharding:
        axes = [axis for axis, size in enumerate(leaf.shape) if size % mesh.size == 0]
        if not axes or math.prod(leaf.shape) < SPLIT:
            return replicated(mesh)
        longest = max(axes, key=lambda axis: leaf.shape[axis])
        return NamedSharding(mesh, PartitionSpec(*[None] * longest, AXIS))

    return jax.tree.map(of, state)


def whole(tree) -> Any:
    """A tree of arrays, those that are split over devices copied to the host, one by one; every
    process has to ask."""

    def of(leaf):
        if leaf.is_fully_replicated:
            return leaf
        if leaf.is_fully_addressable:
            return np.asarray(leaf)
        return multihost_utils.process_allgather(leaf, tiled=True)

    return jax.tree.map(of, tree)


def split_batch(mesh: Mesh):
    """Function that constrains an array with a leading batch axis to be split over the mesh."""
    sharding = NamedSharding(mesh, PartitionSpec(AXIS))
    return lambda x: jax.lax.with_sharding_constraint(x, sharding)


def mean_over(mesh: Mesh) -> Callable:
    """Wrapper of functions whose value, a tree, is a mean over the examples of a batch.

    It makes function(whole, batch) -> tree one that every device evaluates on its part of `batch`,
    a tree of arrays split by `split_batch`, before the values meet. They meet laid end to end, in
    one exchange, in place of one for every array.
    """
    whole, split = PartitionSpec(), PartitionSpec(AXIS)

    def wrapped(function):
        def part(*arguments):
            flat, restore = ravel_pytree(function(*arguments))
            return restore(jax.lax.pmean(flat, AXIS))

        return jax.shard_map(
            part, mesh=mesh, in_specs=(whole, split), out_specs=whole, check_vma=False
        )

    return wrapped
