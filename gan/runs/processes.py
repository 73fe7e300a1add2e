"""Agreement between the processes of one `jax.distributed` run.

The first process owns the run directory; the others must learn how each of its actions ended,
or they would wait for it in the next collective for ever. Without `jax.distributed` everything
here is a plain call, and jax is not imported.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

from gan import errors

MESSAGE_BYTES = 4096


def several() -> bool:
    """Whether this is one of several processes of a `jax.distributed` run."""
    jax = sys.modules.get("jax")
    return jax is not None and jax.distributed.is_initialized() and jax.process_count() > 1


def index() -> int:
    """This process among those of the run; 0 without `jax.distributed`."""
    return sys.modules["jax"].process_index() if several() else 0


def on_first(action: Callable[[], Any]) -> Any:
    """The result of `action` run by process 0 alone, on every process; a barrier.

    Args:
        action: returns something JSON can hold in `MESSAGE_BYTES` bytes.

    Raises:
        Whatever `action` raised on process 0; a GanError of the same class elsewhere.
    """
    return _agreed(action if index() == 0 else None)[0]


def everywhere(action: Callable[[], Any]) -> Any:
    """This process's result of `action`, once every process has succeeded; a barrier.

    Raises:
        What `action` raised here, or a GanError of the class that it raised elsewhere.
    """
    result: list[Any] = []
    _agreed(lambda: result.append(action()))
    return result[0]


def _agreed(action: Callable[[], Any] | None) -> list[Any]:
    """Every process's value, None from those without an action."""
    if not several():
        return [action() if action else None]
    raised: Exception | None = None
    message: dict[str, Any] = {"value": None}
    try:
        if action:
            message = {"value": action()}
    except Exception as error:
        raised = error
        message = {"error": type(error).__name__, "text": str(error)[:1000]}
    messages = _exchanged(message)
    if raised is not None:
        raise raised
    for process, other in enumerate(messages):
        if "error" in other:
            kind = getattr(errors, other["error"], errors.GanError)
            raise kind(f"process {process}: {other['text']}")
    return [other["value"] for other in messages]


def _exchanged(message: dict[str, Any]) -> list[dict[str, Any]]:
    import numpy as np
    from jax.experimental import multihost_utils

    encoded = json.dumps(message).encode()
    if len(encoded) > MESSAGE_BYTES:
        raise ValueError(f"message of {len(encoded)} bytes, at most {MESSAGE_BYTES} are exchanged")
    padded = np.frombuffer(encoded.ljust(MESSAGE_BYTES), np.uint8)
    gathered = np.asarray(multihost_utils.process_allgather(padded))
    return [json.loads(row.tobytes()) for row in gathered.reshape(-1, MESSAGE_BYTES)]
