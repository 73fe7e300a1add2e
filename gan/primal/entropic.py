"""Sinkhorn divergence between minibatches (Genevay et al. 2018).

S(x, y) - S(x, x) / 2 - S(y, y) / 2, where S is entropic transport (Cuturi 2013): it costs no
search for a permutation, and the two inner terms take away what the entropy adds. The
gradient is again the envelope theorem's: that of the mean cost under the entropic plan, plan fixed.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from gan.precise import squared_distances
from gan.primal import problem as problems
from gan.primal.problem import Fit, Method, Problem

EPSILON = 0.05
"""Regularisation in units of the spread of the data."""

ITERATIONS = 40


def distances(x: jax.Array, y: jax.Array) -> jax.Array:
    """Euclidean distances [m, l] of x [m, k] and y [l, k]; derivative 0 where they vanish."""
    squares = squared_distances(x, y)
    # Points closer than float32 resolves in the expanded square count as equal.
    resolved = 1e-6 * (jnp.sum(x**2, 1)[:, None] + jnp.sum(y**2, 1)[None])
    return problems.safe_root(jnp.where(squares > resolved, squares, 0.0))


def entropic(costs: jax.Array, epsilon: float, iterations: int) -> tuple[jax.Array, jax.Array]:
    """Entropic transport between uniform sets from their costs [m, l]; pure.

    Alternating updates of the two potentials in logarithms, which float32 withstands.

    Returns:
        (value, plan): the objective min <P, C> + epsilon KL(P || uniform), a lower bound of it
        before convergence, and the plan [m, l] of total mass 1.
    """
    m, count = costs.shape

    def softmin(reduced, axis):
        return -epsilon * (
            jax.nn.logsumexp(-reduced / epsilon, axis=axis) - jnp.log(reduced.shape[axis])
        )

    def step(_, potentials):
        f, _ = potentials
        g = softmin(costs - f[:, None], 0)
        return softmin(costs - g[None], 1), g

    f, g = jax.lax.fori_loop(0, iterations, step, (jnp.zeros(m), jnp.zeros(count)))
    plan = jnp.exp((f[:, None] + g[None] - costs) / epsilon) / costs.size
    return jnp.mean(f) + jnp.mean(g), plan


def transport_cost(
    x: jax.Array, y: jax.Array, epsilon: float, iterations: int = ITERATIONS
) -> jax.Array:
    """Entropic transport of x to y, with the derivative of the plan held fixed."""
    costs = distances(x, y)
    value, plan = jax.lax.stop_gradient(entropic(jax.lax.stop_gradient(costs), epsilon, iterations))
    along = jnp.sum(plan * costs)
    return value + along - jax.lax.stop_gradient(along)


def sinkhorn(problem: Problem, size: int) -> Method:
    """Lower the Sinkhorn divergence of `size` generated points to the next `size` of the data."""
    epsilon = EPSILON * float(np.linalg.norm(problem.points.std(axis=0)))

    @functools.partial(jax.jit, donate_argnums=0)
    def step(fit, real):
        z = problems.latents(problem, fit, size)

        def loss(params):
            fake = problem.generator.apply(params, z)
            within = transport_cost(fake, fake, epsilon) + transport_cost(real, real, epsilon)
            return transport_cost(fake, real, epsilon) - within / 2

        return problems.lowered(problem, fit, loss)

    def play_round(fit: Fit):
        fit, loss = step(fit, problem.batch(int(fit.step), size))
        return fit, float(loss)

    return Method(lambda: problems.start(problem), play_round)
