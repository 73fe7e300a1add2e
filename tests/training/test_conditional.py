"""Labels in the round: where they come from, who reads them, and exact resume with them."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan import config, data, networks, runs, training
from gan.errors import UserError
from gan.networks import Network
from gan.registries import LOSSES, PENALTIES
from gan.training.adversarial import make_round
from gan.training.feed import make_feed
from gan.training.keys import round_keys
from gan.training.state import Hyperparameters, initial_state
from tests.training.test_game import play


@pytest.fixture(scope="module")
def conditional(tiny):
    return config.replace(tiny, {"conditional": True})


def test_real_and_generated_examples_share_the_labels_that_both_players_read():
    """Real and fake points are their labels, and the critic measures how far x is from its label:
    every score and slope is 0 unless somebody was given other labels."""
    generator = Network(lambda key: {"g": jnp.ones(())}, lambda p, z, y: _points(y) * p["g"])
    critic = Network(
        lambda key: {"f": jnp.ones(())},
        lambda p, x, y: p["f"] * jnp.sum((x - _points(y)) ** 2, axis=1),
    )

    def labels(data, step, i, key):
        return jax.random.randint(key, (6,), 0, 1000) + i

    def batch(data, step, i, key):
        return _points(labels(data, step, i, key))

    cfg = config.Config(batch_size=6, latent_dim=2, n_critic=3, steps=5, penalty_target=0.0)
    play_round = make_round(cfg, generator, critic, batch, labels=labels)
    state = initial_state(generator, critic, 0)
    _, metrics = play_round(state, Hyperparameters.of(cfg), None)
    for name in ("w1_estimate_batch", "penalty", "critic_loss", "generator_loss"):
        assert metrics[name] == 0, name


def _points(labels):
    return jnp.stack([labels, labels], axis=1).astype(jnp.float32)


@pytest.mark.parametrize("stream", ["never", "always"])
def test_labels_are_those_of_the_batch(conditional, stream):
    cfg = config.replace(conditional, {"data.stream": stream})
    dataset = data.load(cfg.data)
    seed = initial_state(*_no_players(), 3).key
    feed = make_feed(dataset, cfg, seed)
    arrays, _ = feed.load(4)
    for i, key in enumerate(round_keys(seed, jnp.int32(4), cfg.n_critic).critic.batch):
        raw, expected = dataset.read(np.asarray(dataset.indices(key, cfg.batch_size)))
        np.testing.assert_array_equal(feed.labels(arrays, 4, i, key), expected)
        np.testing.assert_array_equal(feed.batch(arrays, 4, i, key), dataset.finish(raw, key))


def _no_players():
    return (Network(lambda key: {}, None),) * 2


def test_generated_examples_have_the_class_frequencies_of_the_data(digits, conditional):
    """Over 400 rounds, within four standard deviations of the training split's frequencies."""
    cfg = config.replace(conditional, {"batch_size": 100})
    key = jax.random.key_data(jax.random.key(0))
    feed = make_feed(digits, cfg, key)

    @jax.jit
    def drawn(step):
        keys = round_keys(key, step, 2).critic.batch
        return feed.labels(digits.arrays, step, 1, keys[-1])

    labels = np.asarray(jax.lax.map(drawn, jnp.arange(400)))
    assert labels.shape == (400, 100) and labels.dtype == np.int32
    share = np.bincount(labels.ravel(), minlength=10) / labels.size
    truth = np.bincount(digits.examples("train")[1], minlength=10) / digits.size("train")
    assert np.abs(share - truth).max() < 4 * (0.1 * 0.9 / labels.size) ** 0.5
    assert len(np.unique(labels, axis=0)) == 400


@pytest.mark.slow
def test_a_conditional_game_cut_anywhere_or_streamed_has_the_bits_of_the_whole(digits, conditional):
    game, other = (training.make_game(conditional, digits, 1) for _ in range(2))
    start = jax.device_get(game.state)
    whole = play(game, 12)
    state = jax.device_get(play(other, 12, jax.device_get(play(game, 5, start).state)).state)
    assert runs.tree_hash(state) == runs.tree_hash(whole.state)
    cfg = config.replace(conditional, {"data.stream": "always"})
    streamed = play(training.make_game(cfg, data.load(cfg.data), 1), 12)
    assert runs.tree_hash(streamed.state) == runs.tree_hash(whole.state)
    embeddings = [whole.state.generator["Embedding_0"], start.generator["Embedding_0"]]
    assert not np.array_equal(*(e["kernel"] for e in embeddings))


PAIRS = list(itertools.zip_longest(PENALTIES, LOSSES, fillvalue="relativistic"))
"""Every penalty and every loss, at least once each."""


@pytest.mark.parametrize(("penalty", "loss"), PAIRS)
def test_every_loss_and_penalty_takes_labels(penalty, loss):
    spec = config.Network(width=4, depth=1, activation="tanh", weights="spectral")
    small = dict(batch_size=4, latent_dim=2, n_critic=1, steps=4, conditional=True)
    cfg = config.Config(
        loss=loss, penalty=penalty, **small, generator=config.Network(width=4, depth=1), critic=spec
    )
    generator, critic = networks.players(cfg, (2,), "abc")

    def labels(data, step, i, key):
        return jax.random.randint(key, (4,), 0, 3)

    def batch(data, step, i, key):
        return _points(labels(data, step, i, key))

    state = initial_state(generator, critic, 0)
    play_round = jax.jit(make_round(cfg, generator, critic, batch, labels=labels))
    after, metrics = play_round(state, Hyperparameters.of(cfg), None)
    assert all(np.isfinite(value) for value in metrics.values())
    moved = [
        not np.array_equal(a["Embedding_0"]["kernel"], b["Embedding_0"]["kernel"])
        for a, b in (
            (state.generator, after.generator),
            (state.critic["weights"], after.critic["weights"]),
        )
    ]
    assert moved == [True, True]


def test_data_without_labels_are_refused(conditional):
    cfg = config.replace(conditional, {"data.name": "swiss_roll"})
    with pytest.raises(UserError, match="swiss_roll is one class"):
        training.make_game(cfg, data.load(cfg.data), 1)
