"""What a solution knows of all pairs, for the next one after points have moved.

A pool of arcs holds every pair with c_ij < t_i + r_j. Let x_i have moved by at most p_i since, and
y_j by at most q_j.

1. A distance changes by at most p_i + q_j (the triangle inequality). So a pair whose new distance
   is below (t_i - p_i) + (r_j - q_j) had one below t_i + r_j, and is in the pool.
2. Squares: let s = p_i + q_j, and D^2 = max t + max r. Thresholds fall by 2 D p_i and 2 D q_j. A
   pair with c' < t_i + r_j - 2 D s has D > 2 s, so that sqrt(c') < sqrt(D^2 - 2 D s) <= D - s, and
   its old cost was at most (sqrt(c') + s)^2 < t_i + r_j - 2 D s + 2 s (D - s) + s^2 <= t_i + r_j.
"""

import dataclasses

import numpy as np

from gan.transport.costs import Geometry

_ROUNDING, _TIE = 1e-9, 1e-13
"""By how much of itself a move is taken for longer than computed; by what share of the largest one
thresholds are lowered."""


@dataclasses.dataclass(frozen=True)
class Kept:
    """A pool of one geometry and how far it is complete.

    Attributes:
        geometry: of both sets.
        rows, columns: [k] int32, the arcs of the pool.
        thresholds: [n]; reference: [m]; every pair with c_ij < t_i + r_j is among the arcs.
    """

    geometry: Geometry
    rows: np.ndarray
    columns: np.ndarray
    thresholds: np.ndarray
    reference: np.ndarray

    def serves(self, geometry) -> bool:
        """Whether another geometry has points that may be these after a move."""
        own = self.geometry
        return (own.shape, own.x.shape[1], own.cost, own.exponent, own.unit) == (
            geometry.shape,
            geometry.x.shape[1],
            geometry.cost,
            geometry.exponent,
            geometry.unit,
        )

    def after(self, geometry) -> tuple[np.ndarray, np.ndarray]:
        """Thresholds and reference for which the pool is complete in another geometry."""
        falls = [
            _moves(before, after, geometry.cost)
            for before, after in ((self.geometry.x, geometry.x), (self.geometry.y, geometry.y))
        ]
        if geometry.cost == "sqeuclidean":
            largest = max(float(self.thresholds.max() + self.reference.max()), 0.0)
            falls = [2 * np.sqrt(largest) * move for move in falls]
        # A pair at its threshold may cost the last digit less when it is computed in a block.
        sizes = (float(np.abs(side).max()) for side in (self.thresholds, self.reference))
        return self.thresholds - falls[0] - _TIE * sum(sizes), self.reference - falls[1]


def _moves(before, after, cost):
    """How far each point has moved, at least as far as it has."""
    if before is after:
        return np.zeros(len(after))
    out = np.empty(len(after))
    step = max(1, (1 << 16) // after.shape[1])
    for start in range(0, len(after), step):
        part = slice(start, start + step)
        difference = np.float64(after[part]) - before[part]
        out[part] = (
            np.abs(difference).sum(axis=1)
            if cost == "cityblock"
            else np.sqrt(np.einsum("nd,nd->n", difference, difference))
        )
    return out * (1 + _ROUNDING)
