"""What every way of training a generator shares: the problem, the state, one step of Adam.

A cost between examples is a cost between points phi(x) of some space: phi flattens an example
(pixels), or is a frozen network (features). So a problem holds the generator followed by phi, and
the data mapped by phi once; no method knows which phi it was.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from scipy.optimize import linear_sum_assignment

from gan.config import Config
from gan.errors import UserError
from gan.networks import Network
from gan.precise import in_full

EPOCHS = 64
"""Shuffled epochs after which the order of the data repeats."""


class Problem(NamedTuple):
    """A generator to train on finitely many points.

    Attributes:
        config: learning rates, betas, ema_decay, latent_dim, seed; the game reads all of it.
        generator: `apply` maps latents [m, latent_dim] to points [m, k].
        points: the data, float32 [n, k].
        order: rows of the data in the order in which every method sees them, int32 [EPOCHS n].
    """

    config: Config
    generator: Network
    points: np.ndarray
    order: np.ndarray

    def rows(self, index, size: int):
        """Rows of batch `index` of `size`: the next ones in the order; also inside jit."""
        if size > len(self.points):
            raise UserError(f"a batch of {size} needs as many examples, got {len(self.points)}")
        return (index * size + np.arange(size)) % len(self.order)

    def batch(self, index: int, size: int) -> np.ndarray:
        """Batch `index` of `size` points, float32 [size, k]."""
        return self.points[self.order[self.rows(index, size)]]


class Fit(NamedTuple):
    """Everything that training without a critic changes; the names are those of State."""

    step: jax.Array  # int32 scalar, generator steps so far
    key: jax.Array  # uint32, the data of a PRNG key; constant
    generator: Any
    average: Any  # moving average of `generator`, the one that is evaluated
    generator_optimizer: Any
    memory: Any  # what a method keeps from round to round


class Method(NamedTuple):
    """One way of training: `start() -> state` and `round(state) -> (state, loss)`.

    A round makes a fixed number of generator steps and may consume the state it is given. States
    have `step`, `generator` and `average`. The loss is a float in the method's own unit.
    """

    start: Callable[[], Any]
    round: Callable[[Any], tuple[Any, float]]


def make_problem(
    config: Config,
    generator: Network,
    examples: np.ndarray,
    features: Callable = lambda x: x.reshape(len(x), -1),
) -> Problem:
    """The problem of moving a generator's examples to the data, in features.

    Args:
        config: gives steps, batches and the seed, which orders the data.
        generator: pure network.
        examples: the data, [n, *shape].
        features: differentiable, [m, *shape] -> [m, k]; flattened examples by default.
    """

    def apply(params, z):
        return features(generator.apply(params, z))

    points = np.asarray(jax.jit(in_full(features))(jnp.asarray(examples)), np.float32)
    draw = np.random.default_rng([config.seed, len(points)])
    order = np.concatenate([draw.permutation(len(points)) for _ in range(EPOCHS)])
    return Problem(config, generator._replace(apply=apply), points, order.astype(np.int32))


def start(problem: Problem, memory: Any = ()) -> Fit:
    """The state before the first step; its generator is the one that the game starts with.

    Args:
        problem: from `make_problem`.
        memory: what the method keeps from step to step.
    """
    # The same split as in gan.training.state.
    generator_key, _, run_key = jax.random.split(jax.random.key(problem.config.seed), 3)
    params = problem.generator.init(generator_key)
    return Fit(
        step=jnp.int32(0),
        key=jax.random.key_data(run_key),
        generator=params,
        average=jax.tree.map(jnp.copy, params),
        generator_optimizer=_adam(problem.config).init(params),
        memory=memory,
    )


class Keys(NamedTuple):
    """Everything that is random in one step, one key per purpose."""

    latent: jax.Array
    transport: jax.Array


def keys(fit: Fit) -> Keys:
    """The keys of the step `fit` is at."""
    key = jax.random.fold_in(jax.random.wrap_key_data(fit.key), fit.step)
    return Keys(*jax.random.split(key, len(Keys._fields)))


def latents(problem: Problem, fit: Fit, size: int) -> jax.Array:
    """Standard normal latents [size, latent_dim] of the step `fit` is at; pure."""
    return jax.random.normal(keys(fit).latent, (size, problem.config.latent_dim))


def lowered(problem: Problem, fit: Fit, loss: Callable) -> tuple[Fit, jax.Array]:
    """One step of Adam on loss(params), and the loss before it; pure."""
    value, gradients = jax.value_and_grad(loss)(fit.generator)
    updates, moments = _adam(problem.config).update(gradients, fit.generator_optimizer)
    params = problem.generator.project(optax.apply_updates(fit.generator, updates))
    step = fit.step.astype(jnp.float32)
    decay = jnp.minimum(problem.config.ema_decay, (1 + step) / (10 + step))
    average = jax.tree.map(lambda a, p: decay * a + (1 - decay) * p, fit.average, params)
    fit = fit._replace(
        step=fit.step + 1, generator=params, average=average, generator_optimizer=moments
    )
    return fit, value


def _adam(config: Config) -> optax.GradientTransformation:
    return optax.adam(config.generator_learning_rate, config.beta1, config.beta2)


def mean_distance(x: jax.Array, y: jax.Array) -> jax.Array:
    """Mean Euclidean distance of the pairs (x_i, y_i), [m, k] each; a pair of equal points has
    gradient 0."""
    return jnp.mean(safe_root(jnp.sum((x - y) ** 2, axis=-1)))


def safe_root(squares: jax.Array) -> jax.Array:
    """Square root with derivative 0 at 0."""
    positive = squares > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, squares, 1.0)), 0.0)


def matching(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The permutation s that minimises the mean distance of x_i to y_s(i); [m, k] each."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    # The matrix product is ten times faster than differences in high dimension, and in float64
    # costs no more than the last digits.
    squares = np.sum(x**2, 1)[:, None] + np.sum(y**2, 1) - 2 * x @ y.T
    return linear_sum_assignment(np.sqrt(np.maximum(squares, 0)))[1]
