"""One round of the zero-sum game: `n_critic` critic steps, then one generator step.

A round is a pure function of the state, the hyper-parameters and the data. All its randomness is
derived from (state.key, state.step), so a run can be cut anywhere and continued with the same bits.
Read from `play_round` at the end upwards: it prepares examples, takes the critic steps and then the
generator step, each of them a function here.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from gan import config as configs
from gan import rules
from gan.config import Config
from gan.networks import Network, platforms
from gan.objectives.augmentations import Augmentation
from gan.objectives.losses import Loss
from gan.objectives.penalties import Penalty
from gan.registries import AUGMENTATIONS, LOSSES, OPTIMIZERS, PENALTIES
from gan.training.keys import GeneratorKeys, round_keys
from gan.training.optimizers import Optimizer
from gan.training.precision import at_precision
from gan.training.savings import in_turn, recomputed
from gan.training.state import Hyperparameters, State, adaptive


class Layout(NamedTuple):
    """How batches lie on devices.

    Attributes:
        place: applied to every array with a leading batch axis; the place to constrain sharding.
        gather: applied to a player's parameters before a step reads them; the place to collect them
            where each device keeps a part.
        critic_mean, generator_mean: applied to function(whole, batch), the gradient and metrics of
            a player's step, which are means over the examples unless a player that takes part has
            batch normalisation; the place to let devices work apart.
    """

    place: Callable = lambda x: x
    gather: Callable = lambda params: params
    critic_mean: Callable = lambda function: function
    generator_mean: Callable = lambda function: function


ONE_DEVICE = Layout()


class Setup(NamedTuple):
    """What is the same in every round of a run; see `make_round`."""

    config: Config
    generator: Network
    critic: Network
    loss: Loss
    penalties: tuple[Penalty, ...]  # one, or two
    augmentations: tuple[Augmentation, ...]
    optimizer: Optimizer
    batch: Callable
    labels: Callable | None
    layout: Layout


class Examples(NamedTuple):
    """What one critic step is trained on."""

    clean: jax.Array  # the real batch as it is, [b, *shape]
    real: jax.Array  # with instance noise, and augmented
    fake: jax.Array  # generated, likewise
    points: tuple[Any, ...]  # what each penalty has drawn
    given: tuple[jax.Array, ...]  # what both players are given beside their input


def make_round(
    config: Config,
    generator: Network,
    critic: Network,
    batch: Callable,
    labels: Callable | None = None,
    layout: Layout = ONE_DEVICE,
) -> Callable:
    """The function play_round(state, hyper, data) -> (state, metrics) of a config.

    Args:
        config: its static choices (names, n_critic, sizes, schedule) are closed over.
        generator, critic: pure networks.
        batch: batch(data, step, i, key) -> real examples [batch_size, *shape] of critic step i.
        labels: labels(data, step, i, key) -> int32 [batch_size], the classes of that batch, for
            conditional networks; None for the others. Generated examples are asked for the classes
            of a real batch of the same round: draws from the empirical class distribution, with one
            class at both ends of every interpolate.
        layout: of the batches.

    Returns:
        A pure function. `metrics` are float32 scalars, means over the critic steps of the round:
        critic_loss (penalties included), w1_estimate_batch (mean f(real) - mean f(fake)), penalty
        and, where there is a second one, penalty2 (before their weights; `penalty_every` times as
        much in the steps that have one, 0 in the others), generator_loss, and the norms over all
        parameters critic_gradient and generator_gradient. Where the probability of augmentations
        adapts, also separation (see `separation`) and augmentation_probability, that of the next
        round.

    Raises:
        UserError: as gan.rules.check.
    """
    rules.check(config)
    names = [config.penalty] + [config.penalty2] * (config.penalty2 != "none")
    setup = Setup(
        config,
        recomputed(config, at_precision(config, generator)),
        recomputed(config, at_precision(config, critic)),
        LOSSES.get(config.loss),
        tuple(PENALTIES.get(name) for name in names),
        tuple(AUGMENTATIONS.get(name) for name in config.augmentations),
        OPTIMIZERS.get(config.optimizer),
        batch,
        labels,
        layout,
    )
    return functools.partial(play_round, setup)


def flat(spec: configs.Network) -> bool:
    """Whether batches of this player are worth joining, its hidden layers being as small as vectors
    are: many small products cost more than their sum. Feature maps would only leave the caches."""
    return spec.name == "mlp"


def latents(setup: Setup, key):
    """Standard normal latents [b, latent_dim]."""
    shape = setup.config.batch_size, setup.config.latent_dim
    return setup.layout.place(jax.random.normal(key, shape))


def blurred(setup: Setup, hyper: Hyperparameters, x, key):
    """Instance noise (Sonderby et al. 2017): the blurred laws agree where the laws do."""
    if not setup.config.instance_noise:
        return x
    return x + hyper.instance_noise * setup.layout.place(jax.random.normal(key, x.shape))


def probability(setup: Setup, state: State, hyper: Hyperparameters):
    """Probability of each augmentation for each example in this round."""
    return state.probability if adaptive(setup.config) else hyper.augmentation_probability


def changes(setup: Setup, key, x, probability):
    """Of each augmentation: the examples of a batch that it is for, bool [b], and its numbers."""
    count = len(setup.augmentations)
    keys = jax.random.split(key, max(1, 2 * count))
    return tuple(
        (
            setup.layout.place(jax.random.uniform(choice, x.shape[:1]) < probability),
            tuple(map(setup.layout.place, augmentation.draw(key, x))),
        )
        for augmentation, key, choice in zip(
            setup.augmentations, keys[:count], keys[count:], strict=False
        )
    )


def changed(setup: Setup, x, drawn):
    """A batch after all augmentations, with what `changes` has drawn."""
    for augmentation, (chosen, numbers) in zip(setup.augmentations, drawn, strict=True):
        chosen = chosen.reshape(-1, *[1] * (x.ndim - 1))
        x = jnp.where(chosen, augmentation.apply(x, numbers), x)
    return x


def prepare(setup: Setup, state: State, hyper: Hyperparameters, data, step) -> Examples:
    """What a critic step (its number, its keys) is trained on; none of it depends on the critic."""
    (i, keys), place = step, setup.layout.place
    clean = place(setup.batch(data, state.step, i, keys.batch))
    given: tuple = ()
    if setup.labels is not None:
        given = (place(setup.labels(data, state.step, i, keys.batch)),)
    params = setup.layout.gather(state.generator)
    fake = setup.generator.apply(params, latents(setup, keys.latent), *given)
    real = blurred(setup, hyper, clean, keys.real_noise)
    fake = blurred(setup, hyper, fake, keys.fake_noise)
    chance = probability(setup, state, hyper)
    real = changed(setup, real, changes(setup, keys.real_change, real, chance))
    fake = changed(setup, fake, changes(setup, keys.fake_change, fake, chance))
    drawn = zip(setup.penalties, (keys.penalty, keys.penalty2), strict=False)
    points = tuple(penalty.points(real, fake, key) for penalty, key in drawn)
    return Examples(clean, real, fake, points, given)


def scores(setup: Setup, params, examples: Examples):
    """Scores [b] of the real and of the generated examples."""
    critic, spec = setup.critic, setup.config.critic
    real, fake, given = examples.real, examples.fake, examples.given
    joined = flat(spec) or platforms.target() == "gpu"  # which is slow to start operations
    if not joined or spec.normalization == "batch":
        return critic.apply(params, real, *given), critic.apply(params, fake, *given)
    # A pair side by side, so that every device keeps its part of the batch.
    both = jnp.stack([real, fake], axis=1).reshape(-1, *real.shape[1:])
    found = critic.apply(params, both, *(jnp.repeat(x, 2, axis=0) for x in given))
    return found[::2], found[1::2]


def penalty_values(setup: Setup, params, hyper: Hyperparameters, examples: Examples, count):
    """Every penalty. When lazy (Karras et al. 2020a) in one critic step of `every`, times `every`;
    the optimiser's settings stay as they are."""
    targets = hyper.penalty_target, hyper.penalty2_target

    def now(params):
        critic = lambda x: setup.critic.apply(params, x, *examples.given)  # noqa: E731
        each = zip(setup.penalties, examples.points, targets, strict=False)
        return [penalty.value(critic, points, target) for penalty, points, target in each]

    every = setup.config.penalty_every
    if every == 1:
        return now(params)
    return jax.lax.cond(
        count % every == 0,
        lambda params: [every * value for value in now(params)],
        lambda params: [jnp.zeros(()) for _ in setup.penalties],
        params,
    )


