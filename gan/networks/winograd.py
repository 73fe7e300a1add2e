"""Correlation with small kernels by fewer products, after Winograd (Lavin and Gray 2016).

m outputs of a correlation with r weights come from m + r - 1 products in place of m r, as
A^T (G g * B x): G and A evaluate polynomials at fixed points, infinity among them, and B inverts an
evaluation (Toom and Cook, transposed). An image takes such a rule along either side, which makes A,
B and G Kronecker products, and the product at every point a matrix product over channels. A tile is
TILE outputs long, or what is left of a side; the tiles of a small image are one block, and a large
image is cut into blocks. The tiles side by side in a block are transformed together, but not those
one below the other: their pixels are a slice, and the zeros of a larger matrix would be multiplied.

Every step is a matrix product or a copy, hence so is every derivative.
"""

import functools

import jax.numpy as jnp
import numpy as np
from jax import lax

from gan.networks import linear

POINTS = {2: (0.0, 1.0, -1.0, 2.0), 3: (0.0, 1.0, -1.0, 2.0, -0.5)}
"""Points of evaluation besides infinity, by side of the kernel."""

TILE = 4
"""Outputs along a side that share products."""

BLOCK = 8
"""Sides up to this are one block; longer ones are cut into blocks of this length."""


def correlate(x, kernel):
    """x [h + r - 1, w + r - 1, b, c] with kernel [r, r, c, o], r 2 or 3 -> [h, w, b, o]."""
    r, _, c, o = kernel.shape
    h, w = x.shape[0] - r + 1, x.shape[1] - r + 1
    x = _cut(_cut(x, h, r - 1, 0), w, r - 1, 2)
    high, rows, wide, columns, b, _ = x.shape
    x = x.transpose(1, 3, 0, 2, 4, 5).reshape(rows * columns, -1)
    tiles = []
    for start in range(0, rows - r + 1, TILE):
        m = min(TILE, rows - r + 1 - start)
        part, tile = x[start * columns : (start + m + r - 1) * columns], 0
        for a, g, inputs in _rules(m, columns - r + 1, r):
            weights = g.forward(kernel.reshape(r * r, -1)).reshape(-1, c, o)
            points = inputs.forward(part).reshape(len(weights), -1, c)
            products = jnp.einsum("pmc,pco->pmo", points, weights)
            tile += a.adjoint(products.reshape(-1, high * wide * b * o))
        tiles.append(tile)
    y = jnp.concatenate(tiles).reshape(rows - r + 1, columns - r + 1, high, wide, b, o)
    return y.transpose(2, 0, 3, 1, 4, 5).reshape(high * (rows - r + 1), -1, b, o)[:h, :w]


