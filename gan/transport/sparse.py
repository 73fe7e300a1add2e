"""Exact transport on a given list of arcs, in integers, by the method that suits it.

The arcs of a large problem that matter are few: a dozen per point. Between unit masses cost scaling
(`scaling`) is tried first: the sparse solves of whole runs at 60,000 points take a third of the
network simplex's time for 64 coordinates and a quarter for images (results/transport.md). It gives
up where potentials are long paths, as on a line or in a plane; that, and other masses, are left to
the network simplex (`simplex`).
"""

import numpy as np

from gan.transport import scaling, simplex


class Solver:
    """Solves the sparse problems of one run between the same masses.

    Attributes:
        uniform: whether all masses are equal.
        scaling: whether cost scaling is tried; False from its first failure on.
        solves: problems solved by each method.
    """

    def __init__(self, a, b):
        """Masses a [n] and b [m], positive, of equal sums below 2^52."""
        self.a, self.b = a, b
        self.uniform = len(a) == len(b) and bool((a == a[0]).all() and (b == a[0]).all())
        self.scaling = self.uniform
        self.solves = {"cost scaling": 0, "network simplex": 0}

    def bits(self) -> int:
        """Bits of cost that the next problem may have, whichever method solves it."""
        n = len(self.a)
        most = simplex.bits(n + len(self.b))
        return min(most, scaling.bits(n)) if self.scaling else most

    def plan(self, rows, columns, weights, near: bool = False):
        """Optimal plan over the given arcs, and its potentials.

        Args:
            rows, columns: [k] arcs without repetition, sorted by row, then by column, on which some
                plan exists.
            weights: [k] float64 integer costs, at most 2^`bits` apart.
            near: whether potentials of 0 are nearly right, which then shortens the work.

        Returns:
            (rows [s], columns [s], mass [s], u [n], v [m]): the arcs that carry mass, and integers
            with u_i + v_j <= weight on every arc, equality where there is mass.

        Raises:
            PrecisionError: if there is no plan, or its potentials are not feasible.
        """
        if self.scaling:
            found = scaling.plan(len(self.a), rows, columns, weights)
            if found is not None:
                self.solves["cost scaling"] += 1
                permutation, u, v = found
                shift = np.rint(np.median(v))
                return np.arange(len(u)), permutation, self.a.copy(), u + shift, v - shift
            self.scaling = False
        self.solves["network simplex"] += 1
        return simplex.plan(self.a, self.b, rows, columns, weights, near)