def separation(scores_real, scores_fake):
    """How surely a critic tells real examples from generated ones: the mean sign of f(real) -
    f(fake) over a batch of pairs.

    0 where it cannot tell, 1 where every real example scores higher. Karras et al. 2020b take the
    mean sign of f(real), their r_t, of a critic whose scores have a meaningful zero. Those of a
    Wasserstein critic, and of a loss that pairs, have none: adding a constant changes nothing. The
    other side of the pair takes the place of that zero.
    """
    return jnp.mean(jnp.sign(scores_real - scores_fake))


def adapted(setup: Setup, state: State, hyper: Hyperparameters, metrics):
    """The state with the probability of the next round, and metrics that name it.

    It rises while the separation is above its target and falls while it is below (Karras et al.
    2020b), by the share of `augmentation_examples` that a round shows.
    """
    if not adaptive(setup.config):
        return state, metrics
    shown = setup.config.n_critic * setup.config.batch_size / hyper.augmentation_examples
    step = shown * jnp.sign(metrics["separation"] - hyper.augmentation_target)
    value = jnp.clip(state.probability + step, 0, hyper.augmentation_probability)
    return state._replace(probability=value), metrics | {"augmentation_probability": value}


def critic_objective(setup: Setup, params, hyper: Hyperparameters, count, examples: Examples):
    """What the critic minimises in its step number `count`, and the metrics of that step."""
    scores_real, scores_fake = scores(setup, params, examples)
    penalties = penalty_values(setup, params, hyper, examples, count)
    total = setup.loss.critic(scores_real, scores_fake)
    for weight, value in zip(
        (hyper.penalty_weight, hyper.penalty2_weight), penalties, strict=False
    ):
        total += weight * value
    watched = adaptive(setup.config)
    return total, {
        **({"separation": separation(scores_real, scores_fake)} if watched else {}),
        "critic_loss": total,
        "w1_estimate_batch": jnp.mean(scores_real) - jnp.mean(scores_fake),
        **dict(zip(("penalty", "penalty2"), penalties, strict=False)),
    }


