"""Both sets of a problem as matrix products take them, and what their costs may then be off by.

    |x - y|^2 = |x|^2 + |y|^2 - 2 <x, y>

In float32 a product is off by its rounding (Higham 2002, 3.1). Small integers (8-bit images) are
exact in bfloat16, and their products in float32 accumulators.

Two more forms take less time and tell less. What they leave is looked at again in float32.

- Points whose spread lies mostly along few directions, as that of images does, are sketched by
  their coordinates along those directions and the length of the rest. Distances between sketches
  are at most those between the points, by the triangle inequality of the rests.
- Points are rounded to bfloat16, where such products take less time.
"""

import functools
import time
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

ROWS, COLUMNS = 1024, 2048
"""Points of a block."""
UNIT = 2.0**-24
_EXACT = 8 * UNIT
_SPREAD, _SMALLER, _FEW = 0.97, 3, 16
"""Share of the spread in a sketch, of at most one coordinate of so many; coordinates of which the
product is the least part of a screen."""
_NEAREST, _MORE = 8, 4
"""Nearest points of a sample, and how many times as many rounding may make of them."""


class Sets(NamedTuple):
    """Both sets as the device has them, the squared norms of their points in float64, and the
    largest error of a cost relative to the sum of two squared norms."""

    x: Any
    xx: np.ndarray
    y: Any
    yy: np.ndarray
    slack: float


@jax.jit
def product(x, y):
    """Inner products of all rows of x [r, d] with all rows of y [c, d], in float32."""
    return jax.lax.dot_general(
        x,
        y,
        (((1,), (1,)), ((), ())),
        precision=jax.lax.Precision.HIGHEST,
        preferred_element_type=jnp.float32,
    )


def prepared(geometry) -> tuple[Sets, float]:
    """Both sets in float32, moved to a centre and scaled by a power of two, and that power."""
    x, y, d = geometry.x, geometry.y, geometry.x.shape[1]
    low = np.minimum(x.min(axis=0), y.min(axis=0))
    high = np.maximum(x.max(axis=0), y.max(axis=0))
    centre = (low + high) / 2 if geometry.integer else (x.mean(axis=0) + y.mean(axis=0)) / 2
    centre = np.float64(np.floor(centre) if geometry.integer else centre)
    largest = float(np.maximum(high - centre, centre - low).max())
    exact = geometry.integer and largest <= 256 and d * largest**2 <= 2**24
    scale = 1.0 if exact or largest == 0 else 2.0 ** -np.ceil(np.log2(largest))
    (x, xx), (y, yy) = (_prepare(points, centre, scale) for points in (x, y))
    # Products of d terms, three sums and the rounding of the inputs.
    return Sets(x, xx, y, yy, _EXACT if exact else (d + 16) * UNIT), scale


def exact(sets: Sets) -> bool:
    """Whether products of the points are without rounding."""
    return sets.slack == _EXACT


def _prepare(points, centre, scale):
    """The moved and scaled points in float32, and their squared norms in float64."""
    out, norms = np.empty(points.shape, np.float32), np.empty(len(points))
    for part in _parts(points):
        moved = (points[part] - centre) * scale
        norms[part] = np.einsum("nd,nd->n", moved, moved)
        out[part] = moved
    return out, norms


def sketched(geometry, scale) -> Sets | None:
    """Coordinates along the axes that hold most of the spread, and the length of the rest last.

    None if that takes many axes, or points are few.
    """
    found = _axes(geometry.x, geometry.y)
    if found is None:
        return None
    centre, axes = found
    (x, xx), (y, yy) = (_sketch(side, centre, axes, scale) for side in (geometry.x, geometry.y))
    # The length of the rest carries the root of the rounding of two squares.
    return Sets(x, xx, y, yy, (axes.shape[1] + 32) * UNIT)


