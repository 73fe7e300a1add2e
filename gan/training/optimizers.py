"""Optimisers of both players: how gradients become the direction of a step.

A direction is what the round multiplies by minus the learning rate; optax makes it. What an
optimiser reads of beta1, beta2 and weight_decay may be traced: runs that differ only there share a
compilation. The epsilon of those that divide by a root is 1e-8.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import optax

from gan.registry import Entry, Rule


class OptimizerCase(NamedTuple):
    """The first two directions, from the formula, for a parameter that stays 3 while its gradients
    are 2 and then -1/4; with beta1 1/2, beta2 3/4 and weight decay 1/10."""

    first: float
    second: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Optimizer(Entry):
    """`direction(beta1, beta2, weight_decay)` is the transformation of optax from gradients to
    directions."""

    direction: Callable[[Any, Any, Any], optax.GradientTransformation]
    case: OptimizerCase

    def of(self, hyper: Any) -> optax.GradientTransformation:
        """The transformation with the hyper-parameters of a run."""
        return self.direction(hyper.beta1, hyper.beta2, hyper.weight_decay)

    def start(self, params: Any) -> Any:
        """The moments before the first step; no hyper-parameter enters."""
        return self.direction(0.0, 0.0, 0.0).init(params)

    def step(self, params: Any, gradients: Any, moments: Any, hyper: Any, learning_rate: Any):
        """One step: (parameters, moments)."""
        direction, moments = self.of(hyper).update(gradients, moments, params)
        return jax.tree.map(lambda p, d: p - learning_rate * d, params, direction), moments


NO_DECAY = Rule(
    lambda config: config.weight_decay > 0,
    "weight_decay goes with optimizer adamw or lion only: no other reads it",
)

ADAM_SECOND = (3 / 8) / (3 / 4) / math.sqrt((49 / 64) / (7 / 16))
"""Adam's direction in the second step of a case."""

adam = Optimizer(
    help="first moment over the root of the second, both with their bias taken out",
    source="Kingma and Ba 2015",
    rules=(NO_DECAY,),
    direction=lambda beta1, beta2, _: optax.scale_by_adam(b1=beta1, b2=beta2),
    case=OptimizerCase(1, ADAM_SECOND),
)

adamw = Optimizer(
    help="adam, and weight_decay times the parameters",
    source="Loshchilov and Hutter 2019",
    direction=lambda beta1, beta2, decay: optax.chain(
        optax.scale_by_adam(b1=beta1, b2=beta2), optax.add_decayed_weights(decay)
    ),
    case=OptimizerCase(1 + 0.3, ADAM_SECOND + 0.3),
)

optimistic_adam = Optimizer(
    help="twice adam's direction less the one before, which damps games that turn",
    source="Daskalakis et al. 2018",
    rules=(NO_DECAY,),
    direction=lambda beta1, beta2, _: optax.chain(
        optax.scale_by_adam(b1=beta1, b2=beta2), optax.scale_by_optimistic_gradient()
    ),
    case=OptimizerCase(1, 2 * ADAM_SECOND - 1),
)

rmsprop = Optimizer(
    help="gradient over the root of its second moment of decay beta2; momentum beta1",
    source="Tieleman and Hinton 2012",
    rules=(NO_DECAY,),
    direction=lambda beta1, beta2, _: optax.chain(
        optax.scale_by_rms(decay=beta2, eps=1e-8), optax.trace(decay=beta1)
    ),
    case=OptimizerCase(2 / math.sqrt(1), -1 / 4 / math.sqrt(49 / 64) + 2 / 2),
)

sgd = Optimizer(
    help="the gradient itself, with momentum beta1; beta2 does not enter",
    source="Polyak 1964",
    rules=(NO_DECAY,),
    direction=lambda beta1, beta2, _: optax.trace(decay=beta1),
    case=OptimizerCase(2, -1 / 4 + 2 / 2),
)

lion = Optimizer(
    help="sign of a mean of gradient and moment, and weight_decay times the parameters",
    source="Chen et al. 2023",
    direction=lambda beta1, beta2, decay: optax.chain(
        optax.scale_by_lion(b1=beta1, b2=beta2), optax.add_decayed_weights(decay)
    ),
    case=OptimizerCase(1 + 0.3, 1 + 0.3),
)
