import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan.objectives.losses import LOSSES

REAL, FAKE = np.array([1.0, 3.0]), np.array([2.0, 6.0])
sigmoid = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731
CLOSED_FORMS = {  # of the critic and of the generator at REAL and FAKE, from their definitions
    "wasserstein": (2.0, -4.0),
    "minimax": (
        -np.mean(np.log(sigmoid(REAL))) - np.mean(np.log(1 - sigmoid(FAKE))),
        np.mean(np.log(1 - sigmoid(FAKE))),
    ),
    "non_saturating": (
        -np.mean(np.log(sigmoid(REAL))) - np.mean(np.log(1 - sigmoid(FAKE))),
        -np.mean(np.log(sigmoid(FAKE))),
    ),
    "least_squares": ((0 + 4) / 4 + (4 + 36) / 4, (1 + 25) / 4),
    "hinge": (0 + (3 + 7) / 2, -4.0),
    "relativistic": (
        -(np.log(sigmoid(1.0 - 2.0)) + np.log(sigmoid(3.0 - 6.0))) / 2,
        -(np.log(sigmoid(2.0 - 1.0)) + np.log(sigmoid(6.0 - 3.0))) / 2,
    ),
}
REST = {  # the constant score at which the critic rests, and both losses there
    "wasserstein": (0.0, 0.0, 0.0),
    "minimax": (0.0, 2 * np.log(2), -np.log(2)),
    "non_saturating": (0.0, 2 * np.log(2), np.log(2)),
    "least_squares": (0.5, 0.25, 0.125),
    "hinge": (0.0, 2.0, 0.0),
    "relativistic": (0.0, np.log(2), np.log(2)),
}


@pytest.mark.parametrize("name", LOSSES)
def test_the_losses_are_those_of_their_definitions(name):
    loss = LOSSES[name]
    found = loss.critic(REAL, FAKE), loss.generator(REAL, FAKE)
    np.testing.assert_allclose(found, CLOSED_FORMS[name], rtol=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_a_constant_critic_rests_at_the_stated_value(name):
    score, critic, generator = REST[name]
    loss, scores = LOSSES[name], jnp.full(4, score)
    found = loss.critic(scores, scores), loss.generator(scores, scores)
    np.testing.assert_allclose(found, (critic, generator), rtol=1e-6)
    slope = jax.grad(lambda shift: loss.critic(scores + shift, scores + shift))(0.0)
    np.testing.assert_allclose(slope, 0, atol=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_a_critic_that_prefers_real_examples_has_the_lower_loss(name):
    low, high = np.full(4, -1.0), np.full(4, 1.0)
    loss = LOSSES[name]
    assert loss.critic(high, low) < loss.critic(low, high)
    assert loss.generator(low, high) < loss.generator(high, low)


@pytest.mark.parametrize("name", LOSSES)
def test_scores_far_out_keep_finite_derivatives(name):
    loss = LOSSES[name]
    for far in (-1e4, 1e4):
        scores = jnp.array([far, 1.0]), jnp.array([-far, 2.0])
        for player in (loss.critic, loss.generator):
            assert all(np.all(np.isfinite(g)) for g in jax.grad(player, argnums=(0, 1))(*scores))


@pytest.mark.parametrize("name", LOSSES)
def test_only_a_pairing_loss_reads_the_real_scores_for_the_generator(name):
    loss = LOSSES[name]
    if loss.pairs:
        assert loss.generator(REAL, FAKE) != loss.generator(REAL + 1, FAKE)
        assert loss.critic(REAL, FAKE) != loss.critic(REAL[::-1], FAKE)
    else:
        assert loss.generator(None, FAKE) == loss.generator(REAL, FAKE)
        np.testing.assert_allclose(loss.critic(REAL, FAKE), loss.critic(REAL[::-1], FAKE))


def test_the_minimax_game_is_zero_sum_in_the_generated_scores():
    loss = LOSSES["minimax"]
    critic = jax.grad(lambda fake: loss.critic(REAL, fake))(FAKE)
    np.testing.assert_allclose(critic, -jax.grad(lambda f: loss.generator(None, f))(FAKE))


def test_scores_that_would_broadcast_are_refused():
    for real, fake in [(REAL, FAKE[:, None]), (REAL[:, None], FAKE[:, None]), (REAL, FAKE[:1])]:
        for player in LOSSES["relativistic"][:2]:
            with pytest.raises(ValueError, match="two vectors of one length"):
                player(real, fake)
