"""What holds for every registered loss, and its own case."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan.objectives.losses import Loss, LossCase
from gan.registries import LOSSES
from tests.entries import names

REAL, FAKE = np.array([1.0, 3.0]), np.array([2.0, 6.0])


@pytest.fixture(params=names(LOSSES, "tests.plugin.objectives:exponential"))
def loss(request):
    return LOSSES.get(request.param)


def test_a_loss_without_a_case_is_none():
    with pytest.raises(TypeError, match="case"):
        Loss(help="no case", critic=lambda r, f: 0.0, generator=lambda r, f: 0.0)


def test_the_losses_are_those_of_their_cases(loss):
    assert isinstance(loss.case, LossCase)
    found = loss.critic(REAL, FAKE), loss.generator(REAL, FAKE)
    np.testing.assert_allclose(found, loss.case.example, rtol=1e-5)


def test_a_constant_critic_rests_at_the_stated_value(loss):
    score, critic, generator = loss.case.equilibrium
    scores = jnp.full(4, float(score))
    found = loss.critic(scores, scores), loss.generator(scores, scores)
    np.testing.assert_allclose(found, (critic, generator), rtol=1e-6)
    slope = jax.grad(lambda shift: loss.critic(scores + shift, scores + shift))(0.0)
    np.testing.assert_allclose(slope, 0, atol=1e-6)


def test_the_pull_and_the_curvature_are_those_of_the_derivatives_at_rest(loss):
    """On one real and one generated example, the players' derivatives in the generated score."""
    rest = jnp.full(1, float(loss.case.equilibrium[0]))
    critic = jax.grad(lambda fake: loss.critic(rest, fake))
    generator = jax.grad(lambda fake: loss.generator(rest, fake))
    np.testing.assert_allclose(-critic(rest) * generator(rest), loss.case.pull**2, rtol=1e-6)
    if loss.case.curvature is not None:
        second = jax.grad(lambda fake: jnp.sum(critic(fake)))(rest)
        np.testing.assert_allclose(-second, loss.case.curvature, atol=1e-6)


def test_a_critic_that_prefers_real_examples_has_the_lower_loss(loss):
    low, high = np.full(4, -1.0), np.full(4, 1.0)
    assert loss.critic(high, low) < loss.critic(low, high)
    assert loss.generator(low, high) < loss.generator(high, low)


def test_scores_far_out_keep_finite_derivatives(loss):
    for far in (-1e4, 1e4):
        scores = jnp.array([far, 1.0]), jnp.array([-far, 2.0])
        for player in (loss.critic, loss.generator):
            assert all(np.all(np.isfinite(g)) for g in jax.grad(player, argnums=(0, 1))(*scores))


def test_only_a_pairing_loss_reads_the_real_scores_for_the_generator(loss):
    if loss.pairs:
        assert loss.generator(REAL, FAKE) != loss.generator(REAL + 1, FAKE)
        assert loss.critic(REAL, FAKE) != loss.critic(REAL[::-1], FAKE)
    else:
        assert loss.generator(None, FAKE) == loss.generator(REAL, FAKE)
        np.testing.assert_allclose(loss.critic(REAL, FAKE), loss.critic(REAL[::-1], FAKE))


def test_the_minimax_game_is_zero_sum_in_the_generated_scores():
    loss = LOSSES.get("minimax")
    critic = jax.grad(lambda fake: loss.critic(REAL, fake))(FAKE)
    np.testing.assert_allclose(critic, -jax.grad(lambda f: loss.generator(None, f))(FAKE))


def test_scores_that_would_broadcast_are_refused():
    loss = LOSSES.get("relativistic")
    for real, fake in [(REAL, FAKE[:, None]), (REAL[:, None], FAKE[:, None]), (REAL, FAKE[:1])]:
        for player in (loss.critic, loss.generator):
            with pytest.raises(ValueError, match="two vectors of one length"):
                player(real, fake)
