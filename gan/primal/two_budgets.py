"""One training run under two budgets: a snapshot at so many generator steps, and at so many
processor seconds.

Seconds are those of this process on its cores, compilation and snapshots left out; other processes
on the machine lengthen the run, not the count. A run ends when it has both snapshots, or at half
as many seconds again: methods that are too slow for the steps have no snapshot there.
"""

import dataclasses
import math
import time
from collections.abc import Callable

import jax
import numpy as np

from gan import networks, primal
from gan.errors import NonFiniteError
from gan.precise import in_full
from gan.primal import comparisons

PATIENCE = 1.5
"""A run ends at this many times its seconds."""

LATENTS = 2**31
"""Seed of the latents of all snapshots."""


def train(
    comparison: comparisons.Comparison,
    sets: comparisons.ExampleSets,
    features: Callable,
    method: str,
    seed: int,
) -> tuple[dict, dict[str, np.ndarray]]:
    """Train once.

    Args:
        features: phi of the cost, from `comparisons.feature_function`.
        method: as `primal.make` takes it.

    Returns:
        (snapshots, samples), each by budget, "steps" and "seconds". A snapshot holds step, seconds
        and loss (mean over the last tenth of the rounds); samples are [samples, *shape] from the
        averaged generator, the same latents everywhere.

    Raises:
        NonFiniteError: when the loss is NaN or infinite.
    """
    config = dataclasses.replace(comparison.config, seed=seed)
    generator = networks.generator(config.generator, config.latent_dim, sets.dataset.shape)
    problem = primal.make_problem(config, generator, sets.train, features)
    trainer = primal.make(problem, method)
    generate = jax.jit(in_full(generator.apply))
    z = jax.random.normal(jax.random.key(LATENTS), (comparison.samples, config.latent_dim))
    # What compiles does so here, on a state that is thrown away.
    jax.block_until_ready(generate(trainer.round(trainer.start())[0].average, z))

    snapshots: dict = {}
    samples: dict = {}
    losses: list[float] = []

    def take(budget, state, seconds):
        recent = losses[-max(1, len(losses) // 10) :]
        snapshots[budget] = {
            "step": int(state.step),
            "seconds": seconds,
            "loss": float(np.mean(recent)),
        }
        samples[budget] = np.asarray(generate(state.average, z))

    state, seconds = trainer.start(), 0.0
    while len(snapshots) < 2 and seconds < PATIENCE * comparison.seconds:
        started = time.process_time()
        state, loss = trainer.round(state)
        jax.block_until_ready(state)
        seconds += time.process_time() - started
        if not math.isfinite(loss):
            raise NonFiniteError(f"{method}, step {int(state.step)}: loss = {loss}")
        losses.append(loss)
        if "steps" not in snapshots and int(state.step) >= comparison.steps:
            take("steps", state, seconds)
        if "seconds" not in snapshots and seconds >= comparison.seconds:
            take("seconds", state, seconds)
    return snapshots, samples
