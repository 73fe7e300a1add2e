"""The benchmark: its counts, its honesty about peers, and a run in miniature."""

import dataclasses
import json
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan import config, networks
from gan.benchmarks import assignments, benchmark_page, peers, side_process, sides, turns, workloads
from gan.errors import GanError, UserError
from tests.experiments.commands import call


@pytest.fixture(autouse=True)
def small_peak(monkeypatch):
    """The machine's peak from products that are too small to tell it, in a moment."""
    monkeypatch.setattr(side_process, "PEAK_SIZE", 512)


class InProcess:
    """A side of the benchmark without a process of its own."""

    def __init__(self, name, side):
        self.name, self.side = name, side

    def ask(self, **command):
        ((verb, argument),) = command.items()
        return getattr(self.side, verb)(argument)


def test_flops_are_those_of_the_layers():
    choice = workloads.of("mlp64")
    generator = networks.generator(choice.generator, 2, (2,))
    critic = networks.critic(choice.critic, (2,))
    g = 2 * (2 * 64 + 2 * 64 * 64 + 64 * 2)
    c = 2 * (2 * 64 + 2 * 64 * 64 + 64)
    assert choice.n_critic == 5
    expected = 256 * (5 * (g + 12 * c) + 3 * g + 2 * c) / 1e9
    assert workloads.gflop(choice, generator, critic, (2,)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("form", ["matrix", "winograd", "lax"])
def test_flops_of_the_reference_workload_are_of_the_direct_form(form, monkeypatch):
    monkeypatch.setenv("GAN_CONVOLUTION", form)
    choice = workloads.of("dcgan28")
    shape = workloads.dataset(choice).shape
    generator = networks.generator(choice.generator, choice.latent_dim, shape)
    critic = networks.critic(choice.critic, shape)
    first, second = 14 * 14 * 64 * 16, 7 * 7 * 128 * 16 * 64
    g, c = 2 * (128 * 6272 + second + first), 2 * (first + second + 6272)
    expected = 64 * (5 * (g + 12 * c) + 3 * g + 2 * c) / 1e9
    # The transposed convolution's product also makes the border that is cropped: none is counted.
    assert workloads.gflop(choice, generator, critic, shape) == pytest.approx(expected, rel=1e-12)


@pytest.fixture(scope="module")
def ours():
    return side_process.Ours(workloads.of("mlp64"))


def test_a_peer_that_computes_something_else_is_caught(ours):
    honest = InProcess("ours", ours)
    state = ours.game.state
    other = workloads.of("mlp64")
    for change in ({"seed": 1}, {"beta2": 0.5, "n_critic": 4}):
        peer = InProcess("peer", side_process.Ours(dataclasses.replace(other, **change)))
        ours.state = copied(state)
        with pytest.raises(GanError, match="peer computes another"):
            sides.compare([honest, peer])
    ours.state = copied(state)
    same = InProcess("peer", side_process.Ours(other))
    assert len(sides.compare([honest, same])) == 2


class Says:
    """A side of which only the losses of the first iteration are known."""

    def __init__(self, losses):
        self.losses = losses

    def first_losses(self, path):
        return self.losses


@pytest.mark.parametrize("loss", sides.LOSSES)
def test_a_peer_that_leaves_a_loss_out_or_has_another_is_caught(loss):
    """Any loss, silent, not finite, without a term or a factor away; rounding is let through."""
    true = {"critic_loss": 2.0, "penalty": 0.3, "w1_estimate_batch": 1.0, "generator_loss": -0.7}
    ours = InProcess("ours", Says(true))
    silent = InProcess("peer", Says({k: v for k, v in true.items() if k != loss}))
    with pytest.raises(GanError, match=f"peer does not say its {loss}"):
        sides.compare([ours, silent])
    for value in (float("nan"), 0.0, -true[loss], 1.01 * true[loss]):
        with pytest.raises(GanError, match=f"peer computes another {loss}"):
            sides.compare([ours, InProcess("peer", Says(true | {loss: value}))])
    assert sides.compare([ours, InProcess("peer", Says(true | {loss: 1.0001 * true[loss]}))])


@pytest.mark.slow
def test_a_population_computes_the_losses_of_the_solo_run_and_counts_every_member():
    together = side_process.Together(workloads.members("population16"), vectorized=True)
    sides.compare(
        [
            InProcess("ours", together),
            InProcess("solo", side_process.Ours(workloads.of("population16"))),
        ]
    )
    done = together.run(0.1)
    assert done["iterations"] > 0 and done["iterations"] % 16 == 0


def copied(state):
    return jax.tree.map(jnp.copy, state)


@pytest.fixture
def small_images(monkeypatch):
    """resnet32 and dcgan28 with narrow players and a small batch; other workloads as they are."""
    assert workloads.WORKLOADS["resnet32"]().generator.normalization == "batch"
    narrow = {"batch_size": 4, "n_critic": 2, "generator.width": 8, "critic.width": 8}
    for name in ("resnet32", "dcgan28"):
        choice = workloads.WORKLOADS[name]()
        assert choice.generator.width >= 64
        small = config.replace(choice, narrow)
        monkeypatch.setitem(workloads.WORKLOADS, name, lambda small=small: small)


@pytest.fixture
def torch():
    """PyTorch with one thread: more wait for each other where other tests run beside."""
    torch = pytest.importorskip("torch")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield torch
    torch.set_num_threads(threads)


@pytest.mark.parametrize(
    "name", ["mlp64", "dcgan28", pytest.param("resnet32", marks=pytest.mark.slow), "population16"]
)
def test_every_mode_of_the_twin_computes_our_losses_or_is_caught(name, small_images, torch):
    from gan.benchmarks.torch_twin import Torch

    modes = workloads.modes(workloads.of(name))
    assert len(modes) == {"dcgan28": 2, "resnet32": 4}.get(name, 1)
    ours = InProcess("ours", side_process.Ours(workloads.of(name)))
    first = copied(ours.side.state)
    twins = [InProcess(mode, Torch(mode, workloads.of(name))) for mode in modes]
    found = sides.compare([ours, *twins])
    assert found["ours"]["penalty"] > 1e-3
    for twin in twins:
        wrongs = [
            (twin.side, {"choice": dataclasses.replace(twin.side.choice, penalty_target=0.9)}),
            (twin.side.critic, {"forward": stronger(twin.side.critic)}),
            (twin.side.generator, {"forward": stronger(twin.side.generator)}),
        ]
        for owner, change in wrongs:
            ours.side.state = copied(first)
            with pytest.MonkeyPatch.context() as patch:
                for field, value in change.items():
                    patch.setattr(owner, field, value)
                with pytest.raises(GanError, match=f"{twin.name} computes another"):
                    sides.compare([ours, twin])


def test_sides_in_bfloat16_are_compared_in_float32_and_train_in_bfloat16(small_images, torch):
    from gan.benchmarks.torch_twin import Torch

    choice = workloads.of("dcgan28", {"precision": "bfloat16", "batch_size": 8})
    assert (choice.batch_size, choice.precision) == (8, "bfloat16")
    ours, twin = side_process.Ours(choice), Torch("eager", choice)
    first = copied(ours.state)
    found = sides.compare([InProcess("ours", ours), InProcess("eager", twin)])
    exact = side_process.Ours(dataclasses.replace(choice, precision="float32"))
    exact.state = copied(first)
    data, _ = exact.game.feed.load(0)
    _, wanted = exact.chunk(exact.state, exact.game.hyper, data, np.int32(1))
    assert found["ours"]["critic_loss"] == pytest.approx(float(wanted["critic_loss"]), rel=1e-5)
    data, _ = ours.game.feed.load(0)
    _, rounded = ours.chunk(first, ours.game.hyper, data, np.int32(1))
    off = abs(float(rounded["critic_loss"]) / float(wanted["critic_loss"]) - 1)
    assert 1e-5 < off < 0.1
    x = torch.rand(2, 1, 28, 28)
    low = twin.score(x)
    twin.low = False
    full = twin.score(x)
    assert low.dtype == torch.float32 and not torch.equal(low, full)
    assert torch.allclose(low, full, rtol=0.05, atol=0.05)


def test_the_residual_twin_maps_as_ours_do(small_images, torch):
    from gan.benchmarks import torch_players

    choice = workloads.of("resnet32")
    shape = workloads.dataset(choice).shape
    assert shape == (32, 32, 3)
    ours = networks.players(choice, shape, ("all",))
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=(3, *size)).astype(np.float32) for size in ((128,), shape)]
    for merged in (False, True):
        twins = torch_players.players(choice, shape, merged)
        for name, own, twin, x in zip(("generator", "critic"), ours, twins, inputs, strict=True):
            params = jax.jit(own.init)(jax.random.key(1))
            # Biases start at zero, where a twin without them would look right.
            params = jax.tree.map(lambda p: p + 0.1 * rng.normal(size=p.shape), params)
            params = jax.tree.map(np.float32, params)
            torch_players.load(twin, paths(name, params), name)
            given = x.transpose(0, 3, 1, 2) if x.ndim == 4 else x
            with torch.no_grad():
                found = twin(torch.from_numpy(given.copy())).numpy()
            wanted = np.asarray(jax.jit(own.apply)(params, x))
            if name == "generator":
                found = found.transpose(0, 2, 3, 1)
            assert wanted.std() > 1e-2
            np.testing.assert_allclose(found, wanted, atol=2e-4 * np.abs(wanted).max())


