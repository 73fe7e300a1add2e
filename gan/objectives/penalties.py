"""Penalties on a critic, most of them on its slopes: the norm of its gradient in the input.

The norm runs over every axis but the batch, one slope per example. At a zero gradient the norm is 0
and so is its own derivative, without an epsilon that would shift the target. The penalties differ
in where they look at the critic (between real and generated examples, on either, around either) and
in what they ask of it there. All are given before their weight, which is lambda in Gulrajani et al.
2017 and gamma in Mescheder et al. 2018.
"""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan.registry import Entry, Rule


class PenaltyCase(NamedTuple):
    """What is known of a penalty without computing it.

    Attributes:
        linear: linear(w [d], points, target) -> float, its value of the critic <w, x>, of its own
            points with all examples flat; arrays of NumPy.
        damping: what it adds, with weight 1, to the damping of the critic of a Dirac-GAN at its
            equilibrium; None where it has no derivative there.
    """

    linear: Callable
    damping: float | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Penalty(Entry):
    """A penalty as what it draws and what it makes of a critic there; a function of a critic.

    `points(real, fake, key)` is a tuple of arrays with a leading axis of b: examples [b, *shape],
    or whatever else the penalty draws for each. It sees no critic, so that a round can prepare it
    for all its critic steps at once. `value(critic, points, target)` is the penalty, a scalar.
    """

    points: Callable
    value: Callable
    case: PenaltyCase

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
        return self.value(critic, self.points(real, fake, key), target)


def slopes(critic, x):
    """|grad f(x_i)| for every example: x [b, *shape] -> [b]. `critic` must not couple examples."""
    return _root(squared_slopes(critic, x))


def squared_slopes(critic, x):
    """|grad f(x_i)|^2 for every example: x [b, *shape] -> [b], differentiable everywhere."""
    return _squares(gradients(critic, x))


def gradients(critic, x):
    """grad f(x_i) for every example: x [b, *shape] -> [b, *shape]."""
    return jax.grad(lambda points: jnp.sum(critic(points)))(x)


def interpolates(real, fake, key):
    """t_i real_i + (1 - t_i) fake_i with t_i ~ U[0, 1] drawn once per example; [b, *shape]."""
    if real.shape != fake.shape or real.dtype != fake.dtype:
        raise ValueError(
            f"real {real.dtype}{real.shape} and fake {fake.dtype}{fake.shape} must agree"
        )
    t = jax.random.uniform(key, (real.shape[0],) + (1,) * (real.ndim - 1), real.dtype)
    return t * real + (1 - t) * fake


def around(x, key):
    """Examples with normal noise added; [b, *shape].

    Kodali et al. 2017 add N(0, c I); here sqrt(c) is half the standard deviation of all entries of
    the batch, the scale that the authors' code gives to its uniform noise.
    """
    return x + jnp.std(x) / 2 * jax.random.normal(key, x.shape, x.dtype)


def from_target(critic, points, target):
    """Mean of (s - target)^2; exactly 0 for a linear critic of slope `target`."""
    (x,) = points
    return jnp.mean((slopes(critic, x) - target) ** 2)


def above_target(critic, points, target):
    """As `from_target`, over slopes s > target only; the others count 0."""
    (x,) = points
    return jnp.mean(jnp.maximum(slopes(critic, x) - target, 0.0) ** 2)


def from_zero(critic, points, target):
    """Mean of s^2; |w|^2 for a linear critic <w, x>. The target does not enter."""
    del target
    (x,) = points
    return jnp.mean(squared_slopes(critic, x))


def half_from_zero(critic, points, target):
    """Half the mean of s^2, summed over the batches; the target does not enter."""
    del target
    return sum(jnp.mean(squared_slopes(critic, x)) / 2 for x in points)


def _between(real, fake, key):
    return (interpolates(real, fake, key),)


def _length(w) -> float:
    return float(np.linalg.norm(w))


NOT_BATCH = Rule(
    lambda config: config.critic.normalization == "batch",
    "critic.normalization batch goes with penalty none only: it couples the examples of a "
    "batch, and the penalty is about the slope at each; take layer",
)
"""What every penalty asks of the critic that it looks at."""

two_sided = Penalty(
    help="slopes are the target, between real and generated examples",
    source="Gulrajani et al. 2017, Algorithm 1",
    rules=(NOT_BATCH,),
    points=_between,
    value=from_target,
    case=PenaltyCase(lambda w, points, target: (_length(w) - target) ** 2, None),
)

one_sided = Penalty(
    help="slopes are at most the target, between real and generated examples",
    source="Petzka et al. 2018",
    rules=(NOT_BATCH,),
    points=_between,
    value=above_target,
    case=PenaltyCase(lambda w, points, target: max(_length(w) - target, 0) ** 2, 0),
)

