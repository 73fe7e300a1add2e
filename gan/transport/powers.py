"""W_p for any order p: powers of distances that neither overflow nor vanish.

Distances are divided by the largest one that a good plan uses, D, before they are raised to p. A
distance above D then has a power that may be anything up to infinity, and it is capped:

Let the masses be integers of sum L, and c_ij = (d_ij / D)^p with a plan whose arcs all have
c_ij <= 1. Put k_ij = min(c_ij, 2 L). Then the optimal plans of k and of c cost the same.
1. k <= c, so that optimum(k) <= optimum(c) <= L, where the plan above carries mass L.
2. Some optimal plan of k is a vertex, whose masses are integers. An arc of it with mass of at least
   1 costs at most optimum(k) <= L < 2 L, so that it is not capped.
3. Therefore this plan costs the same in c, and optimum(c) <= optimum(k).
Potentials that are feasible for k are feasible for c. After each solution D becomes the largest
distance that its plan uses, until that does not change the powers much: the greatest of them is
then not small, and neither is the value, which is at least the greatest over L.
"""

import dataclasses

import numpy as np
from scipy.spatial.distance import cdist


def distance(geometry, masses, p: float, solved) -> float:
    """W_p in the unit of a Euclidean geometry.

    Args:
        geometry: with the cost "euclidean".
        masses: of both sides.
        p: order >= 1.
        solved: the solver, (geometry, masses) -> (pieces, report).

    Raises:
        PrecisionError: as `solved`.
    """
    pieces = solved(geometry, masses)[0]
    longest = largest = float(pieces.costs.max())
    while longest > 0:
        largest = longest
        powered = _Powers(p, largest, 2.0 * masses.total)
        pieces = solved(dataclasses.replace(geometry, cost=powered, exponent=0), masses)[0]
        longest = float(geometry.pairs(pieces.rows, pieces.columns).max())
        if longest > largest * (1 - 1 / p):
            return largest * pieces.bounds()[1] ** (1 / p)
    return 0.0


@dataclasses.dataclass(frozen=True)
class _Powers:
    """The cost min((|x - y| / largest)^p, cap)."""

    p: float
    largest: float
    cap: float

    def __call__(self, x, y):
        root = self.cap ** (1 / self.p)
        ratios = cdist(np.float64(x), np.float64(y)) / self.largest
        return np.minimum(np.minimum(ratios, 2 * root) ** self.p, self.cap)
