"""Pairs of points below a threshold, in few dimensions, without a look at most pairs.

Both sets are halved again and again at the median of their widest coordinate (Bentley 1975), so
that the points of a node are neighbours. Two nodes hold no pair below its threshold if a lower
bound of their reduced costs says so, and then nothing in them is looked at.

The bound. Every named cost is a convex function of z = x - y, and lies above its tangents: for any
slope s, c(x - y) >= s.x - s.y - k(s), with k(s) = |s|^2 / 4 for the squared distance, and k(s) = 0
for a norm where s has dual norm at most 1. So for all x in A and y in B

    c(x - y) - t(x) - v(y) >= min over A of (s.x - t) + min over B of (-s.y - v) - k(s).

The slope at the difference of the two nodes' centres makes what is lost a square of their sizes.
Potentials are nearly linear within small nodes, so that the minima lose little either. The work
of a pair of nodes grows like their points, not like the product.
"""

import math
from collections.abc import Iterator

import numpy as np

MOST = 3
"""Coordinates up to which nodes are looked at instead of all pairs."""
_WIDTH = 12
"""Nodes from which nearest points are chosen."""
_EPS = np.finfo(np.float64).eps
_LEAF, _TOP, _NUMBERS = 32, 3, 1 << 16
"""Points of a leaf; halvings before the first bound; numbers at once, which a cache holds."""