def correlate_adjoint(y, kernel):
    """Adjoint of `correlate` in x: y [h, w, b, o] -> [h + r - 1, w + r - 1, b, c]."""
    r, _, c, o = kernel.shape
    h, w, b, _ = y.shape
    rows, columns = min(h, BLOCK), min(w, BLOCK)
    high, wide = -(-h // rows), -(-w // columns)
    y = jnp.pad(y, ((0, high * rows - h), (0, wide * columns - w), (0, 0), (0, 0)))
    y = y.reshape(high, rows, wide, columns, b, o).transpose(1, 3, 0, 2, 4, 5)
    y = y.reshape(rows * columns, -1)
    x, width = 0, columns + r - 1
    for start in range(0, rows, TILE):
        m = min(TILE, rows - start)
        part, tile = y[start * columns : (start + m) * columns], 0
        for a, g, inputs in _rules(m, columns, r):
            weights = g.forward(kernel.reshape(r * r, -1)).reshape(-1, c, o)
            points = a.forward(part).reshape(len(weights), -1, o)
            products = jnp.einsum("pmo,pco->pmc", points, weights)
            tile += inputs.adjoint(products.reshape(-1, high * wide * b * c))
        x += _extend(tile, 0, start * width, (rows - start - m) * width)
    x = x.reshape(rows + r - 1, columns + r - 1, high, wide, b, c).transpose(2, 0, 3, 1, 4, 5)
    return _join(_join(x, w, r - 1, 2), h, r - 1, 0)


def _cut(x, n: int, more: int, axis: int):
    """Splits an axis of n + more entries: blocks, and their entries with the `more` that follow."""
    block = min(n, BLOCK)
    count = -(-n // block)
    if count == 1:
        return jnp.expand_dims(x, axis)
    x = _extend(x, axis, 0, (count + 1) * block - n - more)
    x = x.reshape(*x.shape[:axis], count + 1, block, *x.shape[axis + 1 :])
    following = lax.slice_in_dim(lax.slice_in_dim(x, 1, None, axis=axis), 0, more, axis=axis + 1)
    return jnp.concatenate([lax.slice_in_dim(x, 0, count, axis=axis), following], axis + 1)


def _join(x, n: int, more: int, axis: int):
    """Adjoint of `_cut`: what blocks share is added."""
    count, block = x.shape[axis], x.shape[axis + 1] - more
    if count == 1:
        return jnp.squeeze(x, axis)
    own = _extend(lax.slice_in_dim(x, 0, block, axis=axis + 1), axis, 0, 1)
    following = lax.slice_in_dim(x, block, None, axis=axis + 1)
    following = _extend(_extend(following, axis + 1, 0, block - more), axis, 1, 0)
    x = own + following
    x = x.reshape(*x.shape[:axis], (count + 1) * block, *x.shape[axis + 2 :])
    return lax.slice_in_dim(x, 0, n + more, axis=axis)


def _extend(x, axis: int, low: int, high: int):
    return jnp.pad(x, [(low, high) if i == axis else (0, 0) for i in range(x.ndim)])


def _transform(matrix: np.ndarray) -> linear.Pair:
    """x -> matrix @ x, and with its transpose.

    An automatic derivative multiplies by the transpose of the constant where it stands. One core of
    XLA:CPU does that at half the speed of a product with the constant transposed beforehand.
    """
    return linear.pair(
        lambda x: matrix.astype(x.dtype) @ x,
        lambda x: np.ascontiguousarray(matrix.T, x.dtype) @ x,
    )


@functools.cache
def _rules(m: int, columns: int, r: int) -> list[tuple[linear.Pair, linear.Pair, linear.Pair]]:
    """Of m <= TILE rows of outputs: (A [p t, m columns], G [p, r r], B [p t, (m + r - 1)
    (columns + r - 1)]), one for every number t of tiles that use a point: the sum over all is the
    correlation."""
    groups: dict[int, list] = {}
    for a, g, inputs in _side(m, r):
        for b, k, others in _side(columns, r):
            groups.setdefault(len(b), []).append(
                (np.kron(a, b), np.kron(g, k), np.kron(inputs, others))
            )
    joined = ([np.concatenate(part) for part in zip(*g, strict=True)] for g in groups.values())
    return [(_transform(a), _transform(g), _transform(b)) for a, g, b in joined]


def _side(n: int, r: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Per point (A [t, n], G [1, r], B [t, n + r - 1]) of the t tiles of a side that use it."""
    points = POINTS[r]
    found: list[tuple[list, np.ndarray, list]] = [
        ([], _powers([point], r), []) for point in (*points, None)
    ]
    for start in range(0, n, TILE):
        m = min(TILE, n - start)
        size = m + r - 1
        used = [*points[: size - 1], None]
        inverse = np.linalg.inv(_powers(used, size)).T
        for point, inputs in zip(used, inverse, strict=True):
            a, _, b = found[-1 if point is None else points.index(point)]
            a.append(np.pad(_powers([point], m)[0], (start, n - start - m)))
            b.append(np.pad(inputs, (start, n - start - m)))
    return [(np.array(a), g, np.array(b)) for a, g, b in found if a]


def _powers(points, count: int) -> np.ndarray:
    """Rows 1, p, p^2, ...; for infinity, which is None, only the last counts."""
    infinite = np.eye(1, count, count - 1)[0]
    return np.array([infinite if p is None else p ** np.arange(count) for p in points])
