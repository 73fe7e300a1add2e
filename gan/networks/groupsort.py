"""A critic whose slope is at most 1 by construction: orthonormal layers and sorted pairs.

Every kernel has orthonormal rows or columns, so no layer lengthens a vector, and the nonlinearity
sorts pairs of units, which only permutes them: gradients are neither stretched nor
lost on the way, and such networks approximate every 1-Lipschitz function (Anil et al. 2019). With
the Wasserstein loss it needs no penalty. Kernels are made orthonormal inside `apply` by the Cayley
transform of free parameters (Trockman and Kolter 2021): one inverse, exact to rounding,
differentiable everywhere. All its products are in full float32, or the slope would be at most 1.01.
"""

import math

import flax.linen as nn
import jax.numpy as jnp

from gan import config
from gan.networks.architecture import Architecture, Case
from gan.networks.hidden import kept
from gan.precise import in_full
from gan.registry import Rule


class Critic(nn.Module):
    """`depth` hidden layers of `width` on the flattened example, then one score [b].

    |f(x) - f(y)| <= |x - y|, Euclidean, up to rounding, for any parameters. `activation` is not
    used: sorting takes its place.
    """

    spec: config.Network
    shape: tuple[int, ...]

    @nn.compact
    def __call__(self, x):
        h = x.reshape(x.shape[0], -1)
        for _ in range(self.spec.depth):
            h = sorted_pairs(kept(OrthonormalDense(self.spec.width)(h)))
        return OrthonormalDense(1)(h)[:, 0]


class OrthonormalDense(nn.Module):
    """x K + c with K^T K = I, or K K^T = I where it widens; [b, inputs] -> [b, features]."""

    features: int

    @nn.compact
    def __call__(self, x):
        long, short = max(x.shape[-1], self.features), min(x.shape[-1], self.features)
        # Of this size the Cayley transform spreads over all orthonormal matrices.
        free = self.param("kernel", nn.initializers.normal(1 / math.sqrt(long)), (long, short))
        kernel = orthonormal(free)
        if self.features > x.shape[-1]:
            kernel = kernel.T
        bias = self.param("bias", nn.initializers.zeros_init(), (self.features,))
        return in_full(jnp.matmul)(x, kernel) + bias[None]


@in_full
def orthonormal(free):
    """Matrix with orthonormal columns from a free one, [n, m] -> [n, m], n >= m.

    With free = [U; V] and A = U - U^T + V^T V it is [(I + A)^-1 (I - A); -2 V (I + A)^-1], and
    (I + A)^-1 (I - A) = 2 (I + A)^-1 - I. I + A is never singular, its symmetric part being at
    least I. The zero matrix gives the first m columns of the identity.
    """
    m = free.shape[1]
    top, rest = free[:m], free[m:]
    identity = jnp.eye(m, dtype=free.dtype)
    inverse = jnp.linalg.inv(identity + top - top.T + rest.T @ rest)
    return jnp.concatenate([2 * inverse - identity, -2 * rest @ inverse])


def sorted_pairs(h):
    """Units i and i + width / 2 in ascending order; [b, width], width even. Permutes each row."""
    first, second = jnp.split(h, 2, axis=1)
    return jnp.concatenate([jnp.minimum(first, second), jnp.maximum(first, second)], axis=1)


groupsort = Architecture(
    help="critic with a slope of at most 1 by orthonormal layers; depth hidden ones of width units",
    source="Anil et al. 2019; Trockman and Kolter 2021",
    critic=Critic,
    rules=(
        Rule(
            lambda config: config.precision == "bfloat16",
            "precision bfloat16 goes with critics other than groupsort only: a slope of at most 1 "
            "rests on matrices that are orthonormal to float32",
        ),
    ),
    spec_rules=(
        Rule(
            lambda spec: spec.normalization != "none",
            "groupsort goes with normalization none only: it bounds its slope by itself",
        ),
        Rule(
            lambda spec: spec.weights != "free",
            "groupsort goes with weights free only: it bounds its slope by itself",
        ),
        Rule(lambda spec: spec.width % 2 == 1, "groupsort needs an even width: it sorts pairs"),
    ),
    case=Case(
        # Wider than an example, or the slope would be 1 everywhere at any parameters.
        small={"width": 128, "depth": 1},
        counted={"width": 16, "depth": 2},
        counts={
            (2,): (None, 16 * 2 + 16 * 16 + 16 + 2 * 16 + 1),
            (8, 8, 1): (None, 16 * 64 + 16 * 16 + 16 + 2 * 16 + 1),
        },
        broken=(
            {"precision": "bfloat16"},
            {"normalization": "layer"},
            {"weights": "spectral"},
            {"width": 5},
        ),
    ),
)
