"""A batch in parts, and layers that are computed again: what is kept, for every architecture."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan import config
from gan.registries import ARCHITECTURES
from gan.training.savings import in_turn, recomputed
from tests.networks.test_architectures import CLASSES, ENTRIES, LATENT, PLAYERS, SHAPE, built

FLAT = ("cones", "tests.plugin.networks:quadratic")
"""Critics without hidden layers: of them there is nothing to keep."""

PLAYERS_OF = [
    (name, player)
    for name in ENTRIES
    for player in PLAYERS
    if getattr(ARCHITECTURES.get(name), player) is not None
]


def test_parts_of_a_batch_are_looked_at_one_by_one():
    seen = []

    def function(whole, batch):
        seen.append(batch["x"].shape)
        return whole * batch["x"].mean(), jnp.max(batch["x"])

    batch = {"x": jnp.arange(12.0), "none": None}
    value, largest = in_turn(3)(function)(2.0, batch)
    assert set(seen) == {(4,)}
    assert value == pytest.approx(11.0) and largest == pytest.approx((9 + 10 + 11) / 3)


def kept(network, given):
    """(bytes that a derivative keeps beside what it is given, its value and gradient)."""
    params = network.init(jax.random.key(0))
    value, derivative = jax.vjp(network.apply, params, *given)
    own = sum(leaf.nbytes for leaf in jax.tree.leaves((params, given)))
    found = sum(leaf.nbytes for leaf in jax.tree.leaves(derivative)) - own
    return found, (value, derivative(jnp.ones_like(value))[0])


@pytest.mark.parametrize(("name", "player"), PLAYERS_OF)
def test_recomputed_layers_keep_less_and_give_the_same(name, player):
    """But they keep something: what keeps nothing is computed again as a whole, and saves nothing
    while that is derived."""
    classes = CLASSES if player.startswith("conditional") else 0
    role = player.removeprefix("conditional_")
    deep = {} if name in FLAT else {"depth": 3}
    network = built(name, role, classes=classes, **deep)
    x = jnp.ones((64, LATENT) if role == "generator" else (64, *SHAPE))
    given = (x, jnp.arange(64) % CLASSES) if classes else (x,)
    whole, expected = kept(network, given)
    part, found = kept(recomputed(config.Config(remat=True), network), given)
    assert recomputed(config.Config(), network) is network
    assert part < 0.9 * whole and (part > 0) == (name not in FLAT)
    for a, b in zip(jax.tree.leaves(expected), jax.tree.leaves(found), strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-4, atol=1e-6)
