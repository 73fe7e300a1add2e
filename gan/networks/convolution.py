"""Convolutions, resampling and grouped ones included, in the form that is fast where they run.

`convolve` and `convolve_transposed` are linear in x and in the kernel, and each is the other's
derivative. Three forms give the same numbers, up to rounding, from the same parameters:

- "lax": XLA's convolution, the right choice on GPU and TPU (gan.networks.direct);
- "matrix": space-to-depth, k / s x k / s shifted copies side by side, one matrix product (where few
  channels come out, the product first and then the sum of its shifts). Every derivative of any
  order is again copies and matrix products, while XLA:CPU runs the dilated convolutions that a
  gradient penalty's second derivative needs 5 to 10 times slower than that, and any convolution
  inside a loop slower still (docs/performance.md has measurements);
- "winograd": the same with fewer products (gan.networks.winograd).

`best_form` chooses, by the platform that is traced for (gan.networks.platforms) and by the shape,
where the caller does not. A program for several platforms holds the form for a CPU and "lax".

Layout is [batch, height, width, channels]. Padding is "same" for a stride s that divides the
image: k - s pixels in all, the smaller half on top and left.
"""

import math
import os

import jax.numpy as jnp
import numpy as np
from jax import lax

from gan.errors import UserError
from gan.networks import direct, linear, platforms, winograd
from gan.networks.direct import padding

FORMS = ("lax", "matrix", "winograd")

OVERRIDE = "GAN_CONVOLUTION"
"""Environment variable that names the form to use wherever it applies."""

FEWEST_CHANNELS = 16
"""Below this, in or out, the transforms of "winograd" cost more than the products it saves; below
this out, "matrix" shifts results in place of factors, of which there are many more to copy."""

LANES = 128
"""Channels that a TPU's matrix unit takes at once."""


def best_form(kernel, stride: int) -> str:
    """The form for a kernel [k, k, c, o]: "lax" on GPU and TPU; on CPU "winograd" where it applies
    and gains, "matrix" elsewhere. The environment variable GAN_CONVOLUTION overrides the platform.

    Raises:
        UserError: if GAN_CONVOLUTION is set to anything but a form.
    """
    chosen = os.environ.get(OVERRIDE)
    if chosen is None:
        chosen = "winograd" if platforms.target() == "cpu" else "lax"
    elif chosen not in FORMS:
        raise UserError(f"{OVERRIDE} must be one of {', '.join(FORMS)}, got {chosen!r}")
    return _on_cpu(kernel, stride) if chosen == "winograd" else chosen


def _on_cpu(kernel, stride: int) -> str:
    return "winograd" if _gains(kernel, stride) else "matrix"


def _is_open(form: str | None) -> bool:
    """Whether neither the caller nor GAN_CONVOLUTION nor the platform decides the form."""
    return form is None and platforms.target() == platforms.ANY and OVERRIDE not in os.environ


def _on_every_platform(operation, x, kernel, stride: int):
    """operation(x, kernel, form) in the form for a CPU there, and as "lax" elsewhere."""
    form = _on_cpu(kernel, stride)
    return platforms.choose(
        lambda x, kernel: operation(x, kernel, form),
        lambda x, kernel: operation(x, kernel, "lax"),
        x,
        kernel,
    )


