"""An architecture of somebody's own."""

import math

import flax.linen as nn
import jax.numpy as jnp

from gan import config
from gan.networks.architecture import Architecture, Case
from gan.registry import Rule


class Generator(nn.Module):
    """A linear map of the latent, bent once."""

    spec: config.Network
    shape: tuple[int, ...]

    @nn.compact
    def __call__(self, z):
        return jnp.tanh(nn.Dense(math.prod(self.shape))(z)).reshape(-1, *self.shape)


class Critic(nn.Module):
    """A mean of `width` squared linear functions."""

    spec: config.Network
    shape: tuple[int, ...]

    @nn.compact
    def __call__(self, x):
        return jnp.mean(nn.Dense(self.spec.width)(x.reshape(x.shape[0], -1)) ** 2, axis=1)


quadratic = Architecture(
    help="one bent linear map against a mean of squares",
    generator=Generator,
    critic=Critic,
    spec_rules=(Rule(lambda spec: spec.width < 2, "quadratic needs a width of at least 2"),),
    case=Case(
        small={"width": 4},
        counted={"width": 16},
        counts={(2,): (34, 48), (8, 8, 1): (17 * 64, 65 * 16)},
        broken=({"width": 1},),
    ),
)
