"""Training a population of critics, one per seed, and measuring them against the truth.

Samples are drawn on the device inside the loop, as a pure function of (seed, step), so they are
never repeated and never stored.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from experiments.w1_parts.methods import Learner
from experiments.w1_parts.protocols import Protocol
from gan.errors import NonFiniteError
from gan.transport.truth import Moved, Pair

CHUNK_SECONDS = 5.0
"""Between two looks at the clock and at signals."""


def sample(pair: Pair, key, count: int) -> tuple[Moved, Any]:
    """`count` points of P, as images of points of Q with their directions, and as many of Q."""
    first, second = jax.random.split(key)
    shape = (count, pair.dim)
    moved = pair.move(pair.source(jax.random.uniform(first, shape)))
    return moved, pair.source(jax.random.uniform(second, shape))


def train(
    pair: Pair,
    learner: Learner,
    protocol: Protocol,
    seeds: Sequence[int],
    steps: int,
    learning_rate: float,
    progress: Callable[[int, float], None] = lambda step, seconds: None,
) -> list[dict[str, float]]:
    """Metrics (see `measure`) of one critic per seed, trained side by side.

    Args:
        pair: P and Q.
        learner: of the method, in pair.dim dimensions.
        protocol: batch size, schedule, evaluation size.
        seeds: each determines its member's parameters and samples, whoever else is trained.
        steps: critic steps.
        learning_rate: before the schedule.
        progress: called between chunks with the steps done and the seconds since the first chunk,
            which contains the compilation; may raise to stop.

    Raises:
        NonFiniteError: if a metric is not finite, which names it.
    """
    members = jax.vmap(jax.random.key)(jnp.asarray(seeds, jnp.uint32))
    over_members = jax.vmap if len(seeds) > 1 else _alone

    def step(i, state, key):
        key = jax.random.fold_in(key, i)
        moved, q = sample(pair, jax.random.fold_in(key, 0), protocol.batch_size)
        rate = jnp.float32(learning_rate)
        if protocol.schedule == "linear":
            rate = rate * (1 - i / steps)
        return learner.update(state, moved.image, q, jax.random.fold_in(key, 1), rate)

    @jax.jit
    def advance(states, keys, start, stop):
        return jax.lax.fori_loop(
            start, stop, lambda i, s: over_members(lambda a, b: step(i, a, b))(s, keys), states
        )

    run_keys = jax.vmap(lambda key: jax.random.fold_in(key, 1))(members)
    states = jax.jit(over_members(learner.init))(members)
    done, chunk, began, seconds = 0, 1, None, 0.0
    while done < steps:
        stop = min(done + chunk, steps)
        before = time.perf_counter()
        states = jax.block_until_ready(advance(states, run_keys, done, stop))
        now = time.perf_counter()
        if began is None:
            began = now
        else:
            per_step = (now - before) / (stop - done)
            chunk = max(1, min(4 * chunk, int(CHUNK_SECONDS / per_step)))
            seconds = now - began
        if done == 0:
            chunk = 8
        done = stop
        progress(done, seconds)
    evaluation_keys = jax.vmap(lambda key: jax.random.fold_in(key, 2))(members)
    metrics = jax.jit(
        over_members(lambda s, k: measure(pair, learner.critic(s), k, protocol.evaluation_size))
    )(states, evaluation_keys)
    rows = [{name: float(values[i]) for name, values in metrics.items()} for i in range(len(seeds))]
    for seed, row in zip(seeds, rows, strict=True):
        for name, value in row.items():
            if not jnp.isfinite(value):
                raise NonFiniteError(f"{name} of seed {seed} is {value} after {steps} steps")
    return rows


def measure(pair: Pair, critic, key, count: int) -> dict[str, jax.Array]:
    """A critic against the truth, on fresh samples.

    Returns:
        cosine: mean over points of P of the cosine between grad f and grad f*, f* = -u; 0 where
            grad f is 0.
        l2: mean of |grad f - grad f*|^2.
        w1_estimate: E_P f - E_Q f.
        slope_5, slope_50, slope_95: percentiles of |grad f| on P; f* has 1 everywhere.
    """
    moved, q = sample(pair, key, count)
    gradients = jax.grad(lambda points: jnp.sum(critic(points)))(moved.image)
    slopes = jnp.sqrt((gradients**2).sum(1))
    along = -(gradients * moved.direction).sum(1)
    percentiles = jnp.percentile(slopes, jnp.array([5.0, 50.0, 95.0]))
    return {
        "cosine": jnp.where(slopes > 0, along / jnp.where(slopes > 0, slopes, 1), 0).mean(),
        "l2": ((gradients + moved.direction) ** 2).sum(1).mean(),
        "w1_estimate": critic(moved.image).mean() - critic(q).mean(),
        "slope_5": percentiles[0],
        "slope_50": percentiles[1],
        "slope_95": percentiles[2],
    }


def _alone(function):
    """Like vmap over an axis of length one, without batched matrix products."""

    def mapped(*arguments):
        single = jax.tree.map(lambda leaf: leaf[0], arguments)
        return jax.tree.map(lambda leaf: leaf[None], function(*single))

    return mapped
