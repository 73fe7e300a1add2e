"""Transport values known in closed form: the ground truth that solvers are tested against."""

import itertools
import math

import numpy as np

from gan.errors import UserError
from gan.transport import costs
from gan.transport.masses import balanced
from gan.transport.results import unscaled


def line(x, y, a=None, b=None, p: float = 1) -> float:
    """W_p between weighted points on the line: the L^p distance of the quantile functions.

    Args:
        x, y: [n] and [m].
        a, b: weights [n] and [m] of equal sums; None is uniform probability.
        p: order >= 1.

    Returns:
        (integral over t in (0, 1) of |F_x^-1(t) - F_y^-1(t)|^p)^(1/p), for weights of sum 1; W_p of
        the normalised weights otherwise.

    Raises:
        UserError: if p < 1, for points that are masked, empty or not finite, and for weights of the
            wrong shape, negative, not finite or of unequal sums.
    """
    if not p >= 1:
        raise UserError(f"p must be at least 1, got {p}")
    x, y = (np.asarray(costs.points(s, k)).reshape(-1, 1) for k, s in (("x", x), ("y", y)))
    geometry = costs.geometry(x, y, "euclidean")
    masses = balanced(a, b, *geometry.shape)
    x, y = (np.float64(side).ravel() for side in (geometry.x, geometry.y))
    if masses.uniform and len(x) == len(y):
        differences = np.abs(np.sort(x) - np.sort(y))
        return unscaled(_norm(differences, np.full(len(x), 1 / len(x)), p), geometry.unit)
    # Levels of mass as integers of any size, so that equal ones are equal.
    orders = [np.argsort(side, kind="stable") for side in (x, y)]
    left, right = (
        list(itertools.accumulate(mass[k] for k in order.tolist()))
        for mass, order in zip((masses.a, masses.b), orders, strict=True)
    )
    i, j, widths = _overlaps(left, right)
    shares = np.array([width / masses.total for width in widths])
    differences = np.abs(x[orders[0]][i] - y[orders[1]][j])
    return unscaled(_norm(differences, shares, p), geometry.unit)


def _overlaps(left, right):
    """Which steps of two staircases that end at one height overlap, and by how much."""
    i = j = level = 0
    out = [], [], []
    while i < len(left) and j < len(right):
        top = min(left[i], right[j])
        if top > level:
            for part, value in zip(out, (i, j, top - level), strict=True):
                part.append(value)
        level = top
        i, j = i + (left[i] == top), j + (right[j] == top)
    return out


def _norm(differences, weights, p) -> float:
    scale = float(differences.max())
    if scale == 0:
        return 0.0
    return scale * math.fsum(weights * (differences / scale) ** p) ** (1 / p)


def gaussians(mean_x, covariance_x, mean_y, covariance_y) -> float:
    """W_2 between two Gaussians (Dowson, Landau 1982; Bures).

    W_2^2 = |m_x - m_y|^2 + tr(S_x + S_y - 2 (S_x^1/2 S_y S_x^1/2)^1/2). For any two laws with these
    moments it is a lower bound on W_2 (Gelbrich 1990).

    Args:
        mean_x, mean_y: [d].
        covariance_x, covariance_y: [d, d], symmetric and positive semidefinite.
    """
    root = _root(np.asarray(covariance_x, np.float64))
    cross = _root(root @ np.asarray(covariance_y, np.float64) @ root)
    shift = np.asarray(mean_x, np.float64) - np.asarray(mean_y, np.float64)
    bures = np.trace(covariance_x) + np.trace(covariance_y) - 2 * np.trace(cross)
    return math.sqrt(max(0.0, float(shift @ shift) + float(bures)))


def _root(matrix):
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


def translation(shift) -> float:
    """W_p, any p >= 1, between a law and the same law moved by `shift` [d]: its length."""
    return float(np.linalg.norm(np.asarray(shift, np.float64)))


def uniform_samples(n: int) -> float:
    """E W_2^2 between two independent samples of n points of U[0, 1]: 1 / (3 (n + 1))."""
    return 1 / (3 * (n + 1))


def random_assignment(n: int) -> float:
    """Expected optimal total of an n x n matrix of Exp(1) costs: sum of 1 / k^2 (Aldous 2001;
    Linusson, Waestlund 2004)."""
    return math.fsum(1 / k**2 for k in range(1, n + 1))
