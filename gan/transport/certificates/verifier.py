"""The verifier: from a certificate and two point sets to an interval that holds the optimum.

The proof, whose steps are named here, stands in the package's docstring.
"""

import contextlib
import dataclasses
import math
import os
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import numpy as np
from threadpoolctl import threadpool_limits

from gan.errors import UserError
from gan.transport.certificates import costs, points, weights
from gan.transport.certificates.format import Certificate, checked, identity

_ROWS, _COLUMNS, _LARGE = 512, 2048, 1 << 22
_HALF = 2.0**-53
_HUGE = 1e290
_COARSEST = 1e-6
"""Largest share of a cost that rounding may be: beyond it nothing is certified."""


@dataclasses.dataclass(frozen=True)
class Bounds:
    """An interval that holds the optimal cost, without "up to rounding".

    Attributes:
        lower, upper: lower <= optimum <= upper, rounded outwards.
        gap: upper - lower, rounded upwards; when `integer`, exactly 0 if and only if the plan is
            proved optimal.
        rounding: how much of the gap is the rounding of this verification, from its own costs
            computed more closely; at least 0, and 0 when `integer`.
        integer: whether everything was computed in integers.
    """

    lower: float
    upper: float
    gap: float
    rounding: float
    integer: bool


def verify(certificate, x, y, a=None, b=None, cost=None, progress=None) -> Bounds:
    """Recomputes the bounds that a certificate proves about two point sets.

    Args:
        certificate: a `Certificate`, from a solver or from `load`.
        x, y: the point sets, [n, ...] and [m, ...], bit for bit as they were solved.
        a, b: weights [n] and [m]; None is the uniform probability on each side.
        cost: None for the named cost that the header states; otherwise a named cost, or a callable
            ([r, d], [c, d]) -> [r, c] that computes the cost of that name (a `FeatureCost` is
            accepted too). Any other cost is refused.
        progress: called with the fraction done, in (0, 1].

    Returns:
        Bounds in the unit of the cost (times the weights' total when weights are given).

    Raises:
        UserError: if the certificate is malformed, if the sets, sizes or cost are not those of the
            certificate, if the plan's marginals are not the weights, if float64 cannot hold the
            points exactly, or if rounding could be more than a millionth of a cost.
    """
    certificate = checked(certificate)
    x, y = _same_points(certificate, x, y)
    cost, x, y = _same_cost(certificate, cost, x, y)
    mass, v = certificate.mass, certificate.v
    rows, columns = (ends.astype(np.int64) for ends in (certificate.rows, certificate.columns))
    if not isinstance(cost, str):
        x, y = points.exact(x, "x"), points.exact(y, "y")
        exponent, integer, largest = 0, False, _HUGE
        pricer: costs.Costs = costs.Callable(x, y, cost, rows, columns)
    else:
        integers = a is None and b is None and mass.dtype.kind in "iu" and v.dtype.kind in "iu"
        x, y, exponent, integer, largest = points.prepared(x, y, cost, integers)
        pricer = costs.Named(x, y, cost, rows, columns, integer)
    if pricer.relative > _COARSEST:
        raise UserError(f"rounding could be {pricer.relative:.1g} of a cost: too many coordinates")
    if integer:
        unit_a, unit_b = weights.uniform(certificate, len(x), len(y))
        v = _small_integers(v, int(largest))
        u, _ = _minima(pricer, len(x), v, progress)
        return _of_integers(certificate, unit_a, unit_b, u, v, pricer.of_arcs())
    shares = weights.marginals(certificate, a, b, len(x), len(y))
    power = exponent * (2 if cost == "sqeuclidean" else 1)
    v = _small(v, power, largest)
    u, nearest = _minima(pricer, len(x), v, progress)
    if largest == _HUGE and np.abs(v).max() > 2 * pricer.largest:  # step 2, once it is known
        v = np.clip(v, -2 * pricer.largest, 2 * pricer.largest)
        u, nearest = _minima(pricer, len(x), v, progress)
    lower, closer = _lower(pricer, shares, u, nearest, v)
    upper, cheaper = _upper(pricer, shares)
    lower, upper = _scaled(lower, upper, power, shares.weight)
    rounding = max(0.0, upper - lower - _plain(cheaper - closer, power, shares.weight))
    gap = math.nextafter(upper - lower, math.inf)
    if not math.isfinite(gap):
        raise UserError("the bounds leave the range of float64: rescale the points")
    if lower > upper:
        raise UserError("the costs contradict themselves: the callable is no function of the pair")
    return Bounds(lower, upper, gap, min(rounding, gap), False)


