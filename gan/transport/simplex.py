"""The network simplex on a list of arcs, in integers.

Dantzig's method (1951) on a spanning tree, as Bonneel et al. (2011) have it, through POT. Its
potentials are sums of costs along a tree, so that they are integers too, and float64 holds them
exactly. It takes whole masses of any size; its time grows faster than the number of arcs.
"""

import math
from collections.abc import Callable
from importlib import metadata

import numpy as np

from gan.errors import PrecisionError, UserError


def bits(points: int) -> int:
    """Bits of cost that keep every sum along a tree of that many points below 2^48."""
    return 48 - math.ceil(math.log2(max(points, 2)))


def plan(a, b, rows, columns, weights, near=False):
    """Optimal plan over the given arcs, and its potentials.

    Args:
        a, b: masses [n] and [m], positive, of equal sums below 2^52.
        rows, columns: [k] arcs without repetition, on which some plan exists.
        weights: [k] float64 integer costs, at most 2^bits(n + m) apart.
        near: whether potentials of 0 are nearly right, which then shortens the work.

    Returns:
        (rows [s], columns [s], mass [s], u [n], v [m]): the arcs that carry mass, and integers with
        u_i + v_j <= weight on every arc, equality where there is mass.

    Raises:
        PrecisionError: if the simplex ends without an optimum, or its potentials are not feasible.
    """
    emd_c_sparse = solver("emd_c_sparse")
    least = weights.min()  # The implementation finds some negative costs infeasible.
    i, j, mass, _, u, v, code = emd_c_sparse(
        a.astype(np.float64),
        b.astype(np.float64),
        rows.astype(np.uint64),
        columns.astype(np.uint64),
        weights - least,
        10**12,
        *((np.zeros(len(a)), np.zeros(len(b))) if near else (None, None)),
    )
    if code != 1:
        raise PrecisionError(f"the network simplex on {len(rows)} arcs ended with code {code}")
    # The simplex leaves an arbitrary constant between the sides: keep both near 0.
    shift = np.rint(np.median(v))
    u, v = np.rint(u) + (least + shift), np.rint(v) - shift
    slack = float((weights - u[rows] - v[columns]).min())
    if slack < 0 and near:
        return plan(a, b, rows, columns, weights)
    if slack < 0:
        raise PrecisionError(
            f"the network simplex on {len(rows)} arcs left arcs violated by {-slack}"
        )
    some = mass > 0
    return i[some].astype(np.int64), j[some].astype(np.int64), mass[some], u, v


def solver(name: str) -> Callable:
    """POT's network simplex, which has no public name that takes masses as they are.

    Args:
        name: "emd_c" on a matrix, "emd_c_sparse" on a list of arcs.

    Raises:
        UserError: this POT has none.
    """
    try:
        import ot.lp.emd_wrap as solvers  # imports scikit-learn and more: over a second

        return getattr(solvers, name)
    except (ImportError, AttributeError) as error:
        there = metadata.version("POT")
        raise UserError(f"transport needs POT 0.9.7 or a later 0.9; {there} is here") from error
