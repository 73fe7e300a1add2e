"""Pricing: all pairs whose cost lies below a threshold, without the cost matrix.

A screen in float32 on whatever device JAX has computes a lower bound of every cost by a matrix
product, with the worst case of its rounding (Higham 2002, 3.1) subtracted; what lies below the
threshold there is a superset of what lies below it exactly, and the caller recomputes those few
costs in float64. Small integers (8-bit images) are exact in bfloat16 and their products are exact
in float32 accumulators, so there the screen has no product error at all, in bfloat16 or in float32.

Points whose spread lies mostly along few directions, as that of images does, are screened by a
sketch first: their coordinates along those directions and the length of the rest. Distances between
sketches are at most those between the points, by the triangle inequality of the rests, and the few
pairs that they leave are screened again with all coordinates.
"""

import collections
import functools
import itertools
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

ROWS, COLUMNS = 1024, 2048
UNIT = 2.0**-24
_EXACT = 8 * UNIT
_GROUPS, _SPREAD, _SMALLER, _PAIRS = 128, 0.97, 3, 256
"""Groups of a sample; share of the spread in a sketch, of at most one coordinate of so many;
pairs at once, few enough for a cache."""


class _Sets(NamedTuple):
    """Both sets as the device has them, the squared norms of their points in float64, and the
    largest error of a cost relative to the sum of two squared norms."""

    x: Any
    xx: np.ndarray
    y: Any
    yy: np.ndarray
    slack: float


