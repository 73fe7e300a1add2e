"""Point sets as the verifier works on them: exact, and of one scale. Steps 3 and 4 of the proof."""

import math
from typing import NamedTuple

import numpy as np

from gan.errors import UserError

_EXACT = 2**53
_LARGEST = 2**50


class Points(NamedTuple):
    """Two sets in float64 [n, d] and [m, d].

    Attributes:
        exponent: coordinates are those given times 2^-exponent, and moved if they were integers.
        integer: whether every cost is an integer below 2^50, and exponent 0.
        largest: a bound on the costs of these coordinates.
    """

    x: np.ndarray
    y: np.ndarray
    exponent: int
    integer: bool
    largest: float


def given(array, name: str) -> np.ndarray:
    """A point set as an array of real numbers, without change.

    Raises:
        UserError: if it is masked, empty, not real, or not finite.
    """
    array = numbers(array, name)
    if array.ndim == 0 or array.size == 0:
        raise UserError(f"{name} must hold at least one point, got shape {array.shape}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise UserError(f"{name} must be finite")
    return array


def numbers(values, name: str) -> np.ndarray:
    """An array of real numbers of any shape, without change.

    Raises:
        UserError: if it is masked, ragged, or not real.
    """
    if np.ma.is_masked(values):
        raise UserError(f"{name} has masked entries: fill or drop them first")
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise UserError(f"{name} must be one array of numbers: {error}") from error
    if array.dtype.kind not in "biuf":
        raise UserError(f"{name} must be real numbers, got dtype {array.dtype}")
    return array


def vectors(array) -> np.ndarray:
    """[n, ...] -> [n, d]; bool becomes uint8."""
    array = array.reshape(len(array), -1)
    return array.astype(np.uint8) if array.dtype == bool else array


def prepared(x, y, cost: str, integer: bool) -> Points:
    """Both sets [n, d] for a named cost.

    Args:
        integer: whether the rest of the certificate consists of integers.

    Raises:
        UserError: if float64 cannot hold the points exactly, or their dimensions differ.
    """
    if x.shape[1] != y.shape[1]:
        raise UserError(f"x and y must have equal dimensions, got {x.shape[1]} and {y.shape[1]}")
    whole = x.dtype.kind in "iu" and y.dtype.kind in "iu"
    if whole:
        x, y, spans = _moved(x, y)
        costs = [span**2 for span in spans] if cost == "sqeuclidean" else spans
        if integer and cost != "euclidean" and sum(costs) < _LARGEST:
            return Points(x, y, 0, True, float(sum(costs)))
    else:
        x, y = exact(x, "x"), exact(y, "y")
    size = max(float(np.abs(points).max()) for points in (x, y))
    exponent = math.frexp(size)[1]
    x, y = (np.ldexp(points, -exponent) for points in (x, y))
    d = x.shape[1]
    largest = {"euclidean": 2 * d**0.5, "sqeuclidean": 4.0 * d, "cityblock": 2.0 * d}[cost]
    return Points(x, y, exponent, False, 1.01 * largest)


def _moved(x, y):
    """Integers less the least of each coordinate, exactly, and the largest of each."""
    low = [min(int(a), int(b)) for a, b in zip(x.min(axis=0), y.min(axis=0), strict=True)]
    high = [max(int(a), int(b)) for a, b in zip(x.max(axis=0), y.max(axis=0), strict=True)]
    spans = [top - bottom for top, bottom in zip(high, low, strict=True)]
    if max(spans) >= _EXACT:
        raise UserError(
            f"a coordinate of the integer points spans {max(spans)}: more than 2^53, which float64 "
            "cannot hold exactly"
        )
    if all(0 <= bottom and top < _EXACT for bottom, top in zip(low, high, strict=True)):
        low = [0] * len(low)  # small numbers need no move
    origin = np.array([bottom % 2**64 for bottom in low], np.uint64)
    sides = []
    for points in (x, y):
        if points.dtype.itemsize < 8 and not origin.any():
            sides.append(points.astype(np.float64))
        else:  # Differences modulo 2^64 of numbers that are less than 2^53 apart.
            sides.append((points.astype(np.uint64) - origin).astype(np.float64))
    return *sides, spans


def exact(points, name: str) -> np.ndarray:
    """The same numbers in float64, a new array.

    Raises:
        UserError: if float64 cannot hold them exactly.
    """
    with np.errstate(over="ignore"):
        converted = points.astype(np.float64)
    if points.dtype.kind in "iu" or points.dtype.itemsize > 8:
        if not np.isfinite(converted).all() or not _same(converted, points):
            raise UserError(f"{name} holds numbers that float64 cannot hold exactly")
    return converted


def _same(converted, points) -> bool:
    if points.dtype.kind == "f":
        return bool((converted.astype(points.dtype) == points).all())
    if max(int(points.max()), -int(points.min())) <= _EXACT:
        return True
    return all(int(a) == int(b) for a, b in zip(converted.ravel(), points.ravel(), strict=True))
