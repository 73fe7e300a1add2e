"""Losses of the two players, as functions of the critic's scores.

The critic maximises E f(real) - E f(fake), which for 1-Lipschitz f is at most the Wasserstein-1
distance; code minimises the negative. A generator loss alone means nothing: it has an arbitrary
offset. Source: Arjovsky et al. 2017; Gulrajani et al. 2017.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp


class Loss(NamedTuple):
    """`critic` and `generator`, each (real_scores [b], fake_scores [b]) -> scalar."""

    critic: Callable[[jax.Array, jax.Array], jax.Array]
    generator: Callable[[jax.Array, jax.Array], jax.Array]


def wasserstein_critic(real_scores, fake_scores):
    """mean f(fake) - mean f(real); scores [b]. Exactly 0 for a constant critic."""
    return jnp.mean(fake_scores) - jnp.mean(real_scores)


def wasserstein_generator(real_scores, fake_scores):
    """-mean f(fake); the real scores do not enter."""
    del real_scores
    return -jnp.mean(fake_scores)


LOSSES = {"wasserstein": Loss(wasserstein_critic, wasserstein_generator)}
