"""Whole games: exact resume, chunks, devices, streaming, the guard against bad numbers."""

import itertools
import queue
import re
import socket
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan import config, data, runs, training
from gan.errors import NonFiniteError, UserError
from gan.registries import SOURCES
from gan.training import hosts, mesh
from gan.training.loop import make_chunk, next_due
from tests.compiled import programs
from tests.data.makers import miniature


def play(game, end, state=None, cadences=(), **options):
    """The last pause of a game trained until `end`."""
    pauses = list(
        training.advance(
            game.chunk,
            game.state if state is None else state,
            game.hyper,
            game.feed,
            end=end,
            cadences=cadences or (end,),
            **options,
        )
    )
    assert pauses[-1].step == int(pauses[-1].state.step)
    return pauses[-1]


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(digits, tiny):
    def digest(seed):
        game = training.make_game(config.replace(tiny, {"seed": seed}), digits, devices=1)
        return runs.tree_hash(play(game, 6).state)

    assert digest(0) == digest(0) != digest(1)


@pytest.mark.parametrize("devices", [1, 2])
def test_a_game_cut_anywhere_has_the_bits_of_the_uncut_one(digits, tiny, devices):
    games = [training.make_game(tiny, digits, devices) for _ in range(2)]
    start = jax.device_get(games[0].state)
    shardings = jax.tree.map(lambda leaf: leaf.sharding, games[0].state)
    whole = runs.tree_hash(play(games[0], 12).state)
    for cuts in ((5,), (1, 2, 11)):
        state = start
        for game, end in zip(itertools.cycle(games), (*cuts, 12), strict=False):
            state = jax.device_get(play(game, end, jax.device_put(state, shardings)).state)
        assert runs.tree_hash(state) == whole


@pytest.mark.parametrize("normalization", ["none", pytest.param("batch", marks=pytest.mark.slow)])
def test_two_devices_have_the_losses_of_one_after_50_steps(digits, tiny, normalization):
    """Within 1e-3: float32, sums in another order."""
    cfg = config.replace(tiny, {"generator.normalization": normalization})
    one, two = (play(training.make_game(cfg, digits, n), 50).metrics for n in (1, 2))
    assert one.keys() == two.keys() and one["critic_loss"] != 0
    for name in one:
        assert two[name] == pytest.approx(one[name], rel=1e-3, abs=1e-4), name


@pytest.mark.parametrize(
    "changes",
    [
        {},
        pytest.param(
            {"loss": "relativistic", "penalty": "r1_r2", "instance_noise": 0.3, "penalty_every": 2},
            marks=pytest.mark.slow,
        ),
        pytest.param(
            {"loss": "hinge", "penalty": "dragan", "conditional": True}, marks=pytest.mark.slow
        ),
    ],
)
def test_two_devices_train_as_one_does(digits, tiny, changes):
    cfg = config.replace(tiny, changes)
    one, two = (play(training.make_game(cfg, digits, n), 12) for n in (1, 2))
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(two), strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-3, atol=1e-4)
    assert len(jax.tree.leaves(two.state.critic)[0].sharding.device_set) == 2


@pytest.mark.parametrize(
    ("normalization", "least", "most"),
    [("none", 2, 2), pytest.param("batch", 3, 99, marks=pytest.mark.slow)],
)
def test_devices_of_a_cpu_meet_once_for_a_gradient(digits, tiny, normalization, least, most):
    """Once for each player, with one array; where the batch is coupled, as the compiler likes."""
    cfg = config.replace(tiny, {"generator.normalization": normalization})
    game = training.make_game(cfg, digits, devices=2)
    data, _ = game.feed.load(0)
    program = game.chunk.lower(game.state, game.hyper, data, np.int32(1)).compile().as_text()
    meetings = re.findall(r"= (.*) all-reduce\(", program)
    assert least <= sum(text.count("[") for text in meetings) <= most, meetings


@pytest.mark.parametrize("devices", [1, 2])
@pytest.mark.parametrize(
    "changes",
    [
        {"penalty2": "one_sided", "penalty2_weight": 0.1},
        pytest.param({"loss": "relativistic", "penalty": "r1_r2"}, marks=pytest.mark.slow),
    ],
)
def test_a_batch_in_parts_trains_as_the_whole_one(digits, tiny, changes, devices):
    """Up to the order of sums, in which its bits differ."""
    cfg = config.replace(tiny, {"batch_size": 16, "optimizer": "sgd", **changes})
    one, two = (
        play(training.make_game(config.replace(cfg, {"accumulation": n}), digits, devices), 3)
        for n in (1, 8)
    )
    assert runs.tree_hash(one.state) != runs.tree_hash(two.state)
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(two), strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-3, atol=1e-4)


