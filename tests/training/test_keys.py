"""No key is used for two purposes: every draw of a training is independent of every other.

`fold_in(k, i)` is `split(k, n)[i]`, and a key's draws are the bits that its split consists of, so
a key has exactly one use: it is split, or folded, or drawn from.
"""

import collections

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan import config, data, networks, presets, primal, training
from gan.benchmarks import critic_methods, critic_training
from gan.benchmarks.critic_protocols import Protocol
from gan.primal import semidiscrete
from gan.training.adversarial import make_round
from gan.training.feed import make_feed
from gan.training.keys import round_keys
from gan.training.state import initial_state
from gan.transport import known_pairs

DRAWS = ("normal", "uniform", "randint", "bernoulli", "categorical", "permutation", "choice")


class Uses:
    """What every key was used for, recorded while a program runs."""

    def __init__(self, monkeypatch):
        self.of = collections.defaultdict(collections.Counter)
        for name in (*DRAWS, "split", "fold_in"):
            monkeypatch.setattr(jax.random, name, self._recording(name, getattr(jax.random, name)))

    def _recording(self, name, function):
        def recorded(key, *arguments, **options):
            kind = name if name in ("split", "fold_in") else "drawn"

            def note(words):
                self.of[np.asarray(words).tobytes()][kind] += 1

            jax.debug.callback(note, jax.random.key_data(key))
            return function(key, *arguments, **options)

        return recorded

    def check(self, at_least, draws=1):
        """Fails unless so many keys were drawn from, each at most `draws` times and used for
        nothing else."""
        jax.effects_barrier()
        drawn = [uses for uses in self.of.values() if uses["drawn"]]
        assert len(drawn) >= at_least
        for key, uses in self.of.items():
            assert len(+uses) == 1, (key, uses)
            assert uses["drawn"] <= draws, (key, uses)


@pytest.fixture
def uses(monkeypatch):
    jax.clear_caches()
    yield Uses(monkeypatch)
    jax.clear_caches()


@pytest.mark.parametrize(
    "preset, fields",
    [
        ("digits", {"instance_noise": 0.3, "n_critic": 3}),
        ("digits", {"instance_noise": 0.3, "loss": "relativistic", "penalty": "dragan"}),
        ("gaussians25", {"n_critic": 2, "penalty2": "consistency"}),
        ("digits", {"penalty": "lipschitz", "penalty2": "dragan"}),
        ("digits", {"loss": "relativistic", "augmentations": ("color", "translation", "cutout")}),
        ("digits", {"augmentations": ("flip", "cutout"), "augmentation_probability": 0.5}),
    ],
)
def test_every_key_of_three_rounds_has_one_use(uses, preset, fields):
    small = {"batch_size": 4, "latent_dim": 2, "generator.width": 8, "critic.width": 8}
    chosen = config.replace(presets.get(preset), {"steps": 4} | small | fields)
    dataset = data.load(chosen.data)
    generator = networks.generator(chosen.generator, chosen.latent_dim, dataset.shape)
    critic = networks.critic(chosen.critic, dataset.shape)
    state = initial_state(generator, critic, 0)
    feed = make_feed(dataset, chosen, state.key)
    play = jax.jit(make_round(chosen, generator, critic, feed.batch))
    for _ in range(3):
        state, _ = play(state, training.Hyperparameters.of(chosen), feed.load(0)[0])
    uses.check(at_least=3 * (3 * chosen.n_critic + 1))


@pytest.mark.parametrize("name", ["semi_discrete:4", "minibatch:4", "fixed_codes:2"])
def test_every_key_of_training_by_transport_has_one_use(uses, monkeypatch, name):
    monkeypatch.setattr(semidiscrete, "TRANSPORT_STEPS", 3)
    monkeypatch.setattr(semidiscrete, "FITTING_STEPS", 3)
    chosen = config.Config(latent_dim=2, generator=config.Network(width=8, depth=1))
    points = np.random.default_rng(0).normal(size=(16, 2)).astype(np.float32)
    generator = networks.generator(chosen.generator, 2, (2,))
    method = primal.make(primal.make_problem(chosen, generator, points), name)
    state = method.start()
    for _ in range(2):
        state, _ = method.round(state)
    # A round draws its latents once to match them and once more to differentiate.
    uses.check(at_least=1, draws=2)


def test_every_key_of_a_benchmarked_critic_has_one_use(uses):
    """Seeds, initial parameters, samples, interpolates and the evaluation of two members."""
    pair = known_pairs.translation([1.0, 0.0])
    learner = critic_methods.find("gp").learner(2)
    protocol = Protocol(8, 3, 1e-3, "constant", evaluation_size=8)
    critic_training.train(pair, learner, protocol, seeds=[0, 1])
    uses.check(at_least=2 * (3 * 3 + 2))


def test_a_key_that_is_split_and_drawn_from_is_noticed(uses):
    key = jax.random.key(0)
    jax.random.normal(jax.random.split(key)[0], (2,))
    jax.random.normal(key, (2,))
    with pytest.raises(AssertionError):
        uses.check(at_least=1)


def test_the_generator_step_shares_no_numbers_with_any_critic_step():
    key = jax.random.key_data(jax.random.key(0))
    drawn = [
        tuple(np.asarray(jax.random.bits(k, (2,))).tolist())
        for step in range(3)
        for keys in round_keys(key, jnp.int32(step), 4)
        for stream in keys
        for k in jnp.atleast_1d(stream)
    ]
    assert len(drawn) == 3 * (8 * 4 + 5) == len(set(drawn))
