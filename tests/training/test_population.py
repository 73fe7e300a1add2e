"""A population against the solo runs of its members."""

import jax
import numpy as np
import pytest

from gan import config, data, runs, training
from gan.errors import UserError
from gan.training import Hyperparameters
from tests.training.test_game import play

SPREAD = {
    "seed": (0, 1, 2, 0),
    "generator_learning_rate": (5e-4, 1e-3, 5e-4, 5e-4),
    "beta1": (0.0, 0.5, 0.0, 0.0),
    "penalty_weight": (10.0, 1.0, 3.0, 0.5),
    "instance_noise": (0.3, 0.0, 0.1, 0.3),
}


def members(tiny, count=4, **changes):
    """Configs that differ in seed and floats; member 3 has the seed of member 0."""
    return [
        config.replace(tiny, {name: values[i] for name, values in SPREAD.items()} | changes)
        for i in range(count)
    ]


def train(population, end=12, state=None, cadences=(6,), **options):
    """The meetings of a population trained until `end`."""
    state = population.state if state is None else state
    found = list(
        training.advance_together(population, state, end=end, cadences=cadences, **options)
    )
    assert found
    return found


def states(state):
    """The members' states on the host."""
    state = jax.device_get(state)
    return [training.member(state, i) for i in range(len(state.step))]


def solo(config, dataset, end=12):
    return jax.device_get(play(training.make_game(config, dataset, devices=1), end).state)


@pytest.mark.parametrize("devices", [1, 2])
@pytest.mark.parametrize("vectorized", [False, True])
def test_members_differ_pairwise_and_each_is_its_solo_run(digits, tiny, devices, vectorized):
    configs = members(tiny)
    population = training.make_population(configs, digits, devices, vectorized)
    last = train(population)[-1]
    assert list(last.steps) == [12] * 4 and last.moved.all() and not last.fallen
    assert len(last.state.critic["Dense_0"]["kernel"].sharding.device_set) == devices
    found = states(last.state)
    assert len({runs.tree_hash(state) for state in found}) == 4
    for state, cfg in zip(found, configs, strict=True):
        alone = solo(cfg, digits)
        if vectorized:
            for a, b in zip(jax.tree.leaves(state), jax.tree.leaves(alone), strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
        else:
            assert runs.tree_hash(state) == runs.tree_hash(alone)


@pytest.mark.parametrize("vectorized", [False, True])
def test_a_learning_rate_of_zero_freezes_only_its_member(digits, tiny, vectorized):
    configs = members(tiny, 3)
    frozen = {"generator_learning_rate": 0.0, "critic_learning_rate": 0.0}
    configs[1] = config.replace(configs[1], frozen)
    population = training.make_population(configs, digits, 1, vectorized)
    before = states(population.state)
    after = states(train(population, 3)[-1].state)
    for player in ("generator", "critic"):
        hashes = [[runs.tree_hash(getattr(s, player)) for s in half] for half in (before, after)]
        assert [a == b for a, b in zip(*hashes, strict=True)] == [False, True, False]


@pytest.mark.parametrize("vectorized", [False, True])
def test_a_diverged_member_is_named_and_harms_no_other(digits, tiny, vectorized):
    configs = members(tiny)
    explosion = {"generator_learning_rate": 1e30, "critic_learning_rate": 1e30}
    configs[2] = config.replace(configs[2], explosion)
    healthy = training.make_population(members(tiny), digits, 1, vectorized)
    alone = states(train(healthy)[-1].state)
    first, last = train(training.make_population(configs, digits, 1, vectorized))
    assert list(first.fallen) == [2] and "critic_loss = " in first.fallen[2]
    stopped = int(first.steps[2])
    assert 1 <= stopped < 6 and first.fallen[2].startswith(f"step {stopped}: ")
    assert list(first.moved) == [True, True, False, True] == list(last.moved)
    assert list(last.steps) == [12, 12, stopped, 12] and not last.fallen
    for index, state in enumerate(states(last.state)):
        if index != 2:
            assert runs.tree_hash(state) == runs.tree_hash(alone[index])


@pytest.mark.parametrize("vectorized", [False, True])
def test_members_at_different_steps_catch_up_to_the_same_bits(digits, tiny, vectorized):
    whole = states(train(training.make_population(members(tiny), digits, 1, vectorized))[-1].state)
    population = training.make_population(members(tiny), digits, 1, vectorized)
    early = states(train(population, 4)[-1].state)
    late = states(
        train(training.make_population(members(tiny), digits, 1, vectorized), 9)[-1].state
    )
    mixed = training.stack([early[0], late[1], late[2], early[3]])
    again = training.make_population(members(tiny), digits, 1, vectorized)
    meetings = train(again, state=mixed, cadences=(5,))
    assert [list(m.steps) for m in meetings] == [[5, 9, 9, 5], [10] * 4, [12] * 4]
    assert [list(m.moved) for m in meetings] == [[True, False, False, True]] + [[True] * 4] * 2
    for a, b in zip(states(meetings[-1].state), whole, strict=True):
        assert runs.tree_hash(a) == runs.tree_hash(b)


def test_fallen_members_stay_where_they_are(digits, tiny):
    population = training.make_population(members(tiny, 2), digits, 1)
    (last,) = train(population, 3, fallen=[0])
    assert list(last.steps) == [0, 3] and list(last.moved) == [False, True]


def test_the_second_call_does_not_compile(digits, tiny):
    population = training.make_population(members(tiny, 2), digits, 2)
    state = train(population, 2)[-1].state
    size = population.chunk._cache_size()
    train(population, 12, state, cadences=(5, 7), fallen=[1])
    assert population.chunk._cache_size() == size


def test_stopping_meets_wherever_the_members_are(digits, tiny):
    population = training.make_population(members(tiny, 2), digits, 1)
    (meeting,) = train(population, stopping=lambda: True, chunk_seconds=0)
    assert list(meeting.steps) == [1, 1] and meeting.moved.all()


def test_every_hyperparameter_and_the_seed_may_differ_and_nothing_else(digits, tiny):
    for name in Hyperparameters._fields:
        other = config.replace(tiny, {"seed": 1, name: getattr(tiny, name) * 0.5 + 0.125})
        assert training.shape_of(other) == training.shape_of(tiny)
        hyper = training.make_population([tiny, other], digits, 1).hyper
        low, high = np.asarray(getattr(hyper, name))
        assert low == np.float32(getattr(tiny, name)) != high
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
