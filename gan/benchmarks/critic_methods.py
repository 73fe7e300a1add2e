"""Ways to train a critic for W1, by name.

A critic f maximises E_P f - E_Q f; methods differ in how they keep its slope at most 1. The network
is that of Korotin et al. 2022: [d, h, h, 1] with h = max(2 d, 128) and ReLU, started as PyTorch
starts its linear layers, since that is what the published numbers come from.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gan import config, networks
from gan.errors import UserError
from gan.objectives import losses
from gan.registries import OPTIMIZERS, PENALTIES


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
class CriticMethod:
    """A row of the table.

    Attributes:
        meaning: one line for the README and --help.
        learner: learner(dim) -> Learner.
        published_steps: in the published protocol; ours where that has no such method.
        rate: multiplies the protocol's learning rate.
        published_name: in the published table, or None.
    """

    meaning: str
    learner: Callable[[int], Learner]
    published_steps: int = 60_000
    rate: float = 1.0
    published_name: str | None = None


def width(dim: int) -> int:
    """Hidden units of the published networks."""
    return max(2 * dim, 128)


def constrained(
    *,
    network: dict[str, Any] | None = None,
    penalty: str = "none",
    weight: float = 0.0,
    clip: float | None = None,
    beta1: float = 0.0,
    beta2: float = 0.9,
) -> Callable[[int], Learner]:
    """One critic, kept in bounds by a penalty, by its weights or by its architecture.

    Adam on E_Q f - E_P f + weight * penalty.

    Args:
        network: fields of gan.config.Network that differ from the published one.
        penalty: name of a penalty, with P as the real law.
        weight: of the penalty.
        clip: largest absolute value of a parameter, enforced after every step.
        beta1, beta2: Adam's.
    """

    def build(dim: int) -> Learner:
        spec = dataclasses.replace(config.Network(width=width(dim), depth=2), **(network or {}))
        player = networks.critic(spec, (dim,))
        adam = OPTIMIZERS.get("adam").direction(beta1, beta2, 0.0)
        excess = PENALTIES.get(penalty)

        def init(key):
            flax_key, uniform_key = jax.random.split(key)
            params = player.init(flax_key)
            if spec == config.Network(width=width(dim), depth=2):
                params = uniform_initial(params, uniform_key)
            return params, adam.init(params)

        def update(state, p, q, key, learning_rate):
            params, moments = state

            def objective(params):
                scores = player.apply(params, jnp.concatenate([p, q]))
                loss = losses.wasserstein_critic(scores[: len(p)], scores[len(p) :])
                if penalty == "none":
                    return loss
                return loss + weight * excess(lambda x: player.apply(params, x), p, q, key)

            direction, moments = adam.update(jax.grad(objective)(params), moments)
            params = jax.tree.map(lambda w, d: w - learning_rate * d, params, direction)
            if clip is not None:
                params = jax.tree.map(lambda w: jnp.clip(w, -clip, clip), params)
            return player.project(params), moments

        def critic(state):
            return lambda x: player.apply(state[0], x)

        return Learner(init, update, critic)

    return build


def max_min(
    mover_steps: int = 3, beta1: float = 0.0, beta2: float = 0.9
) -> Callable[[int], Learner]:
    """A free critic f against a mover H that computes its c-transform (Dam et al. 2019).

    W1 is the maximum over all f of E_P f + E_Q f^c with f^c(y) = min_x |x - y| - f(x); H(y) is
    trained to be that x. Both are published networks, H being y plus its output. Each step of f
    follows `mover_steps` of H on the same points.
    """

    def build(dim: int) -> Learner:
        spec = config.Network(width=width(dim), depth=2)
        player = networks.critic(spec, (dim,))
        mover = networks.generator(spec, dim, (dim,))
        adam = OPTIMIZERS.get("adam").direction(beta1, beta2, 0.0)

        def init(key):
            keys = jax.random.split(key, 4)
            params = uniform_initial(player.init(keys[0]), keys[1])
            mover_params = uniform_initial(mover.init(keys[2]), keys[3])
            return params, adam.init(params), mover_params, adam.init(mover_params)

        def descend(objective, params, moments, learning_rate):
            direction, moments = adam.update(jax.grad(objective)(params), moments)
            return jax.tree.map(lambda w, d: w - learning_rate * d, params, direction), moments

        def update(state, p, q, key, learning_rate):
            del key
            params, moments, mover_params, mover_moments = state

            def transform(mover_params):
                step = mover.apply(mover_params, q)
                length = jnp.sqrt((step**2).sum(1) + 1e-12)
                return jnp.mean(length - player.apply(params, q + step))

            for _ in range(mover_steps):
                mover_params, mover_moments = descend(
                    transform, mover_params, mover_moments, learning_rate
                )
            moved = q + mover.apply(mover_params, q)

            def loss(params):
                scores = player.apply(params, jnp.concatenate([p, moved]))
                return losses.wasserstein_critic(scores[: len(p)], scores[len(p) :])

            params, moments = descend(loss, params, moments, learning_rate)
            return params, moments, mover_params, mover_moments

        def critic(state):
            return lambda x: player.apply(state[0], x)

        return Learner(init, update, critic)

    return build


def uniform_initial(params, key):
    """Every kernel and bias redrawn uniform within 1 / sqrt(inputs), PyTorch's linear layers."""

    def redrawn(layer, key):
        bound = 1 / math.sqrt(layer["kernel"].shape[0])
        kernel_key, bias_key = jax.random.split(key)
        return {
            "kernel": jax.random.uniform(
                kernel_key, layer["kernel"].shape, minval=-bound, maxval=bound
            ),
            "bias": jax.random.uniform(bias_key, layer["bias"].shape, minval=-bound, maxval=bound),
        }

    keys = jax.random.split(key, len(params))
    return {name: redrawn(params[name], k) for name, k in zip(sorted(params), keys, strict=True)}


