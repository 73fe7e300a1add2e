"""Several processes that train one model together, joined by jax.distributed."""

import jax
import numpy as np

from gan.errors import UserError


def join(coordinator: str | None, processes: int, index: int) -> None:
    """Join a run of several processes before the first use of a device; nothing for one process.

    Args:
        coordinator: "host:port" of process 0, which binds that address and no other (the
            coordinator has no authentication).
        processes: how many there are in all.
        index: this one's number, from 0.

    Raises:
        UserError: for an impossible combination.
    """
    if processes == 1 and coordinator is None:
        return
    if coordinator is None or ":" not in coordinator:
        raise UserError(f"{processes} processes need --coordinator HOST:PORT, got {coordinator}")
    if not 0 <= index < processes:
        raise UserError(f"--process_index must be in 0 .. {processes - 1}, got {index}")
    jax.distributed.initialize(
        coordinator,
        num_processes=processes,
        process_id=index,
        coordinator_bind_address=coordinator if index == 0 else None,
    )


def agreed(flag: bool) -> bool:
    """True in every process if it is true in any; all processes must call it together."""
    if jax.process_count() == 1:
        return flag
    from jax.experimental import multihost_utils

    return bool(np.any(multihost_utils.process_allgather(np.bool_(flag))))
