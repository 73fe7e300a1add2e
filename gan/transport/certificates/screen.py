"""Which pairs of points could cost less than a minimum that is known already. Step 8 of the proof.

One product in float32 decides for a block of pairs; the few pairs that it leaves are computed in
float64. Far more than half of a verification is such blocks.
"""

import numpy as np

_UNIT = 2.0**-24
_TINY = 2.0**-120
_MANY = 16
"""A block of which more than one pair in so many is left is not worth screening."""


class Screen:
    """Pairs of two sets with c_ij < t_i + v_j, or a few more, for Euclidean costs and squares.

    With x and y around a common centre, |x - y|^2 < (t + v)^2 says that

        <x, y> + t v + (t^2 - |x|^2) / 2 + (v^2 - |y|^2) / 2 > 0,

    an inner product of d + 3 coordinates; for squares, <x, y> + (t - |x|^2) / 2 + (v - |y|^2) / 2
    has d + 2. What either may be off by in float32 is part of its last two coordinates.
    """

    def __init__(self, x, y, v, squared: bool):
        """Sets [n, d] and [m, d] around one centre, in float64, and v [m]."""
        self.squared, self.v = squared, v
        self.off = 1.02 * (x.shape[1] + 7) * _UNIT
        self.left, self.right = (self._extended(points) for points in (x, y))
        self.squares = np.einsum("nd,nd->n", x, x)
        rest = self._rest(np.einsum("md,md->m", y, y), v)
        self.right[:, -1], self.right[:, -2] = rest, 1
        if not squared:
            self.right[:, -3] = v

    def below(self, rows: slice, columns: slice, t):
        """(i, j), counted from the start of the block, of all its pairs with c_ij < t_i + v_j and
        perhaps of others; None where that is more than one in sixteen."""
        left = self.left[rows]
        left[:, -2], left[:, -1] = self._rest(self.squares[rows], t), 1
        if not self.squared:
            left[:, -3] = t
        values = left @ self.right[columns].T
        some = np.flatnonzero(values.max(axis=1) > 0)
        i, j = np.nonzero(values[some] > 0)
        i = some[i]
        if not self.squared:  # squares of sums below 0, which no cost is below
            above = t[i] + self.v[columns][j] > 0
            i, j = i[above], j[above]
        return None if _MANY * len(i) > values.size else (i, j)

    def _extended(self, points):
        more = np.zeros((len(points), 2 if self.squared else 3), np.float32)
        return np.concatenate([points.astype(np.float32), more], axis=1)

    def _rest(self, squares, heights):
        """(h^2 - |x|^2) / 2, or (h - |x|^2) / 2 for squares, with what it and the products of its
        point are off by at most, and what underflows."""
        size = np.abs(heights) if self.squared else heights**2
        signed = heights if self.squared else size
        return (signed - squares) / 2 + self.off * (squares + size) + _TINY * self.left.shape[1]
