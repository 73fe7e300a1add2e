"""One round of the zero-sum game: `n_critic` critic steps, then one generator step.

A round is a pure function of the state, the hyper-parameters and the data. All its randomness is
derived from (state.key, state.step), so a run can be cut anywhere and continued with the same bits.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from gan import config as configs
from gan.config import Config, unknown
from gan.errors import UserError
from gan.networks import Network
from gan.objectives.losses import LOSSES
from gan.objectives.penalties import PENALTIES, squared_slopes
from gan.training.precision import lowered
from gan.training.state import Hyperparameters, State, optimizer


class CriticKeys(NamedTuple):
    """Keys of the critic steps of one round, each with a leading axis of n_critic."""

    batch: jax.Array
    latent: jax.Array
    penalty: jax.Array
    real_noise: jax.Array
    fake_noise: jax.Array


class GeneratorKeys(NamedTuple):
    """Keys of the generator step of one round."""

    latent: jax.Array
    fake_noise: jax.Array
    real_noise: jax.Array


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
    critic = len(CriticKeys._fields)
    streams = jax.random.split(key, critic + len(GeneratorKeys._fields))
    return RoundKeys(
        CriticKeys(*(jax.random.split(stream, n_critic) for stream in streams[:critic])),
        GeneratorKeys(*streams[critic:]),
    )


class Examples(NamedTuple):
    """What one critic step is trained on."""

    clean: jax.Array  # the real batch without instance noise, [b, *shape]
    real: jax.Array  # with it
    fake: jax.Array  # generated, with noise too
    points: tuple[jax.Array, ...]  # where the penalty takes slopes, each [b, *shape]
    given: tuple[jax.Array, ...]  # what both players are given beside their input


def flat(spec: configs.Network) -> bool:
    """Whether batches of this player are worth joining, its hidden layers being as small as vectors
    are: many small products cost more than their sum. Feature maps would only leave the caches."""
    return spec.name == "mlp"


def check_names(config: Config) -> None:
    """Raises UserError for an unknown loss or penalty."""
    for field, name, table in (
        ("loss", config.loss, LOSSES),
        ("penalty", config.penalty, PENALTIES),
    ):
        if name not in table:
            raise UserError(unknown(field, name, table))


def make_round(
    config: Config,
    generator: Network,
    critic: Network,
    batch,
    place=lambda x: x,
    labels=None,
    mean=lambda function: function,
):
    """The function round(state, hyper, data) -> (state, metrics) for a config.

    Args:
        config: its static choices (loss, penalty, n_critic, sizes, schedule) are closed over.
        generator, critic: pure networks.
        batch: batch(data, step, i, key) -> real examples [batch_size, *shape] of critic step i.
        place: applied to every array with a leading batch axis; the place to constrain sharding.
        labels: labels(data, step, i, key) -> int32 [batch_size], the classes of that batch, for
            conditional networks; None for the others. Generated examples are asked for the classes
            of a real batch of the same round: draws from the empirical class distribution, with one
            class at both ends of every interpolate.
        mean: applied to function(whole, batch), a player's gradient and metrics, which are means
            over the examples unless a player has batch normalisation; the place to let devices
            work apart.

    Returns:
        A pure function. `metrics` are float32 scalars, means over the critic steps of the round:
        critic_loss (penalty included), w1_estimate_batch (mean f(real) - mean f(fake)), penalty
        (before its weight; `penalty_every` times as much in the steps that have one, 0 in the
        others), generator_loss, and the norms over all parameters critic_gradient and
        generator_gradient.

    Raises:
        UserError: for an unknown loss or penalty.
    """
    check_names(config)
    loss, penalty = LOSSES[config.loss], PENALTIES[config.penalty]
    generator, critic = lowered(config, generator), lowered(config, critic)
    size, dim = config.batch_size, config.latent_dim

    def latents(key):
        return place(jax.random.normal(key, (size, dim)))

    def blurred(x, key, hyper: Hyperparameters):
        """Instance noise (Sonderby et al. 2017): the blurred laws agree where the laws do."""
        if not config.instance_noise:
            return x
        return x + hyper.instance_noise * place(jax.random.normal(key, x.shape))

    def prepared(state: State, hyper: Hyperparameters, data, i, keys: CriticKeys) -> Examples:
        """What critic step i is trained on; none of it depends on the critic."""
        clean = place(batch(data, state.step, i, keys.batch))
        given = () if labels is None else (place(labels(data, state.step, i, keys.batch)),)
        fake = generator.apply(state.generator, latents(keys.latent), *given)
        real = blurred(clean, keys.real_noise, hyper)
        fake = blurred(fake, keys.fake_noise, hyper)
        return Examples(clean, real, fake, penalty.points(real, fake, keys.penalty), given)

    def scored(params, examples: Examples):
        """Scores [b] of the real and of the generated examples."""
        real, fake, given = examples.real, examples.fake, examples.given
        if not flat(config.critic) or config.critic.normalization == "batch":
            return critic.apply(params, real, *given), critic.apply(params, fake, *given)
        # A pair side by side, so that every device keeps its part of the batch.
        both = jnp.stack([real, fake], axis=1).reshape(-1, *real.shape[1:])
        scores = critic.apply(params, both, *(jnp.repeat(x, 2, axis=0) for x in given))
        return scores[::2], scores[1::2]

    def penalized(params, hyper: Hyperparameters, examples: Examples, count):
        """The penalty. When lazy (Karras et al. 2020) in one critic step of `every`, times `every`;
        Adam's settings stay as they are."""

        def excess(params):
            critic_of = lambda x: critic.apply(params, x, *examples.given)  # noqa: E731
            squares = [squared_slopes(critic_of, x) for x in examples.points]
            return penalty.excess(squares, hyper.penalty_target)

        every = config.penalty_every
        if every == 1:
            return excess(params)
        return jax.lax.cond(
            count % every == 0,
            lambda params: every * excess(params),
            lambda params: jnp.zeros(()),
            params,
        )

    def bounded(params, hyper: Hyperparameters):
        """What holds for a critic after every step: its projection and the clip (Arjovsky et al.
        2017)."""
        if config.weight_clip:
            clip = hyper.weight_clip
            params = jax.tree.map(lambda p: jnp.clip(p, -clip, clip), params)
        return critic.project(params)

    def critic_step(state: State, hyper: Hyperparameters, decay, i, examples: Examples):
        def objective(params, hyper, count, examples):
            scores_real, scores_fake = scored(params, examples)
            excess = penalized(params, hyper, examples, count)
            value = loss.critic(scores_real, scores_fake) + hyper.penalty_weight * excess
            return value, {
                "critic_loss": value,
                "w1_estimate_batch": jnp.mean(scores_real) - jnp.mean(scores_fake),
                "penalty": excess,
            }

        slope = jax.grad(objective, has_aux=True)
        gradients, metrics = mean(lambda whole, examples: slope(*whole, examples))(
            (state.critic, hyper, state.step * config.n_critic + i), examples
        )
        params, moments = descend(
            state.critic,
            gradients,
            state.critic_optimizer,
            hyper,
            hyper.critic_learning_rate * decay,
        )
        metrics["critic_gradient"] = optax.tree.norm(gradients)
        state = state._replace(critic=bounded(params, hyper), critic_optimizer=moments)
        return state, metrics

    def generator_step(
        state: State, hyper: Hyperparameters, decay, keys: GeneratorKeys, last: Examples
    ):
        """`last`: the examples of the last critic step, for a loss that pairs (as Huang et al. 2024
        have it) and for what both players are given beside their input."""
        noise = blurred(jnp.zeros_like(last.clean), keys.fake_noise, hyper)
        scores_real = None
        if loss.pairs:
            real = blurred(last.clean, keys.real_noise, hyper)
            scores_real = critic.apply(state.critic, real, *last.given)

        def objective(params, other, z, noise, scores_real, given):
            fake = generator.apply(params, z, *given) + noise
            return loss.generator(scores_real, critic.apply(other, fake, *given))

        slope = jax.value_and_grad(objective)
        value, gradients = mean(lambda whole, batch: slope(*whole, *batch))(
            (state.generator, state.critic), (latents(keys.latent), noise, scores_real, last.given)
        )
        params, moments = descend(
            state.generator,
            gradients,
            state.generator_optimizer,
            hyper,
            hyper.generator_learning_rate * decay,
        )
        params = generator.project(params)
        step = state.step.astype(jnp.float32)
        ema = jnp.minimum(hyper.ema_decay, (1 + step) / (10 + step))
        average = jax.tree.map(lambda a, p: ema * a + (1 - ema) * p, state.average, params)
        metrics = {"generator_loss": value, "generator_gradient": optax.tree.norm(gradients)}
        state = state._replace(generator=params, average=average, generator_optimizer=moments)
        return state, metrics

    def round(state: State, hyper: Hyperparameters, data: Any) -> tuple[State, dict]:
        decay = 1.0
        if config.schedule == "linear":
            decay = 1 - state.step.astype(jnp.float32) / config.steps
        keys = round_keys(state.key, state.step, config.n_critic)
        steps = jnp.arange(config.n_critic)
        prepare = lambda step: prepared(state, hyper, data, *step)  # noqa: E731
        at_once = flat(config.generator)
        examples = (jax.vmap if at_once else _one_by_one)(prepare)((steps, keys.critic))

        def body(state, inputs):
            return critic_step(state, hyper, decay, *inputs)

        state, metrics = jax.lax.scan(body, state, (steps, examples))
        metrics = jax.tree.map(jnp.mean, metrics)
        last = jax.tree.map(lambda x: x[-1], examples)
        state, more = generator_step(state, hyper, decay, keys.generator, last)
        return state._replace(step=state.step + 1), metrics | more

    return round


def _one_by_one(function):
    """As jax.vmap in what it gives."""
    return lambda inputs: jax.lax.map(function, inputs)


def descend(params, gradients, moments, hyper, learning_rate):
    """One Adam step: (parameters, moments)."""
    direction, moments = optimizer(hyper.beta1, hyper.beta2).update(gradients, moments)
    return jax.tree.map(lambda p, d: p - learning_rate * d, params, direction), moments
