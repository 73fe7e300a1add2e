"""Inception-v3 in the form that the Frechet inception distance is computed in, for inference.

The network of Szegedy et al. 2016 as the TensorFlow graph of 2015-12-05 has it, whose activations
Salimans et al. 2016 and Heusel et al. 2017 look at. It differs from the form of the paper: average
pools leave padding out of their mean, the last block pools maxima instead, and there are 1,008
classes. Batch normalisation is a scale and an offset for each channel. Layers have the names that
PyTorch's files of weights give them.

Images are 8-bit levels; `resized` brings them to 299 x 299 as TensorFlow 1 does: pixel i of the
result lies at i h / 299 of the image, with no shift by half a pixel. Layout is [batch, height,
width, channels]; all products are in float32, also on accelerators that would round their factors.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util
from jax import lax

SIDE = 299
"""Pixels on a side of what the network sees."""

CLASSES = 1008

WIDTHS = (64, 192, 768, 2048)
"""Channels of the layers that features are taken from."""


class Outputs(NamedTuple):
    """What the network says of b images.

    Attributes:
        layers: by each of WIDTHS, its activations averaged over pixels, float32 [b, width].
        logits: float32 [b, CLASSES], without the bias of the last layer.
    """

    layers: dict[int, Any]
    logits: Any


def resized(levels: Any) -> jax.Array:
    """Images of 0 .. 255 as the network takes them: bilinear, (level - 128) / 128.

    Args:
        levels: uint8 [b, h, w, 3].

    Returns:
        float32 [b, SIDE, SIDE, 3] in [-1, 1); images of SIDE x SIDE keep their pixels.
    """
    x = jnp.asarray(levels).astype(jnp.float32)
    (top, bottom, down), (left, right, across) = map(_places, x.shape[1:3])
    upper, lower = (
        _between(row[:, :, left], row[:, :, right], across[:, None])
        for row in (x[:, top], x[:, bottom])
    )
    return (_between(upper, lower, down[:, None, None]) - 128) / 128


def apply(params: Any, x: jax.Array) -> Outputs:
    """What the network of these parameters says of images from `resized`; pure."""
    found: Any = InceptionV3().apply({"params": params}, x)
    return found


def shapes() -> dict[str, tuple[int, ...]]:
    """Shape of every parameter by its path, as in "Mixed_5b/branch1x1/kernel"."""
    key, image = jax.random.key(0), jax.ShapeDtypeStruct((1, SIDE, SIDE, 3), jnp.float32)
    params = jax.eval_shape(InceptionV3().init, key, image)["params"]
    return {path: leaf.shape for path, leaf in traverse_util.flatten_dict(params, sep="/").items()}


def tree(leaves: dict[str, Any]) -> Any:
    """The parameters that `apply` takes, from those by path."""
    return traverse_util.unflatten_dict(leaves, sep="/")


def _places(size: int):
    """For each pixel of the result: the two rows it lies between, and how far on, all [SIDE]."""
    at = np.arange(SIDE, dtype=np.float32) * np.float32(size / SIDE)
    low = at.astype(np.int32)
    return low, np.minimum(low + 1, size - 1), at - low.astype(np.float32)


def _between(a, b, share):
    return a + (b - a) * jnp.broadcast_to(share, a.shape)


class Layer(NamedTuple):
    """A convolution by name: channels that come out, kernel, stride, and how it is padded."""

    name: str
    features: int
    size: tuple[int, int] = (1, 1)
    stride: int = 1
    padding: str = "SAME"


def _average(x):
    return nn.avg_pool(x, (3, 3), (1, 1), "SAME", count_include_pad=False)


def _maximum(x):
    return nn.max_pool(x, (3, 3), (1, 1), "SAME")


def _halved(x):
    return nn.max_pool(x, (3, 3), (2, 2), "VALID")


class Convolution(nn.Module):
    """relu(scale * convolution + offset), [b, h, w, c] -> [b, h', w', features]."""

    layer: Layer

    @nn.compact
    def __call__(self, x):
        shape = (*self.layer.size, x.shape[-1], self.layer.features)
        kernel = self.param("kernel", nn.initializers.he_normal(), shape)
        scale = self.param("scale", nn.initializers.ones_init(), shape[-1:])
        offset = self.param("offset", nn.initializers.zeros_init(), shape[-1:])
        y = lax.conv_general_dilated(
            x,
            kernel,
            (self.layer.stride, self.layer.stride),
            self.layer.padding,
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            precision=lax.Precision.HIGHEST,
        )
        return jax.nn.relu(y * scale.reshape(1, 1, 1, -1) + offset.reshape(1, 1, 1, -1))


Step = Layer | Callable | tuple[Layer, ...]
"""A convolution, a pool, or several convolutions of one input side by side."""


class Block(nn.Module):
    """Branches side by side, each a chain of steps; [b, h, w, c] -> [b, h', w', sum of theirs]."""

    branches: tuple[tuple[Step, ...], ...]

    @nn.compact
    def __call__(self, x):
        return jnp.concatenate([self._chain(branch, x) for branch in self.branches], axis=-1)

    def _chain(self, steps, x):
        for step in steps:
            if isinstance(step, Layer):
                x = Convolution(step, name=step.name)(x)
            elif isinstance(step, tuple):
                x = jnp.concatenate([Convolution(s, name=s.name)(x) for s in step], axis=-1)
            else:
                x = step(x)
        return x


def _a(pooled: int):
    """35 x 35 pixels."""
    return (
        (Layer("branch1x1", 64),),
        (Layer("branch5x5_1", 48), Layer("branch5x5_2", 64, (5, 5))),
        (
            Layer("branch3x3dbl_1", 64),
            Layer("branch3x3dbl_2", 96, (3, 3)),
            Layer("branch3x3dbl_3", 96, (3, 3)),
        ),
        (_average, Layer("branch_pool", pooled)),
    )


def _b():
    """35 x 35 to 17 x 17 pixels."""
    return (
        (Layer("branch3x3", 384, (3, 3), 2, "VALID"),),
        (
            Layer("branch3x3dbl_1", 64),
            Layer("branch3x3dbl_2", 96, (3, 3)),
            Layer("branch3x3dbl_3", 96, (3, 3), 2, "VALID"),
        ),
        (_halved,),
    )


def _c(inner: int):
    """17 x 17 pixels, 7 x 7 kernels as rows and columns."""
    row, column = (1, 7), (7, 1)
    return (
        (Layer("branch1x1", 192),),
        (
            Layer("branch7x7_1", inner),
            Layer("branch7x7_2", inner, row),
            Layer("branch7x7_3", 192, column),
        ),
        (
            Layer("branch7x7dbl_1", inner),
            Layer("branch7x7dbl_2", inner, column),
            Layer("branch7x7dbl_3", inner, row),
            Layer("branch7x7dbl_4", inner, column),
            Layer("branch7x7dbl_5", 192, row),
        ),
        (_average, Layer("branch_pool", 192)),
    )


def _d():
    """17 x 17 to 8 x 8 pixels."""
    return (
        (Layer("branch3x3_1", 192), Layer("branch3x3_2", 320, (3, 3), 2, "VALID")),
        (
            Layer("branch7x7x3_1", 192),
            Layer("branch7x7x3_2", 192, (1, 7)),
            Layer("branch7x7x3_3", 192, (7, 1)),
            Layer("branch7x7x3_4", 192, (3, 3), 2, "VALID"),
        ),
        (_halved,),
    )


def _e(pool: Callable):
    """8 x 8 pixels, 3 x 3 kernels as a row beside a column."""

    def split(name):
        return Layer(f"{name}a", 384, (1, 3)), Layer(f"{name}b", 384, (3, 1))

    return (
        (Layer("branch1x1", 320),),
        (Layer("branch3x3_1", 384), split("branch3x3_2")),
        (
            Layer("branch3x3dbl_1", 448),
            Layer("branch3x3dbl_2", 384, (3, 3)),
            split("branch3x3dbl_3"),
        ),
        (pool, Layer("branch_pool", 192)),
    )


STAGES: tuple[tuple[Layer | tuple[str, tuple] | Callable, ...], ...] = (
    (
        Layer("Conv2d_1a_3x3", 32, (3, 3), 2, "VALID"),
        Layer("Conv2d_2a_3x3", 32, (3, 3), 1, "VALID"),
        Layer("Conv2d_2b_3x3", 64, (3, 3)),
        _halved,
    ),
    (Layer("Conv2d_3b_1x1", 80), Layer("Conv2d_4a_3x3", 192, (3, 3), 1, "VALID"), _halved),
    (
        ("Mixed_5b", _a(32)),
        ("Mixed_5c", _a(64)),
        ("Mixed_5d", _a(64)),
        ("Mixed_6a", _b()),
        ("Mixed_6b", _c(128)),
        ("Mixed_6c", _c(160)),
        ("Mixed_6d", _c(160)),
        ("Mixed_6e", _c(192)),
    ),
    (("Mixed_7a", _d()), ("Mixed_7b", _e(_average)), ("Mixed_7c", _e(_maximum))),
)
"""What leads to each of WIDTHS."""


class InceptionV3(nn.Module):
    """Images [b, SIDE, SIDE, 3] from `resized` to `Outputs`."""

    @nn.compact
    def __call__(self, x):
        layers = {}
        for width, steps in zip(WIDTHS, STAGES, strict=True):
            for step in steps:
                if isinstance(step, Layer):
                    x = Convolution(step, name=step.name)(x)
                elif isinstance(step, tuple):
                    x = Block(step[1], name=step[0])(x)
                else:
                    x = step(x)
            layers[width] = jnp.mean(x, axis=(1, 2))
        last = nn.Dense(CLASSES, use_bias=False, precision=lax.Precision.HIGHEST, name="fc")
        return Outputs(layers, last(layers[WIDTHS[-1]]))
