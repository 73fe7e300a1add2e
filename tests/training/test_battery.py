"""Every loss with every penalty and every network, through one whole round of the game.

A round is compiled once per network: the loss and the penalty are chosen by their number inside it.
"""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan import config, networks, runs, training
from gan.objectives.losses import Loss
from gan.objectives.penalties import Penalty
from gan.registries import ARCHITECTURES, LOSSES, PENALTIES
from gan.training.adversarial import make_round
from gan.training.state import Hyperparameters, initial_state

SHAPE = (8, 8, 1)
PAIRS = list(itertools.product(LOSSES, PENALTIES))
WEIGHT = 2.0


def sizes(network):
    """As small as a network allows."""
    return ARCHITECTURES.get(network).case.small


def settings(network, **fields):
    """A config as small as its networks allow."""
    spec = sizes(network)
    generator = network if network in networks.names("generator") else "mlp"
    small = dict(batch_size=4, latent_dim=3, n_critic=1)
    small |= dict(penalty_weight=WEIGHT, penalty_target=0.01)  # slopes start small, but above
    return config.Config(
        **small | fields,
        generator=config.Network(generator, **spec),
        critic=config.Network(network, **spec, activation="leaky_relu"),
    )


def players(choice):
    return (
        networks.generator(choice.generator, choice.latent_dim, SHAPE),
        networks.critic(choice.critic, SHAPE),
    )


def batch(data, step, i, key):
    return jnp.tanh(jax.random.normal(key, (4, *SHAPE)))


def start(choice):
    generator, critic = players(choice)
    return jax.jit(lambda seed: initial_state(generator, critic, seed))(np.uint32(0))


def any_loss(number):
    """The loss of that number, which may be traced."""

    def switched(functions):
        return lambda *arguments: jax.lax.switch(number, functions, *arguments)

    losses = [loss for _, loss in LOSSES.items()]
    return Loss(
        help="any of them",
        critic=switched([loss.critic for loss in losses]),
        generator=switched([loss.generator for loss in losses]),
        pairs=True,
        case=losses[0].case,
    )


def any_penalty(number):
    """The penalty of that number, which may be traced; it draws the points of all of them."""
    penalties = [penalty for _, penalty in PENALTIES.items()]

    def value(critic, points, target):
        each = zip(penalties, points, strict=True)
        return jax.lax.switch(
            number, [lambda p=p, own=own: p.value(critic, own, target) for p, own in each]
        )

    return Penalty(
        help="any of them",
        points=lambda *batch: tuple(penalty.points(*batch) for penalty in penalties),
        value=value,
        case=penalties[0].case,
    )


def critics():
    """Every critic; those that take long to compile are left out of the default run."""
    return [
        pytest.param(name, marks=[pytest.mark.slow] * ARCHITECTURES.get(name).case.slow)
        for name in networks.names("critic")
    ]


@pytest.fixture(scope="module", params=critics())
def game(request):
    """(first state, play(state, number of a loss, number of a penalty)) of one network."""
    choice = settings(request.param)

    def play(state, loss, penalty):
        chosen_loss, chosen_penalty = any_loss(loss), any_penalty(penalty)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(LOSSES, "get", lambda name: chosen_loss)
            patch.setattr(PENALTIES, "get", lambda name: chosen_penalty)
            play_round = make_round(choice, *players(choice), batch)
            return play_round(state, Hyperparameters.of(choice), None)

    return start(choice), jax.jit(play)