class Pricer:
    """Screens of one geometry; holds float32 or bfloat16 copies of both sets on the device."""

    def __init__(self, geometry, look=lambda: None):
        """Prepares both sets; `look` is called before every block, and may raise."""
        self.geometry, self.look = geometry, look
        self.expanded = geometry.cost in ("euclidean", "sqeuclidean")
        self.unit = 1.0
        if not self.expanded:
            return
        sketched = _axes(geometry.x, geometry.y)
        x, xx, y, yy, self.scale, slack = prepared(geometry)
        self.unit = self.scale**2 if geometry.cost == "sqeuclidean" else self.scale
        exact = slack == _EXACT
        kind = small_integers() if exact and sketched is None else jnp.float32
        self.whole = _Sets(jnp.asarray(x).astype(kind), xx, jnp.asarray(y).astype(kind), yy, slack)
        self.points, self.sketch = None, self.whole
        if sketched is not None:
            self.points = np.asarray(self.whole.x), np.asarray(self.whole.y)
            centre, axes = sketched
            x, y = (_sketch(s, centre, self.scale, axes) for s in (geometry.x, geometry.y))
            # The length of the rest carries the root of the rounding of two squares.
            self.sketch = _Sets(*x, *y, (axes.shape[1] + 32) * UNIT)

    def below(self, t, v, rows=None, columns_of=None, also=None) -> Iterator:
        """Blocks of pairs (rows [k], columns [k]) that hold every pair with c_ij < t_i + v_j.

        Args:
            t: [n] float64.
            v: [m] float64.
            rows: order in which rows are taken; None is all of them.
            columns_of: a function of a block of rows that returns the columns to price for them;
                None is all of them.
            also: optional (u [n], s [m]): pairs with c_ij < u_i + s_j are returned too.

        Yields:
            (rows, columns, priced): pairs, some of which do not satisfy the inequality, and the
            number of pairs that the block looked at.
        """
        n, m = self.geometry.shape
        rows = np.arange(n) if rows is None else rows
        every = np.arange(m)
        size = min(ROWS, 1 << (n - 1).bit_length()), min(COLUMNS, 1 << (m - 1).bit_length())
        screen = self._expanded(t, v, also, size) if self.expanded else self._direct(t, v, also)
        again = self._again(t, v, also)
        waiting = collections.deque()
        with ThreadPoolExecutor(2) as threads:  # NumPy looks at blocks while the next are priced
            for start in range(0, len(rows), size[0]):
                some = rows[start : start + size[0]]
                columns = every if columns_of is None else columns_of(some)
                for first in range(0, len(columns), size[1]):
                    self.look()
                    others = columns[first : first + size[1]]
                    block = screen(some, others), some, others
                    waiting.append(threads.submit(lambda block: again(*_found(*block)), block))
                    if len(waiting) > 2:
                        yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

    def quantile(self, values, sample, count, transpose) -> np.ndarray:
        """Thresholds under which about `count` pairs of each row lie, estimated from a sample.

        The sample falls into groups, of each of which only the least value is kept: one of few
        that are least is rarely hidden by another.

        Args:
            values: [m] (or [n] when transposed) subtracted from the costs.
            sample: indices of the columns (rows when transposed) that are looked at, shuffled.
            count: wanted number of pairs per row (column when transposed).
            transpose: estimate for every column instead of every row.

        Returns:
            [n] (or [m]) float64 quantiles of c_ij - values; float32 accuracy, nothing is proved.
        """
        size = self.geometry.shape[0 if transpose else 1]
        rank = min(len(sample), max(1, round(count * len(sample) / size))) - 1
        groups = min(len(sample), max(_GROUPS, 8 * rank))
        out = np.empty(self.geometry.shape[1 if transpose else 0])
        least = self._least_of(sample, values[sample], groups, of_x=transpose)
        for some in _parts(len(out), len(sample)):
            self.look()
            out[some] = np.partition(least(some), rank, axis=1)[:, rank]
        return out / self.unit

    def extended(self, rows, u, parts) -> np.ndarray:
        """For every column the mean over parts of the rows of min_i (c_ij - u_i); float32."""
        ends = np.linspace(0, len(rows), min(parts, len(rows)) + 1).astype(int)
        each = self._least_of(rows, u, len(rows), of_x=True)
        out = np.empty(self.geometry.shape[1])
        for some in _parts(len(out), len(rows)):
            self.look()
            block = each(some)
            least = [block[:, i:j].min(axis=1) for i, j in itertools.pairwise(ends)]
            out[some] = np.mean(least, axis=0, dtype=np.float64)
        return out / self.unit

    def nearest(self, rows, v) -> np.ndarray:
        """For each given row the column of least c_ij - v_j, in float64."""
        return np.array([int(np.argmin(self.geometry.block([i])[0] - v)) for i in rows], np.int64)

    def lower(self, v, rows=slice(None)) -> np.ndarray:
        """For every given row a number not above min_j (c_ij - v_j), close to it; never looks."""
        n, m = self.geometry.shape
        every = np.arange(n)[rows]
        blocks = [every[start : start + ROWS] for start in range(0, len(every), ROWS)]
        if not self.expanded:
            parts = [slice(first, first + COLUMNS) for first in range(0, m, COLUMNS)]
            return np.concatenate(
                [
                    np.min([(self.geometry.block(i, j) - v[j]).min(axis=1) for j in parts], axis=0)
                    for i in blocks
                ]
            )
        x, xx, y, yy, slack = self.whole
        xx, yy = np.float32(xx * (1 - slack)), np.float32(yy * (1 - slack))
        v = upward(v * self.unit)
        others = []
        for first in range(0, m, COLUMNS):
            j = np.arange(first, min(first + COLUMNS, m))
            at = _padded(j, COLUMNS)
            heights = np.full(COLUMNS, -np.inf, np.float32)
            heights[: len(j)] = v[j]
            others.append((at, yy[at], heights))
        out = np.empty(len(every))
        squared = self.geometry.cost == "sqeuclidean"
        for k, i in enumerate(blocks):
            at = _padded(i, ROWS)
            found = [_least(x, y, at, j, xx[at], *right, squared) for j, *right in others]
            least = np.min([np.asarray(part) for part in found], axis=0)
            out[k * ROWS : k * ROWS + len(i)] = least[: len(i)]
        # The last difference was rounded, and v before it.
        return (out - 4 * UNIT * np.abs(out)) / self.unit

    def seconds(self, clock) -> float:
        """How long `lower` takes for all rows, from its time for some."""
        n, m = self.geometry.shape
        some = np.arange(min(n, ROWS))
        nothing = np.zeros(m)
        self.lower(nothing, some[:1])  # compiles
        start = clock()
        self.lower(nothing, some)
        return (clock() - start) * n / len(some)

    def _least_of(self, fixed, heights, groups, of_x):
        """The least costs less heights between any point and the groups of some points, about.

        Args:
            fixed: indices of points of x, or of y unless `of_x`; every groups-th is in one group.
            heights: one for each of them, in the unit of the costs.
            groups: how many groups.

        Returns:
            A function of a slice of the other side: [k, groups] in the unit of the screen, where
            float32 does not overflow.
        """
        extra = -len(fixed) % groups
        fixed = np.concatenate([fixed, fixed[:1].repeat(extra)])
        heights = np.concatenate([heights * self.unit, np.full(extra, -np.inf)])
        if not self.expanded:

            def direct(some):
                block = self.geometry.block(fixed, some).T if of_x else None
                block = self.geometry.block(some, fixed) if block is None else block
                return (block - heights).reshape(len(block), -1, groups).min(axis=1)

            return direct
        points, norms, others, squares, _ = self.sketch
        if self.points is not None:  # what is left out of a sketch is taken for orthogonal
            points, others = points[:, :-1], others[:, :-1]
        if not of_x:
            points, norms, others, squares = others, squares, points, norms
        points, norms, squares = points[fixed], np.float32(norms[fixed]), np.float32(squares)
        heights, squared = np.float32(heights), self.geometry.cost == "sqeuclidean"
        return lambda some: np.asarray(
            _group_least(others[some], points, squares[some], norms, heights, groups, squared)
        )

    def _direct(self, t, v, also):
        def screen(rows, columns):
            block = self.geometry.block(rows, columns)
            mask = block < t[rows, None] + v[columns]
            if also is not None:
                mask |= block < also[0][rows, None] + also[1][columns]
            return mask

        return screen

    def _expanded(self, t, v, also, size):
        squared, unit = self.geometry.cost == "sqeuclidean", self.unit
        x, xx, y, yy, slack = self.sketch
        pairs = [(t, v)] if also is None else [(t, v), also]
        left = [upward(a * unit) for a, _ in pairs]
        right = [upward(b * unit) for _, b in pairs]
        left = np.stack([np.float32(xx * (1 - slack)), *left])
        right = np.stack([np.float32(yy * (1 - slack)), *right])

        def screen(rows, columns):
            i, j = _padded(rows, size[0]), _padded(columns, size[1])
            a, b = left[:, i], right[:, j]
            a[1:, len(rows) :] = b[1:, len(columns) :] = -np.inf
            return _screen(x, y, i, j, a, b, squared)

        return screen

    def _again(self, t, v, also):
        """A function (rows, columns, priced) -> the same with fewer pairs, after all coordinates of
        what a sketch has left."""
        if not self.expanded or self.points is None:
            return lambda *found: found
        (x, y), (_, xx, _, yy, slack) = self.points, self.whole

        def screen(rows, columns, priced):
            inner = np.empty(len(rows))
            for start in range(0, len(rows), _PAIRS):
                part = slice(start, start + _PAIRS)
                inner[part] = np.einsum("kd,kd->k", x[rows[part]], y[columns[part]])
            cost = (xx[rows] + yy[columns]) * (1 - slack) - 2 * inner
            threshold = t[rows] + v[columns]
            if also is not None:
                threshold = np.maximum(threshold, also[0][rows] + also[1][columns])
            threshold *= self.unit
            if self.geometry.cost == "euclidean":
                cost, threshold = np.sqrt(np.maximum(cost, 0)), threshold * (1 + 8 * UNIT)
            kept = cost <= threshold
            return rows[kept], columns[kept], priced

        return screen


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


