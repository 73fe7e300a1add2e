"""Pricing: all pairs whose cost lies below a threshold, without the cost matrix.

A screen on whatever device JAX has computes a lower bound of every cost by a matrix product, with
all that the product may be off by subtracted (`products`). What lies below the threshold there is a
superset of what lies below it exactly, and the caller recomputes those few costs in float64. Where
the screen multiplies sketches or rounded points, the few pairs that it leaves are screened again in
float32 first; if these are not few, all coordinates are multiplied from then on.
"""

import collections
import functools
import math
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan.transport import products
from gan.transport.products import COLUMNS, ROWS, UNIT, product

_GROUPS, _PAIRS, _CHUNK, _THREADS = 128, 256, 64, 3
"""Groups of a sample; pairs at once, few enough for a cache; columns that are looked at only if one
of them is found; blocks at once, so that NumPy looks at some while others are multiplied."""
_WIDE = 8192
"""Points that all others are compared with at once, about: as many as fit a cache."""
_LEFT = 0.01
"""Share of pairs that a sketch may leave: to look at them again takes as long as to multiply all
coordinates of all pairs."""


class Found(NamedTuple):
    """Pairs of a block, how many pairs the block looked at, and the costs in float64 of those found
    where the screen knows them."""

    rows: np.ndarray
    columns: np.ndarray
    priced: int
    costs: np.ndarray | None = None


