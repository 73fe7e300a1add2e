"""The algorithm in one file gives the numbers of the library."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import wgan_gp
from gan import config, data, presets, training


@pytest.fixture
def float64():
    """Adam without momentum follows the sign of a gradient, so rounding in float32 grows: after 50
    rounds two orders of summation differ by 5 %."""
    with jax.enable_x64(True):
        yield lambda tree: jax.tree.map(
            lambda x: x.astype(jnp.float64) if x.dtype == jnp.float32 else x, tree
        )


def layers(params):
    """(kernel, bias) of every layer, as the one file has them."""
    names = sorted(params, key=lambda name: int(name.split("_")[1]))
    return [(jnp.copy(params[name]["kernel"]), jnp.copy(params[name]["bias"])) for name in names]


def test_fifty_rounds_in_one_file_are_those_of_the_library(float64):
    chosen = config.replace(presets.get("digits"), {"instance_noise": 0.0, "steps": 50})
    dataset = data.load(chosen.data)
    game = training.make_game(chosen, dataset, devices=1)
    theirs, arrays = float64(game.state), game.feed.load(0)[0]
    images = float64(dataset.finish(arrays["images"], jax.random.key(0)))
    run_key = jax.random.wrap_key_data(theirs.key)
    ours = wgan_gp.start(layers(theirs.generator), layers(theirs.critic))
    hyper = training.Hyperparameters(
        *(jnp.float64(getattr(chosen, name)) for name in training.Hyperparameters._fields)
    )

    def batch(*arguments):
        return float64(game.feed.batch(*arguments))

    play = jax.jit(training.adversarial.make_round(chosen, game.generator, game.critic, batch))
    estimates, logged = [], []
    for _ in range(50):
        ours, estimate = wgan_gp.play(ours, run_key, images)
        theirs, metrics = play(theirs, hyper, arrays)
        estimates.append(float(estimate))
        logged.append(float(metrics["w1_estimate_batch"]))
    np.testing.assert_allclose(estimates, logged, rtol=1e-4)
    assert max(estimates) > 1 and len(set(estimates)) == 50
    for name in ("generator", "average", "critic"):
        both = getattr(ours, name), layers(getattr(theirs, name))
        for a, b in zip(*map(jax.tree.leaves, both), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5)
