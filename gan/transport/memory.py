"""Memory: what is free, what this process has used at most, and a refusal in words."""

import resource
import sys

from gan.errors import UserError


def available() -> int | None:
    """Bytes that could be allocated now, or None where the system does not say."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for text in file:
                if text.startswith("MemAvailable:"):
                    return int(text.split()[1]) * 1024
    except OSError:
        return None
    return None


def peak() -> int:
    """Largest resident memory of this process so far, in bytes."""
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
