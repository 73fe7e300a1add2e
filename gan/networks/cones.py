"""A critic made of cones: the upper envelope of learned peaks from which it falls with slope 1.

f(x) = max_n (b_n - |x - a_n|) has slope 1 wherever it is smooth, and with enough peaks it is any
1-Lipschitz function: McShane's extension of its values b_n at a_n. The maximum is taken softly, as
t log sum exp(. / t) with a learned t, which only averages unit gradients, so the slope stays at
most 1, and peaks that are not the highest still learn. With the Wasserstein loss it needs no
penalty.
"""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan import config
from gan.networks.architecture import Architecture, Case
from gan.precise import squared_distances
from gan.registry import Rule

FEW = 8
"""Up to this dimension distances come from differences, which lose no digits near a peak; above it
from a matrix product, which is faster, and points are far from every peak."""
TEMPERATURE = 0.3
"""Initial t, a length: distances of a point to standard normal peaks spread by about 0.7 in any
dimension."""


class Critic(nn.Module):
    """`width` cones over the flattened example, one score [b].

    |f(x) - f(y)| <= |x - y|, Euclidean, up to rounding, for any parameters. `depth` and
    `activation` are not used.
    """

    spec: config.Network
    shape: tuple[int, ...]

    @nn.compact
    def __call__(self, x):
        x = x.reshape(x.shape[0], -1)
        shape = (self.spec.width, math.prod(self.shape))
        peaks = self.param("peaks", nn.initializers.normal(1.0), shape)
        heights = self.param("heights", nn.initializers.zeros_init(), shape[:1])
        start = nn.initializers.constant(math.log(TEMPERATURE))
        temperature = jnp.exp(self.param("log_temperature", start, ()))
        squares = _squares(x, peaks)
        # The floor keeps the slope finite at a peak, where it is 0 instead.
        distances = jnp.sqrt(jnp.maximum(squares, 1e-6))
        return temperature * jax.nn.logsumexp((heights[None] - distances) / temperature, axis=1)


def _squares(x, peaks):
    """Squared distances [b, n] of x [b, d] to peaks [n, d]."""
    if x.shape[1] <= FEW:
        return ((x[:, None] - peaks[None]) ** 2).sum(2)
    return squared_distances(x, peaks)


cones = Architecture(
    help="critic with a slope of at most 1 by construction, the upper envelope of width cones",
    critic=Critic,
    rules=(
        Rule(
            lambda config: config.precision == "bfloat16",
            "precision bfloat16 goes with critics other than cones only: a slope of at most 1 "
            "rests on distances that are exact to float32",
        ),
    ),
    spec_rules=(
        Rule(
            lambda spec: spec.normalization != "none",
            "cones goes with normalization none only: they bound their slope by themselves",
        ),
        Rule(
            lambda spec: spec.weights != "free",
            "cones goes with weights free only: they bound their slope by themselves",
        ),
    ),
    case=Case(
        small={"width": 4},
        counted={"width": 16},
        counts={(2,): (None, 16 * 3 + 1), (8, 8, 1): (None, 16 * 65 + 1)},
        broken=({"precision": "bfloat16"}, {"normalization": "layer"}, {"weights": "spectral"}),
    ),
)
