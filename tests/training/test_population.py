"""A population against the solo runs of its members."""

import functools
import re

import jax
import numpy as np
import pytest

from gan import config, data, networks, runs, training
from gan.errors import UserError
from gan.training import Hyperparameters
from gan.training.adversarial import make_round
from gan.training.feed import make_feed
from gan.training.population import SWITCHES, make_program
from gan.training.state import adaptive, initial_state
from tests.compiled import programs
from tests.training.test_game import play

SPREAD = {
    "seed": (0, 1, 2, 0),
    "generator_learning_rate": (5e-4, 1e-3, 5e-4, 5e-4),
    "beta1": (0.0, 0.5, 0.0, 0.0),
    "penalty_weight": (10.0, 1.0, 3.0, 0.5),
    "instance_noise": (0.3, 0.2, 0.1, 0.3),
    "augmentations": (("color", "flip"),) * 4,
    "augmentation_target": (0.1, 0.2, 0.9, 0.1),
    "augmentation_examples": (500.0, 1000.0, 2000.0, 700.0),
}


def members(tiny, count=4, **changes):
    """Configs that differ in seed and floats; member 3 has the seed of member 0."""
    return [
        config.replace(tiny, {name: values[i] for name, values in SPREAD.items()} | changes)
        for i in range(count)
    ]


@functools.cache
def compiled(shape, vectorized, devices):
    """A population of four, built once, and its first state on the host."""
    population = training.make_population(
        members(shape), data.load(shape.data), devices, vectorized
    )
    return population, jax.device_get(population.state)


def population_of(configs, vectorized, devices=1):
    """The population of four configs with the seeds of `members`, at step 0."""
    shape = config.replace(training.shape_of(configs[0]), {"instance_noise": 0.3})
    population, state = compiled(shape, vectorized, devices)
    assert [c.seed for c in configs] == [c.seed for c in population.configs]
    hyper = jax.device_get(training.stack([Hyperparameters.of(c) for c in configs]))
    sharding = population.state.step.sharding
    placed = jax.device_put((jax.tree.map(np.copy, state), hyper), sharding)
    return population._replace(state=placed[0], hyper=placed[1])


def train(population, end=12, state=None, cadences=(6,), **options):
    """The pauses of a population trained until `end`."""
    state = population.state if state is None else state
    found = list(
        training.advance(
            population.chunk,
            state,
            population.hyper,
            population.feed,
            end=end,
            cadences=cadences,
            **options,
        )
    )
    assert found
    return found


def states(state):
    """The members' states on the host."""
    state = jax.device_get(state)
    return [training.member(state, i) for i in range(len(state.step))]


def alone(config, dataset):
    """The last state of a solo run."""
    game = training.make_game(config, dataset, devices=1)
    return jax.device_get(play(game, 12).state)


@pytest.fixture(scope="module")
def solo(digits, tiny):
    return [alone(cfg, digits) for cfg in members(tiny)]


