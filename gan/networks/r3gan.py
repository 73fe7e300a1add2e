"""Plain modern residual players in the manner of R3GAN (Huang et al. 2024): no normalisation.

`width` channels at every level and `depth` residual blocks per level (768 and 2 in the paper's
small-image model). A block widens 1 x 1 to twice the channels, convolves 3 x 3 in groups of 16
channels, and narrows 1 x 1, with a bias and a nonlinearity before the second and the third. What
takes the place of normalisation is the start (Zhang et al. 2019b): the last convolution of every
block is zero, so a network of any depth starts as its shortcuts, and the others are scaled by
blocks^(-1/4). Images are resampled with bilinear weights; the smallest one is a learned picture per
channel in the generator, and read by a learned weight per pixel and channel in the critic.
"""

import functools
import math

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan import config
from gan.networks import labels
from gan.networks.architecture import Architecture, Case
from gan.networks.hidden import ACTIVATIONS, kept
from gan.networks.layers import Convolution, halvings, stack
from gan.registry import Rule

GROUP = 16
EXPANSION = 2


class Generator(nn.Module):
    """A learned picture weighted by the latent, blocks and a doubling per level, tanh."""

    spec: config.Network
    shape: tuple[int, ...]

    @nn.compact
    def __call__(self, z):
        side, levels = halvings(self.shape, "r3gan")
        width = self.spec.width
        basis = self.param("basis", nn.initializers.normal(1.0), (side, side, width))
        h = nn.Dense(width, use_bias=False)(z)[:, None, None, :] * basis[None]
        h = _blocks(h, self.spec, levels)
        for _ in range(levels):
            h = _blocks(_resized(h, 2 * h.shape[1]), self.spec, levels)
        return jnp.tanh(Convolution(self.shape[-1], size=1, gain=1.0)(h))


class Critic(nn.Module):
    """Blocks and a halving per level, a learned weight per pixel and channel, one score."""

    spec: config.Network
    shape: tuple[int, ...]

    @nn.compact
    def __call__(self, x):
        return nn.Dense(1)(_features(self, x))[:, 0]


def _features(critic: nn.Module, x):
    """[b, *shape] -> [b, width], the smallest image by the weights of each pixel and channel."""
    spec = critic.spec
    side, levels = halvings(x.shape[1:], "r3gan")
    h = Convolution(spec.width, size=1, gain=1.0)(x)
    for _ in range(levels):
        h = _blocks(h, spec, levels)
        h = _resized(h, h.shape[1] // 2)
    h = _blocks(h, spec, levels)
    basis = critic.param("basis", nn.initializers.normal(1 / side), (side, side, spec.width))
    return jnp.einsum("bhwc,hwc->bc", h, basis)


class _Block(nn.Module):
    """x + narrow(act(grouped(act(widen(x))))), as a step of a scan; starts as the identity."""

    spec: config.Network
    blocks: int

    @nn.compact
    def __call__(self, x, _):
        x = kept(x)
        channels, wide = x.shape[-1], EXPANSION * x.shape[-1]
        groups = wide // math.gcd(GROUP, wide)
        gain = 2 / (1 + 0.2**2) * self.blocks**-0.5
        activate = ACTIVATIONS[self.spec.activation]
        h = Convolution(wide, size=1, gain=gain)(x)
        h = Convolution(wide, mode="grouped", groups=groups, gain=gain)(activate(h))
        return x + Convolution(channels, size=1, gain=0.0, bias=False)(activate(h)), None


def _blocks(h, spec: config.Network, levels: int):
    return stack(_Block, spec.depth, spec, spec.depth * (levels + 1))(h)


def _resized(h, side: int):
    """Bilinear, with the weights 1, 3, 3, 1 over 8 when halving: [b, h, w, c] -> [b, s, s, c]."""
    return jax.image.resize(h, (h.shape[0], side, side, h.shape[-1]), "linear")


r3gan = Architecture(
    help="residual blocks without normalisation; depth blocks of width channels per image size",
    source="Huang et al. 2024; conditional: Miyato and Koyama 2018",
    generator=Generator,
    critic=Critic,
    conditional_generator=functools.partial(labels.Generator, Generator),
    conditional_critic=functools.partial(labels.Critic, _features),
    spec_rules=(
        Rule(
            lambda spec: spec.normalization != "none",
            "r3gan goes with normalization none only: its blocks start as the identity instead",
        ),
        Rule(
            lambda spec: spec.weights != "free",
            "r3gan goes with weights free only: kernels that start at zero have no largest "
            "singular value to be divided by",
        ),
    ),
    case=Case(
        small={"width": 4, "depth": 1},
        counted={"width": 16, "depth": 2},
        counts={
            (8, 8, 1): (23_313, 23_089),
            (28, 28, 1): (35_233, 35_009),
            (32, 32, 3): (46_131, 45_905),
            (64, 64, 3): (57_523, 57_297),
        },
        conditional_counts={
            (8, 8, 1): (23_729, 23_249),
            (28, 28, 1): (35_649, 35_169),
            (32, 32, 3): (46_547, 46_065),
            (64, 64, 3): (57_939, 57_457),
        },
        broken=({"normalization": "layer"}, {"weights": "spectral"}),
        slow=True,
    ),
)
