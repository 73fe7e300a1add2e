"""Fully connected players, for points and for small images."""

import math

import flax.linen as nn
import jax.numpy as jnp

from gan.networks.activations import ACTIVATIONS


class Generator(nn.Module):
    """`depth` hidden layers of `width`; tanh at the end for images, linear for points."""

    shape: tuple[int, ...]
    width: int
    depth: int
    activation: str

    @nn.compact
    def __call__(self, z):
        h = _hidden(z, self)
        x = nn.Dense(math.prod(self.shape))(h).reshape(-1, *self.shape)
        return jnp.tanh(x) if len(self.shape) == 3 else x


class Critic(nn.Module):
    """`depth` hidden layers of `width` on the flattened example, then one score."""

    shape: tuple[int, ...]
    width: int
    depth: int
    activation: str

    @nn.compact
    def __call__(self, x):
        h = _hidden(x.reshape(x.shape[0], -1), self)
        return nn.Dense(1)(h)[:, 0]


def _hidden(h, player):
    activation = ACTIVATIONS[player.activation]
    for _ in range(player.depth):
        h = activation(nn.Dense(player.width, kernel_init=nn.initializers.he_normal())(h))
    return h
