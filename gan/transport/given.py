"""A plan that came from elsewhere, beside the true optimum.

Approximate solvers, of entropic, sliced, hierarchical or multiscale kind, give a plan or a
permutation and nothing about how good it is. Weak duality says it: a dual vector of the optimum
bounds every plan from below, so that (plan, dual vector) is a certificate of the plan's excess.
"""

import dataclasses
import math

import numpy as np
from scipy import sparse

from gan.errors import UserError
from gan.transport import certificates, costs
from gan.transport.certificates import weights
from gan.transport.results import Result, unscaled
from gan.transport.solve import optimum


@dataclasses.dataclass(frozen=True)
class GivenPlan:
    """What a given plan costs, and what the best one does.

    Attributes:
        value: cost of the given plan, in the unit of the cost (a mean for a permutation).
        lower, upper: lower <= optimum <= upper, rigorous up to rounding; upper <= value.
        excess: (at least, at most) what the plan costs too much, as a share of the optimum; both
            are 0 for an optimal plan, the second is infinite unless lower > 0.
        optimal: the solution found.
        certificate: the given plan with a dual vector, from which `verify` proves
            lower <= optimum <= value without "up to rounding".
    """

    value: float
    lower: float
    upper: float
    excess: tuple[float, float]
    optimal: Result
    certificate: certificates.Certificate


def certify_plan(
    x,
    y,
    plan,
    cost="euclidean",
    *,
    a=None,
    b=None,
    optimal=None,
    warm=None,
    gap=0.0,
    seconds=math.inf,
    progress=None,
) -> GivenPlan:
    """Bounds on how much more a given plan costs than the best one.

    Args:
        x, y: [n, ...] and [m, ...] points.
        plan: a permutation s [n], integers: x_i goes to y_s(i); or a plan [n, m] of masses, an
            array or a sparse one, whose marginals are the weights.
        cost, warm, gap, seconds, progress: as for `assignment`; a relative gap that is wide or a
            short time widens the bounds and nothing else.
        a, b: weights [n] and [m] of a plan; None is the uniform probability, of sum 1.
        optimal: the `Result` of `assignment` for the same sets and cost, so that several plans are
            judged by one solution; None solves.

    Returns:
        A `GivenPlan`.

    Raises:
        UserError: as for `assignment` and `plan`; for what is neither a permutation nor a plan of
            these points; for a plan that misses the weights by more than a billionth; and for an
            `optimal` that is about other sets, weights or another cost.
        PrecisionError: as for `assignment`.
    """
    n, m = len(x), len(y)
    kind, rows, columns, mass, total = _arcs(plan, n, m, a is None and b is None)
    name = costs.name_of(cost)

    def certificate(v, bounds):
        return certificates.issue(x, y, name, rows, columns, mass, total, v, bounds, kind)

    if kind == "plan":  # before the long work
        weights.marginals(certificate(np.zeros(m), (0.0, 0.0)), a, b, n, m)
    if optimal is None:
        geometry, best = optimum(x, y, a, b, cost, kind, warm, gap, seconds, progress)
    else:
        _same(optimal, certificate(np.zeros(m), (0.0, 0.0)), a is None and b is None)
        geometry, best = costs.geometry(x, y, cost), optimal
    value = _value(geometry.pairs(rows, columns), mass, total, geometry.exponent)
    upper = min(value, best.upper)
    lower = min(best.lower, upper)
    return GivenPlan(
        value=value,
        lower=lower,
        upper=upper,
        excess=(_share(value - upper, upper), _share(value - lower, lower)),
        optimal=best,
        certificate=certificate(best.certificate.v, (lower, value)),
    )


def _same(optimal, asked, uniform):
    """Refuses the solution of another problem than a certificate is asked for."""
    about = [c.header for c in (optimal.certificate, asked)]
    for key, what in (("x", "x"), ("y", "y"), ("cost", "the cost")):
        if about[0][key] != about[1][key]:
            raise UserError(f"optimal must be the solution of the same problem: {what} differs")
    if optimal.permutation is None or not uniform:
        raise UserError("optimal must be an assignment, between points without weights")


def _arcs(plan, n, m, uniform):
    """(kind, rows, columns, mass, total) of a given plan."""
    if not sparse.issparse(plan):
        plan = np.asarray(plan)
        if plan.ndim == 1:
            return "assignment", *_permuted(plan, n, m, uniform), n
    if plan.shape != (n, m):
        raise UserError(
            f"the plan must be a permutation [{n}] or masses [{n}, {m}], got shape {plan.shape}"
        )
    if plan.dtype.kind not in "iuf":
        raise UserError(f"the plan's masses must be real numbers, got dtype {plan.dtype}")
    arcs = sparse.coo_array(plan)
    arcs.sum_duplicates()
    rows, columns = arcs.coords
    mass = arcs.data.astype(np.float64)
    wrong = np.flatnonzero(~(np.isfinite(mass) & (mass >= 0)))
    if len(wrong):
        k = wrong[0]
        raise UserError(
            "the plan's masses must be finite and not negative, got "
            f"{mass[k]} from x[{rows[k]}] to y[{columns[k]}]"
        )
    some = mass > 0
    return "plan", rows[some], columns[some], mass[some], 1.0


def _permuted(plan, n, m, uniform):
    if n != m or not uniform:
        what = f"{n} and {m} points" if n != m else "points with weights"
        raise UserError(f"a permutation is no plan between {what}: give masses [{n}, {m}]")
    if len(plan) != n or plan.dtype.kind not in "iu":
        raise UserError(
            f"the permutation must be {n} integers, got {len(plan)} of dtype {plan.dtype}"
        )
    wrong = np.flatnonzero((plan < 0) | (plan >= n))
    if len(wrong):
        raise UserError(
            f"the permutation must hold 0 to {n - 1}, got {plan[wrong[0]]} at {wrong[0]}"
        )
    times = np.bincount(plan, minlength=n)
    if times.max() > 1:
        raise UserError(
            f"the permutation must hold every number once, got {times.argmax()} {times.max()} times"
        )
    return np.arange(n), plan.astype(np.int64), np.ones(n, np.int64)


def _value(arc_costs, mass, total, exponent):
    """The plan's cost in the caller's unit; whole masses are divided last."""
    return unscaled(math.fsum(mass * arc_costs) / total, exponent)


def _share(excess, of):
    if excess <= 0:
        return 0.0
    return excess / of if of > 0 else math.inf
