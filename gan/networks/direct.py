"""XLA's own convolution, its adjoint in the image and its gradient in the kernel.

The three are the gradients of <y, convolve(x, kernel)> in y, x and kernel, so each one's are the
other two. Written out, they keep derivatives of every order first-order convolutions. An automatic
derivative transposes the flipped kernel of the adjoint, which leaves reversed arrays between the
convolutions of a gradient penalty; compilers for accelerators write those to memory. Reverse mode
only. Layouts and padding are those of gan.networks.convolution, and so are groups of channels.
"""

import functools

import jax
from jax import lax


def padding(k: int, stride: int) -> tuple[int, int]:
    """Pixels before and after a side, for a kernel of side k."""
    low = (k - stride) // 2
    return low, k - stride - low


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def convolve(x, kernel, stride: int, groups: int = 1):
    """[b, h, w, c], [k, k, c / groups, o] -> [b, h / stride, w / stride, o]."""
    return lax.conv_general_dilated(
        x,
        kernel,
        (stride, stride),
        (padding(kernel.shape[0], stride),) * 2,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def convolve_transposed(y, kernel, stride: int, groups: int = 1):
    """[b, h, w, o], [k, k, c / groups, o] -> [b, h stride, w stride, c]."""
    k, _, size, o = kernel.shape
    low, high = padding(k, stride)
    layout = "HWOI"
    if groups > 1:  # the channels of a group change places with its outputs
        kernel = kernel.reshape(k, k, size, groups, o // groups).swapaxes(2, 4)
        kernel, layout = kernel.reshape(k, k, o // groups, groups * size), "HWIO"
    return lax.conv_general_dilated(
        y,
        lax.rev(kernel, (0, 1)),
        (1, 1),
        ((k - 1 - low, k - 1 - high),) * 2,
        lhs_dilation=(stride, stride),
        dimension_numbers=("NHWC", layout, "NHWC"),
        feature_group_count=groups,
    )


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
def kernel_gradient(x, y, k: int, stride: int, groups: int = 1):
    """[b, h, w, c], [b, h / stride, w / stride, o] -> [k, k, c / groups, o], summed over b."""
    return lax.conv_general_dilated(
        x,
        y,
        (1, 1),
        (padding(k, stride),) * 2,
        rhs_dilation=(stride, stride),
        dimension_numbers=("CHWN", "IHWO", "HWNC"),
        batch_group_count=groups,
    )


convolve.defvjp(
    lambda x, kernel, stride, groups: (convolve(x, kernel, stride, groups), (x, kernel)),
    lambda stride, groups, given, y: (
        convolve_transposed(y, given[1], stride, groups),
        kernel_gradient(given[0], y, given[1].shape[0], stride, groups),
    ),
)
convolve_transposed.defvjp(
    lambda y, kernel, stride, groups: (convolve_transposed(y, kernel, stride, groups), (y, kernel)),
    lambda stride, groups, given, x: (
        convolve(x, given[1], stride, groups),
        kernel_gradient(x, given[0], given[1].shape[0], stride, groups),
    ),
)
kernel_gradient.defvjp(
    lambda x, y, k, stride, groups: (kernel_gradient(x, y, k, stride, groups), (x, y)),
    lambda k, stride, groups, given, kernel: (
        convolve_transposed(given[1], kernel, stride, groups),
        convolve(given[0], kernel, stride, groups),
    ),
)
