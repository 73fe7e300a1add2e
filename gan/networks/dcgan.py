"""Strided convolutional players in the manner of Radford et al. 2016.

The image side is halved while it is even and above 4: 28 -> 14 -> 7, 32 -> 16 -> 8 -> 4. Kernels
are 4 x 4 with stride 2; `width` counts the channels next to the pixels and doubles at each
halving. A penalised critic must not couple the examples of a batch, hence no batch normalisation.
The conditional ones read the class as those of gan.networks.mlp do.
"""

import functools

import flax.linen as nn
import jax.numpy as jnp

from gan import config
from gan.errors import UserError
from gan.networks import convolution, labels
from gan.networks.architecture import Architecture, Case
from gan.networks.hidden import finish

KERNEL = 4
STRIDE = 2


class Generator(nn.Module):
    """Dense layer to the smallest image, one transposed convolution per doubling, tanh."""

    spec: config.Network
    shape: tuple[int, ...]

    @nn.compact
    def __call__(self, z):
        small, widths = _pyramid(self.shape, self.spec.width)
        h = nn.Dense(small * small * widths[-1], kernel_init=nn.initializers.he_normal())(z)
        h = finish(h.reshape(-1, small, small, widths[-1]), self.spec)
        for width in reversed(widths[:-1]):
            h = finish(_Convolution(width, transposed=True)(h), self.spec)
        return jnp.tanh(_Convolution(self.shape[-1], transposed=True)(h))


class Critic(nn.Module):
    """One strided convolution per halving, then a dense layer to one score."""

    spec: config.Network
    shape: tuple[int, ...]

    @nn.compact
    def __call__(self, x):
        return nn.Dense(1)(_features(self, x))[:, 0]


def _features(critic: nn.Module, x):
    """[b, *shape] -> [b, features] of the smallest image."""
    _, widths = _pyramid(x.shape[1:], critic.spec.width)
    for width in widths:
        x = finish(_Convolution(width, transposed=False)(x), critic.spec)
    return x.reshape(x.shape[0], -1)


class _Convolution(nn.Module):
    features: int
    transposed: bool

    @nn.compact
    def __call__(self, x):
        channels = x.shape[-1]
        pair = (self.features, channels) if self.transposed else (channels, self.features)
        # Each output pixel of the adjoint sums (KERNEL / STRIDE)^2 taps, of the other all of them.
        taps = (KERNEL // STRIDE) ** 2 if self.transposed else KERNEL**2
        scale = (2 / (taps * channels)) ** 0.5
        kernel = self.param("kernel", nn.initializers.normal(scale), (KERNEL, KERNEL, *pair))
        bias = self.param("bias", nn.initializers.zeros_init(), (self.features,))
        operation = convolution.convolve_transposed if self.transposed else convolution.convolve
        y = operation(x, kernel, STRIDE)
        return y + bias.reshape(1, 1, 1, -1)


def _pyramid(shape: tuple[int, ...], width: int) -> tuple[int, list[int]]:
    """Side of the smallest image, and the channels of each level from the pixels inwards."""
    if len(shape) != 3 or shape[0] != shape[1]:
        raise UserError(f"dcgan needs square images, got examples of shape {shape}; use mlp")
    side, widths = shape[0], list[int]()
    while side % 2 == 0 and side > 4:
        side //= 2
        widths.append(width * 2 ** len(widths))
    if not widths:
        raise UserError(f"dcgan needs an even image side above 4, got {shape[0]}; use mlp")
    return side, widths


dcgan = Architecture(
    help="strided convolutions; width channels next to the pixels, its depth is the image's",
    source="Radford et al. 2016; conditional: Miyato and Koyama 2018",
    generator=Generator,
    critic=Critic,
    conditional_generator=functools.partial(labels.Generator, Generator),
    conditional_critic=functools.partial(labels.Critic, _features),
    case=Case(
        small={"width": 4},
        counted={"width": 16},
        counts={
            (8, 8, 1): (4_609, 529),
            (28, 28, 1): (35_121, 10_065),
            (32, 32, 3): (59_187, 42_865),
            (64, 64, 3): (207_731, 175_089),
        },
        conditional_counts={
            (8, 8, 1): (8_865, 3_089),
            (28, 28, 1): (60_369, 25_745),
            (32, 32, 3): (75_731, 53_105),
            (64, 64, 3): (240_659, 195_569),
        },
    ),
)