def paths(name, params):
    leaves, _ = jax.tree_util.tree_flatten_with_path(params)
    return {
        "/".join([name, *(part.key for part in where)]): np.asarray(leaf) for where, leaf in leaves
    }


def stronger(player):
    """The player's forward pass with a first hidden layer that is a fifth larger."""

    def forward(x):
        for number, layer in enumerate(player):
            x = layer(x) * (1.2 if number == 1 else 1)
        return x

    return forward


def test_parameters_go_to_the_layers_of_the_same_path_and_shape_only():
    pytest.importorskip("torch")
    from gan.benchmarks import torch_players

    choice = workloads.of("mlp64")
    _, critic = torch_players.players(choice, (2,))
    params = networks.critic(choice.critic, (2,)).init(jax.random.key(0))
    arrays = paths("critic", params)
    torch_players.load(critic, arrays, "critic")
    with pytest.raises(ValueError, match="no counterpart of critic/Dense_9"):
        torch_players.load(critic, arrays | {"critic/Dense_9/kernel": 0}, "critic")
    missing = {path: a for path, a in arrays.items() if "Dense_1" not in path}
    with pytest.raises(ValueError, match="no counterpart of critic/Dense_1"):
        torch_players.load(critic, missing, "critic")
    wide = arrays | {"critic/Dense_0/kernel": np.zeros((2, 65), np.float32)}
    with pytest.raises(ValueError, match="critic/Dense_0 is"):
        torch_players.load(critic, wide, "critic")
    for change in ({"critic.name": "resnet"}, {"generator.name": "biggan"}):
        with pytest.raises(UserError, match="no PyTorch twin"):
            torch_players.players(config.replace(choice, change), (32, 32, 3))


