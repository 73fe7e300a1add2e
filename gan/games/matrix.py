"""Zero-sum matrix games: their value with a proof, and how well methods of play find it.

Rows are the maximiser's choices: mixed strategies x and y earn x^T A y for the rows and cost the
columns as much. The exploitability max(A y) - min(A^T x) is what both players together could gain
by best responses; it is the duality gap of the game, and 0 exactly at an equilibrium. For any (x,
y) the value lies between min(A^T x) and max(A y), whoever found them.
"""

import itertools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import linprog

from gan.errors import UserError
from gan.precise import in_full


class Equilibrium(NamedTuple):
    """Mixed strategies x [n] and y [m], the value, and bounds lower <= value <= upper that the best
    responses to x and y prove."""

    value: float
    x: np.ndarray
    y: np.ndarray
    lower: float
    upper: float


def solve(matrix: np.ndarray) -> Equilibrium:
    """The value of a game by two linear programs (von Neumann 1928; Dantzig 1951), with HiGHS.

    Args:
        matrix: payoffs [n, m] to the row player, finite.

    Raises:
        UserError: if the matrix is empty, not two-dimensional or not finite.
    """
    matrix = _checked(matrix)
    x, value = _maximin(matrix)
    y, _ = _maximin(-matrix.T)
    return Equilibrium(value, x, y, *bounds(matrix, x, y))


