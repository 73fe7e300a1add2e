"""Fully connected players, for points and for small images. Inside, features are first.

The conditional ones carry one embedding per class: the generator reads it beside the latent; the
critic adds its product with the last hidden layer to the score, a projection (Miyato and Koyama
2018), since the log-ratio of two class-conditional laws has that form when the classes share their
features.
"""

import functools
import math

import flax.linen as nn
import jax.numpy as jnp

from gan import config
from gan.networks import labels
from gan.networks.architecture import Architecture, Case
from gan.networks.dense import Dense, turn
from gan.networks.hidden import finish


class Generator(nn.Module):
    """`depth` hidden layers of `width`; tanh at the end for images, linear for points."""

    spec: config.Network
    shape: tuple[int, ...]

    @nn.compact
    def __call__(self, z):
        h = _hidden(z, self.spec)
        x = turn(Dense(math.prod(self.shape))(h)).reshape(-1, *self.shape)
        return jnp.tanh(x) if len(self.shape) == 3 else x


class Critic(nn.Module):
    """`depth` hidden layers of `width` on the flattened example, then one score."""

    spec: config.Network
    shape: tuple[int, ...]

    @nn.compact
    def __call__(self, x):
        h = _hidden(x.reshape(x.shape[0], -1), self.spec)
        return Dense(1)(h)[0]


def _features(critic: nn.Module, x):
    """[b, *shape] -> [b, width]."""
    return turn(_hidden(x.reshape(x.shape[0], -1), critic.spec))


def _hidden(x, spec: config.Network):
    """[b, inputs] -> [width, b]; inside a module."""
    h = turn(x)
    for _ in range(spec.depth):
        h = Dense(spec.width, nn.initializers.he_normal())(h)
        h = finish(h, spec, features_first=True)
    return h


mlp = Architecture(
    help="fully connected, for points and small images; depth hidden layers of width units",
    source="conditional: Miyato and Koyama 2018",
    generator=Generator,
    critic=Critic,
    conditional_generator=functools.partial(labels.Generator, Generator),
    conditional_critic=functools.partial(labels.Critic, _features),
    case=Case(
        small={"width": 4, "depth": 1},
        counted={"width": 256, "depth": 3},
        counts={
            (2,): (136_450, 132_609),
            (8, 8, 1): (152_384, 148_481),
            (28, 28, 1): (337_424, 332_801),
            (32, 32, 3): (925_440, 918_529),
        },
        conditional_counts={
            (2,): (140_706, 135_169),
            (8, 8, 1): (156_640, 151_041),
            (28, 28, 1): (341_680, 335_361),
        },
    ),
)