def test_the_command_trains_in_its_turns_only(ours):
    side = side_process.Train(workloads.of("mlp64"))
    assert side.step == 1
    first = InProcess("ours", side_process.Ours(workloads.of("mlp64")))
    found = sides.compare([first, InProcess("train", side)])
    assert found["train"] == found["ours"]
    done = side.run(0.2)
    assert 0 < done["iterations"] == side.step - 1
    before = side.step
    time.sleep(0.2)
    assert side.step == before
    side.close()
    assert not side.thread.is_alive()


def test_an_error_of_the_command_ends_the_benchmark(monkeypatch):
    from gan import runner

    def fail(*arguments, **options):
        raise UserError("no space left")

    monkeypatch.setattr(runner, "train", fail)
    with pytest.raises(UserError, match="no space left"):
        side_process.Train(workloads.of("mlp64"))


def test_transport_beside_another_solver(monkeypatch):
    monkeypatch.setitem(workloads.TRANSPORT, "transport20k", 300)
    two = {name: peers.SOLVERS[name] for name in ("ours", "scipy")}
    monkeypatch.setattr(peers, "SOLVERS", two)
    result = assignments.run("transport20k", 0.01, "solvers")
    (scipy,) = result["peer"]
    assert scipy["mode"] == result["best_peer"] == "scipy" and not scipy["over_limit"]
    ratio = result["iterations_per_second"] / scipy["iterations_per_second"]
    assert result["ratio_to_best_peer"] == pytest.approx(ratio)
    late = assignments.run("transport20k", 0.01, "solvers", limit=0.01)
    assert late["peer"][0]["over_limit"]
    assert "| scipy | < 1e+02 |" in benchmark_page.table(late)


