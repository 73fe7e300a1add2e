"""What a solver returns: the plan, its value, the potentials, the proof and the account."""

import dataclasses
import math

import numpy as np
from scipy import sparse

from gan.transport import certificates


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


def result(x, y, cost_name, pieces, kind, report) -> Result:
    """Sums up a solution (`Pieces`) of the raw sets x and y as a `Result` with its certificate."""
    lower, upper, gap = pieces.bounds()
    weights = pieces.mass / pieces.total
    shape = (len(pieces.u), len(pieces.v))
    certificate = certificates.issue(
        x,
        y,
        cost_name,
        pieces.rows,
        pieces.columns,
        pieces.mass,
        pieces.total,
        pieces.v,
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
        potentials=(pieces.u.astype(np.float64), pieces.v.astype(np.float64)),
        certificate=certificate,
        report=report,
    )


@dataclasses.dataclass(frozen=True)
class Pieces:
    """A plan and potentials in the solver's own units.

    Attributes:
        rows, columns, mass: [k] arcs of the plan; mass / total is the transported weight.
        costs: [k] costs of the arcs.
        a, b: [n] and [m] marginals in the unit of `mass`.
        total: the mass that is weight 1.
        u, v: [n] and [m] potentials, feasible: u is the c-transform of v.
        integer: whether costs, masses and potentials are all integers (held in any dtype).
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

    def bounds(self) -> tuple[float, float, float]:
        """(lower, upper, gap) of the optimal value; the gap of integers has no rounding."""
        if self.integer:
            lower = _dot(self.a, self.u) + _dot(self.b, self.v)
            upper = _dot(self.mass, self.costs)
            return lower / self.total, upper / self.total, (upper - lower) / self.total
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
