"""Semi-discrete transport: the generated law is continuous, the data are points with potentials.

Kantorovich's dual with the c-transform solved in closed form has one number psi_j per datum: the
mean over z of min_j [|G(z) - x_j| - psi_j], plus the mean of psi, is at most W1 between the
generated law and the data, and equal for the best psi (Genevay et al. 2016). Each round raises it
by Adam on psi with the generator frozen, then fits the generator to the data that its points are
sent to by that psi (Chen et al. 2019: transport steps and fitting steps).
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gan.precise import squared_distances
from gan.primal import problem as problems
from gan.primal.problem import Fit, Method, Problem

BATCH = 256
"""Points per transport step."""

TRANSPORT_STEPS = 50
FITTING_STEPS = 10
"""Of a round; potentials are kept from round to round."""

RATE = 0.02
"""Adam's learning rate of psi, in units of the spread of the data."""


def sent(x: jax.Array, points: jax.Array, psi: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Where psi [n] sends x [b, k]: the minimiser j of |x - points_j| - psi_j, and the minimum."""
    reduced = jnp.sqrt(jnp.maximum(squared_distances(x, points), 0)) - psi[None]
    return jnp.argmin(reduced, axis=1), jnp.min(reduced, axis=1)


def ascend(sample, points: jax.Array, psi: jax.Array, moments, key, *, steps: int, rate: float):
    """`steps` steps of Adam on psi; pure.

    Args:
        sample: key -> points [b, k] of the continuous law.
        points: the data [n, k].
        psi, moments: potentials [n] and the state of Adam, from `potentials` at first.
        key: of all samples.
        rate: the learning rate, in the unit of the distance.

    Returns:
        (psi, moments, value): the mean over the steps of the dual's estimate on their samples.
    """
    n = len(points)
    adam = optax.adam(rate, 0.5, 0.99)

    def step(carry, key):
        psi, moments = carry
        target, least = sent(sample(key), points, psi)
        share = jnp.zeros(n).at[target].add(1 / len(target))
        updates, moments = adam.update(share - 1 / n, moments)
        return (psi + updates, moments), jnp.mean(least) + jnp.mean(psi)

    (psi, moments), values = jax.lax.scan(step, (psi, moments), jax.random.split(key, steps))
    return psi, moments, jnp.mean(values)


def potentials(n: int):
    """Potentials 0 [n] and the state of Adam before its first step."""
    return jnp.zeros(n), optax.adam(1.0, 0.5, 0.99).init(jnp.zeros(n))


def semi_discrete(problem: Problem, size: int = 64) -> Method:
    """TRANSPORT_STEPS on psi, then FITTING_STEPS of `size` points on the generator."""
    spread = float(np.linalg.norm(problem.points.std(axis=0)))
    apply, dim = problem.generator.apply, problem.config.latent_dim

    @functools.partial(jax.jit, donate_argnums=0)
    def compiled(fit: Fit, points):
        frozen = fit.generator
        psi, moments = fit.memory
        psi, moments, value = ascend(
            lambda key: apply(frozen, jax.random.normal(key, (BATCH, dim))),
            points,
            psi,
            moments,
            problems.keys(fit).transport,
            steps=TRANSPORT_STEPS,
            rate=RATE * spread,
        )

        def step(fit, _):
            z = problems.latents(problem, fit, size)
            target, _ = sent(apply(frozen, z), points, psi)
            return problems.lowered(
                problem, fit, lambda p: problems.mean_distance(apply(p, z), points[target])
            )

        fit, _ = jax.lax.scan(step, fit, length=FITTING_STEPS)
        return fit._replace(memory=(psi, moments)), value

    def play_round(fit: Fit):
        fit, value = compiled(fit, problem.points)
        return fit, float(value)

    return Method(lambda: problems.start(problem, potentials(len(problem.points))), play_round)
