"""A small classifier, whose last hidden layer is what sample scores look at.

Strided convolutions halve an image while its side is even and above 4, doubling the channels; then
two dense layers. Points go to the dense layers at once.
"""

import math

import flax.linen as nn
import jax

from gan.networks import convolution

WIDTH = 32
HIDDEN = 128
FEATURES = 64
KERNEL = 4
STRIDE = 2


class Classifier(nn.Module):
    """Examples [b, *shape] to (features [b, FEATURES], each >= 0, and logits [b, classes])."""

    classes: int

    @nn.compact
    def __call__(self, x):
        width = WIDTH
        while x.ndim == 4 and min(x.shape[1:3]) > 4 and not any(s % 2 for s in x.shape[1:3]):
            x = jax.nn.relu(_Halving(width)(x))
            width *= 2
        x = x.reshape(x.shape[0], -1)
        for size in (HIDDEN, FEATURES):
            x = jax.nn.relu(nn.Dense(size, kernel_init=nn.initializers.he_normal())(x))
        return x, nn.Dense(self.classes)(x)


class _Halving(nn.Module):
    channels: int

    @nn.compact
    def __call__(self, x):
        shape = (KERNEL, KERNEL, x.shape[-1], self.channels)
        scale = math.sqrt(2 / math.prod(shape[:3]))
        kernel = self.param("kernel", nn.initializers.normal(scale), shape)
        bias = self.param("bias", nn.initializers.zeros_init(), (self.channels,))
        y = convolution.convolve(x, kernel, STRIDE)
        return y + bias.reshape(1, 1, 1, -1)