@pytest.mark.parametrize("devices", [1, 2])
@pytest.mark.parametrize("vectorized", [False, True])
def test_members_differ_pairwise_and_each_is_its_solo_run(solo, tiny, devices, vectorized):
    last = train(population_of(members(tiny), vectorized, devices))[-1]
    assert list(last.steps) == [12] * 4 and last.moved.all() and not last.fallen
    assert len(jax.tree.leaves(last.state.critic)[0].sharding.device_set) == devices
    found = states(last.state)
    assert len({runs.tree_hash(state) for state in found}) == 4
    for state, expected in zip(found, solo, strict=True):
        if vectorized:
            for a, b in zip(jax.tree.leaves(state), jax.tree.leaves(expected), strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
        else:
            assert runs.tree_hash(state) == runs.tree_hash(expected)


@pytest.mark.parametrize("vectorized", [False, True])
def test_a_learning_rate_of_zero_freezes_only_its_member(tiny, vectorized):
    configs = members(tiny)
    frozen = {"generator_learning_rate": 0.0, "critic_learning_rate": 0.0}
    configs[1] = config.replace(configs[1], frozen)
    population = population_of(configs, vectorized)
    before = states(population.state)
    after = states(train(population, 3)[-1].state)
    for player in ("generator", "critic"):
        hashes = [[runs.tree_hash(getattr(s, player)) for s in half] for half in (before, after)]
        assert [a == b for a, b in zip(*hashes, strict=True)] == [False, True, False, False]


@pytest.mark.parametrize("vectorized", [False, True])
def test_a_diverged_member_is_named_and_harms_no_other(tiny, vectorized):
    healthy = states(train(population_of(members(tiny), vectorized))[-1].state)
    configs = members(tiny)
    explosion = {"generator_learning_rate": 1e30, "critic_learning_rate": 1e30}
    configs[2] = config.replace(configs[2], explosion)
    first, last = train(population_of(configs, vectorized))
    assert list(first.fallen) == [2] and "critic_loss = " in first.fallen[2]
    stopped = int(first.steps[2])
    assert 1 <= stopped < 6 and first.fallen[2].startswith(f"step {stopped}: ")
    assert list(first.moved) == [True, True, False, True] == list(last.moved)
    assert list(last.steps) == [12, 12, stopped, 12] and not last.fallen
    for index, state in enumerate(states(last.state)):
        if index != 2:
            assert runs.tree_hash(state) == runs.tree_hash(healthy[index])


@pytest.mark.parametrize("vectorized", [False, True])
def test_members_at_different_steps_catch_up_to_the_same_bits(tiny, vectorized):
    whole, early, late = (
        states(train(population_of(members(tiny), vectorized), end)[-1].state) for end in (12, 4, 9)
    )
    mixed = training.stack([early[0], late[1], late[2], early[3]])
    meetings = train(population_of(members(tiny), vectorized), state=mixed, cadences=(5,))
    assert [list(m.steps) for m in meetings] == [[5, 9, 9, 5], [10] * 4, [12] * 4]
    assert [list(m.moved) for m in meetings] == [[True, False, False, True]] + [[True] * 4] * 2
    for a, b in zip(states(meetings[-1].state), whole, strict=True):
        assert runs.tree_hash(a) == runs.tree_hash(b)


def test_fallen_members_stay_where_they_are(tiny):
    (last,) = train(population_of(members(tiny), False), 3, fallen=[0, 2])
    assert list(last.steps) == [0, 3, 0, 3] and list(last.moved) == [False, True, False, True]


def test_the_second_call_does_not_compile(tiny):
    population = population_of(members(tiny), False, 2)
    state = train(population, 2)[-1].state
    size = programs(population.chunk)
    train(population, 12, state, cadences=(5, 7), fallen=[1])
    assert programs(population.chunk) == size


def test_stopping_meets_wherever_the_members_are(tiny):
    population = population_of(members(tiny), False)
    (meeting,) = train(population, stopping=lambda: True, chunk_seconds=0)
    assert list(meeting.steps) == [1] * 4 and meeting.moved.all()


@pytest.mark.parametrize("name", Hyperparameters._fields)
def test_what_a_zero_leaves_out_of_the_round_is_shared(digits, tiny, name):
    """A solo run without it is then the same program, so members may differ in it."""

    def program(config):
        feed = make_feed(digits, config, None)
        players = networks.players(config, digits.shape, digits.class_names)
        adapts = adaptive(config)
        state = jax.eval_shape(lambda: initial_state(*players, 0, "adamw", adapts))
        play_round = make_round(config, *players, feed.batch)
        return str(jax.make_jaxpr(play_round)(state, Hyperparameters.of(config), digits.arrays))

    tiny = config.replace(
        tiny, {"optimizer": "adamw", "penalty2": "r1", "augmentations": ("flip",)}
    )
    lowest = config.ranges(tiny)[name].low  # 0, but of what is divided by
    pair = [config.replace(tiny, {name: lowest + more}) for more in (0.5, 0.0)]
    same_program = program(pair[0]) == program(pair[1])
    assert same_program == (name not in SWITCHES)
    if same_program:
        assert training.shape_of(pair[0]) == training.shape_of(pair[1])
    else:
        with pytest.raises(UserError, match=f"share {name}: 0.5 in member 0, 0.0 in member 1"):
            training.make_population(pair, digits, 1)


def test_members_that_differ_in_anything_else_are_refused(digits, tiny):
    for path, value in (("n_critic", 3), ("critic.width", 17), ("log_every", 7)):
        with pytest.raises(UserError, match=f"share {path}: .* in member 0, {value} in member 1"):
            training.make_population([tiny, config.replace(tiny, {path: value})], digits)


def test_what_does_not_fit_is_refused(digits, tiny):
    with pytest.raises(UserError, match="3 members cannot be split evenly over 2 devices"):
        training.make_population(members(tiny, 3), digits, 2)
    with pytest.raises(UserError, match="--devices 3"):
        training.make_population(members(tiny, 3), digits, 3)
    assert training.make_population(members(tiny, 3), digits).mesh.size == 1
    streamed = [config.replace(tiny, {"data.stream": "always"})] * 2
    with pytest.raises(UserError, match="streamed"):
        training.make_population(streamed, data.load(streamed[0].data))


def test_the_program_of_a_population_is_the_one_that_trains_and_exchanges_nothing(tiny, digits):
    """As it is compiled for accelerators: the members' arrays, each device with its share."""
    configs = members(tiny)
    population = training.make_population(configs, digits, devices=2, vectorized=True)
    program = make_program(configs[0], 4, digits, population.mesh)
    data, _ = population.feed.load(0)
    given = population.state, population.hyper, data, np.zeros(4, np.int32)
    described = [(x.shape, x.dtype) for x in jax.tree.leaves(program.given)]
    assert described == [(np.shape(x), x.dtype) for x in jax.tree.leaves(given)]
    for asked, there in zip(*map(jax.tree.leaves, (program.given[:2], given[:2])), strict=True):
        assert asked.sharding.is_equivalent_to(there.sharding, asked.ndim)
    text = program.chunk.lower(*program.given).compile().as_text()
    assert not re.search(r"all-(reduce|gather|to-all)|collective", text)
    shape = population.state.critic["Dense_0"]["kernel"].shape
    assert shape[0] == 4 and f"f32[2,{shape[1]},{shape[2]}]" in text
