"""The family of players that Table 1 of Gulrajani et al. 2017 samples from; `depth` counts layers.

Their search space: nonlinearity relu, leaky_relu, softplus or tanh, depth 4, 8, 12 or 20, norm or
none, base filters 32, 64 or 128, for each player; their code was never released. This reading of it
is a strided pair in the manner of Radford et al. 2016 (dense layer; 4 x 4 kernels of stride 2;
channels that double from `width` next to the pixels), which has 4 layers on 32 x 32 images. The
layers beyond are 3 x 3 convolutions that keep the image, shared out over the levels from the
smallest image on, and run as one scan per level, so that the time to compile does not grow with
depth. There are no shortcuts: whether 20 layers train at all is part of the question.
"""

import flax.linen as nn
import jax.numpy as jnp

from gan import config
from gan.errors import UserError
from gan.networks.architecture import Architecture, Case
from gan.networks.hidden import finish
from gan.networks.layers import Convolution, halvings, initial_image, stack


class Generator(nn.Module):
    """Dense layer to the smallest image; per level the further layers, then a doubling one."""

    spec: config.Network
    shape: tuple[int, ...]

    @nn.compact
    def __call__(self, z):
        side, widths, further = _plan(self.spec, self.shape)
        h = finish(initial_image(z, side, widths[-1]), self.spec)
        for level in reversed(range(len(widths))):
            h = stack(_Layer, further[level], self.spec)(h)
            if level:
                h = finish(Convolution(widths[level - 1], size=4, mode="up")(h), self.spec)
        return jnp.tanh(Convolution(self.shape[-1], size=4, mode="up", gain=1.0)(h))


class Critic(nn.Module):
    """Per level a halving layer, then the further ones; a dense layer to one score."""

    spec: config.Network
    shape: tuple[int, ...]

    @nn.compact
    def __call__(self, x):
        _, widths, further = _plan(self.spec, self.shape)
        for width, count in zip(widths, further, strict=True):
            x = finish(Convolution(width, size=4, mode="down")(x), self.spec)
            x = stack(_Layer, count, self.spec)(x)
        return nn.Dense(1)(x.reshape(x.shape[0], -1))[:, 0]


class _Layer(nn.Module):
    """One layer that keeps the image and its channels, as a step of a scan."""

    spec: config.Network

    @nn.compact
    def __call__(self, h, _):
        return finish(Convolution(h.shape[-1])(h), self.spec), None


def _plan(spec: config.Network, shape: tuple[int, ...]) -> tuple[int, list[int], list[int]]:
    """(side of the smallest image, channels per level, further layers per level), from the pixels
    inwards."""
    side, levels = halvings(shape, "table1")
    missing = spec.depth - levels - 1
    if missing < 0:
        raise UserError(
            f"table1 needs a depth of at least {levels + 1} on images of {shape[0]} pixels, "
            f"got {spec.depth}"
        )
    further = [missing // levels + (levels - 1 - i < missing % levels) for i in range(levels)]
    return side, [spec.width * 2**level for level in range(levels)], further


table1 = Architecture(
    help="the WGAN-GP paper's family of random architectures; depth layers in all, of width "
    "channels next to the pixels",
    source="Gulrajani et al. 2017, Table 1",
    generator=Generator,
    critic=Critic,
    case=Case(
        small={"width": 4, "depth": 3},
        counted={"width": 16, "depth": 8},
        counts={
            (8, 8, 1): (18_529, 14_449),
            (28, 28, 1): (67_505, 42_449),
            (32, 32, 3): (144_611, 128_289),
            (64, 64, 3): (401_491, 368_849),
        },
    ),
)
