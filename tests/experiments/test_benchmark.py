"""The benchmark: its counts, its honesty about peers, and a run in miniature."""

import dataclasses
import json

import pytest

from experiments import benchmark
from experiments.benchmark_parts import worker, workloads
from gan import networks
from gan.errors import GanError
from tests.experiments.commands import call


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


def test_flops_of_the_reference_workload():
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
    return worker.Ours("mlp64")


def test_a_peer_that_computes_something_else_is_caught(ours, monkeypatch):
    honest = InProcess("ours", ours)
    state = ours.game.state
    other = workloads.of("mlp64")
    for change in ({"penalty_target": 0.9}, {"seed": 1}, {"beta2": 0.5, "n_critic": 4}):
        with monkeypatch.context() as patch:
            patch.setattr(workloads, "of", lambda name, c=change: dataclasses.replace(other, **c))
            peer = InProcess("peer", worker.Ours("mlp64"))
        ours.state = copied(state)
        with pytest.raises(GanError, match="peer computes another"):
            benchmark.compare([honest, peer])
    ours.state = copied(state)
    same = InProcess("peer", worker.Ours("mlp64"))
    assert len(benchmark.compare([honest, same])) == 2


class Says:
    """A side of which only the losses of the first iteration are known."""

    def __init__(self, losses):
        self.losses = losses

    def round(self, path):
        return self.losses


@pytest.mark.parametrize("loss", benchmark.LOSSES)
def test_a_peer_that_leaves_a_loss_out_or_has_another_is_caught(loss):
    """Any loss, silent, not finite, without a term or a factor away; rounding is let through."""
    true = {"critic_loss": 2.0, "penalty": 0.3, "w1_estimate_batch": 1.0, "generator_loss": -0.7}
    ours = InProcess("ours", Says(true))
    silent = InProcess("peer", Says({k: v for k, v in true.items() if k != loss}))
    with pytest.raises(GanError, match=f"peer does not say its {loss}"):
        benchmark.compare([ours, silent])
    for value in (float("nan"), 0.0, -true[loss], 1.01 * true[loss]):
        with pytest.raises(GanError, match=f"peer computes another {loss}"):
            benchmark.compare([ours, InProcess("peer", Says(true | {loss: value}))])
    assert benchmark.compare([ours, InProcess("peer", Says(true | {loss: 1.0001 * true[loss]}))])


@pytest.mark.slow
def test_a_population_computes_the_losses_of_the_solo_run_and_counts_every_member():
    together = worker.Together("population16", vectorized=True)
    benchmark.compare([InProcess("ours", together), InProcess("solo", worker.Ours("population16"))])
    done = together.run(0.1)
    assert done["iterations"] > 0 and done["iterations"] % 16 == 0


def copied(state):
    import jax
    import jax.numpy as jnp

    return jax.tree.map(jnp.copy, state)


def test_the_pytorch_twin_computes_the_same_losses(monkeypatch):
    pytest.importorskip("torch")
    from experiments.benchmark_parts.torch_twin import Torch

    of = workloads.of
    monkeypatch.setattr(
        workloads, "of", lambda name: dataclasses.replace(of(name), batch_size=8, n_critic=2)
    )
    for name in ("mlp64", "dcgan28"):
        ours = worker.Ours(name)
        state = copied(ours.state)
        sides = [InProcess("ours", ours), InProcess("eager", Torch("eager", name))]
        if workloads.images(name):
            sides.append(InProcess("channels_last", Torch("channels_last", name)))
        benchmark.compare(sides)
        sides[1].side.choice = dataclasses.replace(sides[1].side.choice, penalty_target=0.9)
        ours.state = state
        with pytest.raises(GanError, match="eager computes another"):
            benchmark.compare(sides)


def test_a_miniature_run_writes_the_named_fields(tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark, "PEAK_SIZE", 512)
    output = tmp_path / "mlp64.json"
    status, out, _ = call(
        "benchmark", "--workload", "mlp64", "--seconds", "0.5", "--output", output
    )
    assert status == 0
    result = json.loads(output.read_text())
    assert result["workload"] == "mlp64"
    assert 0 < result["share_of_peak"] < 1
    rate = result["share_of_peak"] * result["peak_gflops"] / result["gflop_per_iteration"]
    assert result["iterations_per_second"] == pytest.approx(rate)
    assert result["compile_seconds"] > 0
    assert "iterations/s" in out


@pytest.mark.parametrize(
    "change, message",
    [
        (["--workload", "mlp65"], "did you mean"),
        (["--seconds", "0"], "--seconds must be positive"),
        (["--cores", "99"], "--cores must be 1"),
        (["--peer", "tensorflow"], "invalid choice"),
    ],
)
def test_mistakes_end_with_status_2(tmp_path, change, message):
    command = {"--workload": "mlp64", "--output": tmp_path / "x.json"} | dict([change])
    status, _, err = call("benchmark", *[part for pair in command.items() for part in pair])
    assert status == 2
    assert message in err
