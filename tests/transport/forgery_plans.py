"""Forged plans between uneven weights, and callables, against the vertices of the polytope.

    python -m tests.transport.forgery_plans --seconds 300 --seed 0

The optimum of a transport problem is attained at a spanning tree of rows and columns; up to three
points a side there are at most 81 trees, whose flows are solved in fractions. So sizes may differ
and weights may be any floats: of any total, of twelve orders of magnitude, zero, or float32.
"""

import collections
import functools
import itertools
from fractions import Fraction

import numpy as np

from gan import transport
from gan.errors import UserError
from gan.transport import certificates
from tests.transport import forgery


@functools.cache
def trees(n: int, m: int) -> list[tuple]:
    """All spanning trees of n rows and m columns, as their arcs."""
    found = []
    for arcs in itertools.combinations(itertools.product(range(n), range(m)), n + m - 1):
        joined = {0}
        for _ in arcs:
            joined |= {end for i, j in arcs for end in (i, n + j) if {i, n + j} & joined}
        if len(joined) == n + m:
            found.append(arcs)
    return found


def flow(tree, a, b) -> dict:
    """The only flow on a tree with marginals a and b; it may be negative."""
    left, arcs, found = [*a, *b], {(i, len(a) + j) for i, j in tree}, {}
    while arcs:
        degree = collections.Counter(itertools.chain(*arcs))
        leaf = next(arc for arc in arcs if min(degree[end] for end in arc) == 1)
        moved = left[min(leaf, key=degree.get)]
        for end in leaf:
            left[end] -= moved
        found[leaf[0], leaf[1] - len(a)] = moved
        arcs.remove(leaf)
    return found


def problem(draw: np.random.Generator):
    """Two sets, their weights (or None), and a cost: a name or a callable with its table."""
    n, m = (int(size) for size in draw.integers(1, 4, 2))
    x = forgery._points(draw, n, int(draw.choice([1, 2, 5, 8])))
    y = forgery._points_like(draw, x[draw.integers(0, n, m)])
    a, b = (None if draw.random() < 0.2 else _weights(draw, size) for size in (n, m))
    scale = 2.0 ** draw.integers(-250, 250) if a is not None and b is not None else 1.0
    a, b = (None if w is None else w * (scale / w.sum()) for w in (a, b))
    if draw.random() < 0.2 and scale == 1:
        a, b = (None if w is None else w.astype(np.float32) for w in (a, b))
    if draw.random() < 0.7:
        return x, y, a, b, str(draw.choice(forgery.COSTS)), None
    table = draw.normal(size=(n, m)) * 10.0 ** draw.integers(-30, 30)
    if draw.random() < 0.5:
        table *= 10.0 ** draw.integers(-12, 1, table.shape)
    return x, y, a, b, lambda s, t: table[: len(s), : len(t)], table


def _weights(draw, size):
    weights = draw.exponential(size=size) * 10.0 ** draw.integers(-12, 1, size)
    weights[draw.integers(size)] *= draw.random() < 0.7 or size == 1
    return weights


def attack(draw: np.random.Generator) -> str:
    """One forgery: "refused" or "held"; an AssertionError if a false interval was certified."""
    x, y, a, b, cost, table = problem(draw)
    name = cost if table is None else cost.__name__
    sides = [
        [Fraction(1, size)] * size if w is None else [Fraction(v) for v in w.tolist()]
        for w, size in ((a, len(x)), (b, len(y)))
    ]
    sides[1] = [share * sum(sides[0]) / sum(sides[1]) for share in sides[1]]
    flows = [flow(tree, *sides) for tree in trees(len(x), len(y))]
    flows = [plan for plan in flows if min(plan.values()) >= 0]
    low, high = (
        min(sum(part * ends[arc][end] for arc, part in plan.items()) for plan in flows)
        for ends in [_table(x, y, cost, table)]
        for end in (0, 1)
    )
    case = forgery.Instance(x, y, "euclidean" if table is not None else cost, a, b, low, high)
    plan = flows[draw.integers(len(flows))]
    forged = certificates.issue(
        x,
        y,
        name,
        *np.array(list(plan)).T,
        *_masses(draw, plan, a is None and b is None, len(x) * len(y)),
        forgery._vector(draw, case),
        (0.0, 0.0),
        "plan",
    )
    if draw.random() < 0.3:
        forged = forgery._tampered(draw, forged)
    try:
        bounds = transport.verify(forged, x, y, a, b, cost)
    except UserError:
        return "refused"
    told = forged, x, y, a, b, cost, bounds
    assert bounds.lower <= bounds.upper and bounds.rounding >= 0, told
    assert Fraction(bounds.lower) <= high and low <= Fraction(bounds.upper), told
    return "held"


def _table(x, y, cost, table) -> dict:
    """Each cost from below and above."""
    if table is not None:
        return {(i, j): (Fraction(c),) * 2 for (i, j), c in np.ndenumerate(table)}
    rows, columns = ([[Fraction(c) for c in p] for p in side.tolist()] for side in (x, y))
    return {
        (i, j): forgery._bracket(p, q, cost)
        for i, p in enumerate(rows)
        for j, q in enumerate(columns)
    }


def _masses(draw, plan, even, unit):
    """Masses and their total: integers where they can be, else rounded and sometimes off."""
    if even and draw.random() < 0.5:
        return np.array([int(part * unit) for part in plan.values()]), unit
    mass = np.array([float(part) for part in plan.values()])
    off = draw.choice([0.0, 1e-11]) * draw.normal(size=len(mass))
    return np.maximum(mass + off * draw.choice([mass.sum(), 1]) * (mass.sum() < 2), 0), 1.0


if __name__ == "__main__":
    forgery.main(attack, __doc__)
