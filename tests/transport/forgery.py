"""Forged certificates, and whether the verifier believes one that is false.

    python -m tests.transport.forgery --seconds 3600 --seed 0

Draws small instances whose optimum is known exactly, forges certificates about them, and counts:
refused, or given an interval that holds the optimum. An interval that does not ends the run.
"""

import argparse
import collections
import dataclasses
import itertools
import math
import time
from fractions import Fraction

import numpy as np

from gan import transport
from gan.errors import UserError
from gan.transport import certificates

COSTS = ("euclidean", "sqeuclidean", "cityblock")
_DIGITS = 200
"""Bits of a square root behind the point, relative to one in the unit of the numbers."""


@dataclasses.dataclass
class Instance:
    """Two small sets, a cost, weights, and the interval [low, high] of the exact optimum."""

    x: np.ndarray
    y: np.ndarray
    cost: str
    a: np.ndarray | None
    b: np.ndarray | None
    low: Fraction
    high: Fraction


def instance(draw: np.random.Generator) -> Instance:
    """An instance of up to five points of any dtype and scale."""
    n, d = int(draw.integers(1, 6)), int(draw.choice([1, 2, 3, 5, 8]))
    x, y = (_points(draw, n, d) for _ in range(2))
    if draw.random() < 0.7:
        y = _points_like(draw, x)
    cost = str(draw.choice(COSTS))
    a = b = None
    copies = np.arange(n), np.arange(n)
    if draw.random() < 0.3:  # weights k/8, as copies of points in the exact solution
        times = draw.integers(0, 3, size=(2, n))
        times[:, 0] += 1
        while times[0].sum() != times[1].sum():
            times[np.argmin(times.sum(axis=1)), draw.integers(n)] += 1
        if times[0].sum() <= 6:
            unit = 2.0 ** draw.integers(-300, 300)
            a, b = times * unit
            copies = tuple(np.repeat(np.arange(n), t) for t in times)
    low, high = _optimum(x, y, cost, *copies)
    weight = Fraction(1) if a is None else sum(map(Fraction, a.tolist()))
    return Instance(x, y, cost, a, b, low * weight, high * weight)


def _points(draw, n, d):
    kind = draw.integers(8)
    if kind == 0:
        return draw.integers(0, 10, (n, d)).astype(np.uint8)
    if kind == 1:
        return draw.integers(-(2**15), 2**15, (n, d)).astype(np.int16)
    if kind == 2:
        return 2**60 + draw.integers(0, 2 ** int(draw.integers(1, 50)), (n, d))
    if kind == 3:
        return (2**63 + draw.integers(0, 1000, (n, d)).astype(np.uint64)).astype(np.uint64)
    if kind == 4:
        return draw.normal(size=(n, d)).astype(np.float32)
    points = draw.normal(size=(n, d)) * 10.0 ** draw.integers(-140, 140)
    if kind == 5:
        points[draw.integers(n)] *= 10.0 ** draw.integers(0, 12)
    if kind == 6:
        points = np.rint(points / np.abs(points).max() * 3) * 2.0 ** draw.integers(-400, 400)
    return points


def _points_like(draw, x):
    moved = draw.permuted(x, axis=0)
    if x.dtype.kind == "f":
        return (moved * (1 + 0.3 * draw.normal(size=x.shape))).astype(x.dtype)
    return moved + draw.integers(0, 4, x.shape).astype(x.dtype)


def _optimum(x, y, cost, rows, columns) -> tuple[Fraction, Fraction]:
    """Mean cost of the best permutation of the copies, from below and from above."""
    x, y = ([[Fraction(c) for c in p] for p in side.tolist()] for side in (x, y))
    table = [[_bracket(p, q, cost) for q in y] for p in x]
    ends = []
    for end in (0, 1):
        best = min(
            sum(table[i][j][end] for i, j in zip(rows.tolist(), order, strict=True))
            for order in set(itertools.permutations(columns.tolist()))
        )
        ends.append(best / len(rows))
    return tuple(ends)


