"""Several processes that train one model together, joined by jax.distributed."""

import re
import socket
import time

import jax
import numpy as np

from gan.errors import UserError

MOST_PROCESSES = 65_536
PATIENCE_SECONDS = 300
"""How long a process waits for the first one to be there."""


def join(coordinator: str | None, processes: int | None, index: int | None) -> None:
    """Join a run of several processes before the first use of a device.

    All three are given, or none, for a run of one process that joins nobody.

    Args:
        coordinator: "host:port" of process 0, which binds that address and no other (the
            coordinator has no authentication); an IPv6 address stands in brackets.
        processes: how many there are in all.
        index: this one's number, from 0.

    Raises:
        UserError: for an impossible combination, an address that is none, or one that nobody
            answers; jax.distributed would abort the process.
    """
    given = {"--coordinator": coordinator, "--processes": processes, "--process_index": index}
    missing = [flag for flag, value in given.items() if value is None]
    if len(missing) == 3:
        return
    if coordinator is None or processes is None or index is None:
        raise UserError(f"several processes need {', '.join(given)}; missing: {', '.join(missing)}")
    if not 1 <= processes <= MOST_PROCESSES:
        raise UserError(f"--processes must be in 1 .. {MOST_PROCESSES}, got {processes}")
    if not 0 <= index < processes:
        raise UserError(f"--process_index must be in 0 .. {processes - 1}, got {index}")
    host, port = _address(coordinator)
    (_require_answer if index else _require_free)(coordinator, host, port)
    jax.distributed.initialize(
        coordinator,
        num_processes=processes,
        process_id=index,
        coordinator_bind_address=coordinator if index == 0 else None,
    )


def agreed(flag: bool) -> bool:
    """Whether `flag` is true in any process; all processes must call it together."""
    if jax.process_count() == 1:
        return flag
    from jax.experimental import multihost_utils

    return bool(np.any(multihost_utils.process_allgather(np.bool_(flag))))


def _address(text: str) -> tuple[str, int]:
    """Host and port of "host:port" or "[host]:port"."""
    found = re.fullmatch(r"(\[[0-9A-Fa-f:.%\w]+\]|[\w.-]+):([0-9]{1,5})", text, re.ASCII)
    if not found or not 1 <= int(found[2]) <= 65_535:
        raise UserError(
            f"--coordinator must be HOST:PORT with a port in 1 .. 65535, got {text[:100]!r}"
        )
    return found[1].strip("[]"), int(found[2])


def _require_free(text: str, host: str, port: int) -> None:
    """Raises UserError unless this process can listen at one of the addresses of the host."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UserError(f"--coordinator {text}: no such host: {_reason(error)}") from error
    for family, kind, protocol, _, address in found:
        try:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
            return
        except OSError as error:
            reason = _reason(error)
    raise UserError(f"--coordinator {text}: process 0 cannot use this address: {reason}")


def _require_answer(text: str, host: str, port: int) -> None:
    """Waits until process 0 is there."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            socket.create_connection((host, port), timeout=5).close()
            return
        except (socket.gaierror, UnicodeError) as error:
            raise UserError(f"--coordinator {text}: no such host: {_reason(error)}") from error
        except OSError as error:
            if time.monotonic() > deadline:
                raise UserError(
                    f"--coordinator {text}: no answer from process 0 in {PATIENCE_SECONDS} s: "
                    f"{_reason(error)}"
                ) from error
            time.sleep(0.2)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
