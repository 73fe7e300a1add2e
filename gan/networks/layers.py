"""Pieces that the convolutional players share: image pyramids, convolutions, scanned stacks."""

from collections.abc import Callable

import flax.linen as nn

from gan.errors import UserError
from gan.networks import convolution

SMALLEST = 4


def halvings(shape: tuple[int, ...], name: str) -> tuple[int, int]:
    """(side of the smallest image, halvings to it): while it is even, a side above 4 is halved.

    Raises:
        UserError: naming the architecture, for anything but square images that can be halved.
    """
    if len(shape) != 3 or shape[0] != shape[1]:
        raise UserError(f"{name} needs square images, got examples of shape {shape}; use mlp")
    side, count = shape[0], 0
    while side % 2 == 0 and side > SMALLEST:
        side, count = side // 2, count + 1
    if not count:
        raise UserError(f"{name} needs an even image side above 4, got {shape[0]}; use mlp")
    return side, count


class Convolution(nn.Module):
    """Convolution with a bias per channel; [b, h, w, c] -> [b, h', w', features].

    `mode`: "plain"; "down" and "up" with kernels 4 x 4 of stride 2; "halve" and "double" with
    kernels 3 x 3 and pixels averaged after or repeated before; "grouped", in `groups` groups.
    Kernel entries are normal with variance `gain` / the products summed in an output (He et al.
    2015: a gain of 2 keeps the scale through a ReLU).
    """

    features: int
    size: int = 3
    mode: str = "plain"
    gain: float = 2.0
    groups: int = 1
    bias: bool = True

    @nn.compact
    def __call__(self, x):
        k, channels = self.size, x.shape[-1]
        inputs, outputs = channels // self.groups, self.features
        pair = (outputs, inputs) if self.mode == "up" else (inputs, outputs)
        # Each output pixel of the transposed one sums a quarter of the taps.
        products = k * k * inputs // (4 if self.mode == "up" else 1)
        scale = (self.gain / products) ** 0.5
        kernel = self.param("kernel", nn.initializers.normal(scale), (k, k, *pair))
        operations: dict[str, Callable] = {
            "plain": lambda: convolution.convolve(x, kernel, 1),
            "down": lambda: convolution.convolve(x, kernel, 2),
            "up": lambda: convolution.convolve_transposed(x, kernel, 2),
            "halve": lambda: convolution.convolve_then_halve(x, kernel),
            "double": lambda: convolution.double_then_convolve(x, kernel),
            "grouped": lambda: convolution.convolve_grouped(x, kernel),
        }
        y = operations[self.mode]()
        if not self.bias:
            return y
        bias = self.param("bias", nn.initializers.zeros_init(), (self.features,))
        return y + bias.reshape(1, 1, 1, -1)


def stack(block: type[nn.Module], length: int, *fields):
    """h -> h through `length` blocks with parameters of their own, compiled once; inside a module.

    `block(*fields)` maps (h, None) to (h, None) and keeps the shape of h. The parameters have a
    leading axis of `length`. A length of 0 is the identity.
    """
    if not length:
        return lambda h: h
    scanned = nn.scan(
        block, variable_axes={"params": 0}, split_rngs={"params": True}, length=length
    )
    return lambda h: scanned(*fields)(h, None)[0]


def initial_image(z, side: int, channels: int):
    """Latents [b, d] -> [b, side, side, channels] by a dense layer; inside a module."""
    h = nn.Dense(side * side * channels, kernel_init=nn.initializers.he_normal())(z)
    return h.reshape(-1, side, side, channels)
