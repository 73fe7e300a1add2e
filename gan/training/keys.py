"""The random keys of a round, one per purpose and step.

All randomness of a round is derived from (state.key, state.step) here.
"""

from typing import NamedTuple

import jax


class CriticKeys(NamedTuple):
    """Keys of the critic steps of one round, each with a leading axis of n_critic."""

    batch: jax.Array
    latent: jax.Array
    penalty: jax.Array
    real_noise: jax.Array
    fake_noise: jax.Array
    penalty2: jax.Array
    real_change: jax.Array
    fake_change: jax.Array


class GeneratorKeys(NamedTuple):
    """Keys of the generator step of one round."""

    latent: jax.Array
    fake_noise: jax.Array
    real_noise: jax.Array
    fake_change: jax.Array
    real_change: jax.Array


class RoundKeys(NamedTuple):
    """Everything that is random in one round, one key per purpose and step."""

    critic: CriticKeys
    generator: GeneratorKeys


def round_keys(key_data: jax.Array, step: jax.Array, n_critic: int) -> RoundKeys:
    """The keys of round `step`; a streamed data set draws its rows from `.critic.batch` on the
    host.

    One split gives every purpose a stream of its own. `fold_in(k, i)` is `split(k, n)[i]`, so a
    key that is split may be used for nothing else.
    """
    key = jax.random.fold_in(jax.random.wrap_key_data(key_data), step)
    streams = jax.random.split(key, len(CriticKeys._fields) + len(GeneratorKeys._fields))
    *of_critic, latent, fake_noise, real_noise, penalty2 = streams[:9]
    real_change, fake_change, *of_generator = streams[9:]
    of_critic += [penalty2, real_change, fake_change]
    return RoundKeys(
        CriticKeys(*(jax.random.split(stream, n_critic) for stream in of_critic)),
        GeneratorKeys(latent, fake_noise, real_noise, *of_generator),
    )
