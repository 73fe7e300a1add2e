"""Costs between two point sets: named, callable, or through a feature map; never a whole matrix.

A `Geometry` holds two prepared sets and answers two questions in float64: the costs of a block of
rows against a block of columns, and the costs of listed pairs. Both use differences of
coordinates, not the expansion of the square, so that near points keep their relative precision.
Sets of integers (uint8 images) under a polynomial cost are exact: every cost is an integer below
2^53, and the solvers and the certificate then work without any rounding.

Whatever the unit of the points, the solvers see numbers of ordinary size: a geometry holds the
points times a power of two that brings their spread to between 1/2 and 1, and its costs are the
caller's divided by 2^exponent. Powers of two round nothing. Large integers are moved by whole
numbers instead, exactly.
"""

import dataclasses
import math
from collections.abc import Callable

import numpy as np
from scipy.spatial.distance import cdist

from gan.errors import UserError
from gan.inputs import unknown

NAMES = ("euclidean", "sqeuclidean", "cityblock")
"""Named costs: |x - y|, |x - y|^2 and the sum of |x_k - y_k|."""

_PAIR_CHUNK = 1 << 16
_LEVELS, _SUMMED = 255, 256
"""Differences up to which sums of so many squares are exact in float32."""

_EXACT = 2**53
"""Integers of at most this size are exact in float64."""

_PROBE = 32
"""A callable cost is called on so many points of each set to learn its order of magnitude."""


@dataclasses.dataclass(frozen=True)
class FeatureCost:
    """A cost between features of the points: cost(features(x), features(y)).

    Attributes:
        features: [n, *shape] -> [n, k], called once per set.
        cost: named or callable cost between features.
        name: what the certificate calls it; the verifier asks for the same name.
    """

    features: Callable
    cost: str | Callable
    name: str


def name_of(cost) -> str:
    """The name that a certificate records for `cost`.

    Raises:
        UserError: if `cost` is neither a known name, a callable nor a `FeatureCost`.
    """
    if isinstance(cost, FeatureCost):
        return cost.name
    if isinstance(cost, str):
        if cost not in NAMES:
            raise UserError(unknown("cost", cost, NAMES))
        return cost
    if callable(cost):
        return getattr(cost, "__name__", type(cost).__name__)
    raise UserError(
        f"cost must be one of {', '.join(NAMES)}, a callable or a FeatureCost, got {cost!r}"
    )


def points(array, argument: str) -> np.ndarray:
    """A point set as a [n, ...] array, checked.

    Raises:
        UserError: if it is empty, not numeric, or holds NaN or infinity; names `argument`.
    """
    array = unmasked(array, argument)
    if array.ndim == 0 or array.size == 0:
        raise UserError(f"{argument} must hold at least one point, got shape {array.shape}")
    if array.dtype == bool:
        array = array.astype(np.uint8)
    if array.dtype.kind in "cmM":
        raise UserError(f"{argument} must be real, got dtype {array.dtype}")
    if array.dtype.kind not in "iu":
        try:
            with np.errstate(over="ignore"):
                finite = np.isfinite(array.astype(np.float64, copy=False))
        except (TypeError, ValueError, OverflowError) as error:
            raise UserError(f"{argument} must be numeric, got dtype {array.dtype}") from error
        if not finite.all():
            row = int(np.flatnonzero(~finite.reshape(len(array), -1).all(axis=1))[0])
            raise UserError(f"{argument} must be finite, got NaN or infinity in row {row}")
    return array


def unmasked(array, argument: str) -> np.ndarray:
    """The array without a mask.

    Raises:
        UserError: if some entry is masked: what a masked number stands for is the caller's to say.
    """
    if np.ma.isMaskedArray(array) and np.ma.getmaskarray(array).any():
        masked = int(np.ma.getmaskarray(array).sum())
        raise UserError(
            f"{argument} has {masked} masked entries: leave these points out, or fill them"
        )
    return np.asarray(array)