def test_a_solver_that_fails_is_named_and_the_others_are_kept(monkeypatch):
    """Its process knows no such solver; the ones before and after it do not suffer."""
    monkeypatch.setitem(workloads.TRANSPORT, "transport20k", 100)
    three = {name: peers.SOLVERS.get(name) for name in ("ours", "absent", "scipy")}
    monkeypatch.setattr(peers, "SOLVERS", three)
    result = assignments.run("transport20k", 0.01, "solvers")
    assert [row["mode"] for row in result["peer"]] == [result["best_peer"]] == ["scipy"]
    assert "absent at n = 100 failed" in result["failed"]["absent"]
    assert result["failed"]["absent"] in benchmark_page.table(result).splitlines()
    monkeypatch.setattr(peers, "SOLVERS", {"absent": None})
    alone = assignments.run("transport20k", 0.01, "solvers")
    assert alone["peer"] == [] and "best_peer" not in alone and alone["iterations_per_second"] > 0


def test_a_solver_with_another_value_is_caught():
    row = {"solver": "scipy", "value": 1.0, "seconds": 2.0}
    with pytest.raises(GanError, match="scipy finds 1, ours is 1.001"):
        assignments.solver(row, 1.001)
    assert assignments.solver(row, 1 + 1e-6)["iterations_per_second"] == 0.5


def test_a_miniature_run_writes_the_named_fields(tmp_path):
    output = tmp_path / "mlp64.json"
    flags = ["--workload", "mlp64", "--seconds", "0.5", "--devices", "2"]
    status, out, err = call("benchmark", *flags, "--output", output)
    assert status == 0, err
    result = json.loads(output.read_text())
    assert result["workload"] == "mlp64"
    assert (result["devices"], result["device"]) == (2, "cpu")
    assert 0 < result["share_of_peak"] < 1
    rate = result["share_of_peak"] * result["peak_gflops"] / result["gflop_per_iteration"]
    assert result["iterations_per_second"] == pytest.approx(rate)
    assert result["compile_seconds"] > 0
    assert "iterations/s" in out
    page = output.with_suffix(".md").read_text()
    assert out.strip() in page
    assert (
        "benchmark --workload mlp64 --seconds 0.5 --rounds 5 --devices 2 --output mlp64.json\n"
        in page
    )


