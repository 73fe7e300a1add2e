"""The best plan and the best proof that a solve has so far, and what they come to out of time."""

import math

import numpy as np

from gan.transport import budget as budgets
from gan.transport import separable
from gan.transport.pricing import Pricer

_LONGER, _GRACE = 0.5, 0.25
"""The proof may take this share of the whole time, and these seconds, beyond the end."""


class Best:
    """The best plan and potentials of one problem.

    Attributes:
        flow: (rows, columns, mass) of the cheapest plan, or None.
        v: [m] potentials of the last sparse problem, or None.
        proved: feasible (u, v) that prove the most, or None.
        known: (rows, their u) of a subset that was solved, from which potentials extend; or None.
        pass_seconds: how long one pass over all pairs takes; 0 until it is known.
    """

    def __init__(self, geometry, a, b):
        self.geometry, self.a, self.b = geometry, a, b
        self.flow, self.v, self.proved, self.known = None, None, None, None
        self.pass_seconds = 0.0

    def worth(self, u, v) -> float:
        """What potentials prove if they are feasible."""
        return math.fsum(np.concatenate([self.a * u, self.b * v]))

    def prove(self, u, v) -> None:
        """Remembers feasible potentials if they prove more than those before."""
        if self.proved is None or self.worth(u, v) > self.worth(*self.proved):
            self.proved = u, v

    def at_the_end(self, budget, pricer):
        """(rows, columns, mass, u, v) out of time: the best plan so far, and the best potentials
        that earlier passes, one more if it fits, or none at all can prove.

        Args:
            budget: of the whole call, whose kept time is now free.
            pricer: a Pricer of the geometry, or None.
        """
        geometry, spare = self.geometry, _GRACE + _LONGER * (budget.end - budget.begin)
        named = isinstance(geometry.cost, str)
        if self.flow is None:
            axis = main_axis(geometry)
            flow = separable.plan(self.a, self.b, geometry.x @ axis, geometry.y @ axis)
        else:
            flow = self.flow
        started = self.v is not None or self.known is not None
        if not named or (started and self.pass_seconds <= budget.left() + spare):
            self._pass(pricer or Pricer(geometry))
        elif self.proved is None:
            ends = budget.end + spare
            look = separable.potentials(geometry, self.a, self.b, lambda: budgets.clock() < ends)
            self.prove(*look)
        return *flow, *self.proved

    def _pass(self, pricer):
        """One pass over all pairs: bounds by v, by the subset where there is none, or by 0."""
        geometry, v = self.geometry, self.v
        if self.proved is not None and self.proved[1] is v:
            return
        pricer.look = lambda: None
        if v is None:
            v = np.zeros(geometry.shape[1])
            v = v if self.known is None else pricer.extended(*self.known, 4)
        v = np.rint(v) if geometry.integer else v
        u = pricer.lower(v)
        self.prove(np.ceil(u) if geometry.integer else u, v)


def main_axis(geometry):
    """A direction along which the points spread widely: power iterations on some of them."""
    points = np.concatenate([geometry.x[:: len(geometry.x) // 500 + 1], geometry.y[:500]])
    points = points - points.mean(axis=0)
    axis = np.ones(points.shape[1])
    for _ in range(5):
        axis = points.T @ (points @ (axis / max(np.abs(axis).max(), np.finfo(np.float64).tiny)))
    return axis
