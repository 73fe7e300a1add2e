"""What a sweep asks for is what trains: every axis, read back from the state after training."""

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan import config as configs
from gan import data, presets, training
from gan.runs import tree_hash
from gan.sweeps import space as spaces

FIELDS = {
    "seed": [3, 4],
    "steps": [1, 2],
    "batch_size": [4, 8],
    "n_critic": [1, 2],
    "latent_dim": [3, 5],
    "conditional": [False, True],
    "precision": ["float32", "bfloat16"],
    "loss": ["wasserstein", "hinge"],
    "penalty": ["two_sided", "none"],
    "penalty_weight": [0.5, 20],
    "penalty2": ["none", "one_sided"],
    "penalty2_weight": [0.5, 20],
    "penalty2_target": [0.5, 2],
    "optimizer": ["adam", "sgd"],
    "weight_decay": [0.1, 0.5],
    "penalty_every": [1, 2],
    "penalty_target": [0.5, 2],
    "weight_clip": [0.01, 0.02],
    "instance_noise": [0.0, 0.5],
    "augmentation_probability": [0.25, 0.75],
    "augmentation_target": [0.25, 1.0],
    "augmentation_examples": [10, 1000],
    "generator_learning_rate": [0.01, 0.02],
    "critic_learning_rate": [0.01, 0.02],
    "beta1": [0.0, 0.5],
    "beta2": [0.5, 0.9],
    "schedule": ["constant", "linear"],
    "ema_decay": [0.02, 0.05],
    "data.dequantize": [False, True],
    "generator.name": ["mlp", "dcgan"],
    "generator.width": [5, 6],
    "generator.depth": [1, 2],
    "generator.activation": ["relu", "tanh"],
    "generator.normalization": ["none", "layer"],
    "generator.weights": ["free", "spectral"],
    "critic.name": ["mlp", "dcgan"],
    "critic.width": [5, 6],
    "critic.depth": [1, 2],
    "critic.activation": ["relu", "tanh"],
    "critic.normalization": ["none", "layer"],
    "critic.weights": ["free", "spectral"],
}
"""An axis for every field that may be swept."""

BASE = {
    "steps": 2,
    "n_critic": 1,
    "latent_dim": 3,
    "batch_size": 4,
    "generator_learning_rate": 0.05,
    "generator.width": 6,
    "critic.width": 6,
    "generator.depth": 1,
    "critic.depth": 1,
}


ADAPTS = {"augmentations": ["color"], "seed": 7}
"""Of this seed the first critic separates 3 of 4 pairs, so the probability rises for round two."""

BESIDE = {
    "penalty2": {"penalty2_weight": 1.0},
    "penalty2_weight": {"penalty2": "one_sided"},
    "penalty2_target": {"penalty2": "one_sided", "penalty2_weight": 1.0},
    "weight_decay": {"optimizer": "adamw"},
    "augmentation_probability": {"augmentations": ["color"]},
    "augmentation_target": ADAPTS | {"augmentation_examples": 10},
    "augmentation_examples": ADAPTS | {"augmentation_target": 0.1},
}
"""What else a trial sets, so that the field means something."""


class Trial:
    """A trial: its game, and on demand the state after one round and after the last."""

    def __init__(self, config):
        self.config = config

    @functools.cached_property
    def game(self):
        return training.make_game(self.config, data.load(self.config.data), 1)

    @functools.cached_property
    def rows(self):
        return self.game.feed.load(0)[0]

    @property
    def fresh(self):
        return jax.device_get(self.game.state)

    def play(self, state, stop):
        return compiled(self)(state, self.game.hyper, self.rows, np.int32(stop))

    @functools.cached_property
    def round(self):
        state, metrics = self.play(jax.tree.map(jnp.copy, self.game.state), 1)
        return jax.device_get(state), metrics

    @property
    def first(self):
        return self.round[0]

    @property
    def metrics(self):
        return self.round[1]

    @functools.cached_property
    def last(self):
        state = jax.tree.map(jnp.copy, self.game.state)
        return jax.device_get(self.play(state, self.config.steps)[0])


CHUNKS = {}


def compiled(trial):
    """The trial's program; trials of one shape share it."""
    shape = training.shape_of(trial.config)
    if shape not in CHUNKS:
        lowered = trial.game.chunk.lower(
            trial.game.state, trial.game.hyper, trial.rows, np.int32(1)
        )
        CHUNKS[shape] = lowered.compile()
    return CHUNKS[shape]


@functools.cache
def made(config):
    return Trial(config)


