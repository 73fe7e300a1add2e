"""What holds for every registered optimiser, and its own case."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan import config, rules
from gan.errors import UserError
from gan.registries import OPTIMIZERS
from gan.training.optimizers import Optimizer, OptimizerCase
from gan.training.state import Hyperparameters
from tests.entries import names

HYPER = Hyperparameters.of(config.Config(beta1=0.5, beta2=0.75, weight_decay=0.1))


@pytest.fixture(params=names(OPTIMIZERS, "tests.plugin.objectives:signs"))
def optimizer(request):
    return OPTIMIZERS.get(request.param)


def two_steps(optimizer, hyper):
    """How a parameter that is 3 would move in each step, at learning rate 1/2."""
    params = {"w": jnp.full(1, 3.0)}
    moments, found = optimizer.start(params), []
    for gradient in (2.0, -0.25):
        moved, moments = optimizer.step(
            params, {"w": jnp.full(1, gradient)}, moments, hyper, jnp.float32(0.5)
        )
        found.append((moved["w"] - params["w"])[0])
    return jnp.stack(found)


def test_an_optimiser_without_a_case_is_none():
    with pytest.raises(TypeError, match="case"):
        Optimizer(help="no case", direction=lambda *_: None)


def test_the_first_two_steps_are_those_of_the_case(optimizer):
    assert isinstance(optimizer.case, OptimizerCase)
    expected = -0.5 * np.array(optimizer.case)
    np.testing.assert_allclose(two_steps(optimizer, HYPER), expected, rtol=1e-5)


def test_hyperparameters_are_traced_and_members_of_a_population_differ(optimizer):
    other = HYPER._replace(beta1=jnp.float32(0.25), beta2=jnp.float32(0.5))
    members = jax.tree.map(lambda *x: jnp.stack(x), HYPER, other)
    together = jax.jit(jax.vmap(lambda hyper: two_steps(optimizer, hyper)))(members)
    apart = [two_steps(optimizer, hyper) for hyper in (HYPER, other)]
    np.testing.assert_allclose(together, apart, rtol=1e-5)


def test_the_moments_are_arrays_and_keep_their_structure(optimizer):
    params = {"w": jnp.ones((2, 3)), "b": jnp.zeros(3)}
    moments = optimizer.start(params)
    _, after = optimizer.step(params, params, moments, HYPER, 0.1)
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(moments))
    assert jax.tree.map(lambda x: (x.shape, x.dtype), moments) == jax.tree.map(
        lambda x: (x.shape, x.dtype), after
    )


def test_every_optimiser_reads_the_weight_decay_or_refuses_it(optimizer):
    moved = [two_steps(optimizer, HYPER._replace(weight_decay=x)) for x in (0.0, 0.1)]
    reads = not np.array_equal(*moved)
    decaying = config.Config(weight_decay=0.1)
    assert reads != any(rule.broken(decaying) for rule in optimizer.rules)


def test_weight_decay_is_refused_where_nothing_would_read_it():
    with pytest.raises(UserError, match="adamw or lion only"):
        rules.check(config.Config(weight_decay=0.1))
    rules.check(config.Config(weight_decay=0.1, optimizer="adamw"))
