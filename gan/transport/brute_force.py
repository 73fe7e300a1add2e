"""Exact transport by trying every permutation: the definition itself, for up to nine points."""

import itertools

import numpy as np

from gan.errors import UserError

LARGEST = 9


def assignment(matrix: np.ndarray) -> tuple[np.ndarray, float]:
    """Best of the n! permutations of a square cost matrix (Monge 1781), n <= 9.

    Args:
        matrix: [n, n] costs.

    Returns:
        (permutation [n], mean cost); the first one in lexicographic order among ties.

    Raises:
        UserError: if the matrix is not square or has more than nine rows.
    """
    permutations, costs = every_permutation(matrix)
    best = int(np.argmin(costs))
    return permutations[best], float(costs[best])


def every_permutation(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All n! permutations [n!, n] in lexicographic order and their mean costs [n!].

    Raises:
        UserError: if the matrix is not square or has more than nine rows.
    """
    matrix = np.asarray(matrix, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not 1 <= len(matrix) <= LARGEST:
        raise UserError(f"matrix must be square with 1 to {LARGEST} rows, got shape {matrix.shape}")
    n = len(matrix)
    permutations = np.array(list(itertools.permutations(range(n))))
    return permutations, matrix[np.arange(n), permutations].sum(axis=1) / n