def _same_points(certificate: Certificate, x, y):
    """Both sets, flattened, if they are those of the certificate."""
    header, sets = certificate.header, []
    for side, given, size in (("x", x, header["n"]), ("y", y, header["m"])):
        array = points.given(given, side)
        if len(array) != size or identity(array) != header[side]:
            raise UserError(f"{side} is not the point set that the certificate is about")
        sets.append(array)
    return sets


def _same_cost(certificate: Certificate, cost, x, y):
    """(cost, x, y): the named cost or the callable between vectors, features already taken."""
    stated = certificate.header["cost"]
    features = getattr(cost, "features", None)
    if cost is not None:
        name = cost if isinstance(cost, str) else getattr(cost, "name", None)
        name = name or getattr(cost, "__name__", type(cost).__name__)
        if name != stated:
            raise UserError(f"the certificate is about the cost {stated!r}, got {name!r}")
    if features is not None:
        x, y = (
            points.given(features(side), f"features of {s}") for side, s in ((x, "x"), (y, "y"))
        )
        if (len(x), len(y)) != (certificate.header["n"], certificate.header["m"]):
            raise UserError("the features must be one vector for every point")
        cost = cost.cost
    cost = stated if cost is None else cost
    if isinstance(cost, str) and cost not in costs.NAMES:
        raise UserError(f"the cost {cost!r} is not a named one: pass the callable as cost=")
    return cost, points.vectors(x), points.vectors(y)


