"""Weights and masses as exact fractions: what a plan carries, and what it misses. Step 7."""

import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from gan.errors import UserError
from gan.transport.certificates import points

_MISSED = 1e-9
"""Share of the mass that a plan may miss, by the rounding of whoever solved it."""


class Marginals(NamedTuple):
    """Shares of the whole mass, in float64, rounded to nearest.

    Attributes:
        a, b: [n] and [m] weights; both sum to 1.
        arcs: [k] what the plan carries.
        weight: what the weights sum to.
        even: whether all points of both sides have one and the same weight.
        missing: (rows [n], columns [m]) of what the plan falls short of; None if it fits exactly.
        cut: [k] what the plan carries too much, on its arcs.
    """

    a: np.ndarray
    b: np.ndarray
    arcs: np.ndarray
    weight: float
    even: bool
    missing: tuple[np.ndarray, np.ndarray] | None = None
    cut: np.ndarray | None = None


def uniform(certificate, n: int, m: int) -> tuple[int, int]:
    """The mass of a point of x and of a point of y, in the certificate's integer unit.

    Raises:
        UserError: if the plan, of integer masses, is not one between uniform probabilities.
    """
    total, mass = certificate.header["total"], certificate.mass
    if not isinstance(total, int) or total % n or total % m:
        raise UserError(f"the plan's total mass {total} does not fit {n} and {m} points")
    if len(mass) and int(mass.max()) * len(mass) >= 2**63:
        raise UserError(f"the plan's masses do not fit a total of {total}")
    wanted = total // n, total // m
    for side, ends, size, unit in (
        ("x", certificate.rows, n, wanted[0]),
        ("y", certificate.columns, m, wanted[1]),
    ):
        found = np.zeros(size, np.int64)
        np.add.at(found, ends, mass.astype(np.int64))
        if (found != unit).any():
            k = int(np.flatnonzero(found != unit)[0])
            raise UserError(f"the plan carries {found[k]} at {side}[{k}] instead of {unit}")
    return wanted


def marginals(certificate, a, b, n: int, m: int) -> Marginals:
    """Shares of a plan between weights a and b, each [n] and [m] or None for uniform ones.

    Raises:
        UserError: if the weights are malformed or their sums differ, or if the plan misses them.
    """
    if a is None and b is None and certificate.mass.dtype.kind in "iu":
        uniform(certificate, n, m)
        total = certificate.header["total"]
        shares = np.full(n, 1 / n), np.full(m, 1 / m), certificate.mass / total
        return Marginals(*shares, 1.0, n == m)
    a, b, weight = _balanced(a, b, n, m)
    unit = Fraction(certificate.header["total"]) * weight
    mass = [Fraction(value) / unit for value in certificate.mass.tolist()]
    sums = [[Fraction(0)] * n, [Fraction(0)] * m]
    for i, j, share in zip(
        certificate.rows.tolist(), certificate.columns.tolist(), mass, strict=True
    ):
        sums[0][i] += share
        sums[1][j] += share
    missing, excess = [], []
    for side, found, wanted in zip("xy", sums, (a, b), strict=True):
        short = [max(w - f, 0) for w, f in zip(wanted, found, strict=True)]
        over = [max(f - w, 0) for w, f in zip(wanted, found, strict=True)]
        missed = sum(short) + sum(over)
        if missed > _MISSED:
            share = f"{float(missed):.3g}" if missed < 10 else "10 or more"
            raise UserError(f"the plan misses the weights of {side} by {share} of their sum")
        missing.append(short)
        excess.append([o / f if o else 0 for o, f in zip(over, found, strict=True)])
    fits = not any(map(any, (*missing, *excess)))
    cut = [
        share * (excess[0][i] + excess[1][j])
        for i, j, share in zip(
            certificate.rows.tolist(), certificate.columns.tolist(), mass, strict=True
        )
    ]
    left, right, arcs = map(_floats, (a, b, mass))
    even = len(set(a) | set(b)) == 1
    if fits:
        return Marginals(left, right, arcs, _finite(weight), even)
    rows, columns = map(_floats, missing)
    return Marginals(left, right, arcs, _finite(weight), even, (rows, columns), _floats(cut))


def _floats(shares) -> np.ndarray:
    return np.array([float(share) for share in shares])


def _finite(weight: Fraction) -> float:
    try:
        return float(weight)
    except OverflowError as error:
        raise UserError("the sum of the weights leaves the range of float64") from error


def _balanced(a, b, n, m):
    """Both sides as fractions of sum 1, and the sum of the weights of x."""
    sides, sums, rounding = [], [], 0.0
    for name, weights, size in (("x", a, n), ("y", b, m)):
        if weights is None:
            weights = np.ones(size, np.int64)
            whole = [Fraction(1, size)] * size
        else:
            weights = points.numbers(weights, f"the weights of {name}")
            if weights.shape != (size,):
                raise UserError(f"the weights of {name} must be numbers of shape ({size},)")
            if not (np.isfinite(weights).all() and (weights >= 0).all()):
                raise UserError(f"the weights of {name} must be finite and not negative")
            whole = [Fraction(*value.as_integer_ratio()) for value in weights.tolist()]
        if weights.dtype.kind == "f":
            own = float(np.finfo(weights.dtype).eps) * (2 + math.log2(size))
            rounding = max(rounding, own, _MISSED)
        sides.append(whole)
        sums.append(sum(whole))
    if min(sums) <= 0 or abs(sums[0] - sums[1]) > Fraction(rounding) * sums[0]:
        raise UserError("the weights of x and of y must have equal positive sums")
    return *([w / total for w in side] for side, total in zip(sides, sums, strict=True)), sums[0]
