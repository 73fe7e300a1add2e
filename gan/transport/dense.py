"""Exact transport with the whole cost matrix in memory, for problems of up to some thousand points.

Monge: SciPy's shortest augmenting paths (Crouse 2016) give the permutation, and the potentials are
shortest path lengths in its residual graph (Bellman 1958; Ford 1956), which exist because an
optimal permutation leaves no negative cycle. Kantorovich: the network simplex of Bonneel et al.
(2011) through POT, whose wrapper in Python would round whole masses and has limits of its own.
"""

import numpy as np
from scipy.optimize import linear_sum_assignment

from gan.errors import PrecisionError
from gan.transport import simplex

_CHUNK = 64


def assignment(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Optimal permutation and potentials of a square cost matrix.

    Args:
        matrix: [n, n] float64, finite.

    Returns:
        (permutation [n], u [n], v [n]) with u_i + v_j <= c_ij, u the c-transform of v, and
        equality on the permutation up to rounding; integers when the costs are integers.
    """
    _, permutation = linear_sum_assignment(matrix)
    matched = matrix[np.arange(len(matrix)), permutation]
    # Only steps below a potential or a matched cost are taken, so that they set the rounding: a far
    # point that pairs with a far point does not.
    rounding = 4 * np.finfo(np.float64).eps
    largest = np.abs(matched).max()
    v = np.zeros(len(matrix))
    owner = np.empty(len(matrix), np.int64)
    owner[permutation] = np.arange(len(matrix))
    rows = np.arange(len(matrix))
    for _ in range(len(matrix) + 1):
        shortest = v.copy()
        for start in range(0, len(rows), _CHUNK):
            part = rows[start : start + _CHUNK]
            reach = matrix[part] + (v[permutation[part]] - matched[part])[:, None]
            np.minimum(shortest, reach.min(axis=0), out=shortest)
        changed = shortest < v - rounding * (largest + np.abs(v))
        if not changed.any():
            break
        v[changed] = shortest[changed]
        rows = owner[changed]
    v -= np.round(v.mean())
    return permutation.astype(np.int64), (matrix - v).min(axis=1), v


def plan(
    matrix: np.ndarray, a: np.ndarray, b: np.ndarray, integer: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Optimal plan and potentials of a cost matrix with marginals a and b of equal mass.

    Args:
        matrix: [n, m] float64, finite.
        a, b: [n] and [m] int64, positive, of equal sums below 2^52.
        integer: whether the costs are integers.

    Returns:
        (rows [k], columns [k], mass [k] float64, u [n], v [m]), u the c-transform of v. Masses are
        exact; on costs of a wide range the plan and the potentials may be far from optimal.

    Raises:
        PrecisionError: if the simplex stops without an optimum.
    """
    flow, _, start, _, code = simplex.solver("emd_c")(
        a.astype(np.float64), b.astype(np.float64), np.ascontiguousarray(matrix), 10**9, 1
    )
    if code != 1:
        raise PrecisionError(f"the network simplex stopped with code {code}")
    rows, columns = np.nonzero(flow)
    mass = flow[rows, columns]
    # The potentials of integer costs are integers; the simplex returns them up to rounding.
    start = np.rint(start) if integer else start
    v = (matrix - start[:, None]).min(axis=0)
    v -= np.rint(np.median(v)) if integer else np.median(v)
    u = (matrix - v).min(axis=1)
    return rows, columns, mass, u, v