def _small_integers(v, largest: int) -> np.ndarray:
    """Step 2 for integers: int64 in [-largest, largest]."""
    middle = int(np.partition(v, len(v) // 2)[len(v) // 2])
    ends = np.iinfo(v.dtype)
    low, high = max(middle - largest, int(ends.min)), min(middle + largest, int(ends.max))
    clipped = np.clip(v, v.dtype.type(low), v.dtype.type(high))
    # What is left is at most 2^50: right modulo 2^64.
    moved = clipped.astype(np.uint64) - np.uint64(middle % 2**64)
    return moved.view(np.int64)


def _small(v, power: int, largest: float) -> np.ndarray:
    """Step 2 for floats, in the unit of scaled costs."""
    v = v.astype(np.float64)
    middle = float(np.partition(v, len(v) // 2)[len(v) // 2])
    with np.errstate(over="ignore", under="ignore"):
        moved = np.ldexp(v / 2 - middle / 2, 1 - power)  # the difference itself may overflow
    return np.clip(moved, -largest, largest)


def _minima(pricer, n, v, progress):
    """u_i = min_j (lower cost - v_j), one number below what rounding gave (step 5), and where."""
    m = len(v)
    u, nearest = np.full(n, np.inf), np.zeros(n, np.int64)
    v = v.astype(np.float64)
    screen = pricer.screen(v)
    if screen is not None:  # minima that a screen knows of are at most those of the plan
        nearest[pricer.arc_rows] = pricer.arc_columns
        u = pricer.of_pairs(np.arange(n), nearest) - v[nearest]

    def rows(start):
        part = slice(start, min(start + _ROWS, n))
        for first in range(0, m, _COLUMNS):
            other = slice(first, min(first + _COLUMNS, m))
            found = None if screen is None else screen.below(part, other, u[part])
            if found is None:
                block = pricer.lower(part, other)
                block -= v[other]
                i, j = np.arange(len(block)), block.argmin(axis=1)
                values = block[i, j]
            else:
                i, j = found
                values = pricer.of_pairs(start + i, first + j) - v[first + j]
            less = np.flatnonzero(values < u[start + i])
            less = less[np.argsort(-values[less], kind="stable")]  # the least of a row comes last
            u[start + i[less]], nearest[start + i[less]] = values[less], first + j[less]
        return part.stop / n

    with _each(pricer.threads and n * m > _LARGE) as each:
        for done in each(rows, range(0, n, _ROWS)):
            if progress is not None:
                progress(min(1.0, done))
    return u, nearest


@contextlib.contextmanager
def _each(threads: bool):
    """`map`, in a thread for each core if asked; products then keep to the thread that wants them,
    since those that share one wait for each other."""
    if not threads:
        yield map
        return
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(cores) as pool:
        yield pool.map


def _of_integers(certificate, unit_a, unit_b, u, v, arcs) -> Bounds:
    """Steps 1 and 3."""
    total = certificate.header["total"]
    lower = unit_a * sum(map(int, u.tolist())) + unit_b * sum(v.tolist())
    mass = certificate.mass.tolist()
    upper = sum(int(m) * int(c) for m, c in zip(mass, arcs.tolist(), strict=True))
    return Bounds(
        _directed(Fraction(lower, total), -math.inf),
        _directed(Fraction(upper, total), math.inf),
        _directed(Fraction(upper - lower, total), math.inf),
        0.0,
        True,
    )


def _directed(exact: Fraction, towards: float) -> float:
    """The nearest float64 on that side of a fraction, or the fraction itself."""
    value = float(exact)
    wrong = Fraction(value) > exact if towards < 0 else Fraction(value) < exact
    return math.nextafter(value, towards) if wrong else value


def _lower(pricer, shares, u, nearest, v):
    """The dual value from below (steps 1, 5 and 6), and what closer costs would give."""
    closer = pricer.of_nearest(nearest, u, v)
    u = np.nextafter(u, -np.inf) - pricer.absolute
    value = _dual(shares, u, v)
    return value, _dual(shares, closer, v, rounded=False)


def _dual(shares, u, v, rounded=True) -> float:
    """sum a u + sum b v; rounded downwards by all that its terms and its sum may be off."""
    if shares.even:  # one exact sum, in which a pair of far points cancels
        value = _sum(np.concatenate([u, v])) / len(u)
        return value - 4 * _HALF * abs(value) - 2.0**-1000 if rounded else value
    terms = np.concatenate([shares.a * u, shares.b * v])
    value = _sum(terms)
    if not rounded:
        return value
    return value - 4 * _HALF * (_sum(np.abs(terms)) + abs(value)) - 2.0**-1000


def _upper(pricer, shares):
    """The plan's cost from above (steps 5 to 7), and as it is computed."""
    arcs = pricer.of_arcs()
    terms = shares.arcs * arcs
    value = _sum(terms)
    off = (pricer.relative + 8 * _HALF) * _sum(np.abs(terms)) + pricer.absolute
    extra = 0.0
    if shares.missing is not None:
        p, q = pricer.reach()
        rows, columns = shares.missing
        moved = p[pricer.arc_rows] + q[pricer.arc_columns] + np.maximum(-arcs, 0)
        extra = _sum(np.concatenate([rows * p, columns * q, shares.cut * moved]))
        extra *= 1 + 16 * _HALF
    return value + off + extra + 2.0**-1000, value


def _sum(terms) -> float:
    """The sum, rounded once."""
    try:
        return math.fsum(terms)
    except OverflowError as error:
        raise UserError("the bounds leave the range of float64: rescale the cost") from error


def _scaled(lower, upper, power, weight):
    """Both bounds in the caller's unit, outwards."""
    ends = []
    for value, towards in ((lower, -math.inf), (upper, math.inf)):
        value = _plain(value, power, weight)
        if not math.isfinite(value):
            raise UserError("the bounds leave the range of float64: rescale the points")
        for _ in range(4):  # two roundings, of which a subnormal one is one unit
            value = math.nextafter(value, towards)
        ends.append(value)
    return ends


def _plain(value, power, weight):
    """value times weight times 2^power, where it may overflow."""
    fraction, exponent = math.frexp(value)
    scale, more = math.frexp(weight)
    try:
        return math.ldexp(fraction * scale, exponent + more + power)
    except OverflowError:
        return math.copysign(math.inf, value)