class Tree:
    """A balanced tree of points [n, d] whose nodes are runs of one order.

    Attributes:
        depth: halvings; there are 2^depth leaves of equal size.
        order: [k] the point at each place; some are repeated, to make all leaves equal.
        real: [k] False where a point is repeated.
        coordinates: [d, k] of the points in order.
    """

    def __init__(self, points: np.ndarray, leaf: int = _LEAF):
        """Points [n, d], and how many a leaf has at least."""
        n, d = points.shape
        self.depth = max(0, math.floor(math.log2(max(n / leaf, 1))))
        size = -(-n >> self.depth) << self.depth
        order = np.concatenate([np.arange(n), np.arange(size - n)])[None]
        first = np.concatenate([np.ones(n, bool), np.zeros(size - n, bool)])[None]
        for _ in range(self.depth):
            widest = np.argmax([np.ptp(points[:, k][order], axis=1) for k in range(d)], axis=0)
            values = points[order, widest[:, None]]
            halves = np.argpartition(values, order.shape[1] // 2, axis=1)
            order, first = (
                np.take_along_axis(side, halves, axis=1).reshape(2 * len(side), -1)
                for side in (order, first)
            )
        self.order, self.real = order.ravel(), first.ravel()
        self.coordinates = np.ascontiguousarray(points[self.order].T, np.float64)

    def nodes(self, level: int) -> np.ndarray:
        """Coordinates [d, 2^level, size] of the points of every node."""
        return self.coordinates.reshape(len(self.coordinates), 1 << level, -1)

    def centres(self, level: int) -> np.ndarray:
        """The middle [2^level, d] of every node's box."""
        nodes = self.nodes(level)
        return ((nodes.min(axis=2) + nodes.max(axis=2)) / 2).T

    def arranged(self, values: np.ndarray) -> np.ndarray:
        """One number per point in the order of the tree; -inf where a point is repeated."""
        return np.where(self.real, values[self.order], -np.inf)


class Boxes:
    """Two trees and the cost between their points."""

    def __init__(self, x: np.ndarray, y: np.ndarray, cost: str):
        """Points [n, d] and [m, d] under a named cost."""
        self.left, self.right, self.cost = Tree(x), Tree(y), cost

    def below(self, t: np.ndarray, v: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
        """All pairs with c_ij < t_i + v_j, and few others.

        Args:
            t: [n]; v: [m] float64.

        Yields:
            (rows, columns, priced): pairs, and how many were looked at.
        """
        left, right = self.left, self.right
        t, v = left.arranged(t), right.arranged(v)
        level = min(_TOP, max(left.depth, right.depth))
        at = min(level, left.depth), min(level, right.depth)
        a, b = (part.ravel() for part in np.indices((1 << at[0], 1 << at[1])))
        while True:
            kept = self._bounds(at, a, b, t, v) <= 0
            a, b = a[kept], b[kept]
            if at == (left.depth, right.depth):
                break
            (a, b), at = _children((a, b), at, (left.depth, right.depth))
        yield from self._pairs(a, b, t, v)

    def nearest(self, v: np.ndarray, count: int, of_x: bool = True):
        """For each point of x (of y unless `of_x`) points of the other side of low c_ij - v_j.

        From every node one descends to the few nodes whose points are nearest to its centre. That
        is a good guess, and no more.

        Args:
            v: numbers of the other side.
            count: how many points.

        Returns:
            (indices [n, count], values [n, count]) in ascending order of the values, which are
            exact but for rounding.
        """
        own, other = (self.left, self.right) if of_x else (self.right, self.left)
        v = other.arranged(v)
        found = np.zeros((1, 1), np.int64)
        at = 0, 0
        while at != (own.depth, other.depth):
            split = at[0] < own.depth, at[1] < other.depth
            if split[0]:
                found = np.repeat(found, 2, axis=0)
            if split[1]:
                found = np.concatenate([2 * found, 2 * found + 1], axis=1)
            at = at[0] + split[0], at[1] + split[1]
            if found.shape[1] > _WIDTH:
                found = self._closest(own.centres(at[0]), other.nodes(at[1]), v, found)
        return self._nearest_in(own, other, v, found, count)

    def _closest(self, centres, nodes, v, found):
        """The nodes of each row of found whose points are nearest to the centre of the row."""
        heights = v.reshape(nodes.shape[1], -1)
        values = np.empty(found.shape)
        step = max(1, _NUMBERS // (found.shape[1] * nodes.shape[2]))
        for start in range(0, len(found), step):
            j = found[start : start + step]
            cost = _costs(self.cost, centres[start : start + step].T[..., None, None], nodes[:, j])
            values[start : start + step] = (cost - heights[j]).min(axis=2)
        kept = np.argpartition(values, _WIDTH, axis=1)[:, :_WIDTH]
        return np.take_along_axis(found, kept, axis=1)

    def _nearest_in(self, own, other, v, found, count):
        points, nodes = own.nodes(own.depth), other.nodes(other.depth)
        heights, places = v.reshape(nodes.shape[1], -1), other.order.reshape(nodes.shape[1], -1)
        size = nodes.shape[2] * found.shape[1]
        count = min(count, size)
        indices = np.empty((len(own.real), count), np.int64)
        values = np.empty((len(own.real), count))
        k = points.shape[2]
        for row in range(len(found)):
            j = found[row]
            cost = _costs(self.cost, points[:, row, :, None], nodes[:, j].reshape(-1, 1, size))
            cost -= heights[j].ravel()
            best = np.argpartition(cost, count - 1, axis=1)[:, :count]
            best = np.take_along_axis(best, np.argsort(np.take_along_axis(cost, best, 1), 1), 1)
            part = slice(row * k, (row + 1) * k)
            values[part] = np.take_along_axis(cost, best, 1)
            indices[part] = places[j].ravel()[best]
        back = np.empty(int(own.real.sum()), np.int64)
        back[own.order[own.real]] = np.flatnonzero(own.real)
        return indices[back], values[back]

    def _bounds(self, at, a, b, t, v):
        """Lower bounds [p] of reduced costs of pairs (a, b) of nodes, less what rounding may do."""
        trees, values = (self.left, self.right), (t, v)
        nodes = [tree.nodes(level) for tree, level in zip(trees, at, strict=True)]
        heights = [value.reshape(1 << level, -1) for value, level in zip(values, at, strict=True)]
        centres = [tree.centres(level) for tree, level in zip(trees, at, strict=True)]
        far = [np.abs(n).max(axis=(1, 2)) for n in nodes]
        high = [np.where(np.isfinite(h), np.abs(h), 0).max(axis=1) for h in heights]
        sizes = nodes[0].shape[2], nodes[1].shape[2]
        out = np.empty(len(a))
        step = max(1, _NUMBERS // max(sizes))
        for start in range(0, len(a), step):
            part = slice(start, start + step)
            i, j = a[part], b[part]
            slope, constant = _tangent(self.cost, centres[0][i] - centres[1][j])
            least = _least(nodes[0], heights[0], i, slope) + _least(nodes[1], heights[1], j, -slope)
            terms = high[0][i] + high[1][j] + constant
            terms += np.abs(slope) @ far[0] + np.abs(slope) @ far[1]
            out[part] = least - constant - 8 * (len(far[0]) + 4) * _EPS * terms
        return out

    def _pairs(self, a, b, t, v):
        """The pairs of points in pairs (a, b) of leaves that are below, exactly or nearly."""
        left, right = self.left, self.right
        forms, sizes = _forms(self.cost, left, right, t, v)
        k, m = (len(tree.order) >> tree.depth for tree in (left, right))
        step = max(8, _NUMBERS // (k * m) & -8)
        rounding = 8 * (len(left.coordinates) + 4) * _EPS
        single = 8 * (len(left.coordinates) + 4) * np.finfo(np.float32).eps
        for start in range(0, len(a), step):
            i, j = a[start : start + step], b[start : start + step]
            margin = np.float32(single * (sizes[0][i] + sizes[1][j]))
            # What overflows is kept.
            flat = _places(~(np.matmul(forms[0][i], forms[1][j]) > margin[:, None, None]))
            pair, place = np.divmod(flat, k * m)
            r, c = i[pair] * k + place // m, j[pair] * m + place % m
            cost = _costs(self.cost, left.coordinates[:, r], right.coordinates[:, c])
            high, low = t[r] + v[c], rounding * (np.abs(t[r]) + np.abs(v[c]))
            near = cost * (1 - rounding) <= high + low
            yield left.order[r[near]], right.order[c[near]], len(i) * k * m


def _places(mask):
    """Indices of the true entries of a mask, flattened."""
    flat = mask.ravel()
    if len(flat) % 8:
        return np.flatnonzero(flat)
    words = np.flatnonzero(flat.view(np.uint64))
    word, byte = np.nonzero(flat.view(np.uint64)[words].view(np.uint8).reshape(-1, 8))
    return words[word] * 8 + byte


def _forms(cost, left, right, t, v):
    """Bilinear forms (a [p, k, f], b [q, f, m]), of which a.b <= 0 where a pair is below but for
    rounding, and for every leaf ([p], [q]) the size of the terms that are rounded; float32.

    |x - y|^2 - t - v is one of (x, |x|^2 - t, 1) and (-2 y, 1, |y|^2 - v); and |x - y| < t + v
    says that |x - y|^2 - (t + v)^2 is negative, which is one with t and v as another coordinate.
    """
    x, y = left.coordinates, right.coordinates
    centre = x.mean(axis=1)[:, None]
    x, y = x - centre, y - centre
    xx, yy = (np.einsum("dn,dn->n", side, side) for side in (x, y))
    t, v = np.where(left.real, t, 0), np.where(right.real, v, 0)
    if cost != "sqeuclidean":
        x, y = np.vstack([x, t]), np.vstack([y, v])
        t, v = t * t, v * v
    sizes = [
        (square + np.abs(height)).reshape(1 << tree.depth, -1).max(axis=1)
        for square, height, tree in ((xx, t, left), (yy, v, right))
    ]
    far = 8 * (sizes[0].max() + sizes[1].max()) + 1
    first, second = np.where(left.real, xx - t, far), np.where(right.real, yy - v, far)
    a = np.vstack([x, first, np.ones(len(first))]).astype(np.float32).T
    b = np.vstack([-2 * y, np.ones(len(second)), second]).astype(np.float32).T
    f = len(x) + 2
    a = np.ascontiguousarray(a).reshape(1 << left.depth, -1, f)
    b = np.ascontiguousarray(b.reshape(1 << right.depth, -1, f).transpose(0, 2, 1))
    return (a, b), sizes


def _children(pair, at, depths):
    """Both halves of every node that has any, of every pair."""
    a, b = pair
    split = [level < depth for level, depth in zip(at, depths, strict=True)]
    if split[0]:
        a, b = np.concatenate([2 * a, 2 * a + 1]), np.concatenate([b, b])
    if split[1]:
        a, b = np.concatenate([a, a]), np.concatenate([2 * b, 2 * b + 1])
    return (a, b), tuple(level + more for level, more in zip(at, split, strict=True))


def _tangent(cost, difference):
    """(slope [p, d], constant [p]) of the tangent of a cost at differences [p, d]."""
    if cost == "sqeuclidean":
        slope = 2 * difference
        return slope, np.einsum("pd,pd->p", slope, slope) / 4
    if cost == "cityblock":
        return np.sign(difference), np.zeros(len(difference))
    length = np.sqrt(np.einsum("pd,pd->p", difference, difference))
    length *= 1 + 8 * (difference.shape[1] + 4) * _EPS  # slopes of at most 1
    return difference / np.maximum(length, np.finfo(np.float64).tiny)[:, None], np.zeros(
        len(difference)
    )


def _least(nodes, heights, i, slope):
    """min over the points of nodes i of (slope . x - height)."""
    values = -heights[i]
    for k, coordinates in enumerate(nodes):
        values += coordinates[i] * slope[:, k, None]
    return values.min(axis=1)


def _costs(cost, x, y):
    """Costs of coordinates x and y, [d, ...] each."""
    total = 0.0
    for left, right in zip(x, y, strict=True):
        difference = left - right
        total = total + (np.abs(difference) if cost == "cityblock" else difference * difference)
    return np.sqrt(total) if cost == "euclidean" else total
