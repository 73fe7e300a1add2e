"""One round against the same round written out by hand, and what a state may hold."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan import config, networks, training
from gan.errors import UserError
from gan.networks import Network
from gan.objectives.augmentations import Augmentation
from gan.registries import AUGMENTATIONS, OPTIMIZERS, PENALTIES
from gan.training import adversarial
from gan.training.adversarial import make_round
from gan.training.keys import round_keys
from gan.training.state import Hyperparameters, initial_state

halved = Augmentation(
    help="half of everything",
    draw=lambda key, x: (jnp.ones(x.shape[0]),),
    apply=lambda x, drawn: 0.5 * x,
    case=None,
)
HALVED = "tests.training.test_adversarial:halved"


def affine_players():
    """Generator z -> z + g in the plane, critic x -> <x, f>: every gradient is known by hand."""
    generator = Network(lambda key: {"g": jnp.zeros(2)}, lambda p, z: z + p["g"][None])
    critic = Network(lambda key: {"f": jnp.array([3.0, 4.0])}, lambda p, x: x @ p["f"])
    return generator, critic


def affine_config(**fields):
    small = dict(batch_size=4, latent_dim=2, n_critic=1, penalty="two_sided", steps=10)
    return config.Config(**(small | fields))


def real_batch(data, step, i, key):
    return jax.random.normal(key, (4, 2)) + 5.0


def test_one_round_is_what_adam_would_do_by_hand():
    generator, critic = affine_players()
    cfg = affine_config(critic_learning_rate=0.1, generator_learning_rate=0.2)
    state = initial_state(generator, critic, 0)
    keys = round_keys(state.key, state.step, 1).critic
    real = real_batch(None, 0, 0, keys.batch[0])
    fake = jax.random.normal(keys.latent[0], (4, 2))
    f = jnp.array([3.0, 4.0])
    # The slope is |f| = 5 everywhere, so the penalty is (5 - 1)^2 with gradient 2 (5 - 1) f / 5.
    gradient = fake.mean(0) - real.mean(0) + 10 * 2 * 4 * f / 5
    adam = optax.adam(0.1, b1=0.0, b2=0.9)
    update, _ = adam.update(gradient, adam.init(f))
    after, metrics = jax.jit(make_round(cfg, generator, critic, real_batch))(
        state, Hyperparameters.of(cfg), None
    )
    np.testing.assert_allclose(after.critic["f"], f + update, rtol=1e-5)
    np.testing.assert_allclose(metrics["penalty"], 16.0, rtol=1e-5)
    estimate = (real @ f).mean() - (fake @ f).mean()
    np.testing.assert_allclose(metrics["w1_estimate_batch"], estimate, rtol=1e-5)
    np.testing.assert_allclose(metrics["critic_loss"], 160 - estimate, rtol=1e-5)
    # The generator climbs the updated critic: its first Adam step has the sign of f, size 0.2.
    np.testing.assert_allclose(after.generator["g"], 0.2 * np.sign(after.critic["f"]), rtol=1e-4)
    # The average starts at the initial generator with decay (1 + 0) / (10 + 0).
    np.testing.assert_allclose(after.average["g"], 0.9 * after.generator["g"], rtol=1e-5)
    assert int(after.step) == 1


def test_the_number_of_critic_steps_and_a_zero_learning_rate_are_obeyed():
    generator, critic = affine_players()
    for n_critic in (1, 3):
        cfg = affine_config(critic_learning_rate=0.1, generator_learning_rate=0.0)
        cfg = config.replace(cfg, {"n_critic": n_critic})
        state, _ = jax.jit(make_round(cfg, generator, critic, real_batch))(
            initial_state(generator, critic, 0), Hyperparameters.of(cfg), None
        )
        assert int(state.critic_optimizer.count) == n_critic
        assert int(state.generator_optimizer.count) == 1
        np.testing.assert_array_equal(state.generator["g"], 0)


def test_the_linear_schedule_falls_to_zero_at_the_last_step():
    generator, critic = affine_players()
    sizes = []
    cfg = affine_config(schedule="linear", generator_learning_rate=0.2)
    play = jax.jit(make_round(cfg, generator, critic, real_batch))
    for step in (0, 5, 10):
        state = initial_state(generator, critic, 0)._replace(step=jnp.int32(step))
        after, _ = play(state, Hyperparameters.of(cfg), None)
        sizes.append(float(jnp.abs(after.generator["g"]).max()))
    np.testing.assert_allclose(sizes, [0.2, 0.1, 0.0], rtol=1e-4)


@pytest.mark.parametrize("field", Hyperparameters._fields)
def test_every_hyperparameter_reaches_the_round(field):
    generator, critic = affine_players()
    second = dict(penalty2="one_sided", penalty2_weight=1.0)
    adaptive = field.startswith("augmentation")
    if adaptive:  # the separation stays 1: a target of 1 holds the probability, others lift it
        target = 1.0 if field == "augmentation_target" else 0.5
        second |= dict(augmentations=(HALVED,), augmentation_target=target)
        second |= dict(augmentation_examples=16.0)
    cfg = affine_config(instance_noise=0.5, weight_clip=4.2, optimizer="adamw", **second)
    base = Hyperparameters.of(cfg)._replace(ema_decay=jnp.float32(0.5))
    changed = base._replace(**{field: getattr(base, field) * 0.5 + 0.125})
    play = jax.jit(make_round(cfg, generator, critic, real_batch))

    def after(hyper):
        state = initial_state(generator, critic, 0, cfg.optimizer, adaptive)
        for _ in range(25):  # the average's decay is capped in the first rounds
            state, _ = play(state, hyper, None)
        return jax.tree.leaves((state.generator, state.average, state.critic))

    assert any(not np.array_equal(a, b) for a, b in zip(after(base), after(changed), strict=True))


def test_the_state_holds_arrays_only(digits, tiny):
    game = training.make_game(tiny, digits, devices=1)
    leaves = jax.tree.leaves(game.state)
    assert len(leaves) > 10
    assert all(isinstance(leaf, jax.Array) for leaf in leaves)


@pytest.mark.parametrize(
    ("field", "hint"),
    [
        ("loss", "wasserstein"),
        ("penalty", "two_sided"),
        ("penalty2", "two_sided"),
        ("optimizer", "rmsprop"),
        ("augmentations", "cutout"),
    ],
)
def test_unknown_names_are_refused(field, hint):
    with pytest.raises(UserError, match=hint):
        make_round(
            config.replace(
                config.Config(), {field: (hint[:-2],) if field == "augmentations" else hint[:-2]}
            ),
            None,
            None,
            None,
        )


def test_the_penalty_is_differentiated():
    """A critic of slope 5 must be pulled down by the penalty alone."""
    f = jnp.array([3.0, 4.0])
    real, fake = jnp.ones((4, 2)), jnp.zeros((4, 2))
    penalty = PENALTIES.get("two_sided")
    pull = jax.grad(lambda f: penalty(lambda x: x @ f, real, fake, jax.random.key(0)))(f)
    np.testing.assert_allclose(pull, 2 * 4 * f / 5, rtol=1e-5)


def test_instance_noise_reaches_real_and_generated_examples_alike():
    """With noise of size s both sides gain s^2 in variance, and the means stay."""
    generator, _ = affine_players()
    critic = Network(lambda key: {"f": jnp.ones(())}, lambda p, x: p["f"] * jnp.sum(x**2, axis=1))
    cfg = affine_config(batch_size=4096, penalty="none", instance_noise=3.0)

    def batch(data, step, i, key):
        return jax.random.normal(key, (4096, 2))

    play = jax.jit(make_round(cfg, generator, critic, batch))
    _, metrics = play(initial_state(generator, critic, 0), Hyperparameters.of(cfg), None)
    assert abs(metrics["w1_estimate_batch"]) < 1.5  # E|x|^2 is 2 + 18 on both sides
    # -E f(fake) after the first Adam step of size 1e-4 on f.
    np.testing.assert_allclose(metrics["generator_loss"], -20, rtol=0.05)


def test_augmentations_reach_real_and_generated_examples_of_both_players_in_their_order():
    """The critic is the mean over pixels, so that its scores tell what it was shown."""
    ends, shown = ("darker", "lighter"), {}
    for name, factor in zip(ends, (0.5, 3.0), strict=True):
        shown[name] = Augmentation(
            help=name,
            draw=lambda key, images: (jnp.ones(images.shape[0]),),
            apply=lambda images, drawn, by=factor: by * images + (drawn[0] * (by > 1))[:, None],
            case=None,
        )
    generator, critic = affine_players()
    state = initial_state(generator, critic, 0)
    keys, last = round_keys(state.key, state.step, 1)
    f = np.array([3.0, 4.0])
    real = np.asarray(real_batch(None, 0, 0, keys.batch[0]))
    fakes = [np.asarray(jax.random.normal(k, (4, 2))) for k in (keys.latent[0], last.latent)]

    def seen(x, order):
        for name in order:
            x = 0.5 * x if name == "darker" else 3.0 * x + 1
        return np.mean(x @ f)

    for order in (ends, ends[::-1]):
        chosen = tuple(f"tests.training.test_adversarial:{name}" for name in order)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(AUGMENTATIONS, "get", lambda name: shown[name.split(":")[1]])
            cfg = affine_config(critic_learning_rate=0.0, penalty="none", augmentations=chosen)
            play = jax.jit(make_round(cfg, generator, critic, real_batch))
            after, metrics = play(state, Hyperparameters.of(cfg), None)
        estimate = seen(real, order) - seen(fakes[0], order)
        np.testing.assert_allclose(metrics["w1_estimate_batch"], estimate, rtol=1e-5)
        np.testing.assert_allclose(metrics["generator_loss"], -seen(fakes[1], order), rtol=1e-5)
        np.testing.assert_allclose(metrics["generator_gradient"], 1.5 * 5, rtol=1e-5)


@pytest.mark.parametrize(
    "side, target, start, rounds, answer",
    [
        (5.0, 0.6, 0.0, 3, 3 * 8 / 100),  # all real scores are higher: up by 8 of 100 a round
        (5.0, 0.6, 0.0, 9, 0.5),  # to the largest probability and no further
        (-5.0, 0.6, 0.5, 3, 0.5 - 3 * 8 / 100),  # all are lower: down
        (-5.0, 0.6, 0.1, 3, 0.0),
        (5.0, 1.0, 0.25, 3, 0.25),  # at the target it stays
    ],
)
def test_an_adapting_probability_follows_the_separation(side, target, start, rounds, answer):
    generator, _ = affine_players()
    critic = Network(lambda key: {"f": jnp.ones(())}, lambda p, x: p["f"] * x[:, 0])
    cfg = affine_config(n_critic=2, critic_learning_rate=0.0, generator_learning_rate=0.0)
    cfg = config.replace(cfg, {"augmentations": (HALVED,), "augmentation_examples": 100.0})
    cfg = config.replace(
        cfg, {"augmentation_target": target, "augmentation_probability": 0.5, "penalty": "none"}
    )
    play = jax.jit(make_round(cfg, generator, critic, lambda *_: jnp.full((4, 2), 4 * side)))
    state = initial_state(generator, critic, 0, "adam", True)
    assert state.probability == 0
    state = state._replace(probability=jnp.float32(start))
    for _ in range(rounds):
        state, metrics = play(state, Hyperparameters.of(cfg), None)
    np.testing.assert_allclose(state.probability, answer, atol=1e-6)
    assert metrics["augmentation_probability"] == state.probability
    assert metrics["separation"] == np.sign(side)


def test_the_separation_knows_no_offset_and_no_scale():
    real, fake = jnp.float32([1, 2, 3, 4]), jnp.float32([0, 3, 2, 4])
    assert adversarial.separation(real, fake) == (1 - 1 + 1 + 0) / 4
    assert adversarial.separation(10 * real - 99, 10 * fake - 99) == 1 / 4
    assert adversarial.separation(fake, real) == -1 / 4


@pytest.mark.parametrize("chance", [0.0, 0.25, 1.0])
def test_every_example_is_changed_with_the_probability_of_the_config(chance):
    """The mean score of examples at 1, of which a share is halved."""
    generator, _ = affine_players()
    critic = Network(lambda key: {"f": jnp.ones(())}, lambda p, x: p["f"] * x[:, 0])
    cfg = affine_config(batch_size=4000, critic_learning_rate=0.0, penalty="none")
    fields = {"augmentations": (HALVED,), "augmentation_probability": chance}
    cfg = config.replace(cfg, fields)
    play = jax.jit(make_round(cfg, generator, critic, lambda *_: jnp.full((4000, 2), 100.0)))
    _, metrics = play(initial_state(generator, critic, 0), Hyperparameters.of(cfg), None)
    expected = 100 * (1 - chance / 2)
    error = 4 * 50 * np.sqrt(chance * (1 - chance) / 4000) + 0.1
    assert abs(metrics["w1_estimate_batch"] - expected) < error


@pytest.mark.parametrize("every", [1, 2, 3])
def test_a_lazy_penalty_acts_once_in_so_many_critic_steps_with_its_weight_scaled(every):
    """Without a data term the penalty alone moves the critic; its steps are counted across rounds.

    The slope of the affine critic is its norm, so each penalty of (|f| - 1)^2 is known by hand.
    """
    generator, critic = affine_players()
    cfg = affine_config(n_critic=2, penalty_every=every, critic_learning_rate=0.0)
    play = jax.jit(make_round(cfg, generator, critic, lambda *_: jnp.zeros((4, 2))))
    state, found = initial_state(generator, critic, 0), []
    for _ in range(3):
        state, metrics = play(state, Hyperparameters.of(cfg), None)
        found.append(float(metrics["penalty"]))
    steps = [16.0 * every * (count % every == 0) for count in range(6)]
    np.testing.assert_allclose(found, np.mean(np.reshape(steps, (3, 2)), axis=1), rtol=1e-5)


def test_a_lazy_penalty_has_the_gradient_of_the_same_penalty_with_more_weight():
    generator, critic = affine_players()

    def first_gradient(**fields):
        cfg = affine_config(**fields)
        play = make_round(cfg, generator, critic, lambda *_: jnp.zeros((4, 2)))
        state, _ = jax.jit(play)(initial_state(generator, critic, 0), Hyperparameters.of(cfg), None)
        return state.critic_optimizer.mu["f"]

    lazy, plain = first_gradient(penalty_every=4), first_gradient(penalty_weight=40.0)
    np.testing.assert_allclose(lazy, plain, rtol=1e-5)
    assert np.all(np.abs(lazy) > 1)


def test_two_penalties_are_added_each_with_its_weight_and_target():
    """The affine critic has slope 5 everywhere."""
    generator, critic = affine_players()
    fields = dict(penalty="r1", penalty_weight=2.0, penalty_every=2, critic_learning_rate=0.0)
    fields |= dict(penalty2="two_sided", penalty2_weight=3.0, penalty2_target=4.5, n_critic=2)
    cfg = affine_config(**fields)
    play = jax.jit(make_round(cfg, generator, critic, lambda *_: jnp.zeros((4, 2))))
    _, metrics = play(initial_state(generator, critic, 0), Hyperparameters.of(cfg), None)
    np.testing.assert_allclose(metrics["penalty"], 25 / 2, rtol=1e-5)
    np.testing.assert_allclose(metrics["penalty2"], 0.5**2, rtol=1e-4)
    estimate = metrics["w1_estimate_batch"]
    np.testing.assert_allclose(metrics["critic_loss"], 25 + 0.75 - estimate, rtol=1e-5)


@pytest.mark.parametrize("name", [*OPTIMIZERS, "tests.plugin.objectives:signs"])
def test_every_optimiser_moves_both_players_as_its_steps_say(name):
    """The first step of either player, from the gradient that the round reports."""
    generator, critic = affine_players()
    cfg = affine_config(optimizer=name, beta1=0.5, penalty="none", critic_learning_rate=0.1)
    state = initial_state(generator, critic, 0, name)
    after, metrics = jax.jit(make_round(cfg, generator, critic, real_batch))(
        state, Hyperparameters.of(cfg), None
    )
    keys = round_keys(state.key, state.step, 1).critic
    real = real_batch(None, 0, 0, keys.batch[0])
    gradient = {"f": jax.random.normal(keys.latent[0], (4, 2)).mean(0) - real.mean(0)}
    start = OPTIMIZERS.get(name).start(state.critic)
    moved, _ = OPTIMIZERS.get(name).step(
        state.critic, gradient, start, Hyperparameters.of(cfg), 0.1
    )
    np.testing.assert_allclose(after.critic["f"], moved["f"], rtol=1e-5)
    assert np.all(after.generator["g"] != 0)
    assert metrics["generator_gradient"] > 0


def test_somebodys_own_loss_and_penalties_are_played():
    generator, critic = affine_players()
    own = dict(
        loss="tests.plugin.objectives:exponential",
        penalty2="tests.plugin.objectives:small_scores",
        penalty2_weight=1.0,
    )
    cfg = affine_config(**own)
    after, metrics = jax.jit(make_round(cfg, generator, critic, real_batch))(
        initial_state(generator, critic, 0), Hyperparameters.of(cfg), None
    )
    assert metrics["penalty2"] > 100 and np.all(np.isfinite(after.critic["f"]))


def test_weights_are_clipped_after_every_critic_step():
    generator, critic = affine_players()
    cfg = affine_config(weight_clip=0.25, n_critic=3)
    state, _ = jax.jit(make_round(cfg, generator, critic, real_batch))(
        initial_state(generator, critic, 0), Hyperparameters.of(cfg), None
    )
    np.testing.assert_array_equal(state.critic["f"], 0.25)


def test_each_player_is_projected_after_its_own_steps():
    """Projections that count: n_critic calls a round for the critic, one for the generator."""
    generator, critic = affine_players()
    one_more = lambda p: p | {"calls": p["calls"] + 1}  # noqa: E731
    generator, critic = (
        player._replace(
            init=lambda key, player=player: player.init(key) | {"calls": jnp.zeros(())},
            project=one_more,
        )
        for player in (generator, critic)
    )
    cfg = affine_config(n_critic=3)
    play = jax.jit(make_round(cfg, generator, critic, real_batch))
    state = initial_state(generator, critic, 0)
    for _ in range(2):
        state, _ = play(state, Hyperparameters.of(cfg), None)
    assert (state.critic["calls"], state.generator["calls"]) == (6, 2)


def test_the_relativistic_generator_sees_the_real_examples_of_the_last_critic_step():
    """With a frozen critic <x, f> the loss is known from the batches and latents of the round."""
    generator, critic = affine_players()
    cfg = affine_config(loss="relativistic", n_critic=2, critic_learning_rate=0.0, penalty="none")

    def batch(data, step, i, key):
        return real_batch(data, step, i, key) + i

    state = initial_state(generator, critic, 0)
    _, metrics = jax.jit(make_round(cfg, generator, critic, batch))(
        state, Hyperparameters.of(cfg), None
    )
    keys, last = round_keys(state.key, state.step, 2)
    f = np.array([3.0, 4.0])
    real = np.asarray(batch(None, 0, 1, keys.batch[1])) @ f
    fake = np.asarray(jax.random.normal(last.latent, (4, 2))) @ f
    expected = np.mean(np.log1p(np.exp(real - fake)))
    np.testing.assert_allclose(metrics["generator_loss"], expected, rtol=1e-5)


@pytest.mark.parametrize("normalization", ["none", "batch"])
def test_scoring_both_sides_in_one_call_changes_no_score(normalization):
    """A critic with batch norm must see the two sides apart, any other may see them together."""
    spec = config.Network(width=16, depth=2, normalization=normalization)
    cfg = affine_config(penalty="none", critic=spec)
    generator, critic = affine_players()[0], networks.critic(spec, (2,))
    state = initial_state(generator, critic, 0)
    _, metrics = jax.jit(make_round(cfg, generator, critic, real_batch))(
        state, Hyperparameters.of(cfg), None
    )
    keys = round_keys(state.key, state.step, 1).critic
    real, fake = real_batch(None, 0, 0, keys.batch[0]), jax.random.normal(keys.latent[0], (4, 2))
    apart = critic.apply(state.critic, real).mean() - critic.apply(state.critic, fake).mean()
    together = critic.apply(state.critic, jnp.concatenate([real, fake]))
    together = together[:4].mean() - together[4:].mean()
    np.testing.assert_allclose(metrics["w1_estimate_batch"], apart, rtol=1e-5, atol=1e-6)
    assert np.allclose(apart, together) == (normalization == "none")


@pytest.mark.parametrize("penalty", ["two_sided", "dragan", "r1_r2"])
def test_preparing_all_critic_steps_at_once_gives_the_bits_of_one_after_the_other(penalty):
    """The name of the generator decides which; the players stay the same affine ones."""
    ends = []
    for name in ("mlp", "dcgan"):
        cfg = affine_config(n_critic=3, penalty=penalty, instance_noise=0.5)
        cfg = config.replace(cfg, {"generator.name": name})
        generator, critic = affine_players()
        play = jax.jit(make_round(cfg, generator, critic, real_batch))
        program = str(
            jax.make_jaxpr(play)(initial_state(generator, critic, 0), Hyperparameters.of(cfg), None)
        )
        state = initial_state(generator, critic, 0)
        for _ in range(2):
            state, _ = play(state, Hyperparameters.of(cfg), None)
        ends.append((jax.device_get(state), program))
    (first, one), (second, other) = ends
    assert one != other
    assert all(map(np.array_equal, jax.tree.leaves(first), jax.tree.leaves(second)))
