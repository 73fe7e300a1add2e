"""Exact transport with the whole cost matrix in memory, for problems of up to some thousand points.

Monge: SciPy's shortest augmenting paths (Crouse 2016) give the permutation, and the potentials are
shortest path lengths in its residual graph (Bellman 1958; Ford 1956), which exist because an
optimal permutation leaves no negative cycle. Kantorovich: the network simplex of Bonneel et al.
(2011) through POT, with the limits of its wrapper checked.
"""

import warnings

import numpy as np
from scipy.optimize import linear_sum_assignment

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
    tolerance = 4 * np.finfo(np.float64).eps * np.abs(matrix).max()
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
        changed = shortest < v - tolerance
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
        a, b: [n] and [m], not negative, of equal sums; integers stay exact.
        integer: whether the costs are integers.

    Returns:
        (rows [k], columns [k], mass [k], u [n], v [m]), u the c-transform of v.

    Raises:
        RuntimeError: if the simplex stops without an optimum.
    """
    import ot  # imports scikit-learn and more: over a second

    # Without an iteration limit of its own the wrapper stops early above some thousand points.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        flow, log = ot.emd(
            a.astype(np.float64), b.astype(np.float64), matrix, numItermax=10**9, log=True
        )
    if log["result_code"] != 1:
        raise RuntimeError(f"the network simplex stopped with code {log['result_code']}")
    rows, columns = np.nonzero(flow)
    mass = flow[rows, columns]
    # The potentials of integer costs are integers; the simplex returns them up to rounding.
    start = np.rint(log["u"]) if integer else log["u"]
    v = (matrix - start[:, None]).min(axis=0)
    v -= np.rint(np.median(v))
    u = (matrix - v).min(axis=1)
    return rows, columns, mass, u, v
