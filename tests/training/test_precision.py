"""Mixed precision: what is rounded, what is not, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan import config, networks, training
from gan.errors import UserError
from gan.training.adversarial import make_round
from gan.training.precision import at_precision
from gan.training.state import Hyperparameters, initial_state
from tests.training.test_battery import batch, players, settings
from tests.training.test_game import play

LOWERED = sorted(set(networks.names("generator")) & set(networks.names("critic")))


def products(jaxpr):
    """Types of the results of every matrix product and convolution of a traced function."""
    found = set()
    for equation in jaxpr.eqns:
        if equation.primitive.name in ("dot_general", "conv_general_dilated"):
            found |= {variable.aval.dtype.name for variable in equation.outvars}
        for part in jax.tree.leaves(
            list(equation.params.values()), is_leaf=lambda p: hasattr(p, "eqns")
        ):
            inner = getattr(part, "jaxpr", part)
            if hasattr(inner, "eqns"):
                found |= products(inner)
    return found


@pytest.mark.parametrize("name", LOWERED)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_products_are_in_the_chosen_precision_and_the_state_is_not(name, precision):
    choice = settings(name, precision=precision)
    state = jax.eval_shape(lambda: initial_state(*players(choice), np.uint32(0)))
    play_round = make_round(choice, *players(choice), batch)
    traced = jax.make_jaxpr(play_round, return_shape=True)
    jaxpr, (after, metrics) = traced(state, Hyperparameters.of(choice), None)
    assert products(jaxpr.jaxpr) == {precision}
    assert jax.tree.map(lambda x: x.dtype, after) == jax.tree.map(lambda x: x.dtype, state)
    assert {metric.dtype for metric in metrics.values()} == {jnp.dtype("float32")}


@pytest.mark.parametrize("name", ["mlp", "dcgan"])
def test_scores_and_slopes_are_those_of_float32_to_two_digits(name):
    choice = settings(name, precision="bfloat16")
    _, critic = players(choice)
    params = jax.jit(critic.init)(jax.random.key(0))
    x = batch(None, None, None, jax.random.key(1))
    low = at_precision(choice, critic)
    assert at_precision(config.replace(choice, {"precision": "float32"}), critic) is critic

    def slopes(player):
        gradient = jax.grad(lambda x: player.apply(params, x).sum())(x)
        return jnp.sqrt(jnp.sum(gradient.reshape(len(x), -1) ** 2, 1))

    for measure in (slopes, lambda player: player.apply(params, x)):
        exact, rounded = map(np.asarray, jax.jit(lambda m=measure: (m(critic), m(low)))())
        assert rounded.dtype == np.float32 and np.any(rounded != exact)
        np.testing.assert_allclose(rounded, exact, rtol=0.03, atol=0.03 * np.abs(exact).max())


def test_a_run_stays_near_that_of_float32(digits, tiny):
    changes = {"precision": "bfloat16"}
    low, full = (
        play(training.make_game(cfg, digits, devices=1), 50).metrics
        for cfg in (config.replace(tiny, changes), tiny)
    )
    assert low["critic_loss"] != full["critic_loss"]
    for name in ("w1_estimate_batch", "critic_gradient"):
        assert low[name] == pytest.approx(full[name], rel=0.2), name


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"critic.weights": "spectral"}, "weights free only"),
        ({"generator.weights": "spectral"}, "weights free only"),
    ],
)
def test_bounds_that_rounding_would_break_are_refused(changes, reason):
    with pytest.raises(UserError, match=reason):
        config.replace(config.Config(), changes | {"precision": "bfloat16"})
    config.replace(config.Config(), changes)
