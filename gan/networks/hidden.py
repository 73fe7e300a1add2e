"""What follows every hidden layer: normalisation, then a nonlinearity, both by name.

The shifted softplus is the one of Gulrajani et al. 2017, Table 1. Layer norm is over every axis of
an example (Ba et al. 2016), with a scale and a bias per channel.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan import config

ACTIVATIONS = {
    "relu": jax.nn.relu,
    "leaky_relu": lambda x: jax.nn.leaky_relu(x, 0.2),
    "tanh": jnp.tanh,
    "softplus": lambda x: jax.nn.softplus(2 * x + 2) / 2 - 1,
}


def finish(h, spec: config.Network):
    """Normalise and activate the output of a hidden layer, [b, ..., channels]; inside a module."""
    if spec.normalization == "layer":
        h = nn.LayerNorm(reduction_axes=tuple(range(1, h.ndim)), feature_axes=-1)(h)
    return ACTIVATIONS[spec.activation](h)
