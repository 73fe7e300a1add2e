"""Memory: what is free, what this process has used at most, and a refusal in words."""

import resource
import sys

from gan.errors import UserError


def available() -> int | None:
    """Bytes that could be allocated now, or None where the system does not say."""
    free = _kilobytes("/proc/meminfo", "MemAvailable:")
    return None if free is None else free * 1024


def peak() -> int:
    """Largest resident memory of this process so far, in bytes.

    Linux hands a process the peak of the one that started it, as far as getrusage tells; the
    process's own stands in /proc.
    """
    own = _kilobytes("/proc/self/status", "VmHWM:")
    if own is not None:
        return own * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def require(needed: int, what: str) -> None:
    """Refuses work that would not fit.

    Raises:
        UserError: if `needed` bytes are more than is available; names `what`.
    """
    free = available()
    if free is not None and needed > free:
        raise UserError(
            f"{what} needs about {needed / 2**30:.1f} GiB, {free / 2**30:.1f} GiB are available"
        )


def _kilobytes(path: str, name: str) -> int | None:
    """The number after a name in a file of /proc, or None where there is none."""
    try:
        with open(path, encoding="ascii") as file:
            for text in file:
                if text.startswith(name):
                    return int(text.split()[1])
    except OSError:
        return None
    return None