def test_layers_that_are_computed_again_train_as_those_that_are_kept(digits, tiny):
    cfg = config.replace(tiny, {"generator.normalization": "layer"})
    one, two = (
        play(training.make_game(config.replace(cfg, {"remat": on}), digits, 1), 3)
        for on in (False, True)
    )
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(two), strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("normalization", ["none", pytest.param("batch", marks=pytest.mark.slow)])
def test_devices_that_keep_parts_of_the_state_train_as_one(
    digits, tiny, normalization, monkeypatch
):
    monkeypatch.setattr(mesh, "SPLIT", 64)
    cfg = config.replace(tiny, {"generator.normalization": normalization})
    one = play(training.make_game(cfg, digits, 1), 12)
    game = training.make_game(cfg, digits, 2, split=True)
    two = play(game, 12)
    assert one.metrics.keys() == two.metrics.keys()
    for name in one.metrics:
        assert two.metrics[name] == pytest.approx(one.metrics[name], rel=1e-3, abs=1e-4), name
    for leaf in jax.tree.leaves(two.state):
        part = leaf.addressable_shards[0].data.size
        even = any(size % 2 == 0 for size in leaf.shape)
        assert part == (leaf.size // 2 if leaf.size >= 64 and even else leaf.size)
    kept = training.whole(two.state)
    assert jax.tree.map(np.shape, kept) == jax.tree.map(np.shape, one.state)
    again = jax.device_put(kept, jax.tree.map(lambda leaf: leaf.sharding, two.state))
    longer = runs.tree_hash(training.whole(play(game, 20, again).state))
    fresh = training.make_game(cfg, digits, 2, split=True)
    assert runs.tree_hash(training.whole(play(fresh, 20).state)) == longer


def test_what_devices_keep_in_parts_is_gathered_before_it_is_used(digits, tiny, monkeypatch):
    """They exchange parameters and sums of gradients, not what layers compute of examples."""
    monkeypatch.setattr(mesh, "SPLIT", 64)
    cfg = config.replace(tiny, {"generator.normalization": "batch"})
    game = training.make_game(cfg, digits, 2, split=True)
    given = game.state, game.hyper, game.feed.load(0)[0], np.int32(cfg.steps)
    text = game.chunk.lower(*given).compile().as_text()
    found = re.findall(r"= \w+\[([\d,]*)\]\S* (all-\w+|collective-\w+|reduce-scatter)\(", text)
    shapes = {kind: {size for size, other in found if other == kind} for _, kind in found}
    kept = {",".join(map(str, leaf.shape)) for leaf in jax.tree.leaves(game.state)}
    kept |= {",".join(map(str, leaf.shape[::-1])) for leaf in jax.tree.leaves(game.state)}
    assert shapes.keys() == {"all-gather", "all-reduce"}
    assert shapes["all-gather"] <= kept and "," in "".join(shapes["all-gather"])
    assert not any("," in size for size in shapes["all-reduce"])


@pytest.mark.parametrize("dequantize", [False, True])
def test_a_streamed_set_gives_the_bits_of_one_on_the_device(tiny, dequantize, monkeypatch):
    monkeypatch.setattr(training.feed, "WINDOW_BYTES", 3 * 2 * 8 * 64)  # windows of three rounds
    digests = set()
    for stream in ("never", "always"):
        cfg = config.replace(tiny, {"data.stream": stream, "data.dequantize": dequantize})
        dataset = data.load(cfg.data)
        assert dataset.streamed == (stream == "always")
        state = play(training.make_game(cfg, dataset, devices=1), 8, cadences=(4,)).state
        digests.add(runs.tree_hash(state))
    assert len(digests) == 1


def test_the_next_window_comes_while_one_is_trained_on(tiny, monkeypatch):
    """It is read and put on the device by another thread, before anybody asks for it."""
    monkeypatch.setattr(training.feed, "WINDOW_BYTES", 3 * 2 * 8 * 64)
    cfg = config.replace(tiny, {"data.stream": "always"})
    dataset, game = data.load(cfg.data), None
    readers, placed, put = [], queue.Queue(), jax.device_put
    read = dataset.read
    monkeypatch.setattr(
        dataset, "read", lambda rows: readers.append(threading.current_thread()) or read(rows)
    )
    game = training.make_game(cfg, dataset, devices=1)
    monkeypatch.setattr(
        jax, "device_put", lambda *given: placed.put(put(*given)) or placed.queue[-1]
    )
    first, end = game.feed.load(0)
    assert end == 3 and placed.get(timeout=60)["start"] == 0
    following = placed.get(timeout=60)  # nobody has asked
    assert following["start"] == 3 and readers[0] is threading.main_thread() != readers[1]
    assert game.feed.load(2)[0] is first and game.feed.load(3)[0] is following


@pytest.mark.parametrize("name", SOURCES)
def test_every_data_set_trains(tiny, name, tmp_path, monkeypatch):
    cfg = config.replace(tiny, {"data.name": name})
    dataset = miniature(name, tmp_path, monkeypatch)
    last = play(training.make_game(cfg, dataset, devices=1), 3)
    assert last.step == 3 and np.isfinite(last.metrics["critic_loss"])


def test_the_second_call_does_not_compile_whatever_its_length(digits, tiny):
    game = training.make_game(tiny, digits, devices=1)
    state = play(game, 2).state
    size = programs(game.chunk)
    play(game, 12, state, cadences=(5, 7))
    assert programs(game.chunk) == size


def test_pauses_fall_on_the_cadences_and_when_stopping(digits, tiny):
    game = training.make_game(tiny, digits, devices=1)
    options = dict(end=12, cadences=(4, 5))
    steps = [
        p.step for p in training.advance(game.chunk, game.state, game.hyper, game.feed, **options)
    ]
    assert steps == [4, 5, 8, 10, 12]
    game = training.make_game(tiny, digits, devices=1)
    calls = itertools.count()
    steps = [
        p.step
        for p in training.advance(
            game.chunk,
            game.state,
            game.hyper,
            game.feed,
            stopping=lambda: next(calls) >= 1,
            chunk_seconds=0,
            **options,
        )
    ]
    assert steps == [2]


@pytest.mark.parametrize(
    ("step", "cadences", "end", "due"),
    [(0, (4, 6), 100, 4), (4, (4, 6), 100, 6), (98, (4,), 99, 99)],
)
def test_next_due(step, cadences, end, due):
    assert next_due(step, cadences, end) == due


@pytest.mark.parametrize(("bad", "step"), [(jnp.nan, 5), (jnp.inf, 3)])
def test_a_bad_number_stops_at_its_step_and_is_named(digits, tiny, bad, step):
    game = training.make_game(tiny, digits, devices=1)

    def broken(state, hyper, feed):
        metrics = {
            "critic_loss": jnp.float32(1),
            "penalty": jnp.where(state.step == step - 1, bad, 0),
        }
        return state._replace(step=state.step + 1), metrics

    game = game._replace(chunk=make_chunk(broken))
    with pytest.raises(NonFiniteError, match=rf"step {step}: penalty = (nan|inf)$"):
        play(game, 12)


def test_a_learning_rate_that_explodes_is_caught(digits, tiny):
    cfg = config.replace(tiny, {"critic_learning_rate": 1e30, "generator_learning_rate": 1e30})
    with pytest.raises(NonFiniteError, match=r"step \d+: .*critic_loss"):
        play(training.make_game(cfg, digits, devices=1), 12)


def test_devices_that_do_not_fit_are_refused(digits, tiny):
    with pytest.raises(UserError, match="must be 1 .. 2"):
        training.make_game(tiny, digits, devices=3)
    with pytest.raises(UserError, match="multiple of the 2 devices"):
        training.make_game(config.replace(tiny, {"batch_size": 7}), digits, devices=2)


@pytest.fixture
def listening():
    """A socket that listens on a port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.mark.parametrize("index", [0, 1])
def test_the_coordinator_binds_the_address_that_was_named(monkeypatch, listening, index):
    """By itself jax.distributed listens on every interface, and nothing there authenticates."""
    address = f"127.0.0.1:{listening.getsockname()[1]}"
    if index == 0:
        listening.close()
    calls = []
    monkeypatch.setattr(
        jax.distributed, "initialize", lambda *given, **more: calls.append((given, more))
    )
    training.join(address, 2, index)
    ((given, more),) = calls
    assert given == (address,)
    assert more["num_processes"] == 2 and more["process_id"] == index
    assert more["coordinator_bind_address"] == (None, address)[index == 0]


def test_a_run_of_one_process_joins_nobody(monkeypatch):
    monkeypatch.setattr(jax.distributed, "initialize", lambda *given, **more: 1 / 0)
    assert training.join(None, None, None) is None  # a call would have divided by zero


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((None, 2, 0), "missing: --coordinator$"),
        ((None, None, 0), "missing: --coordinator, --processes$"),
        (("localhost:1", None, None), "missing: --processes, --process_index$"),
        (("localhost:1", 2, 2), "must be in 0 .. 1"),
        (("localhost:1", 0, 0), "--processes must be in 1"),
        (("[::1:1", 2, 0), "HOST:PORT"),
        (("x" * 70 + ".invalid:1", 2, 1), "no such host"),
    ],
)
def test_impossible_groups_of_processes_are_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        training.join(*arguments)


def test_an_address_that_is_taken_and_a_first_process_that_never_comes(monkeypatch, listening):
    host, port = listening.getsockname()
    with pytest.raises(UserError, match="cannot use this address: Address already in use"):
        training.join(f"{host}:{port}", 2, 0)
    listening.close()
    monkeypatch.setattr(hosts, "PATIENCE_SECONDS", 0)
    with pytest.raises(UserError, match="no answer from process 0 in 0 s: Connection refused"):
        training.join(f"{host}:{port}", 2, 1)