zero_centered = Penalty(
    help="slopes are zero, between real and generated examples",
    source="Thanh-Tung et al. 2019",
    rules=(NOT_BATCH,),
    points=_between,
    value=from_zero,
    case=PenaltyCase(lambda w, points, target: _length(w) ** 2, 2),
)

r1 = Penalty(
    help="slopes are zero at real examples; half the squares",
    source="Mescheder et al. 2018, Eq. 9",
    rules=(NOT_BATCH,),
    points=lambda real, fake, key: (real,),
    value=half_from_zero,
    case=PenaltyCase(lambda w, points, target: _length(w) ** 2 / 2, 1),
)

r2 = Penalty(
    help="slopes are zero at generated examples; half the squares",
    source="Mescheder et al. 2018",
    rules=(NOT_BATCH,),
    points=lambda real, fake, key: (fake,),
    value=half_from_zero,
    case=PenaltyCase(lambda w, points, target: _length(w) ** 2 / 2, 1),
)

r1_r2 = Penalty(
    help="the sum of r1 and r2",
    source="Huang et al. 2024",
    rules=(NOT_BATCH,),
    points=lambda real, fake, key: (real, fake),
    value=half_from_zero,
    case=PenaltyCase(lambda w, points, target: _length(w) ** 2, 2),
)

dragan = Penalty(
    help="slopes are the target, around real examples",
    source="Kodali et al. 2017",
    rules=(NOT_BATCH,),
    points=lambda real, fake, key: (around(real, key),),
    value=from_target,
    case=PenaltyCase(lambda w, points, target: (_length(w) - target) ** 2, None),
)


def two_copies(real, fake, key):
    """Every real example perturbed twice, independently, as `around` does."""
    del fake
    one, other = jax.random.split(key)
    return around(real, one), around(real, other)


def beyond_distance(critic, points, target):
    """Mean of max(0, |f(x') - f(x'')| - target |x' - x''|) over the pairs of points.

    Wei et al. 2018 perturb by the dropout of the critic's hidden layers and bound the difference by
    a constant. A critic without dropout is a function, so the examples are perturbed instead; how
    far is then known, and the bound is in proportion to it: the target is a slope as everywhere.
    Their distance of the layer below the last does not enter. 0 for any critic of slope at most
    `target`; no second derivative is taken.
    """
    x, y = points
    return jnp.mean(jax.nn.relu(jnp.abs(critic(x) - critic(y)) - target * _root(_squares(x - y))))


consistency = Penalty(
    help="scores of two perturbed copies of a real example differ by at most target times their "
    "distance",
    source="Wei et al. 2018, perturbing inputs in place of hidden units",
    rules=(NOT_BATCH,),
    points=two_copies,
    value=beyond_distance,
    case=PenaltyCase(
        lambda w, points, target: np.mean(
            [
                max(0, abs((x - y) @ w) - target * _length(x - y))
                for x, y in zip(*points, strict=True)
            ]
        ),
        0,
    ),
)


def generated_and_steps(real, fake, key):
    """Generated examples, and for each the length of a step away from it: uniform between one and
    two times half the standard deviation of all entries of the real ones (1, should that be 0)."""
    spread = jnp.std(real) / 2
    scale = jnp.where(spread > 0, spread, 1.0).astype(fake.dtype)
    return fake, scale * jax.random.uniform(key, fake.shape[:1], fake.dtype, 1.0, 2.0)


def quotient_above_target(critic, points, target):
    """Mean of max(0, |f(x + r) - f(x)| / |r| - target)^2 with r along grad f(x), of given length.

    The critic itself says where it may be steepest, as one power iteration in Terjek 2020, who
    starts it at a random direction, at real examples too, and lets no derivative pass through r;
    here it passes. Exactly (s - target)^2 for a linear critic of slope s above the target.
    """
    x, lengths = points
    uphill = gradients(critic, x)
    norm = _root(_squares(uphill))
    scale = lengths / jnp.where(norm > 0, norm, 1.0)
    step = scale.reshape(-1, *(1,) * (x.ndim - 1)) * uphill
    quotient = jnp.abs(critic(x + step) - critic(x)) / lengths
    return jnp.mean(jax.nn.relu(quotient - target) ** 2)


lipschitz = Penalty(
    help="difference quotients along the critic's gradient are at most the target, around "
    "generated examples",
    source="Terjek 2020",
    rules=(NOT_BATCH,),
    points=generated_and_steps,
    value=quotient_above_target,
    case=PenaltyCase(lambda w, points, target: max(_length(w) - target, 0) ** 2, 0),
)

none = Penalty(
    help="no penalty",
    points=lambda real, fake, key: (),
    value=lambda critic, points, target: jnp.zeros(()),
    case=PenaltyCase(lambda w, points, target: 0, 0),
)


def _squares(x):
    """Sum of squares over all axes but the first: [b, *shape] -> [b]."""
    return jnp.sum(x**2, axis=tuple(range(1, x.ndim)))


def _root(squares):
    positive = squares > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, squares, 1.0)), 0.0)
