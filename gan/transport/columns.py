"""Certified exact transport of large sets by column generation, without the cost matrix.

Dantzig's simplex method looks at one profitable arc at a time; Ford, Fulkerson (1958) and Gilmore,
Gomory (1961) generate such arcs on demand. Here:

1. Potentials of a random quarter of both sets, solved the same way, are extended to all points.
2. One pricing pass collects a pool of arcs of low reduced cost, some dozens per point.
3. The problem is solved in integers on a small active part of the pool, its potentials price the
   pool, and violated arcs join, until none is left.
4. Pricing outside the pool. The pool holds every arc with c_ij < t_i + r_j for the thresholds t and
   the reference r of the last pass, so under potentials (u, v) another arc can be violated only
   where v_j - r_j > t_i - u_i: only those blocks are priced. Violated arcs join the pool; back to
   step 3.
5. Integers stand for multiples of a unit of cost. When no arc is violated by more than the unit,
   arcs whose reduced cost exceeds the remaining gap cannot be optimal (reduced cost fixing); the
   others are solved again with a unit finer by the same factor. Integer costs end with unit 1 and
   gap 0.
6. Floats end when the gap is rounding of the value. If units as fine as the potentials do not reach
   it, the potentials are large for no reason, as those of a far point that pairs with a far point
   are: what a plan joins is moved towards 0 as far as feasibility allows, and refined again.

The whole matrix of a small problem, when the first answer of a dense solver leaves a gap, is a pool
that holds every arc, and takes the same steps without pricing. Up to some thousand points a side a
whole matrix of bounds takes the place of passes over all pairs. After a small move of the points
the pool of before takes the place of the first pass (`kept`).

The bounds need no trust in the solver: u is the minimum over all j of c_ij - v_j, because every
pair below it is in the pool.

Out of time, the best plan so far is proved by one pass over all pairs with the best potentials, for
which time has been kept. Where a pass would take longer than that, bounds come from one sort per
coordinate. A sparse solve cannot be cut short, so none is begun that would probably end late.
"""

import math

from gan.transport import ways
from gan.transport.budget import Budget, Late
from gan.transport.generation import Generation, Solution


def plan(
    geometry,
    a,
    b,
    *,
    warm=None,
    kept=None,
    keep=False,
    gap=0.0,
    end=math.inf,
    progress=None,
    dense=1 << 20,
) -> Solution:
    """Optimal plan of a geometry between masses a and b.

    Args:
        geometry: costs.Geometry of n by m points.
        a, b: masses [n] and [m] int64, positive, of equal sums below 2^52.
        warm: dual vector v [m] of a nearby problem, instead of the solution of a subset.
        kept: what the solution of a nearby problem knows (`Solution.kept`), instead of a pass over
            all pairs.
        keep: whether the solution is to say what it knows.
        gap: relative gap at which to stop; 0 is as far as float64 goes, and exactly 0 in integers.
        end: moment of `budget.clock` after which the best plan so far is returned, with rigorous
            potentials.
        progress: called with a dictionary (seconds, stage, lower, upper, arcs) as it advances; the
            bounds are rigorous, per unit of mass, never wider than before, or None before there
            are any.
        dense: problems of at most this many pairs are solved with their whole matrix.

    Returns:
        A `Solution`. An interrupt (KeyboardInterrupt) after the first solve ends like the time.
    """
    run = Generation(geometry, a, b, gap, Budget(end), progress)
    run.kept, run.keeps = kept, keep
    try:
        return run.solution(*ways.solved(run, warm, dense, proof=True))
    except Late:
        pass
    except KeyboardInterrupt:
        if run.best.flow is None:
            raise
    return run.solution(*ways.proved(run))