def trials(field):
    """The two trials of an axis, from configs as a sweep makes them and its workers get them."""
    base = configs.replace(presets.get("digits"), BASE | BESIDE.get(field, {}))
    space = spaces.parse({field: FIELDS[field]})
    found = []
    for number in range(2):
        setting = space.setting(number // space.repeats)
        config = configs.replace(base, space.values(setting, number))
        found.append(made(configs.from_dict(json.loads(json.dumps(configs.to_dict(config))))))
    return found


def test_every_field_can_be_swept_or_is_refused():
    assert set(FIELDS).isdisjoint(spaces.REFUSED)
    assert set(FIELDS) | set(spaces.REFUSED) == set(configs.flatten(configs.Config()))


@pytest.mark.parametrize("field", FIELDS)
def test_the_values_of_an_axis_reach_the_config(field):
    assert [configs.flatten(one.config)[field] for one in trials(field)] == FIELDS[field]


@pytest.mark.slow
@pytest.mark.parametrize("field", FIELDS)
def test_the_values_of_an_axis_train_differently(field):
    """Players of other shapes are told apart before they are trained."""
    first, second = trials(field)
    shapes = [jax.tree.map(jnp.shape, one.game.state) for one in (first, second)]
    assert shapes[0] != shapes[1] or tree_hash(first.last) != tree_hash(second.last)


def largest(tree, other):
    """Entries of two trees where the first is largest in absolute value."""
    first, second = (
        np.concatenate([np.ravel(x) for x in jax.tree.leaves(t)]) for t in (tree, other)
    )
    place = np.argmax(np.abs(first))
    return float(first[place]), float(second[place])


def change(before, after):
    """The largest change of a parameter; Adam's first step without momentum is +-rate or 0."""
    return abs(largest(jax.tree.map(np.subtract, before, after), before)[0])


def adam(one):
    """Adam's moments m, v after one step where m is largest: (1 - beta1) g and (1 - beta2) g^2."""
    return largest(one.first.generator_optimizer.mu, one.first.generator_optimizer.nu)


def average(one):
    moved = jax.tree.map(np.subtract, one.fresh.generator, one.first.generator)
    rest = jax.tree.map(np.subtract, one.first.average, one.first.generator)
    whole, left = largest(moved, rest)
    return left / whole


def kernel(params):
    return max(jax.tree.leaves(params), key=lambda leaf: (leaf.ndim, leaf.size)).shape


READINGS = {
    "steps": lambda one: one.last.step,
    "batch_size": lambda one: one.game.feed.batch(
        one.rows, np.int32(0), np.int32(0), jax.random.key(0)
    ).shape[0],
    "n_critic": lambda one: one.last.critic_optimizer.count / one.last.step,
    "latent_dim": lambda one: min(
        leaf.shape[0] for leaf in jax.tree.leaves(one.fresh.generator) if leaf.ndim == 2
    ),
    "penalty_weight": lambda one: (
        (one.metrics["critic_loss"] + one.metrics["w1_estimate_batch"]) / one.metrics["penalty"]
    ),
    "penalty_target": lambda one: one.game.hyper.penalty_target,
    "penalty2_weight": lambda one: one.game.hyper.penalty2_weight,
    "penalty2_target": lambda one: one.game.hyper.penalty2_target,
    "weight_decay": lambda one: one.game.hyper.weight_decay,
    "weight_clip": lambda one: largest(one.last.critic, one.last.critic)[0],
    "instance_noise": lambda one: one.game.hyper.instance_noise,
    "augmentation_probability": lambda one: one.game.hyper.augmentation_probability,
    "augmentation_target": lambda one: one.game.hyper.augmentation_target,
    "augmentation_examples": lambda one: one.game.hyper.augmentation_examples,
    "generator_learning_rate": lambda one: change(one.fresh.generator, one.first.generator),
    "critic_learning_rate": lambda one: change(one.fresh.critic, one.first.critic),
    "beta1": lambda one: 1 - np.sqrt((1 - one.config.beta2) * adam(one)[0] ** 2 / adam(one)[1]),
    "beta2": lambda one: 1 - adam(one)[1] / adam(one)[0] ** 2,
    "ema_decay": average,
    "generator.width": lambda one: kernel(one.fresh.generator)[0],
    "critic.width": lambda one: kernel(one.fresh.critic)[1],
}
"""What a state, its optimiser, its step's metrics or its scalars say that a value is."""


@pytest.mark.parametrize("field", READINGS)
def test_a_swept_value_is_read_back_from_the_running_game(field):
    read = [abs(float(READINGS[field](one))) for one in trials(field)]
    np.testing.assert_allclose(read, FIELDS[field], rtol=2e-3, atol=1e-6)


@pytest.mark.parametrize("player", ["generator", "critic"])
def test_an_architecture_is_read_back_from_a_player(player):
    def leaves(field):
        return [jax.tree.leaves(getattr(one.fresh, player)) for one in trials(f"{player}.{field}")]

    shallow, deep = leaves("depth")
    assert len(deep) == len(shallow) + 2
    assert [max(leaf.ndim for leaf in found) for found in leaves("name")] == [2, 4]
    for field in ("normalization", "weights"):
        plain, more = leaves(field)
        assert len(more) > len(plain)


def test_classes_are_read_back_from_the_critic():
    free, labelled = (jax.tree.leaves(one.fresh.critic) for one in trials("conditional"))
    assert len(labelled) > len(free)


def test_a_penalty_of_none_is_read_back_from_training():
    penalised, free = (one.metrics["penalty"] for one in trials("penalty"))
    assert penalised > 0 and free == 0
