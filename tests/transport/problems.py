"""Random problems of every path, scale, dtype and shape, and what their solutions must satisfy.

From a shell: python -m tests.transport.problems --count 1000 --seed 0   (or --seconds 3600).
"""

import argparse
import collections
import itertools
import math
import time
from fractions import Fraction

import jax.numpy as jnp
import numpy as np
import ot
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from gan import transport
from gan.errors import GanError

DTYPES = ("float64", "float64", "float64", "float32", "float16", "uint8", "int16", "int64", "jax")
COSTS = ("euclidean", "sqeuclidean", "cityblock")
SHAPES = ("gaussian", "far", "duplicates", "ties", "near", "line")
WEIGHTS = (None, None, "random", "wide", "float32", "integers")


def draw(seed: int, large: bool = False) -> dict:
    """A problem: x, y, weights a and b or None, cost, and the power of ten it was scaled by."""
    rng = np.random.default_rng([seed, large])
    dtype, cost, shape = (str(rng.choice(names)) for names in (DTYPES, COSTS, SHAPES))
    n = int(rng.integers(1100, 1250)) if large else int(rng.integers(1, 7))
    m = n if rng.random() < 0.5 else n + int(rng.integers(1, 60 if large else 3))
    weights = WEIGHTS[rng.integers(len(WEIGHTS))]
    d = 1 if shape == "line" else int(rng.choice([2, 3, 8]))
    x, y = rng.normal(size=(n, d)), 0.8 * rng.normal(size=(m, d)) + 0.3
    if shape == "far":
        x[0, 0] = y[-1, 0] = 10.0 ** rng.integers(3, 12)
    if shape == "near" and m == n:
        y = x[::-1] * (1 + 1e-9 * rng.normal(size=x.shape))
    if shape == "duplicates":
        x, y = x[rng.integers(1 + n // 3, size=n)], y[rng.integers(1 + m // 3, size=m)]
    if shape == "ties" or dtype in ("uint8", "int16", "int64"):
        x, y = np.rint(3 * x), np.rint(3 * y)
    power = 0
    if dtype == "uint8":
        x, y = (np.clip(s + 100, 0, 255).astype(np.uint8) for s in (x, y))
    elif dtype in ("int16", "int64"):
        x, y = (np.clip(s, -30_000, 30_000).astype(dtype) for s in (x, y))
        if dtype == "int64":
            start = 10 ** int(rng.integers(0, 19))
            x, y = x + start, y + start
    elif dtype == "float64":
        power = int(rng.integers(-150, 146))
        power = power if shape != "far" else max(-140, min(power, 120))
        x, y = x * 10.0**power, y * 10.0**power
    else:
        x, y = (
            np.clip(s, -6e4, 6e4).astype("float32" if dtype == "jax" else dtype) for s in (x, y)
        )
        if dtype == "jax":
            x, y = jnp.asarray(x), jnp.asarray(y)
    a, b = (None, None) if weights is None else _weights(rng, weights, n, m)
    return {"x": x, "y": y, "a": a, "b": b, "cost": cost, "kind": (dtype, shape, weights or "none")}


def _weights(rng, kind, n, m):
    if kind == "integers":
        a = rng.integers(0, 1 << 24, size=n) + 1
        b = np.full(m, a.sum() // m)
        b[0] += a.sum() - b.sum()
        return a, b
    a, b = rng.random(n) + 1e-3, rng.random(m) + 1e-3
    if kind == "wide":
        a[: n // 2] *= 1e-14
        b[: m // 2] *= 10.0 ** -int(rng.integers(1, 200))
    a, b = a / a.sum(), b / b.sum()
    if kind == "float32":
        return np.float32(a), jnp.asarray(b, jnp.float32)
    total = 10.0 ** int(rng.integers(-100, 100))
    return a * total, b * total


def exact_costs(x, y, cost) -> list:
    """Costs as Fractions from the exact points; roots to 60 digits."""
    x, y = (
        [
            [Fraction(int(t)) if isinstance(t, int) else Fraction(t) for t in row]
            for row in np.asarray(s).reshape(len(s), -1).tolist()
        ]
        for s in (x, y)
    )
    power = 1 if cost == "cityblock" else 2
    costs = [[sum(abs(s - t) ** power for s, t in zip(p, q, strict=True)) for q in y] for p in x]
    return [[_root(c) for c in row] for row in costs] if cost == "euclidean" else costs


def _root(value: Fraction) -> Fraction:
    if not value:
        return value
    extra = max(0, 400 + value.denominator.bit_length() - value.numerator.bit_length())
    extra += extra % 2
    return Fraction(math.isqrt((value.numerator << extra) // value.denominator), 1 << (extra // 2))


def exact_value(problem) -> Fraction:
    """The optimum in rational arithmetic: by permutations, or by successive shortest paths."""
    costs = exact_costs(problem["x"], problem["y"], problem["cost"])
    n, m = len(costs), len(costs[0])
    if problem["a"] is None and n == m:
        return (
            min(sum(costs[i][j] for i, j in enumerate(s)) for s in itertools.permutations(range(n)))
            / n
        )
    sides = []
    for weights, size in ((problem["a"], n), (problem["b"], m)):
        if weights is None:
            sides.append([Fraction(1, size)] * size)
        else:
            sides.append([Fraction(w) for w in np.asarray(weights).tolist()])
    scale = sum(sides[0]) / sum(sides[1])
    return _shortest_paths(costs, sides[0], [w * scale for w in sides[1]])


def _shortest_paths(costs, a, b) -> Fraction:
    """Least cost flow by augmenting along shortest paths (Bellman-Ford), in Fractions."""
    n, m = len(a), len(b)
    flow, a, b = [[Fraction(0)] * m for _ in range(n)], list(a), list(b)
    while any(a):
        far = [Fraction(0) if a[i] else None for i in range(n)] + [None] * m
        back = [None] * (n + m)
        changed = True
        while changed:
            changed = False
            for i, j in itertools.product(range(n), range(m)):
                steps = [(i, n + j, costs[i][j])]
                if flow[i][j]:
                    steps.append((n + j, i, -costs[i][j]))
                for s, t, c in steps:
                    if far[s] is not None and (far[t] is None or far[s] + c < far[t]):
                        far[t], back[t], changed = far[s] + c, s, True
        end = min((n + j for j in range(m) if b[j]), key=lambda t: far[t])
        path = [end]
        while back[path[-1]] is not None:
            path.append(back[path[-1]])
        arcs = list(zip(path[1:], path[:-1], strict=True))
        amount = min([a[path[-1]], b[end - n]] + [flow[t][s - n] for s, t in arcs if s >= n])
        for s, t in arcs:
            if s < n:
                flow[s][t - n] += amount
            else:
                flow[t][s - n] -= amount
        a[path[-1]] -= amount
        b[end - n] -= amount
    return sum(costs[i][j] * flow[i][j] for i in range(n) for j in range(m))


def solve(problem):
    x, y, a, b, cost = (problem[k] for k in ("x", "y", "a", "b", "cost"))
    if a is None and len(x) == len(y):
        return transport.assignment(x, y, cost)
    return transport.plan(x, y, a, b, cost=cost)


def check(problem, result) -> None:
    """Marginals of every point, and the value against the rational one.

    Raises:
        AssertionError: with the numbers that differ.
    """
    wanted = exact_value(problem)
    assert abs(Fraction(result.value) - wanted) <= wanted / 10**12, (result.value, float(wanted))
    assert 0 <= result.gap <= 1e-12 * result.value, (result.gap, result.value)
    check_marginals(problem, result)
    bounds = check_certificate(problem, result)
    # The rational value of a Euclidean cost is itself rounded, at the 50th digit.
    assert Fraction(bounds.lower) <= wanted * (1 + Fraction(1, 10**40))
    assert Fraction(bounds.upper) >= wanted * (1 - Fraction(1, 10**40))


def check_certificate(problem, result):
    """The certificate verifies: an interval around the value, wide by rounding alone."""
    x, y, a, b = (None if problem[k] is None else np.asarray(problem[k]) for k in "xyab")
    bounds = transport.verify(result.certificate, x, y, a, b)
    assert bounds.lower <= result.value * (1 + 1e-15)
    assert result.value <= bounds.upper * (1 + 1e-15)
    assert bounds.gap - bounds.rounding <= 1e-12 * result.value + bounds.rounding, bounds
    assert not result.integer or bounds.gap == 0
    return bounds


def check_marginals(problem, result):
    sums = []
    for weights, points in ((problem["a"], problem["x"]), (problem["b"], problem["y"])):
        full = np.full(len(points), 1 / len(points))
        sums.append(full if weights is None else np.float64(np.asarray(weights)))
    sums[1] = sums[1] * (sums[0].sum() / sums[1].sum())
    for axis in (0, 1):
        np.testing.assert_allclose(result.plan.sum(axis=1 - axis), sums[axis], rtol=1e-12)


def check_large(problem, result) -> None:
    """The value against SciPy's shortest augmenting paths, and POT's network simplex."""
    x, y = (np.asarray(problem[k]) for k in "xy")
    if x.dtype.kind in "iu":
        x, y = (np.array((s.astype(object) - int(x.min())).tolist(), np.float64) for s in (x, y))
    x, y = (s.astype(np.float64).reshape(len(s), -1) for s in (x, y))
    unit = float(np.abs(np.concatenate([x, y])).max()) or 1.0
    matrix = cdist(x / unit, y / unit, problem["cost"])
    values = {}
    if problem["a"] is None and len(x) == len(y):
        i, j = linear_sum_assignment(matrix)
        values["SciPy"] = math.fsum(matrix[i, j]) / len(x)
    if problem["kind"][1] not in ("far", "near") and problem["kind"][2] != "wide":
        # A simplex in float64 answers problems of a moderate range.
        shares = []
        for weights, size in ((problem["a"], len(x)), (problem["b"], len(y))):
            weights = np.ones(size) if weights is None else np.float64(np.asarray(weights))
            shares.append(weights / weights.sum())
        values["POT"] = float(ot.emd2(*shares, matrix, numItermax=10**8))
    total = 1.0 if problem["a"] is None else math.fsum(np.float64(np.asarray(problem["a"])))
    for name, wanted in values.items():
        found = result.value / unit_of(problem, unit) / total
        assert abs(found - wanted) <= 1e-12 * wanted, (name, found, wanted)
    assert 0 <= result.gap <= 1e-12 * result.value
    check_marginals(problem, result)
    check_certificate(problem, result)


def unit_of(problem, unit):
    return unit**2 if problem["cost"] == "sqeuclidean" else unit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=math.inf)
    flags = parser.parse_args()
    end, counts, failures = time.monotonic() + flags.seconds, collections.Counter(), 0
    for k in range(flags.seed, flags.seed + flags.count):
        if time.monotonic() > end:
            break
        large = k % 50 == 49
        problem = draw(k, large)
        counts.update(problem["kind"] + ("large" if large else "small", problem["cost"]))
        try:
            (check_large if large else check)(problem, solve(problem))
            counts["right"] += 1
        except GanError as error:
            counts[type(error).__name__] += 1
            print(k, problem["kind"], problem["cost"], type(error).__name__, error, flush=True)
        except Exception as error:
            failures += 1
            text = f"{type(error).__name__} {error}".strip()[:200].replace("\n", " ")
            print(k, problem["kind"], problem["cost"], "FAILED", text, flush=True)
    print({**counts, "failures": failures})


if __name__ == "__main__":
    main()
