"""Penalties on the critic's slopes: the norm of its gradient in the input, one per example.

The norm runs over every axis but the batch. At a zero gradient the norm is 0 and so is its own
derivative, without an epsilon that would shift the target. The penalties differ in where slopes are
taken (between real and generated examples, on either, around real ones) and in what they should be
(a target, or zero), and are given as these two functions, of which only the second needs the
critic. All are computed before `penalty_weight`, which is lambda in Gulrajani et al. 2017 and gamma
in Mescheder et al. 2018.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp


class Penalty(NamedTuple):
    """A penalty as its points and what it makes of the slopes there; itself a function of a critic.

    `points(real, fake, key)` is a tuple of batches [b, *shape] that do not depend on the critic;
    `excess(squares, target)`, of a sequence with the squared slopes [b] on each batch, is a scalar.
    """

    points: Callable
    excess: Callable

    def __call__(self, critic, real, fake, key, *, target=1.0):
        """The penalty of a critic on a batch of examples.

        Args:
            critic: [b, *shape] -> [b]; differentiated twice.
            real, fake: [b, *shape], same shape and dtype.
            key: randomness of the points.
            target: slope in units of critic output per unit of input, for those that have one.

        Returns:
            Scalar >= 0.

        Raises:
            ValueError: if the shapes or dtypes of real and fake differ and it takes both.
        """
        squares = [squared_slopes(critic, x) for x in self.points(real, fake, key)]
        return self.excess(squares, target)


def slopes(critic, x):
    """|grad f(x_i)| for every example: x [b, *shape] -> [b]. `critic` must not couple examples."""
    return _root(squared_slopes(critic, x))


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


def around(real, key):
    """Real examples with normal noise added; [b, *shape].

    Kodali et al. 2017 add N(0, c I); here sqrt(c) is half the standard deviation of all entries of
    the batch, the scale that the authors' code gives to its uniform noise.
    """
    return real + jnp.std(real) / 2 * jax.random.normal(key, real.shape, real.dtype)


def from_target(squares, target):
    """Mean of (s - target)^2; exactly 0 for a linear critic of slope `target`."""
    (squares,) = squares
    return jnp.mean((_root(squares) - target) ** 2)


def above_target(squares, target):
    """As `from_target`, over slopes s > target only; the others count 0."""
    (squares,) = squares
    return jnp.mean(jnp.maximum(_root(squares) - target, 0.0) ** 2)


def from_zero(squares, target):
    """Mean of s^2; |w|^2 for a linear critic <w, x>. The target does not enter."""
    del target
    (squares,) = squares
    return jnp.mean(squares)


def half_from_zero(squares, target):
    """Half the mean of s^2, summed over the batches; the target does not enter."""
    del target
    return sum(jnp.mean(each) / 2 for each in squares)


def _root(squares):
    positive = squares > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, squares, 1.0)), 0.0)


def _between(real, fake, key):
    return (interpolates(real, fake, key),)


PENALTIES = {
    # Gulrajani et al. 2017, Algorithm 1, and its form in Petzka et al. 2018.
    "two_sided": Penalty(_between, from_target),
    "one_sided": Penalty(_between, above_target),
    # Thanh-Tung et al. 2019.
    "zero_centered": Penalty(_between, from_zero),
    # Mescheder et al. 2018, Eq. 9, their one half included; both by Huang et al. 2024.
    "r1": Penalty(lambda real, fake, key: (real,), half_from_zero),
    "r2": Penalty(lambda real, fake, key: (fake,), half_from_zero),
    "r1_r2": Penalty(lambda real, fake, key: (real, fake), half_from_zero),
    # Kodali et al. 2017.
    "dragan": Penalty(lambda real, fake, key: (around(real, key),), from_target),
    "none": Penalty(lambda real, fake, key: (), lambda squares, target: jnp.zeros(())),
}
"""By name; each is also penalty(critic, real, fake, key, *, target) -> scalar."""