def bounds(matrix: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """(min(A^T x), max(A y)): the value of the game lies between them."""
    return float((matrix.T @ x).min()), float((matrix @ y).max())


def by_supports(matrix: np.ndarray) -> Equilibrium:
    """The value by trying supports of equal size: a few linear equations each, no optimiser.

    Some square block always holds an equilibrium in which every choice of the block earns the same
    (Shapley, Snow 1950). The work grows as the number of blocks, 184,755 at 10 x 10.

    Raises:
        UserError: for a bad matrix.
        RuntimeError: if rounding hides every optimal block.
    """
    matrix = _checked(matrix)
    n, m = matrix.shape
    scale = max(1.0, float(np.abs(matrix).max()))
    for size in range(1, min(n, m) + 1):
        for rows in itertools.combinations(range(n), size):
            for columns in itertools.combinations(range(m), size):
                block = matrix[np.ix_(rows, columns)]
                found = _indifferent(block.T), _indifferent(block)
                if found[0] is None or found[1] is None:
                    continue
                x, y = np.zeros(n), np.zeros(m)
                x[list(rows)], y[list(columns)] = found
                lower, upper = bounds(matrix, x, y)
                if upper - lower <= 1e-11 * scale:
                    return Equilibrium(float(x @ matrix @ y), x, y, lower, upper)
    raise RuntimeError("rounding hides every optimal block of the game")


def project(point: jax.Array) -> jax.Array:
    """The nearest point of the probability simplex (Held et al. 1974); [n] -> [n]."""
    n = point.shape[0]
    falling = jnp.sort(point)[::-1]
    excess = (jnp.cumsum(falling) - 1) / jnp.arange(1, n + 1)
    last = jnp.sum(falling > excess) - 1
    return jnp.maximum(point - excess[last], 0)


def _euclidean(point, gain, rate):
    return project(point + rate * gain)


def _exponential(point, gain, rate):
    """Multiplicative weights: point exp(rate gain), normalised."""
    logits = jnp.log(point) + rate * gain
    return jax.nn.softmax(logits)


def _gradient(move, gains, state, rate):
    """Both players follow their gains."""
    x, y, *_ = state
    gx, gy = gains(x, y)
    return move(x, gx, rate), move(y, gy, rate), gx, gy


def _optimistic(move, gains, state, rate):
    """They follow 2 g_t - g_(t-1), a guess of the next gain (Popov 1980)."""
    x, y, last_x, last_y = state
    gx, gy = gains(x, y)
    return move(x, 2 * gx - last_x, rate), move(y, 2 * gy - last_y, rate), gx, gy


def _extragradient(move, gains, state, rate):
    """They look one step ahead and follow the gains found there (Korpelevich 1976)."""
    x, y, *_ = state
    gx, gy = gains(x, y)
    ahead_x, ahead_y = gains(move(x, gx, rate), move(y, gy, rate))
    return move(x, ahead_x, rate), move(y, ahead_y, rate), gx, gy


PLAY: dict[str, tuple[Callable, Callable]] = {
    "gradient": (_gradient, _euclidean),
    "optimistic gradient": (_optimistic, _euclidean),
    "extragradient": (_extragradient, _euclidean),
    "multiplicative weights": (_gradient, _exponential),
    "optimistic weights": (_optimistic, _exponential),
}
"""Methods of play by name: who is followed, and how a strategy moves."""


class Play(NamedTuple):
    """Strategies along a play: the last ones and the running averages, each [steps, n or m]."""

    x: np.ndarray
    y: np.ndarray
    mean_x: np.ndarray
    mean_y: np.ndarray


def play(matrix: np.ndarray, method: str, rate: float, steps: int, start) -> Play:
    """Let two players of a method play `steps` rounds in float64.

    Args:
        matrix: payoffs [n, m] to the row player.
        method: name in PLAY.
        rate: step size, constant; 1 / (8 |A|) with the spectral norm is safe for all.
        steps: number of rounds.
        start: strategies (x [n], y [m]), positive.
    """
    follow, move = PLAY[method]
    with jax.enable_x64(True):
        first, second = (jnp.asarray(s, jnp.float64) for s in start)
        payoffs = jnp.asarray(matrix, jnp.float64)
        visited = _rounds(payoffs, rate, first, second, steps, follow, move)
        x, y = (np.asarray(v) for v in visited)
    counts = np.arange(1, steps + 1)[:, None]
    return Play(x, y, np.cumsum(x, axis=0) / counts, np.cumsum(y, axis=0) / counts)


def exploitability(matrix: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """max(A y) - min(A^T x) >= 0 for strategies [..., n] and [..., m]; [...]."""
    return (y @ matrix.T).max(axis=-1) - (x @ matrix).min(axis=-1)


def _rounds(matrix, rate, x, y, steps, follow, move):
    def gains(x, y):
        return matrix @ y, -(matrix.T @ x)

    @jax.jit
    @in_full
    def run(x, y):
        def body(state, _):
            state = follow(move, gains, state, rate)
            return state, state[:2]

        first = (x, y, *gains(x, y))
        return jax.lax.scan(body, first, None, length=steps)[1]

    return run(x, y)


def _maximin(matrix):
    """The row player's strategy that earns most against a best response, and what it earns."""
    n, m = matrix.shape
    earn = np.hstack([-matrix.T, np.ones((m, 1))])
    found = linprog(
        np.append(np.zeros(n), -1.0),
        A_ub=earn,
        b_ub=np.zeros(m),
        A_eq=np.append(np.ones(n), 0.0)[None],
        b_eq=[1.0],
        bounds=[(0, None)] * n + [(None, None)],
        method="highs",
    )
    if found.status:
        raise RuntimeError(f"the linear program of a game failed: {found.message}")
    return found.x[:-1], float(found.x[-1])


def _indifferent(block):
    """The mixture of the columns of a square block that earns the same in every row, or None."""
    k = len(block)
    system = np.zeros((k + 1, k + 1))
    system[:k, :k], system[:k, k], system[k, :k] = block, -1.0, 1.0
    try:
        mixture = np.linalg.solve(system, np.append(np.zeros(k), 1.0))[:k]
    except np.linalg.LinAlgError:
        return None
    return mixture if mixture.min() > -1e-12 else None


def _checked(matrix) -> np.ndarray:
    matrix = np.asarray(matrix, np.float64)
    if matrix.ndim != 2 or not matrix.size or not np.isfinite(matrix).all():
        raise UserError(f"a game needs a finite matrix [n, m], got one of shape {matrix.shape}")
    return matrix
