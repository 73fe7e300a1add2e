"""Losses of the two players, as functions of the critic's scores.

Scores are unbounded: where a paper speaks of a discriminator's probability, it is the logistic
function of the score. Both players minimise what is returned; the critic wants high scores on real
examples, the generator on its own. The value at equilibrium, where every score is the same
constant, is given with each loss. Each entry follows the functions that it is made of.

For the Wasserstein loss the critic maximises E f(real) - E f(fake), which for 1-Lipschitz f is at
most the Wasserstein-1 distance; code minimises the negative. The other losses bound no distance
that way. A generator loss alone means nothing: it has an arbitrary offset.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from gan.registry import Entry


class LossCase(NamedTuple):
    """What is known of a loss without computing it.

    Attributes:
        equilibrium: (score, critic's loss, generator's loss) where all scores are equal.
        example: both losses of the scores 1 and 3 of real examples, 2 and 6 of generated ones.
        pull: sqrt(-b'(t) c'(t)) at the score t of equilibrium, of a critic's loss a(f(real)) +
            b(f(fake)) and a generator's loss c(f(fake)); how strongly a Dirac-GAN turns (Mescheder
            et al. 2018, their f'(0)).
        curvature: their f''(0), of a loss whose critic's part is smooth and symmetric,
            a(t) = b(-t) = -f(-t); None of the others.
    """

    equilibrium: tuple[float, float, float]
    example: tuple[float, float]
    pull: float
    curvature: float | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Loss(Entry):
    """The losses of both players, each (real_scores [b], fake_scores [b]) -> scalar.

    Where `pairs` is false the generator's loss does not read the real scores, which may be None.
    """

    critic: Callable[[jax.Array, jax.Array], jax.Array]
    generator: Callable[[jax.Array | None, jax.Array], jax.Array]
    pairs: bool = False
    case: LossCase


def _log_one_and_exp(x: float) -> float:
    """log(1 + exp(x)), for the cases below."""
    return math.log1p(math.exp(x))


def wasserstein_critic(real_scores, fake_scores):
    """mean f(fake) - mean f(real). Exactly 0 for a constant critic (Arjovsky et al. 2017)."""
    return jnp.mean(fake_scores) - jnp.mean(real_scores)


def wasserstein_generator(real_scores, fake_scores):
    """-mean f(fake); the real scores do not enter. Also the generator's side of the hinge loss."""
    del real_scores
    return -jnp.mean(fake_scores)


wasserstein = Loss(
    help="difference of mean scores, which estimates W1 for a critic of slope at most 1",
    source="Arjovsky et al. 2017",
    critic=wasserstein_critic,
    generator=wasserstein_generator,
    case=LossCase(equilibrium=(0, 0, 0), example=(4 - 2, -4), pull=1, curvature=0),
)


def logistic_critic(real_scores, fake_scores):
    """-mean log D(real) - mean log(1 - D(fake)) with D the logistic function of the score.

    2 log 2 where all scores are 0; less its minimum over critics it is twice the Jensen-Shannon
    divergence (Goodfellow et al. 2014).
    """
    return jnp.mean(jax.nn.softplus(-real_scores)) + jnp.mean(jax.nn.softplus(fake_scores))


def minimax_generator(real_scores, fake_scores):
    """mean log(1 - D(fake)): the zero-sum game; -log 2 at score 0 (Goodfellow et al. 2014).

    Its gradient in a score is minus D(fake), which vanishes where the critic is sure.
    """
    del real_scores
    return -jnp.mean(jax.nn.softplus(fake_scores))


minimax = Loss(
    help="logistic loss, the generator minimising what the critic maximises",
    source="Goodfellow et al. 2014",
    critic=logistic_critic,
    generator=minimax_generator,
    case=LossCase(
        equilibrium=(0, 2 * math.log(2), -math.log(2)),
        example=(
            sum(map(_log_one_and_exp, (-1, -3, 2, 6))) / 2,
            -sum(map(_log_one_and_exp, (2, 6))) / 2,
        ),
        pull=1 / 2,
        curvature=-1 / 4,
    ),
)


