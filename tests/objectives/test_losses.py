import numpy as np
import pytest

from gan.objectives.losses import LOSSES


def test_wasserstein_losses_are_the_means_with_their_signs():
    real, fake = np.array([1.0, 3.0]), np.array([2.0, 6.0])
    loss = LOSSES["wasserstein"]
    assert loss.critic(real, fake) == 2.0
    assert loss.generator(real, fake) == -4.0


@pytest.mark.parametrize("name", LOSSES)
def test_a_critic_that_prefers_real_examples_has_the_lower_loss(name):
    low, high = np.full(4, -1.0), np.full(4, 1.0)
    loss = LOSSES[name]
    assert loss.critic(high, low) < loss.critic(low, high)
    assert loss.generator(low, high) < loss.generator(high, low)
