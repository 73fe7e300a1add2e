"""Strided convolution and its adjoint, in the form that is fast where it runs.

Both are linear in x and in the kernel, and each is the other's derivative. Two forms give the same
numbers from the same parameters:

- "lax": XLA's convolution, the right choice on GPU and TPU;
- "matrix": space-to-depth, the k / s x k / s shifted copies side by side, one matrix product. Every
  derivative of any order is again copies and matrix products, while XLA:CPU runs the dilated
  convolutions that a gradient penalty's second derivative needs 5 to 10 times slower than that,
  and any convolution inside a loop slower still (BUILD_NOTES.md has the measurement).

Layout is [batch, height, width, channels]. Padding is "same" for a stride s that divides the
image: k - s pixels in all, the smaller half on top and left.
"""

import jax
import jax.numpy as jnp
from jax import lax


def form() -> str:
    """The form for the default backend: "matrix" on CPU, "lax" elsewhere."""
    return "matrix" if jax.default_backend() == "cpu" else "lax"


def convolve(x, kernel, stride: int, form: str):
    """Cross-correlation: x [b, h, w, c] with kernel [k, k, c, o] -> [b, h / stride, w / stride, o].

    Raises:
        ValueError: if the stride does not divide the image, or the kernel is smaller than it.
    """
    _check(x.shape[1:3], kernel, stride)
    if form == "lax":
        low, high = _padding(kernel.shape[0], stride)
        return lax.conv_general_dilated(
            x,
            kernel,
            (stride, stride),
            ((low, high), (low, high)),
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )
    kernel = _fill(kernel, stride)
    k = kernel.shape[0]
    low, high = _padding(k, stride)
    blocks = _space_to_depth(jnp.pad(x, ((0, 0), (low, high), (low, high), (0, 0))), stride)
    b, h, w, c = x.shape
    height, width, taps = h // stride, w // stride, k // stride
    patches = jnp.concatenate(
        [blocks[:, i : i + height, j : j + width] for i in range(taps) for j in range(taps)], -1
    )
    return patches @ _kernel_matrix(kernel, stride)


def convolve_transposed(x, kernel, stride: int, form: str):
    """Adjoint of `convolve` in x: x [b, h, w, o] with kernel [k, k, c, o] -> [b, h s, w s, c].

    <convolve(y, kernel), x> = <y, convolve_transposed(x, kernel)> for every y.

    Raises:
        ValueError: if the kernel is smaller than the stride.
    """
    b, h, w, _ = x.shape
    k, _, c, _ = kernel.shape
    _check((h * stride, w * stride), kernel, stride)
    if form == "lax":
        low, high = _padding(k, stride)
        around = ((k - 1 - low, k - 1 - high),) * 2
        return lax.conv_general_dilated(
            x,
            jnp.flip(kernel, (0, 1)).swapaxes(2, 3),
            (1, 1),
            around,
            lhs_dilation=(stride, stride),
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )
    kernel = _fill(kernel, stride)
    k = kernel.shape[0]
    taps = k // stride
    low, high = _padding(k, stride)
    columns = (x @ _kernel_matrix(kernel, stride).T).reshape(b, h, w, taps * taps, -1)
    blocks = sum(
        jnp.pad(
            columns[:, :, :, taps * i + j],
            ((0, 0), (i, taps - 1 - i), (j, taps - 1 - j), (0, 0)),
        )
        for i in range(taps)
        for j in range(taps)
    )
    pixels = _depth_to_space(blocks, stride)
    return pixels[:, low : low + h * stride, low : low + w * stride, :]


def _padding(k: int, stride: int) -> tuple[int, int]:
    low = (k - stride) // 2
    return low, k - stride - low


def _fill(kernel, stride: int):
    """Zeros around the kernel up to a multiple of the stride, so that it keeps its place."""
    missing = -kernel.shape[0] % stride
    if not missing:
        return kernel
    k = kernel.shape[0]
    low = _padding(k + missing, stride)[0] - _padding(k, stride)[0]
    around = (low, missing - low)
    return jnp.pad(kernel, (around, around, (0, 0), (0, 0)))


def _kernel_matrix(kernel, stride: int):
    """[k, k, c, o] -> [taps * taps * stride * stride * c, o], ordered as the patches are."""
    k, _, c, o = kernel.shape
    taps = k // stride
    split = kernel.reshape(taps, stride, taps, stride, c, o).transpose(0, 2, 1, 3, 4, 5)
    return split.reshape(-1, o)


def _space_to_depth(x, s: int):
    b, h, w, c = x.shape
    split = x.reshape(b, h // s, s, w // s, s, c).transpose(0, 1, 3, 2, 4, 5)
    return split.reshape(b, h // s, w // s, s * s * c)


def _depth_to_space(x, s: int):
    b, h, w, d = x.shape
    split = x.reshape(b, h, w, s, s, d // (s * s)).transpose(0, 1, 3, 2, 4, 5)
    return split.reshape(b, h * s, w * s, d // (s * s))


def _check(size, kernel, stride: int):
    if size[0] % stride or size[1] % stride:
        raise ValueError(f"stride {stride} does not divide an image of {size[0]} x {size[1]}")
    if kernel.shape[0] < stride or kernel.shape[0] != kernel.shape[1]:
        raise ValueError(f"kernel {kernel.shape[:2]} must be square and at least {stride} wide")
