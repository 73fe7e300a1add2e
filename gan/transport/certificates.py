"""Certificates of optimality, and a verifier that trusts nobody. NumPy only.

For costs c, weights a and b, any plan P with these marginals and any vector v, put
u_i = min_j (c_ij - v_j). Then u_i + v_j <= c_ij everywhere, and by weak duality (Kantorovich 1942)

    sum_i a_i u_i + sum_j b_j v_j  <=  optimum  <=  sum_ij P_ij c_ij.

Nothing is assumed about where P and v came from, so (P, v) is the certificate: 12 bytes a point
for a permutation. `verify` recomputes both sides in one blockwise pass. A gap of 0 proves
optimality; any gap is an interval that holds the optimum. This module shares no code with the
solvers. When points and v are integers and the cost is "sqeuclidean" or "cityblock", both sums are
integers and are computed without rounding.
"""

import dataclasses
import hashlib
import json
import math
import zipfile

import numpy as np

from gan.errors import UserError
from gan.files import replacing

_VERSION = 1
_ROWS, _COLUMNS = 512, 2048
_NEAR = 0.05


@dataclasses.dataclass(frozen=True)
class Bounds:
    """An interval that holds the optimal cost.

    Attributes:
        lower, upper: lower <= optimum <= upper, each up to `rounding`.
        gap: upper - lower; when `integer`, exactly 0 if and only if the plan is proved optimal.
        rounding: bound on the float64 rounding error of lower and of upper; 0 when `integer`.
        integer: whether the sums were computed in integers.
    """

    lower: float
    upper: float
    gap: float
    rounding: float
    integer: bool


@dataclasses.dataclass(frozen=True)
class Certificate:
    """A plan, a dual vector, and what they are about.

    Attributes:
        header: kind ("assignment" or "plan"), cost, n, m, dtype and sha256 of both sets, total
            mass in the unit of `mass`, and the bounds that the solver claims.
        rows, columns: [k] int32, the arcs of the plan; an assignment has rows 0 ... n - 1.
        mass: [k] int64 or float64 on the arcs; an assignment has ones.
        v: [m] float64 or int64.
    """

    header: dict
    rows: np.ndarray
    columns: np.ndarray
    mass: np.ndarray
    v: np.ndarray

    def save(self, path) -> None:
        """Writes a .npz file that `load` reads back; an assignment stores its permutation and v."""
        arrays = {"columns": self.columns, "v": self.v}
        if self.header["kind"] == "plan":
            arrays |= {"rows": self.rows, "mass": self.mass}
        with replacing(path) as file:
            np.savez(file, header=np.array(json.dumps(self.header)), **arrays)