class Pricer:
    """Screens of one geometry; holds float32 or bfloat16 copies of both sets on the device."""

    def __init__(self, geometry, look=lambda: None):
        """Prepares both sets; `look` is called before every block, and may raise."""
        self.geometry, self.look = geometry, look
        self.expanded = geometry.cost in ("euclidean", "sqeuclidean")
        self.unit = 1.0
        if not self.expanded:
            return
        whole, self.scale = products.prepared(geometry)
        self.unit = self.scale**2 if geometry.cost == "sqeuclidean" else self.scale
        sketch = products.sketched(geometry, self.scale)
        self.rest = sketch is not None
        low = products.rounded(whole if sketch is None else sketch)
        same = sketch is None and low.slack == whole.slack
        self.rough = not same  # whether pairs that the screen leaves are looked at again
        self.sketch = self.screen = _on_device(low)
        self.whole = self.sketch if same else whole
        self.seen = self.left = 0

    def below(self, t, v, rows=None, columns_of=None) -> "Iterator[Found]":
        """Blocks of pairs (rows [k], columns [k]) that hold every pair with c_ij < t_i + v_j.

        Args:
            t: [n] float64.
            v: [m] float64.
            rows: order in which rows are taken; None is all of them.
            columns_of: a function of a block of rows that returns the columns to price for them;
                None is all of them.

        Yields:
            `Found` pairs, some of which do not satisfy the inequality.
        """
        n, m = self.geometry.shape
        rows = np.arange(n) if rows is None else rows
        every = np.arange(m)
        size = min(ROWS, 1 << (n - 1).bit_length()), min(COLUMNS, 1 << (m - 1).bit_length())
        look_at = self._screened(t, v, size) if self.expanded else self._compared(t, v)
        waiting: collections.deque[Future] = collections.deque()
        with ThreadPoolExecutor(_THREADS) as threads:
            for start in range(0, len(rows), size[0]):
                some = rows[start : start + size[0]]
                columns = every if columns_of is None else columns_of(some)
                for first in range(0, len(columns), size[1]):
                    self.look()
                    others = columns[first : first + size[1]]
                    if not self.expanded:  # a callable stays in the caller's thread
                        yield look_at(some, others)
                        continue
                    waiting.append(threads.submit(look_at, some, others))
                    if len(waiting) > _THREADS:
                        yield self._counted(waiting.popleft().result())
            while waiting:
                yield self._counted(waiting.popleft().result())

    def _counted(self, found):
        """What `below` yields, of that and how many pairs the screen left."""
        pairs, left = found
        self.seen, self.left = self.seen + pairs.priced, self.left + left
        return pairs

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
        for some, least in self._least_of(sample, values[sample], groups, of_x=transpose):
            out[some] = np.partition(least, rank, axis=1)[:, rank]
        return out / self.unit

    def extended(self, rows, u, parts) -> np.ndarray:
        """For every column the mean over parts of the rows of min_i (c_ij - u_i); float32.

        One of p parts is every p-th of the given rows.
        """
        out, parts = np.empty(self.geometry.shape[1]), min(parts, len(rows))
        groups = parts * max(1, min(_GROUPS, len(rows)) // parts)
        for some, least in self._least_of(rows, u, groups, of_x=True):
            least = least.reshape(len(least), -1, parts).min(axis=1)
            out[some] = least.mean(axis=1, dtype=np.float64)
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
        x, y = jnp.asarray(x), jnp.asarray(y)
        xx, yy = ((side * (1 - slack)).astype(np.float32) for side in (xx, yy))
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

    def _least_of(self, fixed, heights, groups, of_x) -> Iterator[tuple[slice, np.ndarray]]:
        """The least costs less heights between any point and the groups of some points, about.

        Args:
            fixed: indices of points of x, or of y unless `of_x`; every groups-th is in one group.
            heights: one for each of them, in the unit of the costs.
            groups: how many groups.

        Yields:
            (slice of the other side [k], costs [k, groups] in the unit of the screen, where float32
            does not overflow).
        """
        count = math.ceil(len(fixed) / _WIDE)
        width = groups * math.ceil(len(fixed) / (count * groups))
        extra = -len(fixed) % width
        fixed = np.concatenate([fixed, fixed[:1].repeat(extra)])
        heights = np.concatenate([heights * self.unit, np.full(extra, -np.inf)])
        pieces = [slice(start, start + width) for start in range(0, len(fixed), width)]
        of_pieces = self._least_costs if self.expanded else self._least_exact
        each = of_pieces([(fixed[piece], heights[piece]) for piece in pieces], groups, of_x)
        for some in _parts(self.geometry.shape[1 if of_x else 0], width):
            self.look()
            yield some, np.minimum.reduce([np.asarray(least) for least in each(some)])

    def _least_exact(self, pieces, groups, of_x):
        """A function of a slice: for every piece the least of each group, from exact costs."""

        def each(some):
            for fixed, heights in pieces:
                block = self.geometry.block(fixed, some).T if of_x else None
                block = self.geometry.block(some, fixed) if block is None else block
                yield (block - heights).reshape(len(block), -1, groups).min(axis=1)

        return each

    def _least_costs(self, pieces, groups, of_x):
        """A function of a slice: for every piece the least of each group, from the sketch."""
        points, norms, others, squares, _ = self.sketch
        if self.rest:  # what is left out of a sketch is taken for orthogonal
            points, others = points[:, :-1], others[:, :-1]
        if not of_x:
            points, norms, others, squares = others, squares, points, norms
        known = [(points[f], np.float32(norms[f]), np.float32(heights)) for f, heights in pieces]
        squares, squared = np.float32(squares), self.geometry.cost == "sqeuclidean"

        def each(some):
            x, xx = others[some], squares[some]
            return [_group_least(x, y, xx, yy, h, groups, squared) for y, yy, h in known]

        return each

    def _compared(self, t, v):
        """A function of a block's rows and columns: what `below` yields, from exact costs."""

        def look_at(rows, columns):
            block = self.geometry.block(rows, columns)
            i, j = np.nonzero(block < t[rows, None] + v[columns])
            return Found(rows[i], columns[j], block.size)

        return look_at

    def _screened(self, t, v, size):
        """A function of a block's rows and columns: what `below` yields, from the screen, and how
        many pairs that left."""
        squared, unit = self.geometry.cost == "sqeuclidean", self.unit
        if self.rough and self.left > _LEFT * self.seen:
            self._multiply_all()
        x, xx, y, yy, slack = self.screen
        again = self.rough
        exact = squared and not again and products.exact(self.screen)
        left = np.stack([np.float32(xx * (1 - slack)), upward(t * unit)])
        right = np.stack([np.float32(yy * (1 - slack)), upward(v * unit)])

        def look_at(rows, columns):
            i, j = _padded(rows, size[0]), _padded(columns, size[1])
            a, b = left[:, i], right[:, j]
            a[1, len(rows) :] = b[1, len(columns) :] = -np.inf
            *mask, inner = _screen(x, y, i, j, a, b, squared, exact)
            hit, other = _hits(*mask)
            found = Found(rows[hit], columns[other], len(rows) * len(columns))
            if exact:
                costs = xx[found.rows] + yy[found.columns] - 2.0 * np.asarray(inner)[hit, other]
                found = found._replace(costs=costs)
            return self._again(t, v, found) if again else found, len(hit)

        return look_at

    def _multiply_all(self):
        """Screens by all coordinates from now on, after which no pair is looked at again."""
        low = products.rounded(self.whole)
        self.screen = _on_device(low if low.slack == self.whole.slack else self.whole)
        self.rough = False

    def _again(self, t, v, found):
        """Fewer of the pairs, after all coordinates in float32."""
        x, xx, y, yy, slack = self.whole
        rows, columns = found.rows, found.columns
        inner = np.empty(len(rows))
        for start in range(0, len(rows), _PAIRS):
            part = slice(start, start + _PAIRS)
            inner[part] = np.einsum("kd,kd->k", x[rows[part]], y[columns[part]])
        cost = (xx[rows] + yy[columns]) * (1 - slack) - 2 * inner
        threshold = (t[rows] + v[columns]) * self.unit
        if self.geometry.cost == "euclidean":
            cost, threshold = np.sqrt(np.maximum(cost, 0)), threshold * (1 + 8 * UNIT)
        kept = cost <= threshold
        return Found(rows[kept], columns[kept], found.priced)


def _on_device(sets):
    return sets._replace(x=jnp.asarray(sets.x), y=jnp.asarray(sets.y))


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


@functools.partial(jax.jit, static_argnames=("squared", "exact"))
def _screen(x, y, rows, columns, left, right, squared, exact):
    """The mask of pairs below their thresholds as `_hits` takes it, and products if exact."""
    inner = product(x[rows], y[columns])
    cost = left[0][:, None] + right[0][None, :] - 2 * inner
    threshold = left[1][:, None] + right[1][None, :]
    if squared:
        mask = cost <= threshold
    else:
        mask = (threshold >= 0) & (cost <= threshold * threshold * (1 + 8 * UNIT))
    width = _CHUNK if mask.shape[1] % _CHUNK == 0 else mask.shape[1]
    chunks = mask.reshape(len(mask), -1, width)
    return chunks, chunks.any(axis=2), inner if exact else None


def _hits(chunks, some):
    """Rows and columns of the pairs where a mask holds: its chunks of columns [r, k, w], and which
    of these hold any [r, k]."""
    i, k = np.nonzero(np.asarray(some))
    hit, w = np.nonzero(np.asarray(chunks)[i, k])
    return i[hit], k[hit] * chunks.shape[2] + w


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
    return np.asarray(values + 4 * UNIT * np.abs(values), np.float32)
