"""Memory: what is free, what this process has used at most, what transport needs, and a refusal in
words."""

import math
import resource
import sys

import numpy as np

from gan.errors import UserError
from gan.transport import hubs

_POINT, _COORDINATE, _CODE, _SAMPLE = 6000, 24, 1 << 27, 1 << 10
"""Bytes: per point of a pool with its copies while it is sorted; per coordinate of both sets in
float64, float32 and on the device; of compiled programs and of the blocks at which their threads
look. Points of which a sample tells whether a set repeats itself."""
_ENTRY, _ENTRIES, _BOUND = 56, 1 << 20, 8
"""Bytes per pair of a matrix of costs with its copies, pairs up to which there may be one, and
bytes per pair of a matrix of bounds."""


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


def transport(n: int, m: int, d: int, dense: int) -> int:
    """Bytes that exact transport between n and m distinct points of d coordinates needs.

    Args:
        n, m, d: sizes.
        dense: pairs up to which a problem is solved with its whole matrix.
    """
    sets = _COORDINATE * (n + m) * d
    if hubs.suit(n, m) or n * m <= min(dense, _ENTRIES):
        return _ENTRY * n * m + sets
    bounds = _BOUND * n * m if n * m <= dense else 0
    return _POINT * (n + m) + sets + _CODE + bounds


def require_transport(x, y, d: int | None, dense: int) -> None:
    """Refuses sets that would not fit, from their shapes: nothing is read but a sample.

    Sets that repeat themselves, of which few points may be left when equal ones are merged, need
    only have room for themselves. What has no shape is not judged.

    Args:
        x, y: arrays [n, ...] and [m, ...] as the caller has them.
        d: coordinates per point; None for those of the arrays.
        dense: as for `transport`.

    Raises:
        UserError: if they need more than is available.
    """
    shapes: list[tuple[int, ...]] = [getattr(points, "shape", ()) for points in (x, y)]
    if not all(len(shape) and math.prod(shape) for shape in shapes):
        return
    (n, *rest), (m, *_) = shapes
    d = math.prod(rest) if d is None else d
    needed, free = transport(n, m, d, dense), available()
    if free is None or needed <= free:
        return
    if _repeats(x) or _repeats(y):
        needed = _COORDINATE * (n + m) * d
    require(needed, named(n, m, dense))


def named(n: int, m: int, dense: int) -> str:
    """What a refusal calls a problem."""
    return f"{'a dense problem' if n * m <= dense else 'exact transport'} of {n} by {m} points"


def _repeats(points) -> bool:
    some = np.asarray(points[:: max(1, len(points) // _SAMPLE)])
    return len({row.tobytes() for row in some}) < 0.9 * len(some)


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
