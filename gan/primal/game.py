"""The game itself, as one more way of lowering the same distance: a critic learns it meanwhile."""

import dataclasses

import jax.numpy as jnp
import numpy as np

from gan import networks
from gan.errors import NonFiniteError
from gan.primal.problem import Method, Problem
from gan.training.adversarial import make_round
from gan.training.loop import make_chunk
from gan.training.state import Hyperparameters, start

ROUNDS = 10
"""Rounds of the game per call."""


def adversary(problem: Problem, size: int) -> Method:
    """The game of the problem's config, but in batches of `size`; the critic reads the points.

    Each of the n_critic critic steps of a round takes the next batch in the order of the data.

    Raises:
        NonFiniteError: when a metric is.
    """
    config = dataclasses.replace(problem.config, batch_size=size)
    critic = networks.critic(config.critic, problem.points.shape[1:])

    def batch(data, step, i, key):
        points, order = data
        return points[order[problem.rows(step * config.n_critic + i, size)]]

    play_round = make_round(config, problem.generator, critic, batch)
    chunk = make_chunk(play_round)
    hyper = Hyperparameters.of(config)
    data = (jnp.asarray(problem.points), jnp.asarray(problem.order))

    def advance(state):
        state, metrics = chunk(state, hyper, data, np.int32(int(state.step) + ROUNDS))
        bad = [name for name, value in metrics.items() if not np.isfinite(value)]
        if bad:
            raise NonFiniteError(f"step {int(state.step)}: {', '.join(bad)} not finite")
        return state, -float(metrics["w1_estimate_batch"])

    return Method(lambda: start(config, problem.generator, critic), advance)