def non_saturating_generator(real_scores, fake_scores):
    """-mean log D(fake): strong gradients where the critic is sure; log 2 at score 0 (Goodfellow et
    al. 2014)."""
    del real_scores
    return jnp.mean(jax.nn.softplus(-fake_scores))


non_saturating = Loss(
    help="logistic loss whose generator has strong gradients where the critic is sure",
    source="Goodfellow et al. 2014",
    critic=logistic_critic,
    generator=non_saturating_generator,
    case=LossCase(
        equilibrium=(0, 2 * math.log(2), math.log(2)),
        example=(
            sum(map(_log_one_and_exp, (-1, -3, 2, 6))) / 2,
            sum(map(_log_one_and_exp, (-2, -6))) / 2,
        ),
        pull=1 / 2,
        curvature=-1 / 4,
    ),
)


def least_squares_critic(real_scores, fake_scores):
    """mean (f(real) - 1)^2 / 2 + mean f(fake)^2 / 2: labels 1 and 0 (Mao et al. 2017, Eq. 9).

    1/4 at the best constant critic, 1/2.
    """
    return (jnp.mean((real_scores - 1) ** 2) + jnp.mean(fake_scores**2)) / 2


def least_squares_generator(real_scores, fake_scores):
    """mean (f(fake) - 1)^2 / 2; 1/8 at the score 1/2 (Mao et al. 2017, Eq. 9)."""
    del real_scores
    return jnp.mean((fake_scores - 1) ** 2) / 2


least_squares = Loss(
    help="squared distance of the scores from 1 for real and 0 for generated examples",
    source="Mao et al. 2017",
    critic=least_squares_critic,
    generator=least_squares_generator,
    case=LossCase(
        equilibrium=(1 / 2, 1 / 4, 1 / 8),
        example=((0 + 4) / 4 + (4 + 36) / 4, (1 + 25) / 4),
        pull=1 / 2,
    ),
)


def hinge_critic(real_scores, fake_scores):
    """mean max(0, 1 - f(real)) + mean max(0, 1 + f(fake)) (Lim and Ye 2017).

    2 for every constant critic between -1 and 1. Its generator minimises -mean f(fake).
    """
    return jnp.mean(jax.nn.relu(1 - real_scores)) + jnp.mean(jax.nn.relu(1 + fake_scores))


hinge = Loss(
    help="distance of the scores from beyond 1 and -1, and the generator's side of wasserstein",
    source="Lim and Ye 2017",
    critic=hinge_critic,
    generator=wasserstein_generator,
    case=LossCase(equilibrium=(0, 2, 0), example=((3 + 7) / 2, -4), pull=1),
)


def relativistic_critic(real_scores, fake_scores):
    """mean log(1 + exp(f(fake_i) - f(real_i))), real and generated examples paired by their place.

    log 2 for every constant critic; adding a constant to f changes nothing (Jolicoeur-Martineau
    2019; Huang et al. 2024).

    Raises:
        ValueError: unless both are [b]: any other difference would broadcast over the batch.
    """
    return jnp.mean(jax.nn.softplus(_paired_difference(fake_scores, real_scores)))


def relativistic_generator(real_scores, fake_scores):
    """The critic's loss with the two sides exchanged; reads the real scores."""
    return jnp.mean(jax.nn.softplus(_paired_difference(real_scores, fake_scores)))


relativistic = Loss(
    help="logistic loss of the differences of scores, real and generated examples in pairs",
    source="Jolicoeur-Martineau 2019",
    critic=relativistic_critic,
    generator=relativistic_generator,
    pairs=True,
    case=LossCase(
        equilibrium=(0, math.log(2), math.log(2)),
        example=(
            sum(map(_log_one_and_exp, (2 - 1, 6 - 3))) / 2,
            sum(map(_log_one_and_exp, (1 - 2, 3 - 6))) / 2,
        ),
        pull=1 / 2,
    ),
)


def _paired_difference(a, b):
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f"scores must be two vectors of one length, got {a.shape} and {b.shape}")
    return a - b