def bounded(setup: Setup, params, hyper: Hyperparameters):
    """What holds for a critic after every step: its projection and the clip (Arjovsky et al.
    2017)."""
    if setup.config.weight_clip:
        clip = hyper.weight_clip
        params = jax.tree.map(lambda p: jnp.clip(p, -clip, clip), params)
    return setup.critic.project(params)


def critic_step(setup: Setup, hyper: Hyperparameters, decay, state: State, step):
    """The state after a critic step (its number, its examples), and its metrics."""
    i, examples = step

    def objective(params, hyper, count, examples):
        return critic_objective(setup, params, hyper, count, examples)

    slope = jax.grad(objective, has_aux=True)
    mean = in_turn(setup.config.accumulation)(lambda whole, examples: slope(*whole, examples))
    gradients, metrics = setup.layout.critic_mean(mean)(
        (setup.layout.gather(state.critic), hyper, state.step * setup.config.n_critic + i), examples
    )
    params, moments = setup.optimizer.step(
        state.critic,
        gradients,
        state.critic_optimizer,
        hyper,
        hyper.critic_learning_rate * decay,
    )
    metrics["critic_gradient"] = optax.tree.norm(gradients)
    params = bounded(setup, params, hyper)
    return state._replace(critic=params, critic_optimizer=moments), metrics


