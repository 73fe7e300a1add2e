"""Ways to train a critic for W1, by name.

A critic f maximises E_P f - E_Q f; methods differ in how they keep its slope at most 1. The network
is that of Korotin et al. 2022: [d, h, h, 1] with h = max(2 d, 128) and ReLU, started as PyTorch
starts its linear layers, since that is what the published numbers come from.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gan import config, networks
from gan.errors import UserError
from gan.objectives.losses import wasserstein_critic
from gan.objectives.penalties import PENALTIES
from gan.training.state import optimizer


class Learner(NamedTuple):
    """A method on laws in d dimensions, as pure functions that can be vmapped over seeds.

    Attributes:
        init: init(key) -> state, a tree of arrays.
        update: update(state, p, q, key, learning_rate) -> state, from fresh samples [b, d] of P
            and Q.
        critic: critic(state) -> f, which maps [b, d] to [b].
    """

    init: Callable[[jax.Array], Any]
    update: Callable[..., Any]
    critic: Callable[[Any], Callable[[jax.Array], jax.Array]]


@dataclasses.dataclass(frozen=True)
class Method:
    """A row of the table.

    Attributes:
        meaning: one line for the README and --help.
        learner: learner(dim) -> Learner.
        published_steps: in the published protocol; ours where that has no such method.
        published_learning_rate: likewise.
        published_name: in the published table, or None.
    """

    meaning: str
    learner: Callable[[int], Learner]
    published_steps: int = 60_000
    published_learning_rate: float = 2e-4
    published_name: str | None = None


def width(dim: int) -> int:
    """Hidden units of the published networks."""
    return max(2 * dim, 128)


def constrained(
    *,
    penalty: str = "none",
    weight: float = 0.0,
    beta1: float = 0.0,
    beta2: float = 0.9,
) -> Callable[[int], Learner]:
    """One critic under a penalty: Adam on E_Q f - E_P f + weight * penalty."""

    def build(dim: int) -> Learner:
        network = networks.critic(config.Network(width=width(dim), depth=2), (dim,))
        adam = optimizer(beta1, beta2)
        excess = PENALTIES[penalty]

        def init(key):
            params = uniform_initial(network.init(key), jax.random.fold_in(key, 1))
            return params, adam.init(params)

        def update(state, p, q, key, learning_rate):
            params, moments = state

            def objective(params):
                scores = network.apply(params, jnp.concatenate([p, q]))
                loss = wasserstein_critic(scores[: len(p)], scores[len(p) :])
                if penalty == "none":
                    return loss
                critic = lambda x: network.apply(params, x)  # noqa: E731
                return loss + weight * excess(critic, p, q, key)

            direction, moments = adam.update(jax.grad(objective)(params), moments)
            params = jax.tree.map(lambda w, d: w - learning_rate * d, params, direction)
            return params, moments

        def critic(state):
            return lambda x: network.apply(state[0], x)

        return Learner(init, update, critic)

    return build


def uniform_initial(params, key):
    """Every kernel and bias redrawn uniform within 1 / sqrt(inputs), PyTorch's linear layers."""

    def redrawn(layer, key):
        bound = 1 / math.sqrt(layer["kernel"].shape[0])
        kernel_key, bias_key = jax.random.split(key)
        return {
            "kernel": jax.random.uniform(kernel_key, layer["kernel"].shape, minval=-bound, maxval=bound),
            "bias": jax.random.uniform(bias_key, layer["bias"].shape, minval=-bound, maxval=bound),
        }

    keys = jax.random.split(key, len(params))
    return {name: redrawn(params[name], k) for name, k in zip(sorted(params), keys, strict=True)}


METHODS = {
    "gp": Method(
        "two-sided gradient penalty, weight 10 (Gulrajani et al. 2017)",
        constrained(penalty="two_sided", weight=10.0),
        published_name="wgan-gp",
    ),
    "lp": Method(
        "one-sided gradient penalty, weight 10 (Petzka et al. 2018)",
        constrained(penalty="one_sided", weight=10.0),
        published_name="wgan-lp",
    ),
}
"""By the name that --methods takes."""


def find(name: str) -> Method:
    """The method `name`; raises UserError with the known names otherwise."""
    if name not in METHODS:
        raise UserError(config.unknown("method", name, METHODS))
    return METHODS[name]