def _bracket(p, q, cost) -> tuple[Fraction, Fraction]:
    differences = [s - t for s, t in zip(p, q, strict=True)]
    if cost == "cityblock":
        exact = sum(map(abs, differences), Fraction(0))
        return exact, exact
    exact = sum((d * d for d in differences), Fraction(0))
    if cost == "sqeuclidean":
        return exact, exact
    if exact == 0:
        return exact, exact
    # The root of a fraction to some 200 bits, whatever its size.
    bits = exact.denominator.bit_length() - exact.numerator.bit_length()
    shift = 2 * (_DIGITS + max(0, bits))
    root = math.isqrt((exact.numerator << shift) // exact.denominator)
    unit = Fraction(1, 1 << (shift // 2))
    return root * unit, (root + 1) * unit


def forged(draw: np.random.Generator, case: Instance) -> certificates.Certificate:
    """A certificate about the case with a wild v, and a plan that is right, bad or broken."""
    n = len(case.x)
    rows, columns, mass, total = np.arange(n), draw.permutation(n), np.ones(n, np.int64), n
    kind = "assignment"
    if case.a is not None:
        kind, total = "plan", 1.0
        rows, columns, mass = _corner(case.a, draw.permutation(n), case.b, draw.permutation(n))
    v = _vector(draw, case)
    certificate = certificates.issue(
        case.x, case.y, case.cost, rows, columns, mass, total, v, (0.0, 0.0), kind
    )
    for _ in range(int(draw.integers(0, 3))):
        certificate = _tampered(draw, certificate)
    return certificate


def _corner(a, i, b, j):
    """A plan between weights by the north-west corner rule along two orders; all sums are exact."""
    arcs, left, right = [], a[i].tolist(), b[j].tolist()
    s = t = 0
    while s < len(left) and t < len(right):
        moved = min(left[s], right[t])
        if moved > 0:
            arcs.append((i[s], j[t], moved))
        left[s] -= moved
        right[t] -= moved
        s, t = s + (left[s] == 0), t + (t < len(right) and right[t] == 0)
    rows, columns, mass = (np.array(part) for part in zip(*arcs, strict=True))
    return rows, columns, mass


def _vector(draw, case):
    m = len(case.y)
    with np.errstate(all="ignore"):
        size = float(np.ptp(np.concatenate([case.x, case.y]).astype(np.float64)))
        size = min(size ** (2 if case.cost == "sqeuclidean" else 1) or 1.0, 1e300)
    kind = draw.integers(8)
    if kind == 0:
        return 2**62 - 512 + draw.integers(0, 600, m)
    if kind == 1:
        return draw.integers(-(2**63), 2**63 - 1, m)
    if kind == 2:
        return np.full(m, 10.0 ** draw.integers(-320, 308)) * draw.choice([-1, 1])
    if kind == 3:
        return draw.normal(size=m) * size
    if kind == 4:
        return draw.integers(0, max(2, int(min(size, 2**40))), m)
    if kind == 5:
        return (draw.integers(0, 2, m) * 2.0**63).astype(np.uint64)
    if kind == 6:
        return draw.choice([1e308, -1e308, 5e-324, 0.0, size, -size], m)
    # The potentials of an honest solution, moved and scaled by next to nothing.
    try:
        best = transport.plan(case.x, case.y, case.a, case.b, cost=case.cost).potentials[1]
    except Exception:  # solvers have tests of their own; here any vector will do
        best = np.zeros(m)
    with np.errstate(all="ignore"):
        changed = best * (1 + draw.choice([0, 1e-16, 1e-15, 1e-9])) + draw.choice([0, 1e18]) * size
    return np.nan_to_num(changed)


def _tampered(draw, certificate):
    header, arrays = dict(certificate.header), {}
    for name in ("rows", "columns", "mass", "v"):
        arrays[name] = getattr(certificate, name).copy()
    name = str(draw.choice(["rows", "columns", "mass", "v", "header"]))
    if name == "header":
        key = str(draw.choice(list(header)))
        values = [None, True, -1, 0, 2**62, 2**70, 1.5, "euclidean", [], {}, 1e308, 3]
        header[key] = values[draw.integers(len(values))]
    elif len(arrays[name]):
        k, array = draw.integers(len(arrays[name])), arrays[name]
        kind = draw.integers(6)
        with np.errstate(all="ignore"):
            if kind == 0:
                array[k] = array[draw.integers(len(array))]
            elif kind == 1 and array.dtype.kind == "f":
                array[k] *= 1 + draw.choice([1e-16, 1e-12, -1e-10, 1.0])
            elif kind == 2:
                arrays[name] = array[::-1]
            elif kind == 3:
                types = [np.uint8, np.int64, np.uint64, np.float16, np.float32, bool, complex]
                arrays[name] = array.astype(types[draw.integers(len(types))])
            elif kind == 4:
                words = {4: np.uint32, 8: np.uint64}
                arrays[name] = array.view(words.get(array.dtype.itemsize, array.dtype))
            elif array.dtype.kind == "f":
                array[k] = draw.choice([np.nan, np.inf, -1.0, 1e308, 5e-324])
            else:
                array[k] = draw.choice([-1, 2**31 - 1, 0])
    return dataclasses.replace(certificate, header=header, **arrays)


def attack(draw: np.random.Generator) -> str:
    """One forgery: "refused", "held", or an AssertionError if a false interval was certified."""
    case = instance(draw)
    forgery = forged(draw, case)
    try:
        bounds = transport.verify(forgery, case.x, case.y, case.a, case.b, case.cost)
    except UserError:
        return "refused"
    told = forgery, case, bounds
    assert bounds.lower <= bounds.upper and bounds.rounding >= 0, told
    assert Fraction(bounds.lower) <= case.high and case.low <= Fraction(bounds.upper), told
    assert Fraction(bounds.gap) >= Fraction(bounds.upper) - Fraction(bounds.lower) or (
        bounds.integer and bounds.gap >= 0
    ), told
    if bounds.integer and bounds.gap == 0:
        return "proved"
    return "held"


def main(attack, description) -> None:
    """Attack for some seconds and print the counts."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    counts, begin = collections.Counter(), time.monotonic()
    while time.monotonic() < begin + arguments.seconds:
        number = counts.total()
        try:
            counts[attack(np.random.default_rng([arguments.seed, number]))] += 1
        except Exception:
            print(f"forgery [{arguments.seed}, {number}]")
            raise
    print(f"{counts.total()} forgeries of seed {arguments.seed}: {dict(counts)}, none believed")


if __name__ == "__main__":
    main(attack, __doc__)