def generator_gradient(
    setup: Setup, state: State, hyper: Hyperparameters, keys: GeneratorKeys, last: Examples
):
    """The generator's loss and its gradient.

    `last` are the examples of the last critic step, for a loss that pairs (as Huang et al. 2024
    have it) and for what both players are given beside their input.
    """
    generator, critic, loss = setup.generator, setup.critic, setup.loss
    params = setup.layout.gather((state.generator, state.critic))
    noise = blurred(setup, hyper, jnp.zeros_like(last.clean), keys.fake_noise)
    chance = probability(setup, state, hyper)
    drawn = changes(setup, keys.fake_change, last.clean, chance)
    scores_real = None
    if loss.pairs:
        real = blurred(setup, hyper, last.clean, keys.real_noise)
        real = changed(setup, real, changes(setup, keys.real_change, real, chance))
        scores_real = critic.apply(params[1], real, *last.given)

    def objective(params, other, z, noise, drawn, scores_real, given):
        fake = changed(setup, generator.apply(params, z, *given) + noise, drawn)
        return loss.generator(scores_real, critic.apply(other, fake, *given))

    slope = jax.value_and_grad(objective)
    mean = in_turn(setup.config.accumulation)(lambda whole, batch: slope(*whole, *batch))
    return setup.layout.generator_mean(mean)(
        params,
        (latents(setup, keys.latent), noise, drawn, scores_real, last.given),
    )


def averaged(state: State, hyper: Hyperparameters, params):
    """The generator's moving average with `params` in it; its decay is capped early on."""
    step = state.step.astype(jnp.float32)
    decay = jnp.minimum(hyper.ema_decay, (1 + step) / (10 + step))
    return jax.tree.map(lambda a, p: decay * a + (1 - decay) * p, state.average, params)


def generator_step(
    setup: Setup,
    hyper: Hyperparameters,
    decay,
    state: State,
    keys: GeneratorKeys,
    last: Examples,
):
    """The state after the generator step, and its metrics; for `last` see `generator_gradient`."""
    value, gradients = generator_gradient(setup, state, hyper, keys, last)
    params, moments = setup.optimizer.step(
        state.generator,
        gradients,
        state.generator_optimizer,
        hyper,
        hyper.generator_learning_rate * decay,
    )
    params = setup.generator.project(params)
    average = averaged(state, hyper, params)
    metrics = {"generator_loss": value, "generator_gradient": optax.tree.norm(gradients)}
    state = state._replace(generator=params, average=average, generator_optimizer=moments)
    return state, metrics


def play_round(
    setup: Setup, state: State, hyper: Hyperparameters, data: Any
) -> tuple[State, dict[str, jax.Array]]:
    """One round; see `make_round`."""
    config = setup.config
    decay: float | jax.Array = 1.0
    if config.schedule == "linear":
        decay = 1 - state.step.astype(jnp.float32) / config.steps
    keys = round_keys(state.key, state.step, config.n_critic)
    steps = jnp.arange(config.n_critic)
    every_step = jax.vmap if flat(config.generator) else _one_by_one
    of_step = functools.partial(prepare, setup, state, hyper, data)
    examples = every_step(of_step)((steps, keys.critic))
    one_step = functools.partial(critic_step, setup, hyper, decay)
    state, metrics = jax.lax.scan(one_step, state, (steps, examples))
    metrics = jax.tree.map(jnp.mean, metrics)
    last = jax.tree.map(lambda x: x[-1], examples)
    state, more = generator_step(setup, hyper, decay, state, keys.generator, last)
    state, metrics = adapted(setup, state, hyper, metrics)
    return state._replace(step=state.step + 1), metrics | more


def _one_by_one(function):
    """As jax.vmap in what it gives."""
    return lambda inputs: jax.lax.map(function, inputs)
