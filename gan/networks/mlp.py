"""Fully connected players, for points and for small images."""

import math

import flax.linen as nn
import jax.numpy as jnp

from gan import config
from gan.networks.hidden import finish


class Generator(nn.Module):
    """`depth` hidden layers of `width`; tanh at the end for images, linear for points."""

    spec: config.Network
    shape: tuple[int, ...]

    @nn.compact
    def __call__(self, z):
        h = _hidden(z, self.spec)
        x = nn.Dense(math.prod(self.shape))(h).reshape(-1, *self.shape)
        return jnp.tanh(x) if len(self.shape) == 3 else x


class Critic(nn.Module):
    """`depth` hidden layers of `width` on the flattened example, then one score."""

    spec: config.Network
    shape: tuple[int, ...]

    @nn.compact
    def __call__(self, x):
        h = _hidden(x.reshape(x.shape[0], -1), self.spec)
        return nn.Dense(1)(h)[:, 0]


def _hidden(h, spec: config.Network):
    for _ in range(spec.depth):
        h = finish(nn.Dense(spec.width, kernel_init=nn.initializers.he_normal())(h), spec)
    return h
