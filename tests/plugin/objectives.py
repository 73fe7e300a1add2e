"""A loss, a penalty, an augmentation and an optimiser of somebody's own."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gan.objectives.augmentations import IMAGE, Augmentation, AugmentationCase
from gan.objectives.losses import Loss, LossCase
from gan.objectives.penalties import Penalty, PenaltyCase
from gan.training.optimizers import NO_DECAY, Optimizer, OptimizerCase

exponential = Loss(
    help="exponential loss of the margins",
    critic=lambda real, fake: jnp.mean(jnp.exp(-jnp.arctan(real)) + jnp.exp(jnp.arctan(fake))) / 2,
    generator=lambda real, fake: jnp.mean(jnp.exp(-jnp.arctan(fake))),
    case=LossCase(
        equilibrium=(0, 1, 1),
        example=(
            np.mean(np.exp(np.arctan([-1, -3, 2, 6]))),
            np.mean(np.exp(np.arctan([-2, -6]))),
        ),
        pull=0.5**0.5,
    ),
)

small_scores = Penalty(
    help="scores of real examples are small (Karras et al. 2018)",
    points=lambda real, fake, key: (real,),
    value=lambda critic, points, target: jnp.mean(critic(points[0]) ** 2),
    case=PenaltyCase(lambda w, points, target: np.mean((points[0] @ w) ** 2), 0),
)

darker = Augmentation(
    help="all pixels are scaled by a random factor",
    draw=lambda key, images: (jax.random.uniform(key, images.shape[:1]),),
    apply=lambda images, drawn: images * drawn[0][:, None, None, None],
    case=AugmentationCase((0.25,), IMAGE / 4),
)

signs = Optimizer(
    help="the sign of the gradient",
    rules=(NO_DECAY,),
    direction=lambda beta1, beta2, decay: optax.scale_by_sign(),
    case=OptimizerCase(1, -1),
)