def _axes(x, y):
    """(centre [d], orthonormal directions [d, k] that hold most of the spread around it): leading
    principal components of some thousands of points. None if it takes many, or points are few."""
    if x.shape[1] < 128 or min(len(x), len(y)) < ROWS:
        return None
    some = [points[:: len(points) // 4096 + 1] for points in (x, y)]
    some = np.concatenate(some, dtype=np.float64)
    centre = some.mean(axis=0)
    some -= centre
    some /= max(float(np.abs(some).max()), np.finfo(np.float64).tiny)
    spread, axes = np.linalg.eigh(some.T @ some)
    held = np.cumsum(spread[::-1])
    k = -(-int(np.searchsorted(held, _SPREAD * held[-1]) + 1) // 32) * 32
    return (
        (centre, np.ascontiguousarray(axes[:, : -k - 1 : -1]))
        if _SMALLER * k <= len(axes)
        else None
    )


def _sketch(points, centre, axes, scale):
    """Coordinates along the axes and the length of the rest, [n, k + 1] float32, and their squared
    norms."""
    out, norms = np.empty((len(points), axes.shape[1] + 1), np.float32), np.empty(len(points))
    for part in _parts(points):
        moved = (points[part] - centre) * scale
        along = moved @ axes
        within = np.einsum("nk,nk->n", along, along)
        rest = np.maximum(np.einsum("nd,nd->n", moved, moved) - within, 0)
        out[part] = np.concatenate([along, np.sqrt(rest)[:, None]], axis=1)
        norms[part] = within + rest
    return out, norms


def rounded(sets: Sets) -> Sets:
    """The sets in bfloat16 where such products take less time and still tell near points from far
    ones; else the sets as they are.

    Where no point moves by more than a share r of its length, no inner product changes by more than
    r (2 + r) times the product of two lengths. That is at most half the sum of their squares.
    """
    if sets.x.shape[1] < _FEW or quickest() != jnp.bfloat16:
        return sets
    (x, share), (y, other) = (_round(points) for points in (sets.x, sets.y))
    share = max(share, other)
    low = sets._replace(x=x, y=y, slack=sets.slack + 1.01 * share * (2 + share))
    return low if share == 0 or _tells(sets, low.slack) else sets


def _round(points):
    """The points in bfloat16, and the largest share of its length by which one has moved."""
    out, share = np.empty(points.shape, jnp.bfloat16), 0.0
    for part in _parts(points):
        whole = points[part].astype(np.float64)
        out[part] = points[part]
        moved = whole - out[part].astype(np.float64)
        squares = (np.einsum("nd,nd->n", each, each) for each in (moved, whole))
        shares = np.divide(*squares, out=np.zeros(len(whole)), where=moved.any(axis=1))
        share = max(share, float(shares.max(initial=0.0)))
    return out, share**0.5


def _tells(sets, slack) -> bool:
    """Whether few points of a sample come as near as its nearest ones when costs may be off by a
    slack."""
    rng = np.random.default_rng(0)
    i, j = (rng.permutation(len(side))[:size] for side, size in ((sets.x, 256), (sets.y, COLUMNS)))
    sums = sets.xx[i, None] + sets.yy[j]
    costs = sums - 2 * (sets.x[i].astype(np.float64) @ sets.y[j].astype(np.float64).T)
    rank = min(_NEAREST, len(j)) - 1
    nearest = np.partition(costs, rank, axis=1)[:, [rank]]
    return int(np.count_nonzero(costs - slack * sums <= nearest)) <= _MORE * _NEAREST * len(i)


@functools.cache
def quickest():
    """The type whose products take less time here, bfloat16 or float32.

    Processors without instructions for bfloat16 take twice as long.
    """

    def seconds(kind) -> float:
        x, y = jnp.ones((ROWS, 512), kind), jnp.ones((COLUMNS, 512), kind)
        spent = []
        for _ in range(4):  # the first compiles
            start = time.perf_counter()
            jax.block_until_ready(product(x, y))
            spent.append(time.perf_counter() - start)
        return min(spent)

    return min((jnp.bfloat16, jnp.float32), key=seconds)


def _parts(points):
    """Slices of as many points as a block has."""
    return [slice(start, start + ROWS) for start in range(0, len(points), ROWS)]
