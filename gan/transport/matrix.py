"""Pricing with a matrix of lower bounds, for problems of up to some thousand points.

One matrix product in float32, less the worst case of its rounding (Higham 2002, 3.1), bounds the
costs of all pairs from below. So the pairs whose bound lies below a threshold hold every pair whose
cost does, and only the arcs of the pool need exact costs. A look at all pairs is a comparison of
arrays: nothing is compiled, and no cost is computed twice.
"""

import numpy as np

from gan.transport import pricing, products
from gan.transport.arcs import Pool
from gan.transport.outside import Outside

_NEAR, _FAR, _MOST, _SPARE = (20, 20), (14, 8), 80, 4
"""Arcs of a row and of a column in the first pool, about, in few dimensions and in many; the most
of a row that a look brings in; arcs per point beyond the violated ones."""
_TIES, _GROUPS, _NUMBERS, _ALONE, _BLOCK = 3, 128, 1 << 18, 1 << 18, 32
"""How many times as many arcs ties may make; groups of a row; numbers at once, which a cache holds;
products for which no thread is woken, and the least block of them that is quick."""
_LEAST = 2.0**-100
"""What underflows is less than this."""


def lower(geometry) -> np.ndarray:
    """A number for every pair, [n, m], that is not above its cost, and close to it.

    float32 from a product for Euclidean costs and their squares; else the costs in float64.
    """
    if geometry.cost not in ("euclidean", "sqeuclidean"):
        return geometry.block()
    (x, xx, y, yy, slack), scale = products.prepared(geometry)
    bounds = _product(x, y)
    bounds *= -2
    bounds += (xx * (1 - slack) - _LEAST).astype(np.float32)[:, None]
    bounds += (yy * (1 - slack)).astype(np.float32)
    np.maximum(bounds, 0, out=bounds)
    if geometry.cost == "sqeuclidean":
        bounds *= np.float32(scale**-2)
        return bounds
    np.sqrt(bounds, out=bounds)
    bounds *= np.float32((1 - 8 * products.UNIT) / scale)
    return bounds


class Matrix(Outside):
    """Prices what a pool of a geometry does not hold, by a bound for every pair."""

    def __init__(self, geometry, account, near):
        super().__init__(geometry, None, account)
        self.row, self.column = _NEAR if near else _FAR
        self.bounds = lower(geometry)
        self.spares = _SPARE * sum(geometry.shape)

    def first_pool(self, v):
        """A pool of so many arcs of low reduced cost per row and column, under v [m], about; None
        where ties make these many more."""
        (n, m), account, bounds = self.geometry.shape, self.account, self.bounds
        v = v.astype(bounds.dtype)
        with account.stage("thresholds"):
            t, u = np.empty(n, bounds.dtype), np.empty(n, bounds.dtype)
            for part in _parts(n, m):
                reduced = bounds[part] - v
                t[part], u[part] = _quantile(reduced, self.row), reduced.min(axis=1)
            s = np.empty(m, bounds.dtype)
            for part in _parts(m, n):
                s[part] = _quantile(bounds[:, part].T - u, self.column)
        with account.stage("first pass"):
            ends = self._where(
                lambda part, block: (block <= t[part, None] + v) | (block <= u[part, None] + s)
            )
        if len(ends[0]) > _TIES * (self.row * n + self.column * m):
            return None
        pool = Pool((n, m), *(np.empty(0, k) for k in (np.int32, np.int32, np.float64, bool)))
        with account.stage("exact costs"):
            pool.add(self.geometry, *ends, False)
        account.counts["rounds"] += 1
        account.counts["arcs"] = len(pool)
        return pool

    def extended(self, rows, u, parts):
        """For every column the mean over parts of the rows of min_i (c_ij - u_i), about."""
        count = min(parts, len(rows))
        least = [
            (self.bounds[rows[part::count]] - u[part::count, None]).min(axis=0)
            for part in range(count)
        ]
        return np.mean(least, axis=0, dtype=np.float64)

    def _capped(self, wanted, v):
        if self.close:
            return True, wanted
        v = v.astype(self.bounds.dtype)
        cap = np.full(len(wanted), np.inf)
        for part in _parts(len(wanted), len(v)):
            reduced = self.bounds[part] - v
            below = np.count_nonzero(reduced <= wanted[part, None], axis=1)
            if below.sum() > _MOST * len(below):
                cap[part] = _quantile(reduced, _MOST)
        return not (cap < wanted).any(), np.minimum(wanted, cap)

    def _bring(self, pool, wanted, v):
        if self.bounds.dtype != np.float64:
            wanted, v = pricing.upward(wanted), pricing.upward(v)
        pool.add(
            self.geometry,
            *self._where(lambda part, block: block <= wanted[part, None] + v),
            False,
        )
        self.account.counts["rounds"] += 1
        return True

    def _where(self, mask):
        """(rows, columns) at which a function of a slice of rows and their bounds is true."""
        n, m = self.geometry.shape
        found = [
            np.flatnonzero(mask(part, self.bounds[part])) + part.start * m for part in _parts(n, m)
        ]
        return np.divmod(np.concatenate(found), m)


def _product(x, y):
    """Inner products of all rows of x and y, in blocks for which no thread is woken: a woken one
    spins for longer than the product of some hundred points takes."""
    n, m, d = len(x), len(y), x.shape[1]
    side = 1 << max(0, ((_ALONE // d).bit_length() - 1) // 2)
    if side < _BLOCK:
        return x @ y.T
    x, y = (np.pad(s, ((0, -len(s) % side), (0, 0))).reshape(-1, side, d) for s in (x, y))
    out = np.empty((len(x) * side, len(y) * side), x.dtype)
    blocks = out.reshape(len(x), side, len(y), side).transpose(0, 2, 1, 3)
    np.matmul(x[:, None], y.transpose(0, 2, 1)[None], out=blocks)
    return out[:n, :m]


def _parts(n, others):
    """Slices of n points whose blocks against that many others a cache holds."""
    step = max(1, _NUMBERS // others)
    return [slice(start, min(start + step, n)) for start in range(0, n, step)]


def _quantile(values, rank):
    """About the rank-th least of every row: the least of groups, which hide few of them."""
    groups = max(_GROUPS, 8 * rank)
    whole = values.shape[1] // groups * groups
    if whole > groups:
        least = values[:, :whole].reshape(len(values), -1, groups).min(axis=1)
        rest = values[:, whole:]
        np.minimum(least[:, : rest.shape[1]], rest, out=least[:, : rest.shape[1]])
        values = least
    rank = min(rank, values.shape[1]) - 1
    return np.partition(values, rank, axis=1)[:, rank]