@dataclasses.dataclass(frozen=True)
class Geometry:
    """Two prepared point sets and the cost between them, in units of ordinary size.

    Attributes:
        x: [n, d] float64; float32 under a named cost of integers that differ by at most 255, whose
            sums are exact all the same.
        y: [m, d], likewise.
        cost: one of `NAMES` or a callable ([r, d], [c, d]) -> [r, c].
        integer: whether every cost is an integer that float64 holds exactly.
        exponent: the caller's costs are those of this geometry times 2^exponent; 0 when `integer`.
        unit: the caller's coordinates are those of this geometry times 2^unit, up to a shift.
    """

    x: np.ndarray
    y: np.ndarray
    cost: str | Callable
    integer: bool
    exponent: int = 0
    unit: int = 0

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.x), len(self.y)

    def block(self, rows=slice(None), columns=slice(None)) -> np.ndarray:
        """Costs [r, c] float64 of the rows `rows` of x against the rows `columns` of y."""
        x, y = self.x[rows], self.y[columns]
        if isinstance(self.cost, str):
            return cdist(x, y, self.cost)
        values = np.asarray(self.cost(x, y), dtype=np.float64)
        if values.shape != (len(x), len(y)):
            raise UserError(
                f"cost must return shape {(len(x), len(y))} for that many points, "
                f"got {values.shape}"
            )
        if not np.isfinite(values).all():
            raise UserError("cost must return finite values, got NaN or infinity")
        if not self.exponent:
            return values
        with np.errstate(over="ignore"):
            values = np.ldexp(values, -self.exponent)
        if not np.isfinite(values).all():
            raise UserError(
                "the values of cost range over more than float64 holds: cap the largest ones"
            )
        return values

    def pairs(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Costs [k] float64 of the pairs (rows[t], columns[t])."""
        if not isinstance(self.cost, str):
            return self._pairs_by_row(rows, columns)
        values = np.empty(len(rows))
        step = min(len(rows), max(1, _PAIR_CHUNK // self.x.shape[1]))
        # Arrays that are filled again and again stay in a cache.
        left, right = (np.empty((step, side.shape[1]), side.dtype) for side in (self.x, self.y))
        for start in range(0, len(rows), step or 1):
            part = slice(start, start + step)
            i, j = rows[part], columns[part]
            difference, other = left[: len(i)], right[: len(i)]
            np.take(self.x, i, axis=0, out=difference, mode="clip")
            np.take(self.y, j, axis=0, out=other, mode="clip")
            difference -= other
            if self.cost == "cityblock":
                np.abs(difference, out=difference)
                values[part] = difference.sum(axis=1, dtype=np.float64)
            else:
                values[part] = _squared_norms(difference)
        return np.sqrt(values, out=values) if self.cost == "euclidean" else values

    def _pairs_by_row(self, rows, columns):
        values = np.empty(len(rows))
        order = np.argsort(rows, kind="stable")
        ends = np.flatnonzero(np.diff(rows[order], append=-1)) + 1
        for part in np.split(order, ends[:-1]) if len(rows) else []:
            values[part] = self.block(rows[part[:1]], columns[part])[0]
        return values

    def take(self, rows: np.ndarray, columns: np.ndarray) -> "Geometry":
        """The geometry of a subset of rows and of columns; a whole set in order is not copied."""
        return dataclasses.replace(self, x=_taken(self.x, rows), y=_taken(self.y, columns))


def _squared_norms(points):
    """Squared norms of points [k, d], of integers in float32 exactly."""
    if points.dtype == np.float64:
        return np.einsum("kd,kd->k", points, points)
    total = np.zeros(len(points))
    for start in range(0, points.shape[1], _SUMMED):
        some = points[:, start : start + _SUMMED]
        total += np.einsum("kd,kd->k", some, some)
    return total


def _taken(points, indices):
    whole = len(indices) == len(points) and np.array_equal(indices, np.arange(len(points)))
    return points if whole else points[indices]


def geometry(x, y, cost) -> Geometry:
    """Checks two point sets and a cost, and prepares them.

    Points of any shape are flattened to vectors; a set of numbers [n] is a set on the line. The
    costs are exact integers when both sets have an integer dtype, the cost is "sqeuclidean" or
    "cityblock", and no cost can reach 2^48.

    Raises:
        UserError: for an unknown cost, an empty set, NaN or infinity, unequal dimensions, or
            integers that float64 cannot hold exactly.
    """
    name_of(cost)
    x, y = points(x, "x"), points(y, "y")
    if isinstance(cost, FeatureCost):
        x, y = (points(cost.features(part), f"features of {s}") for part, s in ((x, "x"), (y, "y")))
        cost = cost.cost
        name_of(cost)
    if x.shape[1:] != y.shape[1:]:
        raise UserError(
            f"x and y must have points of the same shape, got {x.shape[1:]} and {y.shape[1:]}"
        )
    x, y = (part.reshape(len(part), -1) for part in (x, y))
    exact = x.dtype.kind in "iu" and y.dtype.kind in "iu"
    if not isinstance(cost, str):
        for part in (x, y):
            if part.dtype.kind in "iu" and max(int(part.max()), -int(part.min())) > _EXACT:
                raise UserError("a callable cost needs integers of at most 2^53 in size")
        x, y = (np.ascontiguousarray(part, dtype=np.float64) for part in (x, y))
        prepared = Geometry(x=x, y=y, cost=cost, integer=False)
        return dataclasses.replace(prepared, exponent=_magnitude(prepared))
    if not exact:
        x, y, unit = _scaled(*(np.ascontiguousarray(part, dtype=np.float64) for part in (x, y)))
        exponent = 2 * unit if cost == "sqeuclidean" else unit
        return Geometry(x=x, y=y, cost=cost, integer=False, exponent=exponent, unit=unit)
    x, y, spread = _moved(x, y)
    largest = sum(s * s for s in spread) if cost == "sqeuclidean" else sum(spread)
    integer = cost != "euclidean" and largest < 2**48
    if max(spread) <= _LEVELS and max(float(part.max()) for part in (x, y)) < 2**24:
        x, y = x.astype(np.float32), y.astype(np.float32)
    return Geometry(x=x, y=y, cost=cost, integer=integer)


def exponent_of(value: float) -> int:
    """The k for which value / 2^k lies in [1/2, 1); 0 for 0."""
    return math.frexp(value)[1]


def _magnitude(geometry) -> int:
    """The power of two that a callable cost is divided by: it brings the largest of some values
    below 1."""
    some = (np.unique(np.linspace(0, k - 1, _PROBE).astype(int)) for k in geometry.shape)
    return exponent_of(float(np.abs(geometry.block(*some)).max()))


def _scaled(x, y):
    """Two sets of float64 times a power of two, 2^-unit, that makes their spread about 1."""
    low = np.minimum(x.min(axis=0), y.min(axis=0))
    high = np.maximum(x.max(axis=0), y.max(axis=0))
    spread = float((high / 2 - low / 2).max())  # halved, so that it does not overflow
    unit = exponent_of(spread) + 1 if spread else exponent_of(float(np.abs(high).max()))
    return (x, y, 0) if unit == 0 else (np.ldexp(x, -unit), np.ldexp(y, -unit), unit)


def _moved(x, y):
    """Two sets of integers as float64, and the spread of every coordinate as a list of integers.

    What float64 cannot hold is moved to start at 0, modulo 2^64 and hence without overflow.
    """
    (low_x, high_x), (low_y, high_y) = (
        (s.min(axis=0).tolist(), s.max(axis=0).tolist()) for s in (x, y)
    )
    low = [min(pair) for pair in zip(low_x, low_y, strict=True)]
    high = [max(pair) for pair in zip(high_x, high_y, strict=True)]
    spread = [t - s for s, t in zip(low, high, strict=True)]
    if max(spread) > _EXACT:
        raise UserError(
            f"integer coordinates that differ by {max(spread)} are not exact in float64: "
            "divide them, or convert them to float64 if rounding does not matter"
        )
    if max(-min(low), max(high)) > _EXACT // 2:
        start = np.array([s % 2**64 for s in low], np.uint64)
        x, y = (s.astype(np.uint64) - start for s in (x, y))
    return *(np.ascontiguousarray(s, dtype=np.float64) for s in (x, y)), spread
