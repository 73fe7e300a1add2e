"""Data parallelism: one mesh over every device, batches split, everything else replicated.

The same round runs on one device, on several, and on several hosts joined by jax.distributed.
"""

import jax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from gan.errors import UserError

AXIS = "batch"


def make_mesh(devices: int = 0, batch_size: int | None = None) -> Mesh:
    """Mesh over the first `devices` devices of all hosts (0: all of them).

    Raises:
        UserError: if there are fewer devices, or they do not divide the batch.
    """
    available = jax.devices()
    count = devices or len(available)
    if not 1 <= count <= len(available):
        raise UserError(f"--devices {count}: must be 1 .. {len(available)}, or 0 for all")
    if batch_size is not None and batch_size % count:
        raise UserError(f"batch_size {batch_size} must be a multiple of the {count} devices")
    return jax.make_mesh((count,), (AXIS,), axis_types=(AxisType.Auto,), devices=available[:count])


def replicated(mesh: Mesh) -> NamedSharding:
    """Sharding of arrays that every device holds in full."""
    return NamedSharding(mesh, PartitionSpec())


def split_batch(mesh: Mesh):
    """Function that constrains an array with a leading batch axis to be split over the mesh."""
    sharding = NamedSharding(mesh, PartitionSpec(AXIS))
    return lambda x: jax.lax.with_sharding_constraint(x, sharding)
