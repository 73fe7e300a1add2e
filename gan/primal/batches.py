"""Exact transport between minibatches, biased and debiased.

The gradient is the envelope theorem's: the optimal permutation is locally constant, so the
derivative of W1 between two sets in the points of one is that of the mean distance of the matched
pairs, permutation fixed. The permutation is found on the host between two compiled calls.

W1 between samples of m is larger than between the laws, and least for a generator that is *not* the
data: one whose samples lie near the means of what they are matched with (Bellemare et al. 2017;
Fatras et al. 2020). Subtracting half the distance between two generated batches makes the
data the minimum, as in the energy distance (Salimans et al. 2018).
"""

import functools

import jax
import numpy as np

from gan.primal import problem as problems
from gan.primal.problem import Fit, Method, Problem


def minibatch(problem: Problem, size: int) -> Method:
    """Lower W1 between `size` generated points and the next `size` of the data."""

    @jax.jit
    def generate(fit):
        return problem.generator.apply(fit.generator, problems.latents(problem, fit, size))

    @functools.partial(jax.jit, donate_argnums=0)
    def step(fit, targets):
        z = problems.latents(problem, fit, size)
        return problems.lowered(
            problem, fit, lambda p: problems.mean_distance(problem.generator.apply(p, z), targets)
        )

    def play_round(fit: Fit):
        real = problem.batch(int(fit.step), size)
        fit, loss = step(fit, real[problems.matching(np.asarray(generate(fit)), real)])
        return fit, float(loss)

    return Method(lambda: problems.start(problem), play_round)


def energy(fake: jax.Array, targets: jax.Array, within: jax.Array) -> jax.Array:
    """Mean distance of fake [2 m, k] to its targets [2 m, k], less half that of its first half to
    its second in the order `within` [m]."""
    size = len(within)
    inside = problems.mean_distance(fake[:size], fake[size:][within])
    return problems.mean_distance(fake, targets) - inside / 2


def debiased(problem: Problem, size: int) -> Method:
    """Lower the mean of W1(G, A) and W1(G', A') less W1(G, G') / 2, all of `size` points.

    G and G' are independent generated batches, A and A' consecutive ones of the data. The part of
    the energy form that is left out, W1(A, A') / 2, does not depend on the generator.
    """

    @jax.jit
    def generate(fit):
        return problem.generator.apply(fit.generator, problems.latents(problem, fit, 2 * size))

    @functools.partial(jax.jit, donate_argnums=0)
    def step(fit, targets, within):
        z = problems.latents(problem, fit, 2 * size)

        return problems.lowered(
            problem, fit, lambda p: energy(problem.generator.apply(p, z), targets, within)
        )

    def play_round(fit: Fit):
        index, fake = 2 * int(fit.step), np.asarray(generate(fit))
        halves = [fake[:size], fake[size:]]
        targets = []
        for k, half in enumerate(halves):
            real = problem.batch(index + k, size)
            targets.append(real[problems.matching(half, real)])
        fit, loss = step(fit, np.concatenate(targets), problems.matching(*halves))
        return fit, float(loss)

    return Method(lambda: problems.start(problem), play_round)