METHODS = {
    "clipping": CriticMethod(
        "every parameter within 0.04 (Arjovsky et al. 2017)",
        constrained(clip=0.04),
        published_steps=5000,
        published_name="wgan",
    ),
    "spectral": CriticMethod(
        "spectral normalisation of every layer (Miyato et al. 2018)",
        constrained(network={"weights": "spectral"}),
        published_steps=10_000,
        published_name="sn-gan",
    ),
    "gp": CriticMethod(
        "two-sided gradient penalty, weight 10 (Gulrajani et al. 2017)",
        constrained(penalty="two_sided", weight=10.0),
        published_name="wgan-gp",
    ),
    "lp": CriticMethod(
        "one-sided gradient penalty, weight 10 (Petzka et al. 2018)",
        constrained(penalty="one_sided", weight=10.0),
        published_name="wgan-lp",
    ),
    "r1": CriticMethod(
        "half the squared slope on P, weight 1 (Mescheder et al. 2018)",
        constrained(penalty="r1", weight=1.0),
    ),
    "groupsort": CriticMethod(
        "orthonormal layers and sorted pairs, slope at most 1 (Anil et al. 2019)",
        constrained(network={"name": "groupsort"}, beta1=0.9, beta2=0.999),
        published_steps=25_000,
        published_name="sort-out",
    ),
    "maxmin": CriticMethod(
        "max-min with a mover for the c-transform (Dam et al. 2019)",
        max_min(),
        published_steps=20_000,
        published_name="3p-wgan",
    ),
    "cones": CriticMethod(
        "upper envelope of 512 cones, slope at most 1; the truth is of this form",
        constrained(network={"name": "cones", "width": 512}, beta1=0.9, beta2=0.99),
        published_steps=10_000,
        rate=10.0,
    ),
}
"""By the name that --methods takes."""


def find(name: str) -> CriticMethod:
    """The method `name`; raises UserError with the known names otherwise."""
    if name not in METHODS:
        raise UserError(config.unknown("method", name, METHODS))
    return METHODS[name]
