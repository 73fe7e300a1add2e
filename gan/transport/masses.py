"""Weights as whole numbers of a unit, whatever their type, total and range.

Every float is a whole number of some power of two, so that weights lose nothing by becoming
Python integers. Two sides whose sums differ by rounding are brought to one total exactly, by
multiplying each with the sum of the other. The solvers take int64 of a total below 2^52, which
every sum of them in float64 holds exactly; what a first rounding down to their unit leaves is a
problem of the same kind in a much smaller unit, and so on until every point has its weight.
"""

import dataclasses
import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from gan.errors import UserError
from gan.transport.costs import unmasked

_BITS = 52
_ROUNDING = 2**53
"""A point whose missing mass is this many times smaller than its mass has all of it."""


@dataclasses.dataclass(frozen=True)
class Masses:
    """Masses of both sides in one unit.

    Attributes:
        a, b: [n] and [m] lists of integers, not negative, of sum `total` each.
        total: the mass of either side.
        weight: what the caller's weights of one side sum to.
        uniform: whether the caller gave no weights, which stands for the uniform probability.
    """

    a: list[int]
    b: list[int]
    total: int
    weight: float
    uniform: bool

    def levels(self) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
        """Problems (a [n], b [m] int64, unit) of equal sums below 2^52 each, whose masses times
        their units add up to these masses, up to rounding of each point's own mass."""
        a, b = self.a, self.b
        while True:
            shift = max(0, sum(a).bit_length() - _BITS)
            sides = [[mass >> shift for mass in side] for side in (a, b)]
            excess = sum(sides[0]) - sum(sides[1])  # by less than one for each point of a side
            larger = sides[0] if excess > 0 else sides[1]
            larger[larger.index(max(larger))] -= abs(excess)
            left, right = (np.array(side, np.int64) for side in sides)
            yield left, right, 1 << shift
            a, b = (
                [mass - (part << shift) for mass, part in zip(*pair, strict=True)]
                for pair in ((a, sides[0]), (b, sides[1]))
            )
            if all(
                rest * _ROUNDING <= whole
                for pair in ((a, self.a), (b, self.b))
                for rest, whole in zip(*pair, strict=True)
            ):
                return

    def share(self, mass: np.ndarray, unit: int) -> np.ndarray:
        """mass [k] float64 times unit as shares of the total, which may be too large for floats."""
        bits = self.total.bit_length() - unit.bit_length()
        return np.ldexp(mass * ((unit << bits) / self.total), -bits)

    def shares(self) -> tuple[np.ndarray, np.ndarray]:
        """Both sides as float64 of sum 1, each correctly rounded."""
        left, right = (np.array([mass / self.total for mass in side]) for side in (self.a, self.b))
        return left, right


def balanced(a, b, n: int, m: int) -> Masses:
    """Masses of two sides of n and m points.

    Args:
        a, b: weights [n] and [m] of any real dtype; None is the uniform probability.

    Raises:
        UserError: for weights that are masked, of the wrong shape, negative, not finite, or of sums
            that differ by more than the rounding of their dtypes.
    """
    sides = [_checked("a", a, n), _checked("b", b, m)]
    integers, sums, coarsest = [], [], 0.0
    for weights, size in zip(sides, (n, m), strict=True):
        if weights is None:
            integers.append([1] * size)
            sums.append(Fraction(1))
        else:
            whole, unit = _whole(weights)
            integers.append(whole)
            sums.append(sum(whole) * unit)
            if weights.dtype.kind == "f":
                rounding = float(np.finfo(weights.dtype).eps) * (2 + math.log2(size))
                coarsest = max(coarsest, rounding, 1e-9)
    if min(sums) <= 0 or abs(sums[0] - sums[1]) > coarsest * sums[0]:
        raise UserError(
            f"a and b must have equal positive sums, got {_text(sums[0])} and {_text(sums[1])}"
        )
    try:
        weight = float(sums[0])
    except OverflowError:
        raise UserError(
            "the sum of the weights leaves the range of float64: rescale them"
        ) from None
    totals = [sum(side) for side in integers]
    common = math.gcd(*totals)
    factors = totals[1] // common, totals[0] // common
    a, b = ([mass * f for mass in side] for side, f in zip(integers, factors, strict=True))
    uniform = sides[0] is None and sides[1] is None
    return Masses(a=a, b=b, total=sum(a), weight=weight, uniform=uniform)


def _checked(name, weights, size):
    if weights is None:
        return None
    weights = unmasked(weights, name)
    if weights.shape != (size,):
        raise UserError(f"{name} must have shape ({size},), got {weights.shape}")
    if weights.dtype.kind not in "fiub":
        try:
            weights = weights.astype(np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            raise UserError(f"{name} must be numeric, got dtype {weights.dtype}") from error
    good = np.isfinite(weights) & (weights >= 0)
    if not good.all():
        k = int(np.flatnonzero(~good)[0])
        raise UserError(f"{name} must be finite and not negative, got {weights[k]} at {k}")
    return weights


def _whole(weights) -> tuple[list[int], Fraction]:
    """Weights as integers without common divisor, and the unit that they count."""
    if weights.dtype.kind in "iub":
        integers, unit = [int(w) for w in weights.tolist()], Fraction(1)
    else:
        ratios = [float(w).as_integer_ratio() for w in weights]
        largest = max(denominator for _, denominator in ratios)  # all are powers of two
        integers = [numerator * (largest // denominator) for numerator, denominator in ratios]
        unit = Fraction(1, largest)
    common = math.gcd(*integers) or 1
    return [mass // common for mass in integers], unit * common


def _text(value: Fraction) -> str:
    try:
        return str(float(value))
    except OverflowError:
        return "more than float64 holds"
