"""Mixed precision: the players compute in bfloat16; all that training keeps stays float32.

Inside a round a player sees its parameters and inputs rounded to bfloat16 (8 significant bits, the
range of float32, so no loss scaling) and its outputs are given back in float32. Parameters, their
gradients, Adam's moments, the moving average, losses and penalties are float32 (Micikevicius et al.
2018). Evaluation, samples and the referee use the same parameters in float32. A score carries
an error of |score| / 256, and so does an estimate of W1 from one example.
"""

import jax
import jax.numpy as jnp

from gan.config import Config
from gan.networks import Network


def at_precision(config: Config, player: Network) -> Network:
    """The player as a round of this config computes it."""
    if config.precision == "float32":
        return player

    def apply(params, x, *condition):
        low = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), (params, x))
        return player.apply(*low, *condition).astype(jnp.float32)

    return player._replace(apply=apply)
