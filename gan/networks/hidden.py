"""What follows every hidden layer: normalisation, then a nonlinearity, both by name.

The shifted softplus is the one of Gulrajani et al. 2017, Table 1. Layer norm is over every axis of
an example (Ba et al. 2016), with a scale and a bias per channel. Batch norm (Ioffe and Szegedy
2015) is over every axis but the channels, always with the statistics of the batch at hand: there is
no running average to keep beside the parameters, to resume, or to go wrong with a moving average of
the weights; in return an example depends on its batch, also when it is evaluated.
"""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.ad_checkpoint import checkpoint_name

from gan import config

KEPT = "kept"
"""The mark of `kept`."""


@jax.custom_jvp
def relu(x):
    """max(x, 0), with derivative 0 at 0.

    The derivative is a product with a step function, whose own derivative is known to be 0. A
    choice between the two, as jax.nn.relu has it, keeps XLA from using vector instructions on a
    CPU and takes four times as long.
    """
    return jnp.maximum(x, 0)


@relu.defjvp
def _relu_tangent(primals, tangents):
    (x,), (tangent,) = primals, tangents
    return relu(x), tangent * jnp.sign(jnp.maximum(x, 0))


@jax.custom_jvp
def leaky_relu(x):
    """max(x, 0.2 x), with derivative 0.2 at 0; see `relu`."""
    return jnp.maximum(x, 0.2 * x)


@leaky_relu.defjvp
def _leaky_relu_tangent(primals, tangents):
    (x,), (tangent,) = primals, tangents
    return leaky_relu(x), tangent * jnp.maximum(jnp.sign(x), 0.2)


ACTIVATIONS: dict[str, Callable] = {
    "relu": relu,
    "leaky_relu": leaky_relu,
    "tanh": jnp.tanh,
    "softplus": lambda x: jax.nn.softplus(2 * x + 2) / 2 - 1,
}


def kept(h):
    """h as it is, marked as what a derivative keeps where it computes the rest of a layer again."""
    return checkpoint_name(h, KEPT)


def finish(h, spec: config.Network, features_first: bool = False):
    """Normalise and activate the output of a hidden layer, [b, ..., channels] or, with features
    first, [channels, b]; inside a module."""
    example, channel = (1, 0) if features_first else (0, h.ndim - 1)
    apart = {"layer": example, "batch": channel}
    h = kept(h)
    if spec.normalization != "none":
        axes = tuple(axis for axis in range(h.ndim) if axis != apart[spec.normalization])
        h = nn.LayerNorm(reduction_axes=axes, feature_axes=channel)(h)
    return ACTIVATIONS[spec.activation](h)
