"""Class-conditional residual players in the manner of BigGAN (Brock et al. 2019), sized by width.

What is kept from there: one class embedding shared by all normalisations of the generator; the
latent cut into chunks, the first for the smallest image and one for each residual block, which
reads it beside the embedding; self-attention (Zhang et al. 2019a) in one block of each player; a
projection critic (Miyato and Koyama 2018) on summed features; a moving average of the weights and
truncated latents, which belong to training and sampling.

What differs. Residual blocks keep their resolution and stand between strided convolutions of
kernel 4, as in gan.networks.dcgan, with the pixels themselves seen by one strided convolution only:
most of the arithmetic is then where images are small. The normalisation whose scale and shift
depend on class and latent is layer norm, over each example, instead of batch norm: a generator
without running statistics is the same function in training and with averaged weights, at any batch
size. In the critic nothing may couple the examples of a batch, since a penalty asks for the slope
at each.

`width` counts the channels next to the pixels and doubles at each halving; `depth` is not used, the
image size decides. `normalization` "none" leaves class and latent their scale and shift, without
normalising before.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan import config
from gan.errors import UserError
from gan.networks import convolution
from gan.networks.architecture import Architecture, Case
from gan.networks.hidden import ACTIVATIONS, finish, kept
from gan.networks.labels import class_scores, embed

KERNEL = 4
STRIDE = 2
SMALLEST = 4
ATTENTION_SIDE = 8
"""Self-attention is at the largest image up to this side: its cost grows with the fourth power."""


class Generator(nn.Module):
    """Dense layer to the smallest image; at each size a residual block, then a transposed
    convolution to the next; tanh."""

    spec: config.Network
    shape: tuple[int, ...]
    classes: int

    @nn.compact
    def __call__(self, z, labels):
        sides, widths = pyramid(self.shape, self.spec.width)
        first, *chunks = _chunks(z, len(sides))
        embedded = embed(labels, self.classes, self.spec.width)
        h = nn.Dense(sides[-1] ** 2 * widths[-1])(first).reshape(
            -1, sides[-1], sides[-1], widths[-1]
        )
        outputs = [*widths[:-1][::-1], self.shape[-1]]
        for side, width, chunk in zip(sides[::-1], outputs, chunks, strict=True):
            given = jnp.concatenate([chunk, embedded], axis=-1)
            inner = _Convolution(h.shape[-1] // 2, 3)(_Modulated(self.spec)(h, given))
            h = h + _Convolution(h.shape[-1], 3)(_Modulated(self.spec)(inner, given))
            if side == _attended(sides):
                h = Attention()(h)
            h = _Convolution(width, KERNEL, STRIDE, transposed=True)(
                _Modulated(self.spec)(h, given)
            )
        return jnp.tanh(h)


class Critic(nn.Module):
    """At each size a strided convolution down to it, then a residual block; features summed over
    the image; linear score plus projection."""

    spec: config.Network
    shape: tuple[int, ...]
    classes: int

    @nn.compact
    def __call__(self, x, labels):
        sides, widths = pyramid(self.shape, self.spec.width)
        h = _Convolution(widths[0], KERNEL, STRIDE)(x)
        for level, side in enumerate(sides):
            if level:
                h = _Convolution(widths[level], KERNEL, STRIDE)(finish(h, self.spec))
            inner = _Convolution(widths[level] // 2, 3)(finish(h, self.spec))
            h = h + _Convolution(widths[level], 3)(finish(inner, self.spec))
            if side == _attended(sides):
                h = Attention()(h)
        # Divided by the side, not by the number of pixels: the scale of a sum of noise.
        features = jnp.sum(finish(h, self.spec), axis=(1, 2)) / sides[-1]
        return class_scores(features, labels, self.classes)


class Attention(nn.Module):
    """h + weight * attention of every place to every other; the weight starts at 0.

    Zhang et al. 2019a: queries and keys of c / 8 channels, values of c / 2.
    """

    @nn.compact
    def __call__(self, h):
        b, height, width, c = h.shape
        flat = h.reshape(b, height * width, c)
        size = max(1, c // 8)
        query, key = (nn.Dense(size, use_bias=False, name=n)(flat) for n in ("query", "key"))
        value = nn.Dense(max(1, c // 2), use_bias=False, name="value")(flat)
        attended = jax.nn.softmax(query @ key.swapaxes(1, 2) * size**-0.5) @ value
        weight = self.param("weight", nn.initializers.zeros_init(), ())
        return h + weight * nn.Dense(c, use_bias=False, name="out")(attended).reshape(h.shape)


class _Modulated(nn.Module):
    """Layer norm whose scale and shift per channel are linear in what is given; activation."""

    spec: config.Network

    @nn.compact
    def __call__(self, h, given):
        h = kept(h)
        c = h.shape[-1]
        change = nn.Dense(2 * c, kernel_init=nn.initializers.normal(0.3 * given.shape[-1] ** -0.5))
        scale, shift = jnp.split(change(given)[:, None, None, :], 2, axis=-1)
        plain = self.spec.normalization == "none"
        normal = (
            h
            if plain
            else nn.LayerNorm(
                reduction_axes=(1, 2, 3), feature_axes=-1, use_scale=False, use_bias=False
            )(h)
        )
        return ACTIVATIONS[self.spec.activation](normal * (1 + scale) + shift)


class _Convolution(nn.Module):
    features: int
    kernel: int
    stride: int = 1
    transposed: bool = False

    @nn.compact
    def __call__(self, x):
        channels = x.shape[-1]
        pair = (self.features, channels) if self.transposed else (channels, self.features)
        # Each output pixel of the adjoint sums (kernel / stride)^2 taps, of the other all of them.
        taps = (self.kernel // self.stride) ** 2 if self.transposed else self.kernel**2
        scale = nn.initializers.normal((taps * channels) ** -0.5)
        kernel = self.param("kernel", scale, (self.kernel, self.kernel, *pair))
        bias = self.param("bias", nn.initializers.zeros_init(), (self.features,))
        operation = convolution.convolve_transposed if self.transposed else convolution.convolve
        y = operation(x, kernel, self.stride)
        return y + bias.reshape(1, 1, 1, -1)


def pyramid(shape: tuple[int, ...], width: int) -> tuple[list[int], list[int]]:
    """Sides and channels of the hidden images, from the one next to the pixels inwards.

    The side is halved while it is even and above 4: 28 -> 14 -> 7, 32 -> 16 -> 8 -> 4.

    Raises:
        UserError: for examples that are not square images of an even side above 4.
    """
    if len(shape) != 3 or shape[0] != shape[1]:
        raise UserError(f"biggan needs square images, got examples of shape {shape}; use mlp")
    side, sides = shape[0], []
    while side % STRIDE == 0 and side > SMALLEST:
        side //= STRIDE
        sides.append(side)
    if not sides:
        raise UserError(f"biggan needs an even image side above 4, got {shape[0]}; use mlp")
    return sides, [width * 2**level for level in range(len(sides))]


def _attended(sides: list[int]) -> int:
    return next((side for side in sides if side <= ATTENTION_SIDE), sides[-1])


def _chunks(z, blocks: int) -> list:
    """The latent [b, d] as 1 + blocks chunks, the first ones longer by one where it is uneven."""
    if z.shape[-1] < 1 + blocks:
        raise UserError(
            f"latent_dim must be at least {1 + blocks} for a biggan of this image size, one for "
            f"each block, got {z.shape[-1]}"
        )
    return jnp.array_split(z, 1 + blocks, axis=-1)


biggan = Architecture(
    help="conditional residual blocks with self-attention; width channels next to the pixels, "
    "its depth is the image's",
    source="Brock et al. 2019; Zhang et al. 2019a; Miyato and Koyama 2018",
    conditional_generator=Generator,
    conditional_critic=Critic,
    case=Case(
        small={"width": 4},
        counted={"width": 16},
        conditional_counts={
            (8, 8, 1): (7_370, 3_098),
            (28, 28, 1): (37_754, 21_722),
            (32, 32, 3): (108_652, 92_378),
            (64, 64, 3): (408_636, 375_770),
        },
        slow=True,
    ),
)
