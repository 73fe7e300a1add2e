"""Matrix games: values by hand, by linear program, by supports and by play must agree."""

import numpy as np
import pytest

from gan.errors import UserError
from gan.games import matrix

PENNIES = np.array([[1.0, -1], [-1, 1]])
RPS = np.array([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]])


def random_game(seed, n, m):
    return np.random.default_rng(seed).normal(size=(n, m))


@pytest.mark.parametrize(
    ("payoffs", "value", "x"),
    [
        (PENNIES, 0, [0.5, 0.5]),
        (RPS, 0, [1 / 3, 1 / 3, 1 / 3]),
        ([[0, -1, 2], [1, 0, -1], [-2, 1, 0]], 0, [0.25, 0.5, 0.25]),
        ([[3, 5], [1, 2]], 3, [1, 0]),
        ([[2, -3], [-3, 4]], -1 / 12, [7 / 12, 5 / 12]),
        ([[7.0]], 7, [1]),
    ],
)
def test_values_known_by_hand(payoffs, value, x):
    for found in (matrix.solve(payoffs), matrix.by_supports(payoffs)):
        assert found.value == pytest.approx(value, abs=1e-12)
        np.testing.assert_allclose(found.x, x, atol=1e-12)
        assert 0 <= found.upper - found.lower + 1e-15 < 1e-12


@pytest.mark.parametrize("seed", range(20))
def test_the_linear_program_agrees_with_the_supports(seed):
    n, m = np.random.default_rng(seed).integers(1, 7, 2)
    payoffs = random_game(seed, n, m)
    found = matrix.solve(payoffs)
    assert found.value == pytest.approx(matrix.by_supports(payoffs).value, abs=1e-9)
    assert found.lower - 1e-12 <= found.value <= found.upper + 1e-12
    assert found.upper - found.lower < 1e-9
    shifted = matrix.solve(3 * payoffs + 2)
    assert shifted.value == pytest.approx(3 * found.value + 2, abs=1e-9)
    assert matrix.solve(-payoffs.T).value == pytest.approx(-found.value, abs=1e-9)


@pytest.mark.parametrize("method", ["optimistic gradient", "extragradient"])
@pytest.mark.parametrize("payoffs", [PENNIES, RPS, random_game(3, 3, 3)], ids=("2", "3", "random"))
def test_players_who_look_ahead_reach_the_value(method, payoffs):
    start = np.array([0.6, 0.4]), np.array([0.2, 0.8])
    if len(payoffs) == 3:
        start = np.array([0.6, 0.3, 0.1]), np.array([0.1, 0.2, 0.7])
    played = matrix.play(payoffs, method, 1 / (8 * np.linalg.norm(payoffs, 2)), 20_000, start)
    x, y = played.x[-1], played.y[-1]
    lower, upper = matrix.bounds(payoffs, x, y)
    assert upper - lower < 1e-9
    value = matrix.solve(payoffs).value
    assert x @ payoffs @ y == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize("method", matrix.PLAY)
def test_strategies_stay_mixtures_and_never_leave_their_proof(method):
    payoffs = random_game(1, 4, 3)
    start = np.full(4, 0.25), np.array([0.5, 0.3, 0.2])
    played = matrix.play(payoffs, method, 0.1, 2000, start)
    for strategies in played:
        assert strategies.min() >= 0
        np.testing.assert_allclose(strategies.sum(axis=1), 1, rtol=1e-12)
    gaps = matrix.exploitability(payoffs, played.x, played.y)
    averaged = matrix.exploitability(payoffs, played.mean_x, played.mean_y)
    assert gaps.min() > 0 and averaged[-1] < 0.1 * averaged[0]
    value = matrix.solve(payoffs).value
    for x, y in zip(played.x[::100], played.y[::100], strict=True):
        lower, upper = matrix.bounds(payoffs, x, y)
        assert lower - 1e-12 <= value <= upper + 1e-12
        assert upper - lower == pytest.approx(matrix.exploitability(payoffs, x, y))


def test_gradient_play_circles_where_looking_ahead_arrives():
    start = np.array([0.6, 0.4]), np.array([0.2, 0.8])
    ends = {
        method: matrix.exploitability(
            PENNIES, *(s[-1] for s in matrix.play(PENNIES, method, 0.05, 5000, start)[:2])
        )
        for method in matrix.PLAY
    }
    assert ends["gradient"] > 0.5 and ends["multiplicative weights"] > 0.5
    assert max(ends["optimistic gradient"], ends["extragradient"]) < 1e-9


def test_projection_is_the_nearest_mixture():
    draw = np.random.default_rng(0)
    for _ in range(20):
        point = draw.normal(size=5)
        found = np.asarray(matrix.project(np.float32(point)), np.float64)
        others = draw.dirichlet(np.ones(5), 500)
        assert found.sum() == pytest.approx(1, abs=1e-6) and found.min() >= 0
        assert np.linalg.norm(found - point) <= np.linalg.norm(others - point, axis=1).min() + 1e-6


@pytest.mark.parametrize("payoffs", [np.zeros((0, 2)), np.ones(3), [[1, np.nan]]])
def test_bad_matrices_are_refused(payoffs):
    for solver in (matrix.solve, matrix.by_supports):
        with pytest.raises(UserError, match="finite matrix"):
            solver(payoffs)


@pytest.mark.parametrize(
    ("payoffs", "value"),
    [(np.zeros((3, 2)), 0), ([[1, 1, 0], [1, 1, 0]], 0), ([[1, -1, 0], [-1, 1, 0]], 0)],
)
def test_games_with_many_equilibria_have_one_value(payoffs, value):
    assert matrix.solve(payoffs).value == pytest.approx(value, abs=1e-12)
    assert matrix.by_supports(payoffs).value == pytest.approx(value, abs=1e-12)