def test_every_pair_plays_a_finite_round_that_moves_both_players(game):
    state, play = game
    before = jax.device_get(state)
    found = {}
    for loss, penalty in PAIRS:
        numbers = np.int32(list(LOSSES).index(loss)), np.int32(list(PENALTIES).index(penalty))
        after, metrics = jax.device_get(play(state, *numbers))
        where = f"{loss} with {penalty}"
        for leaf in jax.tree.leaves((after, metrics)):
            assert np.all(np.isfinite(leaf)), where
        for player in ("generator", "critic"):
            old, new = (jax.tree.leaves(getattr(s, player)) for s in (before, after))
            changed = [not np.array_equal(a, b) for a, b in zip(old, new, strict=True)]
            assert sum(changed) >= len(changed) / 3, where  # behind zero kernels nothing moves yet
        assert (metrics["penalty"] == 0) == (penalty == "none"), where
        found[loss, penalty] = {name: float(value) for name, value in metrics.items()}
    for (loss, penalty), metrics in found.items():
        bare = found[loss, "none"]
        expected = bare["critic_loss"] + WEIGHT * metrics["penalty"]
        np.testing.assert_allclose(metrics["critic_loss"], expected, rtol=1e-5, atol=1e-6)
        if penalty != "none":
            assert metrics["critic_gradient"] != bare["critic_gradient"]
    # Where all slopes are above the target, one-sided is two-sided; all others differ.
    others = [tuple(m.values()) for (_, penalty), m in found.items() if penalty != "one_sided"]
    assert len(set(others)) == len(others) == len(LOSSES) * (len(PENALTIES) - 1)


RESUMED = [
    {
        "loss": "relativistic",
        "penalty": "dragan",
        "penalty_every": 3,
        "critic.weights": "spectral",
        "generator.weights": "spectral",
        "generator.normalization": "batch",
    },
    {
        "augmentations": ("color", "flip"),
        "augmentation_target": 0.1,
        "augmentation_examples": 100.0,
    },
    pytest.param(
        {
            "loss": "least_squares",
            "penalty": "r1_r2",
            "weight_clip": 0.1,
            "generator.name": "resnet",
            "critic.name": "r3gan",
            "generator.width": 4,
            "critic.width": 4,
        },
        marks=pytest.mark.slow,
    ),
]


@pytest.mark.parametrize("changes", RESUMED)
def test_a_game_cut_in_two_has_the_bits_of_the_uncut_one(digits, tiny, changes):
    choice = config.replace(tiny, changes)
    game, other = (training.make_game(choice, digits, devices=1) for _ in range(2))
    start, sharding = jax.device_get(game.state), game.state.step.sharding

    def play(game, state, end):
        options = dict(end=end, cadences=(end,))
        state = jax.device_put(state, sharding)
        *_, last = training.advance(game.chunk, state, game.hyper, game.feed, **options)
        return jax.device_get(last.state)

    cut = play(other, play(game, start, 2), 5)
    assert runs.tree_hash(cut) == runs.tree_hash(play(game, start, 5))


@pytest.mark.slow
@pytest.mark.parametrize("penalty", [name for name in PENALTIES if name != "none"])
@pytest.mark.parametrize("name", networks.names("critic"))
def test_penalties_of_networks_match_finite_differences(name, penalty):
    """Along one direction of the parameters, in float64, with a smooth nonlinearity."""
    spec = config.Network(name, **sizes(name), activation="tanh")
    with jax.enable_x64(True):
        critic = networks.critic(spec, SHAPE)
        params = jax.jit(critic.init)(jax.random.key(0))
        rng = np.random.default_rng(0)
        step = jax.tree.map(lambda p: rng.normal(size=p.shape), params)
        params = jax.tree.map(lambda p: p + 0.1 * rng.normal(size=p.shape), params)
        real, fake = rng.normal(size=(2, 4, *SHAPE))

        def value(h):
            moved = jax.tree.map(lambda p, s: p + h * s, params, step)
            return PENALTIES.get(penalty)(
                lambda x: critic.apply(moved, x), real, fake, jax.random.key(1), target=0.3
            )

        slope, h = jax.jit(jax.value_and_grad(value)), 1e-5
        difference = (slope(h)[0] - slope(-h)[0]) / (2 * h)
        np.testing.assert_allclose(slope(0.0)[1], difference, rtol=1e-5)
