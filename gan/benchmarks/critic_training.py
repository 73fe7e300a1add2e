"""Training a population of critics, one per seed, and measuring them against the truth.

Samples are drawn on the device inside the loop, as a pure function of (seed, step), so they are
never repeated and never stored.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from gan.benchmarks.critic_methods import Learner
from gan.benchmarks.critic_protocols import Protocol
from gan.errors import NonFiniteError
from gan.precise import in_full
from gan.transport.known_pairs import KnownPair, Moved

CHUNK_SECONDS = 5.0
"""Between two looks at the clock and at signals."""


@in_full
def sample(pair: KnownPair, key, count: int) -> tuple[Moved, Any]:
    """`count` points of P, as images of points of Q with their directions, and as many of Q."""
    first, second = jax.random.split(key)
    shape = (count, pair.dim)
    moved = pair.move(pair.source(jax.random.uniform(first, shape)))
    return moved, pair.source(jax.random.uniform(second, shape))


def train(
    pair: KnownPair,
    learner: Learner,
    protocol: Protocol,
    seeds: Sequence[int],
    progress: Callable[[int], None] = lambda done: None,
) -> list[dict[str, float]]:
    """Metrics (see `measure`) of one critic per seed, trained side by side.

    Args:
        pair: P and Q.
        learner: of the method, in pair.dim dimensions.
        protocol: of the method, see Protocol.of.
        seeds: each determines its member's parameters and samples, whoever else is trained.
        progress: called with the steps done after the first step, which contains the compilation,
            and every few seconds; may raise to stop.

    Raises:
        NonFiniteError: if a parameter became NaN or infinite; names the steps.
    """
    members = jax.vmap(jax.random.key)(jnp.asarray(seeds, jnp.uint32))
    over_members = jax.vmap if len(seeds) > 1 else _alone
    advance = _advance(pair, learner, protocol, over_members)
    initial_keys, run_keys, evaluation_keys = jnp.moveaxis(
        jax.vmap(lambda key: jax.random.split(key, 3))(members), 1, 0
    )
    states = jax.jit(over_members(learner.init))(initial_keys)
    done, chunk = 0, 1
    while done < protocol.steps:
        before = time.perf_counter()
        stop = min(done + chunk, protocol.steps)
        states, finite = advance(states, run_keys, done, stop)
        if not finite.all():
            raise NonFiniteError(
                f"{pair.name}: a parameter is not finite after step {stop}; all were after {done}"
            )
        # The first chunk holds the compilation and is one step; later ones may grow fourfold.
        per_step = (time.perf_counter() - before) / (stop - done)
        done, chunk = stop, max(1, min(4 * chunk, int(CHUNK_SECONDS / per_step)))
        progress(done)
    metrics = jax.jit(
        over_members(lambda s, k: measure(pair, learner.critic(s), k, protocol.evaluation_size))
    )(states, evaluation_keys)
    return [{name: float(values[i]) for name, values in metrics.items()} for i in range(len(seeds))]


def _advance(pair: KnownPair, learner: Learner, protocol: Protocol, over_members: Callable):
    """Compiled (states, keys, start, stop) -> states after those steps, and which leaves of them
    are finite."""

    def step(i, state, key):
        sample_key, update_key = jax.random.split(jax.random.fold_in(key, i))
        moved, q = sample(pair, sample_key, protocol.batch_size)
        rate = jnp.float32(protocol.learning_rate)
        if protocol.schedule == "linear":
            rate = rate * (1 - i / protocol.steps)
        return learner.update(state, moved.image, q, update_key, rate)

    @jax.jit
    def advance(states, keys, start, stop):
        states = jax.lax.fori_loop(
            start, stop, lambda i, s: over_members(lambda a, b: step(i, a, b))(s, keys), states
        )
        return states, jnp.array([jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(states)])

    return advance


@in_full
def measure(pair: KnownPair, critic, key, count: int) -> dict[str, jax.Array]:
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