def _gains(kernel, stride: int) -> bool:
    """Whether "winograd" applies, does not lose digits, and is faster than "matrix"."""
    k, _, c, o = kernel.shape
    taps = -(-k // stride)
    return taps in winograd.POINTS and kernel.dtype.itemsize >= 4 and min(c, o) >= FEWEST_CHANNELS


def convolve(x, kernel, stride: int, form: str | None = None):
    """Cross-correlation: x [b, h, w, c] with kernel [k, k, c, o] -> [b, h / stride, w / stride, o].

    Raises:
        ValueError: if the stride does not divide the image, or the kernel is smaller than it.
    """
    _check(x.shape[1:3], kernel, stride)
    if _is_open(form):
        return _on_every_platform(lambda x, k, f: convolve(x, k, stride, f), x, kernel, stride)
    form = form or best_form(kernel, stride)
    if form == "lax":
        return direct.convolve(x, kernel, stride)
    kernel = _fill(kernel, stride)
    k = kernel.shape[0]
    blocks = _blocks(x.shape[1:3], k, stride).forward(x)
    if form == "winograd":
        first = winograd.correlate(blocks, _kernel_blocks(kernel, stride))
        return first.transpose(2, 0, 1, 3)
    blocks = blocks.transpose(2, 0, 1, 3)
    b, h, w, _ = x.shape
    height, width, taps = h // stride, w // stride, k // stride
    shifts = [(slice(i, i + height), slice(j, j + width)) for i in range(taps) for j in range(taps)]
    if kernel.shape[3] < min(FEWEST_CHANNELS, blocks.shape[3]):
        matrices = _kernel_blocks(kernel, stride).transpose(2, 0, 1, 3)
        columns = blocks @ matrices.reshape(blocks.shape[3], -1)
        columns = columns.reshape(*blocks.shape[:3], taps * taps, -1)
        return sum(columns[:, i, j, tap] for tap, (i, j) in enumerate(shifts))
    patches = jnp.concatenate([blocks[:, i, j] for i, j in shifts], -1)
    return patches @ _kernel_matrix(kernel, stride)


def convolve_transposed(x, kernel, stride: int, form: str | None = None):
    """Adjoint of `convolve` in x: x [b, h, w, o] with kernel [k, k, c, o] -> [b, h s, w s, c].

    <convolve(y, kernel), x> = <y, convolve_transposed(x, kernel)> for every y.

    Raises:
        ValueError: if the kernel is smaller than the stride.
    """
    b, h, w, _ = x.shape
    k, _, c, _ = kernel.shape
    _check((h * stride, w * stride), kernel, stride)
    if _is_open(form):
        return _on_every_platform(
            lambda x, k, f: convolve_transposed(x, k, stride, f), x, kernel, stride
        )
    form = form or best_form(kernel, stride)
    if form == "lax":
        return direct.convolve_transposed(x, kernel, stride)
    kernel = _fill(kernel, stride)
    k = kernel.shape[0]
    taps = k // stride
    if form == "winograd":
        blocks = winograd.correlate_adjoint(x.transpose(1, 2, 0, 3), _kernel_blocks(kernel, stride))
    else:
        columns = (x @ _kernel_matrix(kernel, stride).T).reshape(b, h, w, taps * taps, -1)
        blocks = sum(  # type: ignore[union-attr]
            jnp.pad(
                columns[:, :, :, taps * i + j],
                ((0, 0), (i, taps - 1 - i), (j, taps - 1 - j), (0, 0)),
            )
            for i in range(taps)
            for j in range(taps)
        ).transpose(1, 2, 0, 3)
    return _blocks((h * stride, w * stride), k, stride).adjoint(blocks)


def convolve_then_halve(x, kernel, form: str | None = None):
    """3 x 3 convolution, then the means of 2 x 2 pixels: [b, h, w, c] -> [b, h / 2, w / 2, o].

    One convolution of stride 2 with the 4 x 4 kernel that averages four shifts of the given one,
    which takes 16 products per output pixel and pair of channels in place of 36.

    Raises:
        ValueError: if the image's sides are not even.
    """
    return convolve(x, _spread(kernel) / 4, 2, form)


def double_then_convolve(x, kernel, form: str | None = None):
    """Every pixel repeated 2 x 2, then a 3 x 3 convolution: [b, h, w, c] -> [b, 2 h, 2 w, o].

    The adjoint of a convolution as in `convolve_then_halve`, with the flipped kernel.
    """
    flipped = jnp.flip(kernel, (0, 1)).swapaxes(2, 3)
    return convolve_transposed(x, _spread(flipped), 2, form)


def halve(x):
    """Means of 2 x 2 pixels: [b, h, w, c] -> [b, h / 2, w / 2, c]."""
    b, h, w, c = x.shape
    return jnp.mean(x.reshape(b, h // 2, 2, w // 2, 2, c), axis=(2, 4))


def double(x):
    """Every pixel repeated 2 x 2: [b, h, w, c] -> [b, 2 h, 2 w, c]."""
    b, h, w, c = x.shape
    repeated = jnp.broadcast_to(x[:, :, None, :, None, :], (b, h, 2, w, 2, c))
    return repeated.reshape(b, 2 * h, 2 * w, c)


def convolve_grouped(x, kernel, form: str | None = None):
    """Stride 1 within groups of channels: x [b, h, w, c], kernel [k, k, c / g, o] -> [b, h, w, o].

    The i-th of g equal groups of output channels reads the i-th group of input channels.

    Raises:
        ValueError: if the groups do not divide the channels, or k is even.
    """
    k, _, size, o = kernel.shape
    b, h, w, c = x.shape
    if c % size or o % (c // size) or k % 2 == 0:
        raise ValueError(f"kernel {kernel.shape} does not split {c} channels into groups")
    groups, half = c // size, k // 2
    if _is_open(form):
        return _on_every_platform(convolve_grouped, x, kernel, 1)
    form = form or best_form(kernel, 1)
    if form == "lax":
        return platforms.choose(
            lambda x, kernel: direct.convolve(x, *_merged(kernel, groups)),
            lambda x, kernel: direct.convolve(x, kernel, 1, groups),
            x,
            kernel,
            platform="tpu",
        )
    padded = jnp.pad(x, ((0, 0), (half, half), (half, half), (0, 0)))
    shifted = [padded[:, i : i + h, j : j + w] for i in range(k) for j in range(k)]
    patches = jnp.stack([part.reshape(b, h, w, groups, size) for part in shifted], axis=4)
    patches = patches.reshape(b, h, w, groups, k * k * size)
    matrices = kernel.reshape(k * k * size, groups, o // groups)
    return jnp.einsum("bhwgi,igo->bhwgo", patches, matrices).reshape(b, h, w, o)


def _merged(kernel, groups: int):
    """(kernel, stride, groups) of the same convolution with neighbouring groups made one, up to
    LANES channels, by zeros between them: a TPU's matrix unit takes as many at once, and is far
    quicker with one group of 128 than with eight of 16."""
    _, _, size, o = kernel.shape
    together = math.gcd(groups, max(1, LANES // size))
    group = np.arange(o) // (o // groups) % together  # of an output within those made one
    own = np.repeat(np.arange(together), size)[:, None] == group
    return jnp.tile(kernel, (1, 1, together, 1)) * own[None, None], 1, groups // together


def _spread(kernel):
    """[3, 3, c, o] -> [4, 4, c, o]: the sum of its four shifts by 0 or 1 pixel along each side."""
    return sum(
        jnp.pad(kernel, ((i, 1 - i), (j, 1 - j), (0, 0), (0, 0))) for i in (0, 1) for j in (0, 1)
    )


def _fill(kernel, stride: int):
    """Zeros around the kernel up to a multiple of the stride, so that it keeps its place."""
    missing = -kernel.shape[0] % stride
    if not missing:
        return kernel
    k = kernel.shape[0]
    low = padding(k + missing, stride)[0] - padding(k, stride)[0]
    around = (low, missing - low)
    return jnp.pad(kernel, (around, around, (0, 0), (0, 0)))


def _kernel_blocks(kernel, stride: int):
    """[k, k, c, o] -> [taps, taps, stride * stride * c, o], channels as `_blocks`'s."""
    k, _, c, o = kernel.shape
    taps = k // stride
    split = kernel.reshape(taps, stride, taps, stride, c, o).transpose(0, 2, 1, 3, 4, 5)
    return split.reshape(taps, taps, -1, o)


def _kernel_matrix(kernel, stride: int):
    """[k, k, c, o] -> [taps * taps * stride * stride * c, o], ordered as the patches are."""
    return _kernel_blocks(kernel, stride).reshape(-1, kernel.shape[3])


def _blocks(size: tuple[int, int], k: int, s: int) -> linear.Pair:
    """x [b, *size, c], padded for a kernel of side k, a multiple of the stride s, with every s x s
    pixels side by side -> [(h + k - s) / s, (w + k - s) / s, b, s s c].

    Pixels are set into zeros, a copy for each place within a block. XLA:CPU pads by a test for
    every number, which takes four times as long.
    """
    h, w = size
    low, more = padding(k, s)[0], k // s - 1

    def forward(x):
        b, _, _, c = x.shape
        out = jnp.zeros((h // s + more, w // s + more, b, s, s, c), x.dtype)
        split = x.reshape(b, h // s, s, w // s, s, c).transpose(1, 2, 3, 4, 0, 5)
        for i in range(s):
            for j in range(s):
                part = split[:, i, :, j, :, None, None]
                (row, i_), (column, j_) = divmod(i + low, s), divmod(j + low, s)
                out = lax.dynamic_update_slice(out, part, (row, column, 0, i_, j_, 0))
        return out.reshape(*out.shape[:3], -1)

    def adjoint(y):
        rows, columns, b, d = y.shape
        y = y.reshape(rows, columns, b, s, s, d // (s * s)).transpose(2, 0, 3, 1, 4, 5)
        pixels = y.reshape(b, rows * s, columns * s, -1)
        return pixels[:, low : low + h, low : low + w]

    return linear.pair(forward, adjoint)


def _check(size, kernel, stride: int):
    if size[0] % stride or size[1] % stride:
        raise ValueError(f"stride {stride} does not divide an image of {size[0]} x {size[1]}")
    if kernel.shape[0] < stride or kernel.shape[0] != kernel.shape[1]:
        raise ValueError(f"kernel {kernel.shape[:2]} must be square and at least {stride} wide")
