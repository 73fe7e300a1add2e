"""The residual players of Gulrajani et al. 2017, for images of up to 32 pixels and for larger ones.

Blocks are norm, nonlinearity, 3 x 3 convolution, twice, beside a shortcut; images are halved by
averaging after a convolution and doubled by repetition before one. As in the authors' code:

- up to 32 pixels every level has `width` channels (128 in the paper); the critic halves twice at
  most, has two more blocks, and scores the mean over pixels;
- above, channels start at `width` next to the pixels and double per level, to 8 times at most; the
  critic halves down to the smallest image, which a dense layer reads.

The conditional ones read the class as those of gan.networks.mlp do.

The authors take batch norm in the generator, nothing (32 pixels) or layer norm (64) in the critic.
"""

import functools

import flax.linen as nn
import jax.numpy as jnp

from gan import config
from gan.networks import convolution, labels
from gan.networks.architecture import Architecture, Case
from gan.networks.hidden import ACTIVATIONS, finish
from gan.networks.layers import Convolution, halvings, initial_image

SMALL = 32


class Generator(nn.Module):
    """Dense layer to the smallest image, one doubling block per level, tanh."""

    spec: config.Network
    shape: tuple[int, ...]

    @nn.compact
    def __call__(self, z):
        side, levels = halvings(self.shape, "resnet")
        widths = _widths(self.shape, self.spec.width, levels)
        h = initial_image(z, side, widths[-1])
        for width in reversed(widths):
            h = _Block(self.spec, width, "double")(h)
        return jnp.tanh(Convolution(self.shape[-1], gain=1.0)(finish(h, self.spec)))


class Critic(nn.Module):
    """Halving blocks, then a dense layer to one score."""

    spec: config.Network
    shape: tuple[int, ...]

    @nn.compact
    def __call__(self, x):
        return nn.Dense(1)(_features(self, x))[:, 0]


def _features(critic: nn.Module, x):
    """[b, *shape] -> [b, features], all of the smallest image or means over it."""
    shape = x.shape[1:]
    _, levels = halvings(shape, "resnet")
    widths = _widths(shape, critic.spec.width, levels)
    if shape[0] > SMALL:
        h = Convolution(widths[0], gain=1.0)(x)
        for width in [*widths[1:], widths[-1]]:
            h = _Block(critic.spec, width, "halve")(h)
        return h.reshape(h.shape[0], -1)
    h = _First(critic.spec, widths[0])(x)
    for mode in ["halve"] * (min(levels, 2) - 1) + ["plain"] * 2:
        h = _Block(critic.spec, widths[0], mode)(h)
    return jnp.mean(ACTIVATIONS[critic.spec.activation](h), axis=(1, 2))


class _Block(nn.Module):
    """Two convolutions beside a shortcut; `mode` is "double", "halve" or "plain"."""

    spec: config.Network
    features: int
    mode: str

    @nn.compact
    def __call__(self, x):
        first, second = {
            "double": ("double", "plain"),
            "halve": ("plain", "halve"),
            "plain": ("plain", "plain"),
        }[self.mode]
        between = x.shape[-1] if self.mode == "halve" else self.features
        h = Convolution(between, mode=first)(finish(x, self.spec))
        h = Convolution(self.features, mode=second)(finish(h, self.spec))
        if self.mode == "plain":
            return x + h
        # A 1 x 1 convolution commutes with averaging and repeating; it runs on the small image.
        small = convolution.halve(x) if self.mode == "halve" else x
        shortcut = Convolution(self.features, size=1, gain=1.0)(small)
        return h + (shortcut if self.mode == "halve" else convolution.double(shortcut))


class _First(nn.Module):
    """A critic's first block on small images: no nonlinearity and no norm on the pixels."""

    spec: config.Network
    features: int

    @nn.compact
    def __call__(self, x):
        h = ACTIVATIONS[self.spec.activation](Convolution(self.features, gain=1.0)(x))
        h = Convolution(self.features, mode="halve")(h)
        return h + Convolution(self.features, size=1, gain=1.0)(convolution.halve(x))


def _widths(shape: tuple[int, ...], width: int, levels: int) -> list[int]:
    """Channels of each level, from the pixels inwards."""
    return [width * (min(2**level, 8) if shape[0] > SMALL else 1) for level in range(levels)]


resnet = Architecture(
    help="residual blocks of the WGAN-GP paper; width channels, its depth is the image's",
    source="Gulrajani et al. 2017; conditional: Miyato and Koyama 2018",
    generator=Generator,
    critic=Critic,
    conditional_generator=functools.partial(labels.Generator, Generator),
    conditional_critic=functools.partial(labels.Critic, _features),
    case=Case(
        small={"width": 4},
        counted={"width": 16},
        counts={
            (8, 8, 1): (9_409, 11_809),
            (28, 28, 1): (23_297, 16_721),
            (32, 32, 3): (19_523, 17_041),
            (64, 64, 3): (503_171, 470_641),
        },
        conditional_counts={
            (8, 8, 1): (13_665, 11_969),
            (28, 28, 1): (36_001, 16_881),
            (32, 32, 3): (23_779, 17_201),
            (64, 64, 3): (536_099, 491_121),
        },
        slow=True,
    ),
)
