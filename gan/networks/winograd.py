"""Correlation with small kernels by fewer products, after Winograd (Lavin and Gray 2016).

m outputs of a correlation with r weights come from m + r - 1 products in place of m r, as
A^T (G g * B x): G and A evaluate polynomials at fixed points, infinity among them, and B inverts an
evaluation (Toom and Cook, transposed). An image takes such a rule along either side, which makes A,
B and G Kronecker products, and the product at every point a matrix product over channels. A tile is
TILE outputs long, or what is left of a side; the tiles of a small image are one block, and a large
image is cut into blocks.

Every step is a matrix product or a copy, hence so is every derivative.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

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
    y = 0
    for a, g, inputs in _rules(rows - r + 1, columns - r + 1, r):
        weights = g.forward(kernel.reshape(r * r, -1)).reshape(-1, c, o)
        points = inputs.forward(x).reshape(len(weights), -1, c)
        products = jnp.einsum("pmc,pco->pmo", points, weights)
        y += a.adjoint(products.reshape(a.rows, -1))
    y = y.reshape(rows - r + 1, columns - r + 1, high, wide, b, o).transpose(2, 0, 3, 1, 4, 5)
    return y.reshape(high * (rows - r + 1), -1, b, o)[:h, :w]


def correlate_adjoint(y, kernel):
    """Adjoint of `correlate` in x: y [h, w, b, o] -> [h + r - 1, w + r - 1, b, c]."""
    r, _, c, o = kernel.shape
    h, w, b, _ = y.shape
    rows, columns = min(h, BLOCK), min(w, BLOCK)
    high, wide = -(-h // rows), -(-w // columns)
    y = jnp.pad(y, ((0, high * rows - h), (0, wide * columns - w), (0, 0), (0, 0)))
    y = y.reshape(high, rows, wide, columns, b, o).transpose(1, 3, 0, 2, 4, 5)
    y = y.reshape(rows * columns, -1)
    x = 0
    for a, g, inputs in _rules(rows, columns, r):
        weights = g.forward(kernel.reshape(r * r, -1)).reshape(-1, c, o)
        points = a.forward(y).reshape(len(weights), -1, o)
        products = jnp.einsum("pmo,pco->pmc", points, weights)
        x += inputs.adjoint(products.reshape(a.rows, -1))
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


class Transform:
    """x -> matrix @ x as `forward`, its transpose as `adjoint`: each is the other's derivative.

    An automatic derivative multiplies by the transpose of the constant where it stands. One core of
    XLA:CPU does that at half the speed of a product with the constant transposed beforehand.
    """

    def __init__(self, matrix: np.ndarray):
        self.rows = len(matrix)
        self.forward = jax.custom_vjp(lambda x: matrix.astype(x.dtype) @ x)
        self.adjoint = jax.custom_vjp(lambda x: np.ascontiguousarray(matrix.T, x.dtype) @ x)
        for one, other in ((self.forward, self.adjoint), (self.adjoint, self.forward)):
            one.defvjp(lambda x, one=one: (one(x), None), lambda _, y, other=other: (other(y),))


@functools.cache
def _rules(rows: int, columns: int, r: int) -> list[tuple[Transform, Transform, Transform]]:
    """(A [p t, rows columns], G [p, r r], B [p t, (rows + r - 1) (columns + r - 1)]), one for every
    number t of tiles that use a point: the sum over all is the correlation of a block."""
    vertical, horizontal = _side(rows, r), _side(columns, r)
    groups = {}
    for a, g, inputs in vertical:
        for b, k, others in horizontal:
            groups.setdefault(len(a) * len(b), []).append(
                (np.kron(a, b), np.kron(g, k), np.kron(inputs, others))
            )
    return [
        tuple(Transform(np.concatenate(part)) for part in zip(*g, strict=True))
        for g in groups.values()
    ]


def _side(n: int, r: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Per point (A [t, n], G [1, r], B [t, n + r - 1]) of the t tiles of a side that use it."""
    points = POINTS[r]
    found = [([], _powers([point], r), []) for point in (*points, None)]
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