def load(path) -> Certificate:
    """Reads a certificate.

    Raises:
        UserError: if the file cannot be read or is not a certificate.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            header = json.loads(str(file["header"]))
            columns, v = file["columns"], file["v"]
            if header["kind"] == "assignment":
                rows = np.arange(len(columns), dtype=np.int32)
                mass = np.ones(len(columns), np.int64)
            else:
                rows, mass = file["rows"], file["mass"]
            version = header["version"]
    except OSError as error:
        raise UserError(f"cannot read the certificate {path}: {error}") from error
    except (KeyError, TypeError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} is not a certificate of optimal transport: {error}") from error
    if version != _VERSION:
        raise UserError(f"{path} has certificate version {version}, this code reads {_VERSION}")
    return Certificate(header, rows, columns, mass, v)


def issue(x, y, cost_name, rows, columns, mass, total, v, bounds, kind) -> Certificate:
    """The certificate of a plan and a dual vector for the raw sets x and y.

    Args:
        x, y: the sets as the caller of the solver gave them.
        rows, columns, mass: the plan's arcs, mass / total being the transported weights.
        total: mass of the whole plan, in the unit of `mass`, that corresponds to weight 1 (int),
            or 1.0 when the masses are weights.
        v: [m] dual vector.
        bounds: the solver's own (lower, upper).
        kind: "assignment" or "plan".
    """
    x, y = np.asarray(x), np.asarray(y)
    header = {
        "version": _VERSION,
        "kind": kind,
        "cost": cost_name,
        "n": len(x),
        "m": len(y),
        "x": _identity(x),
        "y": _identity(y),
        "total": total,
        "claimed": {"lower": bounds[0], "upper": bounds[1]},
    }
    return Certificate(
        header, np.asarray(rows, np.int32), np.asarray(columns, np.int32), np.asarray(mass), v
    )


def verify(certificate, x, y, a=None, b=None, cost=None, progress=None) -> Bounds:
    """Recomputes the bounds that a certificate proves about two point sets.

    Args:
        certificate: a `Certificate`, from a solver or from `load`.
        x, y: the point sets, [n, ...] and [m, ...], bit for bit as they were solved.
        a, b: weights [n] and [m]; None is the uniform probability on each side.
        cost: None for the named cost that the header states; otherwise a named cost, or a callable
            ([r, d], [c, d]) -> [r, c] that computes the cost of that name (a `FeatureCost` is
            accepted too). Any other cost is refused.
        progress: called with the fraction done, in (0, 1].

    Returns:
        Bounds in the unit of the cost (times the weights' total when weights are given).

    Raises:
        UserError: if the sets, sizes or cost are not those of the certificate, if the plan's
            marginals are not the weights, or if v is not finite.
    """
    header = certificate.header
    x, y = np.asarray(x), np.asarray(y)
    for side, points, size in (("x", x, header["n"]), ("y", y, header["m"])):
        if len(points) != size or _identity(points) != header[side]:
            raise UserError(f"{side} is not the point set that the certificate is about")
    features = getattr(cost, "features", None)
    name = cost if isinstance(cost, str) else getattr(cost, "name", None)
    name = header["cost"] if cost is None else name or getattr(cost, "__name__", str(cost))
    if name != header["cost"]:
        raise UserError(f"the certificate is about the cost {header['cost']!r}, got {name!r}")
    if features is not None:
        x, y, cost = np.asarray(features(x)), np.asarray(features(y)), cost.cost
    cost = header["cost"] if cost is None else cost
    if isinstance(cost, str) and cost not in ("euclidean", "sqeuclidean", "cityblock"):
        raise UserError(f"the cost {cost!r} is not a named one: pass the callable as cost=")
    x, y = x.reshape(len(x), -1), y.reshape(len(y), -1)
    rows, columns, mass, v = (
        np.asarray(part)
        for part in (certificate.rows, certificate.columns, certificate.mass, certificate.v)
    )
    if v.shape != (len(y),) or not np.isfinite(v).all():
        raise UserError(f"v must be {len(y)} finite numbers")
    integers = all(array.dtype.kind in "iub" for array in (x, y, v, mass))
    integer = integers and cost in ("sqeuclidean", "cityblock") and a is None and b is None
    defect = _marginal_defect(certificate, len(x), len(y), a, b)

    largest = 0.0
    u = np.empty(len(x), np.int64 if integer else np.float64)
    costs = _Costs(x, y, cost, integer)
    for start in range(0, len(x), _ROWS):
        part = slice(start, start + _ROWS)
        best = np.full(len(x[part]), np.inf)
        for first in range(0, len(y), _COLUMNS):
            other = slice(first, first + _COLUMNS)
            block = costs.block(part, other)
            largest = max(largest, float(block.max())) if defect else largest
            block -= v[other]
            np.minimum(best, block.min(axis=1), out=best)
        u[part] = best
        if progress is not None:
            progress(min(1.0, (start + _ROWS) / len(x)))

    arcs = costs.pairs(rows, columns)
    if integer:
        total = header["total"]
        a_unit, b_unit = total // len(x), total // len(y)
        lower = a_unit * sum(u.tolist()) + b_unit * sum(v.tolist())
        upper = sum(int(m) * int(c) for m, c in zip(mass.tolist(), arcs.tolist(), strict=True))
        return Bounds(lower / total, upper / total, (upper - lower) / total, 0.0, True)
    weights = mass / header["total"]
    a = np.full(len(x), 1 / len(x)) if a is None else np.asarray(a, np.float64)
    b = np.full(len(y), 1 / len(y)) if b is None else np.asarray(b, np.float64)
    lower = math.fsum(a * u) + math.fsum(b * v.astype(np.float64))
    upper = math.fsum(weights * arcs) + defect * largest
    scale = math.fsum(a * np.abs(u)) + math.fsum(b * np.abs(v)) + 2 * math.fsum(weights * arcs)
    rounding = float(costs.relative_rounding * scale)
    if not (math.isfinite(lower) and math.isfinite(upper)):
        raise UserError(f"the bounds are not finite, got {lower} and {upper}: check the cost")
    if lower > upper:  # By weak duality only the rounding of the sums can do this.
        lower = upper
    return Bounds(lower, upper, upper - lower, rounding, False)


def _identity(array: np.ndarray) -> dict:
    digest = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
    return {"dtype": array.dtype.str, "shape": list(array.shape), "sha256": digest}


def _marginal_defect(certificate, n, m, a, b) -> float:
    """Mass by which the plan misses its marginals: 0 for integers, rounding for weights."""
    rows, columns, mass = certificate.rows, certificate.columns, certificate.mass
    total = certificate.header["total"]
    if not (len(rows) == len(columns) == len(mass)):
        raise UserError("the plan's rows, columns and masses must have the same length")
    if len(rows) and (min(rows.min(), columns.min()) < 0 or rows.max() >= n or columns.max() >= m):
        raise UserError("the plan has arcs outside the point sets")
    if not np.isfinite(mass).all() or (mass < 0).any():
        raise UserError("the plan's masses must be finite and not negative")
    sums = [np.zeros(size, mass.dtype) for size in (n, m)]
    np.add.at(sums[0], rows, mass)
    np.add.at(sums[1], columns, mass)
    if a is None and b is None and mass.dtype.kind in "iu":
        if not isinstance(total, int) or total < 1 or total % n or total % m:
            raise UserError(f"the plan's total mass {total} does not fit {n} and {m} points")
        for side, found, wanted in zip("xy", sums, (total // n, total // m), strict=True):
            if (found != wanted).any():
                k = int(np.flatnonzero(found != wanted)[0])
                raise UserError(f"the plan carries {found[k]} at {side}[{k}] instead of {wanted}")
        return 0.0
    defect = 0.0
    for side, found, weights in (("x", sums[0], a), ("y", sums[1], b)):
        weights = np.full(len(found), 1 / len(found)) if weights is None else np.asarray(weights)
        if weights.shape != found.shape:
            raise UserError(f"the weights of {side} must have shape {found.shape}")
        missed = float(np.abs(found / total - weights).sum())
        if not missed <= 1e-9 * float(weights.sum()):
            raise UserError(f"the plan misses the weights of {side} by {missed:.3g}")
        defect += missed
    return defect


class _Costs:
    """Blocks and pairs of costs from the raw sets; exact in integers when `integer`."""

    def __init__(self, x, y, cost, integer):
        self.cost, self.integer = cost, integer
        x, y = x.astype(np.float64), y.astype(np.float64)
        self.expanded = cost in ("euclidean", "sqeuclidean") and x.shape[1] > 4
        if self.expanded:
            if integer:
                low = np.minimum(x.min(axis=0), y.min(axis=0))
                centre = np.rint((low + np.maximum(x.max(axis=0), y.max(axis=0))) / 2)
            else:
                centre = (x.mean(axis=0) + y.mean(axis=0)) / 2
            x, y = x - centre, y - centre
            self.xx, self.yy = np.einsum("nd,nd->n", x, x), np.einsum("md,md->m", y, y)
            largest = math.sqrt(self.xx.max() * self.yy.max())
            if integer and not 4 * max(self.xx.max(), self.yy.max()) < 2**53:
                raise UserError("the integer costs of this certificate leave the range of float64")
            # Every partial sum of |x_k y_k| is at most |x| |y|: integers below 2^24 are exact in
            # float32, in whatever order they are added.
            exact = np.float32 if integer and largest <= 2**24 else np.float64
            self.left, self.right = x.astype(exact), y.astype(exact)
        self.x, self.y = x, y
        # Sums of d terms err by d units of rounding, the expansion by at most 2 / _NEAR times more.
        units = (x.shape[1] + 8) * (2 / _NEAR if self.expanded else 1)
        self.relative_rounding = units * np.finfo(np.float64).eps / 2

    def block(self, rows, columns):
        if not isinstance(self.cost, str):
            return np.array(self.cost(self.x[rows], self.y[columns]), dtype=np.float64)
        if not self.expanded:
            return self._direct(rows, columns)
        product = self.left[rows] @ self.right[columns].T
        block = np.multiply(product, -2.0, dtype=np.float64)
        block += self.xx[rows, None]
        block += self.yy[columns]
        if not self.integer:
            # The expansion cancels between near points: there, differences of coordinates.
            near = block < _NEAR * (self.xx[rows, None] + self.yy[columns])
            if near.any():
                i, j = np.nonzero(near)
                block[i, j] = _squares(self.x[rows], self.y[columns], i, j)
            if self.cost == "euclidean":
                np.sqrt(block, out=block)
        return block

    def _direct(self, rows, columns):
        block = 0.0
        for k in range(self.x.shape[1]):
            difference = self.x[rows, k, None] - self.y[columns, k]
            block = block + (np.abs(difference) if self.cost == "cityblock" else difference**2)
        return np.sqrt(block) if self.cost == "euclidean" else block

    def pairs(self, rows, columns):
        if not isinstance(self.cost, str):
            return np.array(
                [
                    float(np.asarray(self.cost(self.x[i : i + 1], self.y[j : j + 1])).item())
                    for i, j in zip(rows.tolist(), columns.tolist(), strict=True)
                ]
            )
        squares = _squares(self.x, self.y, rows, columns, absolute=self.cost == "cityblock")
        return np.sqrt(squares) if self.cost == "euclidean" else squares


def _squares(x, y, rows, columns, absolute=False):
    values = np.empty(len(rows))
    step = max(1, (1 << 20) // x.shape[1])
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        difference = x[rows[part]] - y[columns[part]]
        values[part] = (np.abs(difference) if absolute else difference**2).sum(axis=1)
    return values