@functools.cache
def small_integers():
    """The type for small integers, bfloat16 or float32: whichever has its products sooner here.

    Both give the same numbers. Processors without instructions for bfloat16 take twice as long.
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


@functools.partial(jax.jit, static_argnames=("groups", "squared"))
def _group_least(x, y, xx, yy, heights, groups, squared):
    """[r, groups] least costs less heights, about; column j is in group j modulo groups."""
    squares = jnp.maximum(xx[:, None] + yy[None, :] - 2 * product(x, y), 0)
    costs = squares if squared else jnp.sqrt(squares)
    # One loop for roots and minima would not be vectorised.
    costs = jax.lax.optimization_barrier(costs - heights[None, :])
    return costs.reshape(len(x), -1, groups).min(axis=1)


@functools.partial(jax.jit, static_argnames="squared")
def _least(x, y, rows, columns, xx, yy, heights, squared):
    """[r] least of (cost - height) over the columns, costs from below."""
    cost = jnp.maximum(xx[:, None] + yy[None, :] - 2 * product(x[rows], y[columns]), 0)
    cost = cost if squared else jnp.sqrt(cost) * (1 - 8 * UNIT)
    return (cost - heights[None, :]).min(axis=1)


@functools.partial(jax.jit, static_argnames="squared")
def _screen(x, y, rows, columns, left, right, squared):
    inner = product(x[rows], y[columns])
    cost = left[0][:, None] + right[0][None, :] - 2 * inner
    threshold = left[1][:, None] + right[1][None, :]
    for a, b in zip(left[2:], right[2:], strict=True):
        threshold = jnp.maximum(threshold, a[:, None] + b[None, :])
    if squared:
        return cost <= threshold
    return (threshold >= 0) & (cost <= threshold * threshold * (1 + 8 * UNIT))


def _found(mask, rows, columns):
    mask = np.asarray(mask)
    priced = len(rows) * len(columns)
    if mask.shape[1] % 8 == 0:
        words = np.flatnonzero(mask.view(np.uint64))
        word, bit = np.nonzero(mask.view(np.uint64).ravel()[words].view(np.uint8).reshape(-1, 8))
        flat = words[word] * 8 + bit
    else:
        flat = np.flatnonzero(mask)
    i, j = flat // mask.shape[1], flat % mask.shape[1]
    return rows[i], columns[j], priced


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


def prepared(geometry) -> tuple:
    """Both sets for a product in float32: moved to a centre, and scaled by a power of two.

    Returns:
        (x [n, d] float32, xx [n] its squared norms in float64, y, yy, scale, slack): slack is the
        largest error of |x - y|^2 from such a product, relative to the sum of two squared norms.
    """
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
    return x, xx, y, yy, scale, _EXACT if exact else (d + 16) * UNIT


def _prepare(points, centre, scale):
    """The moved and scaled points in float32, and their squared norms in float64."""
    out, norms = np.empty(points.shape, np.float32), np.empty(len(points))
    for start in range(0, len(points), ROWS):
        part = slice(start, start + ROWS)
        moved = (points[part] - centre) * scale
        norms[part] = np.einsum("nd,nd->n", moved, moved)
        out[part] = moved
    return out, norms


def _sketch(points, centre, scale, axes):
    """Coordinates along the axes and the length of the rest, [n, k + 1] float32 on the device, and
    their squared norms."""
    out, norms = np.empty((len(points), axes.shape[1] + 1), np.float32), np.empty(len(points))
    for start in range(0, len(points), ROWS):
        part = slice(start, start + ROWS)
        moved = (points[part] - centre) * scale
        along = moved @ axes
        within = np.einsum("nk,nk->n", along, along)
        rest = np.maximum(np.einsum("nd,nd->n", moved, moved) - within, 0)
        out[part] = np.concatenate([along, np.sqrt(rest)[:, None]], axis=1)
        norms[part] = within + rest
    return jnp.asarray(out), norms


def _parts(n, others):
    """Slices of n points whose blocks against that many others stay small."""
    step = max(1, (1 << 22) // others)
    return [slice(start, min(start + step, n)) for start in range(0, n, step)]


def _padded(indices, size):
    out = np.zeros(size, np.int32)
    out[: len(indices)] = indices
    return out


def upward(values) -> np.ndarray:
    """float32 above the values by enough that sums of two of them round to above the true sum."""
    return np.float32(values + 4 * UNIT * np.abs(values))
