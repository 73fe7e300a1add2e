"""Fully connected layers on arrays with features first, [features, b].

On a CPU XLA multiplies x y and x yᵀ at nearly the rate of the machine, xᵀ y at three quarters of
it. A layer and its two gradients need all three forms, whichever axis is first: with examples
first it is the gradient in the kernel that needs xᵀ y, from arrays as long as the batch; with
features first it is the layer, and xᵀ is the kernel's, which is small, and one for all batches that
a step scores. So it is transposed, and kept so. Derivatives, in reverse mode and of any order, are
written out, since an automatic one would multiply by the transposed kernel transposed again.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.linen.dtypes import promote_dtype
from jax import lax

from gan.networks import linear, platforms


class Dense(nn.Module):
    """kernelᵀ h + bias: [inputs, b] -> [features, b], with the parameters of flax's Dense."""

    features: int
    kernel_init: nn.initializers.Initializer = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, h):
        kernel = self.param("kernel", self.kernel_init, (h.shape[0], self.features), jnp.float32)
        bias = self.param("bias", nn.initializers.zeros_init(), (self.features,), jnp.float32)
        h, kernel, bias = promote_dtype(h, kernel, bias)
        return apply(kernel, h) + bias[:, None]


def _transposed(x):
    """xᵀ, on a CPU as an array of its own: XLA would fold it into the product before or after."""
    return platforms.choose(_kept_transposed, jnp.transpose, x)


def _kept_transposed(x):
    return lax.optimization_barrier(lax.optimization_barrier(x).T)


turn = linear.pair(_transposed, _transposed).forward
"""[b, features] <-> [features, b]."""


@jax.custom_vjp
def apply(kernel, h):
    """kernelᵀ h: [c, o], [c, b] -> [o, b]."""
    return _transposed(kernel) @ h


@jax.custom_vjp
def apply_adjoint(kernel, y):
    """kernel y: [c, o], [o, b] -> [c, b]."""
    return kernel @ y


@jax.custom_vjp
def outer(h, y):
    """h yᵀ, summed over the batch: [c, b], [o, b] -> [c, o]."""
    return h @ y.T


# The three are the gradients of <kernel, h yᵀ> in y, h and kernel, so each one's are the others.
apply.defvjp(
    lambda kernel, h: (apply(kernel, h), (kernel, h)),
    lambda given, y: (outer(given[1], y), apply_adjoint(given[0], y)),
)
apply_adjoint.defvjp(
    lambda kernel, y: (apply_adjoint(kernel, y), (kernel, y)),
    lambda given, h: (outer(h, given[1]), apply(given[0], h)),
)
outer.defvjp(
    lambda h, y: (outer(h, y), (h, y)),
    lambda given, kernel: (apply_adjoint(kernel, given[1]), apply(kernel, given[0])),
)
