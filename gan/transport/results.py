"""What a solver returns: the plan, its value, the potentials, the proof and the account."""

import dataclasses
import math
import sys

import numpy as np
from scipy import sparse

from gan.errors import UserError
from gan.transport import certificates
from gan.transport.kept import Kept


@dataclasses.dataclass(frozen=True)
class Result:
    """An optimal (or, out of budget, a bounded) transport plan.

    Attributes:
        value: sum of mass times cost over the plan, float64; with the default uniform weights the
            mean cost per point.
        lower, upper: rigorous up to rounding, lower <= optimum <= upper; upper is `value`.
        gap: upper - lower; exactly 0 when `integer` and optimal.
        integer: whether the problem was solved in integers, without rounding.
        permutation: int64 [n], x[i] goes to y[permutation[i]]; None for a weighted plan.
        plan: [n, m] sparse matrix of transported mass.
        potentials: (u [n], v [m]) float64 with u_i + v_j <= c_ij up to rounding, and equality where
            the plan has mass when the gap is 0.
        certificate: the proof, for `certificates.verify`.
        report: what the solver did: solver, rounds, arcs, seconds and seconds_cpu (of all
            threads) per stage, peak_bytes.
        kept: what is known of all pairs, for a warm start; None unless it was asked for.
    """

    value: float
    lower: float
    upper: float
    gap: float
    integer: bool
    permutation: np.ndarray | None
    plan: sparse.csr_array
    potentials: tuple[np.ndarray, np.ndarray]
    certificate: certificates.Certificate
    report: dict
    kept: Kept | None = None


def result(x, y, cost_name, pieces, kind, report) -> Result:
    """Sums up a solution (`Pieces`) of the raw sets x and y as a `Result` with its certificate."""
    lower, upper, gap = pieces.outer_bounds()
    weights = pieces.weights()
    mass, total = (pieces.mass, pieces.total) if pieces.uniform else (weights, 1.0)
    shape = (len(pieces.u), len(pieces.v))
    u, v = (
        np.ldexp(side, pieces.exponent) if pieces.exponent else side
        for side in (pieces.u, pieces.v)
    )
    certificate = certificates.issue(
        x,
        y,
        cost_name,
        pieces.rows,
        pieces.columns,
        mass,
        total,
        v,
        (lower, upper),
        kind,
    )
    return Result(
        value=upper,
        lower=lower,
        upper=upper,
        gap=gap,
        integer=pieces.integer,
        permutation=pieces.columns if kind == "assignment" else None,
        plan=sparse.csr_array((weights, (pieces.rows, pieces.columns)), shape=shape),
        potentials=(u.astype(np.float64), v.astype(np.float64)),
        certificate=certificate,
        report=report,
        kept=pieces.kept,
    )


def unscaled(value: float, exponent: int) -> float:
    """value * 2^exponent, where that is a number of full precision.

    Raises:
        UserError: if it leaves the range of float64, above or below.
    """
    try:
        out = math.ldexp(value, exponent)
    except OverflowError:
        out = math.inf
    if math.isinf(out) or (value and abs(out) < sys.float_info.min):
        size = math.log10(abs(value)) + exponent * math.log10(2)
        raise UserError(
            f"the value, about 1e{size:.0f}, leaves the range of float64: rescale the points "
            "(or the weights)"
        )
    return out


@dataclasses.dataclass(frozen=True)
class Pieces:
    """A plan and potentials in the solver's own units.

    Attributes:
        rows, columns, mass: [k] arcs of the plan; mass / total is the share of all the weight.
        costs: [k] costs of the arcs.
        a, b: [n] and [m] marginals in the unit of `mass`.
        total: the mass of the whole plan.
        u, v: [n] and [m] potentials, feasible: u is the c-transform of v.
        integer: whether costs, masses and potentials are all integers (held in any dtype).
        exponent: the caller's costs are these times 2^exponent.
        weight: the caller's weight of the whole plan.
        kept: what is known of all pairs, or None.
    """

    rows: np.ndarray
    columns: np.ndarray
    mass: np.ndarray
    costs: np.ndarray
    a: np.ndarray
    b: np.ndarray
    total: int | float
    u: np.ndarray
    v: np.ndarray
    integer: bool
    exponent: int = 0
    weight: float = 1.0
    kept: Kept | None = None

    @property
    def uniform(self) -> bool:
        """Whether masses are whole, which stands for the uniform probability."""
        return isinstance(self.total, int)

    def weights(self) -> np.ndarray:
        """The caller's weight on every arc."""
        return self.mass / self.total * self.weight

    def outer_bounds(self) -> tuple[float, float, float]:
        """`bounds` in the caller's units of cost and weight.

        Raises:
            UserError: if the value leaves the range of float64.
        """
        share, extra = math.frexp(self.weight)
        lower, upper, gap = self.bounds()
        upper = unscaled(upper * share, self.exponent + extra)
        lower, gap = (math.ldexp(part * share, self.exponent + extra) for part in (lower, gap))
        return min(lower, upper), upper, gap

    def bounds(self) -> tuple[float, float, float]:
        """(lower, upper, gap) of the optimal cost per unit of weight; the gap of integers has no
        rounding."""
        if self.integer:
            dual = _dot(self.a, self.u) + _dot(self.b, self.v)
            primal = _dot(self.mass, self.costs)
            return dual / self.total, primal / self.total, (primal - dual) / self.total
        lower = math.fsum(self.a * self.u) + math.fsum(self.b * self.v)
        upper = math.fsum(self.mass * self.costs)
        gap = math.fsum(
            np.concatenate([self.mass * self.costs, -(self.a * self.u), -(self.b * self.v)])
        )
        if gap < 0:  # By weak duality only the rounding of the sums can do this.
            lower, gap = upper, 0.0
        if lower > upper:
            lower = upper
        return lower / self.total, upper / self.total, gap / self.total


def _dot(a, b) -> int:
    return sum(int(s) * int(t) for s, t in zip(a.tolist(), b.tolist(), strict=True))
