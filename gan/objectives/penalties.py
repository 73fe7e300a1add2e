"""Penalties on the critic's slopes: the norm of its gradient in the input, one per example.

The norm runs over every axis but the batch. At a zero gradient the norm is 0 and so is its own
derivative, without an epsilon that would shift the target.
"""

import functools

import jax
import jax.numpy as jnp


def slopes(critic, x):
    """|grad f(x_i)| for every example: x [b, *shape] -> [b]. `critic` must not couple examples."""
    gradients = jax.grad(lambda points: jnp.sum(critic(points)))(x)
    squares = jnp.sum(gradients**2, axis=tuple(range(1, x.ndim)))
    positive = squares > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, squares, 1.0)), 0.0)


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


def no_penalty(critic, real, fake, key, *, target=1.0):
    """Zero: the critic's slopes are left alone."""
    del critic, fake, key, target
    return jnp.zeros((), real.dtype)


PENALTIES = {
    "two_sided": gradient_penalty,
    "one_sided": functools.partial(gradient_penalty, one_sided=True),
    "none": no_penalty,
}
"""Each is penalty(critic, real, fake, key, *, target) -> scalar."""
