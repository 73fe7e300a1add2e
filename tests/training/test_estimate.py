"""A run that cannot be is refused at once, in words; one that fits is not."""

import types

import jax
import pytest

from gan import config, presets, training
from gan.errors import UserError
from gan.registries import SOURCES
from gan.training import estimate
from gan.training.state import start
from gan.transport import memory
from tests.experiments.commands import TINY, call

SHAPES = {name: source.case.shape for name, source in SOURCES.items()} | {
    "cifar10": (32, 32, 3),
    "cats_vs_dogs": (64, 64, 3),
    "folder": (32, 32, 3),
}
"""Of the examples that presets learn from."""


def described(name):
    sizes = {"train": 60_000, "validation": 10_000, "test": 10_000}
    return types.SimpleNamespace(
        name=name, shape=SHAPES[name], class_names=("a", "b"), size=sizes.get
    )


@pytest.fixture
def eight_gibibytes(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 8 * 2**30)


@pytest.mark.parametrize("name", presets.PRESETS)
def test_every_preset_fits_into_eight_gibibytes(eight_gibibytes, name):
    chosen = presets.get(name)
    assert estimate.require(chosen, described(chosen.data.name)) is None


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"batch_size": 2**20, "latent_dim": 2**20}, "latent_dim 1048576"),
        ({"critic.width": 2**16, "critic.depth": 8}, "critic.width 65536 and depth 8"),
        ({"generator.width": 2**16, "batch_size": 2**20}, "batch_size 1048576"),
        ({"evaluation_size": 100_000}, "evaluation_size 100000"),
        ({"steps": 2**31 - 1, "batch_size": 2**12, "generator.width": 8000}, "years"),
    ],
    ids=str,
)
def test_what_is_too_large_is_named_before_anything_is_built(eight_gibibytes, changes, hint):
    with pytest.raises(UserError) as caught:
        estimate.require(config.replace(config.Config(), changes), described("digits"))
    assert hint in str(caught.value)
    assert "8.0 GiB are available" in str(caught.value) or hint == "years"


def test_the_state_is_counted_to_the_byte_and_members_multiply_it():
    chosen, dataset = presets.get("digits"), described("digits")
    found = estimate.estimate(chosen, dataset)
    generator, critic = training.estimate.networks.players(chosen, (8, 8, 1), ("a", "b"))
    state = start(chosen, generator, critic)
    assert found.state == sum(leaf.nbytes for leaf in jax.tree.leaves(state))
    several = estimate.estimate(chosen, dataset, members=3)
    assert several.state == 3 * found.state and several.operations == 3 * found.operations


def test_a_round_holds_its_latents():
    chosen = config.replace(config.Config(), {"batch_size": 2**18, "latent_dim": 2**20})
    fewer = config.replace(chosen, {"latent_dim": 1})
    rounds = [estimate.estimate(c, described("digits")).round for c in (chosen, fewer)]
    assert rounds[0] - rounds[1] >= 4 * 2**18 * (2**20 - 1)


def small(**fields):
    network = {"width": 16, "depth": 1}
    sizes = {"steps": 1, "n_critic": 1, "batch_size": 8, "latent_dim": 4}
    return config.from_dict({**sizes, "generator": network, "critic": network, **fields})


def test_a_round_keeps_less_of_parts_and_of_layers_that_are_computed_again():
    """Of generator 4 -> 16 -> 64 and critic 64 -> 16 -> 1: the outputs of all products of 8
    examples, of 2, or of the hidden layers alone."""
    made, judged, hidden = 4 * 8 * (16 + 64), 4 * 8 * (16 + 1), 4 * 8 * 16
    rounds = {
        name: estimate.estimate(small(**fields), described("digits")).round
        for name, fields in {
            "whole": {},
            "parts": {"accumulation": 4},
            "remat": {"remat": True},
        }.items()
    }
    assert rounds["whole"] - rounds["parts"] == (made + judged) * 3 // 4
    assert rounds["whole"] - rounds["remat"] == made + judged - 2 * hidden


def test_a_state_in_parts_fits_where_the_whole_one_does_not(monkeypatch):
    """On devices with memory of their own: those of a CPU share one."""
    chosen = config.replace(config.Config(), {"critic.width": 2**13, "critic.depth": 8})
    monkeypatch.setattr(memory, "available", lambda: 2 * 2**30)
    monkeypatch.setattr(estimate, "_device_memory", lambda: 2 * 2**30)
    for backend, fits in (("cpu", False), ("gpu", True)):
        monkeypatch.setattr(jax, "default_backend", lambda backend=backend: backend)
        with pytest.raises(UserError, match="a round of this run needs at least"):
            estimate.require(chosen, described("digits"), devices=8)
        if fits:
            estimate.require(chosen, described("digits"), devices=8, split=True)
        else:
            with pytest.raises(UserError, match="2.0 GiB are available"):
                estimate.require(chosen, described("digits"), devices=8, split=True)


def test_operations_of_a_linear_layer_are_those_of_its_product():
    """width 16, depth 1, batch 8: generator 4 -> 16 -> 64, critic 64 -> 16 -> 1."""
    made, judged = 2 * 8 * (4 * 16 + 16 * 64), 2 * 8 * (64 * 16 + 16)
    found = estimate.estimate(small(), described("digits"))
    assert found.operations == 6 * judged + made + 3 * made


def test_the_deepest_player_is_judged_without_being_compiled(eight_gibibytes):
    chosen = config.replace(config.Config(), {"critic.width": 2**16, "critic.depth": 256})
    with pytest.raises(UserError, match="depth 256"):
        estimate.require(chosen, described("digits"))


@pytest.mark.parametrize(
    ("flags", "hint"),
    [
        (["--penalty", "one_sided_fak"], "one_sided"),
        (["--critic.width", "65536", "--critic.depth", "200"], "GiB are available"),
        (["--critic.depth", "4294967296"], "critic.depth must be in 0 .. 256"),
        (["--batch_size", "1000000000"], "batch_size must be in"),
        (["--latent_dim", "10000000000000000000"], "latent_dim must be in"),
        (["--critic.name", "mpl"], "did you mean 'mlp'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_refused_run_leaves_no_directory(tmp_path, flags, hint):
    status, out, err = call("train", "--workdir", tmp_path / "run", *TINY, *flags)
    assert status == 2 and hint in err and out == "", err
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["digits", "folder"])
def test_a_round_needs_what_is_estimated_within_a_small_factor(name):
    """The estimate is a lower bound; programs being compiled add what no shape tells."""
    import subprocess
    import sys

    from tests.conftest import ROOT

    code = f"""
import types, numpy as np, jax
from gan import presets, training
from gan.registries import SOURCES
from gan.training import estimate
from gan.training.state import start
from gan.transport import memory
from tests.training.test_estimate import described
chosen = presets.get({name!r})
dataset = described(chosen.data.name)
found = estimate.estimate(chosen, dataset)
images = np.zeros((100, *dataset.shape), np.float32)
dataset.streamed, dataset.arrays = False, {{"images": images}}
dataset.batch = lambda arrays, key, count: (arrays["images"][:count], np.zeros(count, np.int32))
before = memory.peak()
game = training.make_game(chosen, dataset, 1)
jax.block_until_ready(game.chunk(game.state, game.hyper, game.feed.load(0)[0], np.int32(1)))
print((memory.peak() - before) / (found.state + found.round + estimate.PROGRAMS))
"""
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert 1 <= float(run.stdout) <= 5
