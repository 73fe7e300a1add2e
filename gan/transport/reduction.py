"""Identical points merged into weighted ones, and points without mass left out.

A collapsed generator, or an image that occurs ten times, makes an assignment of n points a smaller
transport problem between weighted points. Its plan splits back into a plan, or a permutation, of
the original points at the same cost.
"""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Distinct:
    """The distinct points with mass of one set.

    Attributes:
        points: [k] index of one original point for each distinct point.
        group: [n] distinct point of each original point; a point without mass that equals no other
            takes the place of the first one, which its mass of 0 makes harmless.
        mass: [k] mass of each distinct point.
        weights: [n] the original masses.
    """

    points: np.ndarray
    group: np.ndarray
    mass: np.ndarray
    weights: np.ndarray


def distinct(points: np.ndarray, mass: np.ndarray) -> Distinct:
    """Merges the equal rows of points [n, d], whose masses [n] add up.

    The rows are compared by a 64-bit hash first and then exactly. Distinct points keep the order in
    which they first occur.
    """
    some = np.flatnonzero(mass > 0)
    factors = np.random.default_rng(0).integers(1, 2**63, size=points.shape[1], dtype=np.uint64) | 1
    keys = np.empty(len(some), np.uint64)
    for part in _parts(len(some)):
        bits = (np.float64(points[some[part]]) + 0.0).view(np.uint64)
        keys[part] = ((bits ^ (bits >> np.uint64(29))) * factors).sum(axis=1, dtype=np.uint64)
    first, group = _groups(*np.unique(keys, return_index=True, return_inverse=True)[1:])
    if not all(
        np.array_equal(points[some[part]], points[some[first[group[part]]]])
        for part in _parts(len(some))
    ):
        unique = np.unique(points[some], axis=0, return_index=True, return_inverse=True)
        first, group = _groups(*unique[1:])
    merged = np.zeros(len(first), mass.dtype)
    np.add.at(merged, group, mass[some])
    every = np.zeros(len(points), np.int64)
    every[some] = group
    return Distinct(points=some[first], group=every, mass=merged, weights=mass)


def _parts(n: int) -> list[slice]:
    return [slice(start, start + 4096) for start in range(0, n, 4096)]


def _groups(first, group):
    """Numbers groups in the order of their first members."""
    order = np.argsort(first)
    rank = np.empty(len(first), np.int64)
    rank[order] = np.arange(len(first))
    return first[order], rank[group.ravel()]


def expand(left: Distinct, right: Distinct, rows, columns, mass):
    """Splits a plan between distinct points into one between the original points.

    Args:
        left, right: both sides.
        rows, columns, mass: [s] arcs between distinct points.

    Returns:
        (rows, columns, mass) between the original points, sorted by row; with unit masses on both
        sides one arc per point.
    """
    rows, parts, mass = _split(left, rows, columns, mass)
    columns, rows, mass = _split(right, parts, rows, mass)
    order = np.lexsort((columns, rows))
    return rows[order], columns[order], mass[order]


def _split(side, ends, others, mass):
    """Replaces distinct points by original ones, cutting arcs where a point's mass is used up."""
    order = np.argsort(ends, kind="stable")
    ends, others, mass = ends[order], others[order], mass[order]
    members = np.argsort(side.group, kind="stable")
    members = members[side.weights[members] > 0]
    if len(members) == len(side.points):
        return side.points[ends], others, mass
    out = [], [], []
    arc_stops = np.searchsorted(ends, np.arange(len(side.points) + 1))
    member_stops = np.searchsorted(side.group[members], np.arange(len(side.points) + 1))
    for k in range(len(side.points)):
        own = members[member_stops[k] : member_stops[k + 1]]
        arcs = slice(arc_stops[k], arc_stops[k + 1])
        if len(own) == 1:
            pieces = np.full(len(mass[arcs]), own[0]), others[arcs], mass[arcs]
        else:
            pieces = _cut(own, side.weights[own], others[arcs], mass[arcs])
        for whole, piece in zip(out, pieces, strict=True):
            whole.append(piece)
    return tuple(np.concatenate(whole) for whole in out)


def _cut(own, weights, others, mass):
    """North-west corner between the members of one point and the arcs that leave it."""
    left, right = np.cumsum(weights), np.cumsum(mass)
    last = min(left[-1], right[-1])
    cuts = np.unique(np.concatenate([left, right]))
    cuts = np.append(cuts[cuts < last], last)
    starts = np.concatenate([np.zeros(1, cuts.dtype), cuts[:-1]])
    i = np.minimum(np.searchsorted(left, starts, side="right"), len(own) - 1)
    j = np.minimum(np.searchsorted(right, starts, side="right"), len(others) - 1)
    return own[i], others[j], np.diff(cuts, prepend=np.zeros(1, cuts.dtype))
