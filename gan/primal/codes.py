"""Permutation, regression, again: a generator trained by Monge's problem on the whole data set.

Codes z_i are drawn once, as many as there are data x_j. Each round finds the permutation s that
minimises the mean of |G(z_i) - x_s(i)|^2, starting from the potentials of the round before, then
fits G(z_i) to x_s(i) by full-batch steps of Adam. Both lower the same number, the squared
Wasserstein-2 distance of the generated to the real set.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan import transport
from gan.primal import problem as problems
from gan.primal.problem import Fit, Method, Problem

STEPS = 40
"""Steps of Adam between two permutations."""


class Matched(NamedTuple):
    """Generated points and the data they are matched with.

    Attributes:
        points: [n, k], what the codes are sent to.
        permutation: [n], which datum each is matched with.
        cost: mean squared distance of the matched pairs, the least possible.
        potentials: [n] of the data, with which the next problem starts.
    """

    points: np.ndarray
    permutation: np.ndarray
    cost: float
    potentials: np.ndarray


class FixedCodes:
    """The two halves of a round, for codes [n, latent_dim] and `steps` steps per permutation."""

    def __init__(self, problem: Problem, codes: np.ndarray | jax.Array, steps: int):
        self.problem = problem
        self.codes = jnp.asarray(codes)
        self._generate = jax.jit(problem.generator.apply)

        @functools.partial(jax.jit, donate_argnums=0)
        def fit(state, codes, targets):
            def loss(params):
                distances = jnp.sum((problem.generator.apply(params, codes) - targets) ** 2, -1)
                return jnp.mean(distances)

            def step(state, _):
                return problems.lowered(problem, state, loss)

            return jax.lax.scan(step, state, length=steps)[0]

        self._fit = fit

    def match(self, state: Fit) -> Matched:
        """The optimal permutation for the generator as it is; `state.memory` are potentials."""
        points = np.asarray(self._generate(state.generator, self.codes))
        solved = transport.assignment(points, self.problem.points, "sqeuclidean", warm=state.memory)
        assert solved.permutation is not None  # as many points as codes
        return Matched(points, solved.permutation, solved.value, solved.potentials[1])

    def fit(self, state: Fit, matched: Matched) -> Fit:
        """Regression onto the matched data; consumes the state."""
        targets = self.problem.points[matched.permutation]
        state = self._fit(state._replace(memory=None), self.codes, targets)
        return state._replace(memory=matched.potentials)


def fixed_codes(problem: Problem, size: int = STEPS) -> Method:
    """Codes from the seed; `size` steps of regression after each permutation."""
    first = problems.start(problem)
    key = jax.random.fold_in(jax.random.wrap_key_data(first.key), 2**31)
    shape = (len(problem.points), problem.config.latent_dim)
    halves = FixedCodes(problem, jax.random.normal(key, shape), size)

    def play_round(state: Fit):
        matched = halves.match(state)
        return halves.fit(state, matched), matched.cost

    return Method(lambda: problems.start(problem, memory=None), play_round)
