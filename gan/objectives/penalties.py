"""Penalties on the critic's slopes: the norm of its gradient in the input, one per example.

The norm runs over every axis but the batch. At a zero gradient the norm is 0 and so is its own
derivative, without an epsilon that would shift the target. The penalties differ in where slopes are
taken (between real and generated examples, on either, around real ones) and in what they should be
(a target, or zero). All are computed before `penalty_weight`, which is lambda in Gulrajani et al.
2017 and gamma in Mescheder et al. 2018.
"""

import functools

import jax
import jax.numpy as jnp


def slopes(critic, x):
    """|grad f(x_i)| for every example: x [b, *shape] -> [b]. `critic` must not couple examples."""
    squares = squared_slopes(critic, x)
    positive = squares > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, squares, 1.0)), 0.0)


def squared_slopes(critic, x):
    """|grad f(x_i)|^2 for every example: x [b, *shape] -> [b], differentiable everywhere."""
    gradients = jax.grad(lambda points: jnp.sum(critic(points)))(x)
    return jnp.sum(gradients**2, axis=tuple(range(1, x.ndim)))


def interpolates(real, fake, key):
    """t_i real_i + (1 - t_i) fake_i with t_i ~ U[0, 1] drawn once per example; [b, *shape]."""
    if real.shape != fake.shape or real.dtype != fake.dtype:
        raise ValueError(
            f"real {real.dtype}{real.shape} and fake {fake.dtype}{fake.shape} must agree"
        )
    t = jax.random.uniform(key, (real.shape[0],) + (1,) * (real.ndim - 1), real.dtype)
    return t * real + (1 - t) * fake


def gradient_penalty(critic, real, fake, key, *, target=1.0, one_sided=False):
    """Mean of (s - target)^2 at random points between real and fake examples.

    s_i is the critic's slope at t_i real_i + (1 - t_i) fake_i, t_i ~ U[0, 1] once per example
    (Gulrajani et al. 2017, Algorithm 1). One-sided: only s_i > target is penalised (Petzka et al.
    2018).

    Args:
        critic: [b, *shape] -> [b]; differentiated twice.
        real, fake: [b, *shape], same shape and dtype.
        key: randomness of t only.
        target: slope in units of critic output per unit of input.
        one_sided: penalise slopes above the target only.

    Returns:
        Scalar >= 0; exactly 0 for a linear critic of slope `target`.

    Raises:
        ValueError: if the shapes or dtypes differ.
    """
    excess = slopes(critic, interpolates(real, fake, key)) - target
    if one_sided:
        excess = jnp.maximum(excess, 0.0)
    return jnp.mean(excess**2)


def zero_centered(critic, real, fake, key, *, target=1.0):
    """Mean of s^2 at random points between real and fake examples (Thanh-Tung et al. 2019).

    |w|^2 for a linear critic <w, x>. The target does not enter.
    """
    del target
    return jnp.mean(squared_slopes(critic, interpolates(real, fake, key)))


def r1(critic, real, fake, key, *, target=1.0):
    """Half the mean of s^2 on real examples; |w|^2 / 2 for a linear critic <w, x>.

    With a weight of gamma it is R1 of Mescheder et al. 2018, Eq. 9, their one half included.
    """
    del fake, key, target
    return jnp.mean(squared_slopes(critic, real)) / 2


def r2(critic, real, fake, key, *, target=1.0):
    """Half the mean of s^2 on generated examples; as `r1` otherwise (Mescheder et al. 2018)."""
    del real, key, target
    return jnp.mean(squared_slopes(critic, fake)) / 2


def r1_r2(critic, real, fake, key, *, target=1.0):
    """The sum of `r1` and `r2`; |w|^2 for a linear critic <w, x> (Huang et al. 2024)."""
    return r1(critic, real, fake, key, target=target) + r2(critic, real, fake, key, target=target)


def dragan(critic, real, fake, key, *, target=1.0):
    """Mean of (s - target)^2 at real examples with normal noise added (Kodali et al. 2017).

    Their paper adds N(0, c I); here sqrt(c) is half the standard deviation of all entries of the
    batch, the scale that the authors' code gives to its uniform noise. The generated examples do
    not enter; 0 for a linear critic of slope `target`.
    """
    del fake
    noise = jax.random.normal(key, real.shape, real.dtype)
    return jnp.mean((slopes(critic, real + jnp.std(real) / 2 * noise) - target) ** 2)


def no_penalty(critic, real, fake, key, *, target=1.0):
    """Zero: the critic's slopes are left alone."""
    del critic, fake, key, target
    return jnp.zeros((), real.dtype)


PENALTIES = {
    "two_sided": gradient_penalty,
    "one_sided": functools.partial(gradient_penalty, one_sided=True),
    "zero_centered": zero_centered,
    "r1": r1,
    "r2": r2,
    "r1_r2": r1_r2,
    "dragan": dragan,
    "none": no_penalty,
}
"""Each is penalty(critic, real, fake, key, *, target) -> scalar."""