class Fake(sides.Side):
    """A side without a process whose rates are given."""

    RATES = {
        "ours": 3.0,
        "ours, allocator": 6.0,
        "matrix": 1.5,
        "train": 2.7,
        "eager": 1.0,
        "eager, allocator": 4.0,
        "channels_last": 2.0,
        "channels_last, allocator": 3.0,
        "eager, 1 thread": 0.5,
        "eager, 1 thread, allocator": 0.25,
    }

    def __init__(self, side, workload, cores, allocator, threads, devices=1, *how):
        self.side, self.allocator = side, allocator
        self.name = sides.name_of(side, allocator, threads if threads < len(cores) else None)
        self.about, self.devices = {}, devices

    def wait(self):
        self.about = {"gflop_per_iteration": 2.0, "compile_seconds": 1.0, "start_seconds": 1.5}
        self.about |= {"devices": self.devices, "device": "cpu"}

    def ask(self, **command):
        ((verb, argument),) = command.items()
        answers = {
            "peak": {"gflops": 60.0},
            "memory": {"bytes": 7},
            "first_losses": dict.fromkeys(sides.LOSSES, 1.0),
        }
        if verb == "run":
            return {"iterations": self.RATES[self.name] * argument, "seconds": argument}
        return answers[verb]

    def close(self):
        pass


def test_ratios_are_of_the_right_sides(monkeypatch):
    monkeypatch.setattr(turns, "Side", Fake)
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 1})
    both = turns.Options(seconds=1.0, peer="torch", cores=2)
    options = dataclasses.replace(both, train=True, forms=("matrix",))
    result = turns.run("dcgan28", options)
    assert result["iterations_per_second"] == pytest.approx(3)
    assert result["share_of_peak"] == pytest.approx(0.1)
    rates = {row["mode"]: row["iterations_per_second"] for row in result["peer"]}
    peers = ("eager", "channels_last", "channels_last, allocator")
    assert set(rates) == {name for name in Fake.RATES if name in peers or "eager" in name}
    assert rates == pytest.approx({name: Fake.RATES[name] for name in rates})
    assert result["best_peer"] == "eager, allocator"
    assert result["ratio_to_best_peer"] == pytest.approx(0.75)
    off, on = result["equal_allocator"]
    assert (off["mode"], on["mode"]) == ("channels_last", "eager, allocator")
    assert [off["ours"], off["ratio"]] == pytest.approx([3, 1.5])
    assert [on["ours"], on["ratio"]] == pytest.approx([6, 1.5])
    assert result["train"]["share"] == pytest.approx(0.9)
    (variant,) = result["variants"]
    assert variant["mode"] == "matrix"
    assert variant["iterations_per_second"] == pytest.approx(1.5)
    table = benchmark_page.table(result)
    assert "90.0 % of ours" in table and "6 iterations/s, 1.50 times eager, allocator" in table
    some = turns.run(
        "dcgan28", dataclasses.replace(both, modes=("channels_last",), allocator="off")
    )
    names = [row["mode"] for row in some["peer"]]
    assert names == ["channels_last"] and "train" not in some


@pytest.mark.parametrize(
    "change, message",
    [
        (["--workload", "mlp65"], "did you mean"),
        (["--seconds", "0"], "--seconds: must be in"),
        (["--cores", "99"], "--cores must be 1"),
        (["--devices", "99"], "--devices must be 1"),
        (["--workload", "transport20k", "--devices", "2"], "--devices is for trainings"),
        (["--workload", "transport60k", "--batch_size", "2"], "--batch_size is for trainings"),
        (["--workload", "transport60k", "--precision", "full"], "--precision is for trainings"),
        (["--precision", "half"], "allowed: bfloat16, full, rounded"),
        (["--peer", "tensorflow"], "allowed: solvers, torch"),
        (["--peer", "solvers"], "goes with transport,"),
        (["--modes", "eager"], "unknown mode"),
        (["--forms", "winograt"], "did you mean 'winograd'"),
        (["--rounds", "0"], "--rounds: must be in"),
    ],
)
def test_mistakes_end_with_status_2(tmp_path, change, message):
    command = {"--workload": "mlp64", "--output": tmp_path / "x.json"} | dict(
        zip(change[::2], change[1::2], strict=True)
    )
    status, _, err = call("benchmark", *[part for pair in command.items() for part in pair])
    assert status == 2
    assert message in err
