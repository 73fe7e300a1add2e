"""What saves memory and gives the same up to rounding: a batch in parts, layers computed again.

States in parts, the third way, are a matter of the mesh (gan.training.mesh).
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from gan.config import Config
from gan.networks import Network
from gan.networks.hidden import KEPT


def in_turn(parts: int) -> Callable:
    """Wrapper of functions whose value, a tree, is a mean over the examples of a batch.

    It makes function(whole, batch) -> tree one that looks at equal parts of `batch`, a tree of
    arrays with a leading batch axis, one after the other, and gives the mean of their values
    (gradient accumulation). A part is every parts-th example, so that devices keep theirs.
    """

    def wrapped(function):
        def mean(whole, batch):
            def part(x):
                return x.reshape(-1, parts, *x.shape[1:]).swapaxes(0, 1)

            def add(total, batch):
                return jax.tree.map(jnp.add, total, function(whole, batch)), None

            split = jax.tree.map(part, batch)
            one = jax.eval_shape(function, whole, jax.tree.map(lambda x: x[0], split))
            zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), one)
            total, _ = jax.lax.scan(add, zeros, split)
            return jax.tree.map(lambda x: x / parts, total)

        return mean

    return wrapped if parts > 1 else lambda function: function


def recomputed(config: Config, player: Network) -> Network:
    """The player whose derivatives keep of its layers only what these name as `KEPT`, if the config
    asks for that, and compute the rest again (Chen et al. 2016)."""
    if not config.remat:
        return player
    policy = jax.checkpoint_policies.save_only_these_names(KEPT)
    return player._replace(apply=jax.checkpoint(player.apply, policy=policy))
