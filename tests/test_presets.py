"""What every preset must be, and that it trains when its case makes it small."""

import json
import subprocess
import sys

import jax
import numpy as np
import pytest

from gan import config, data, presets, rules, training
from gan.errors import UserError
from gan.registries import ARCHITECTURES, PRESETS, SOURCES
from tests.conftest import ROOT
from tests.data.makers import noise_set
from tests.entries import names
from tests.experiments.commands import call


def small(name):
    return config.replace(presets.get(name), PRESETS.get(name).case)


def kind(choice):
    """What decides which programs are compiled for a preset that is made small."""
    return (
        choice.generator,
        choice.critic,
        choice.loss,
        choice.penalty,
        choice.conditional,
        SOURCES.get(choice.data.name).reads,
    )


def first_of_each_kind():
    """Every preset; those that play the same game as an earlier one, or take long to compile, are
    left to the slow tests."""
    seen = set()
    for name in names(PRESETS):
        chosen = small(name)
        slow = kind(chosen) in seen or ARCHITECTURES.get(chosen.critic.name).case.slow
        seen.add(kind(chosen))
        yield pytest.param(name, marks=[pytest.mark.slow] * slow)


@pytest.mark.parametrize("name", names(PRESETS))
def test_it_survives_the_round_trip_through_json_and_breaks_no_rule(name):
    chosen = presets.get(name)
    assert config.from_dict(json.loads(json.dumps(config.to_dict(chosen)))) == chosen
    rules.check(chosen)


@pytest.mark.parametrize("name", names(PRESETS))
def test_it_says_what_it_is_and_how_long_it_takes(name):
    preset = PRESETS.get(name)
    assert 10 <= len(preset.help) <= 100 and preset.expect
    assert (preset.minutes is None) == bool(preset.accelerator)
    assert preset.minutes is None or preset.minutes > 0


@pytest.mark.parametrize("name", list(first_of_each_kind()))
def test_it_trains_a_step(name):
    chosen = small(name)
    source = SOURCES.get(chosen.data.name)
    if source.reads:
        dataset = noise_set(chosen.data.name, (8, 8, source.case.shape[-1]))
    else:
        dataset = data.load(chosen.data)
    game = training.make_game(chosen, dataset, devices=1)
    before = jax.device_get(game.state.generator)
    played = training.advance(game.chunk, game.state, game.hyper, game.feed, end=1, cadences=(1,))
    *_, last = played
    assert last.step == 1 and all(map(np.isfinite, last.metrics.values()))
    after = jax.device_get(last.state.generator)
    same = jax.tree.map(np.array_equal, before, after)
    assert not all(jax.tree.leaves(same))


def test_names_and_errors():
    assert len(PRESETS) >= 19
    with pytest.raises(UserError, match="unknown preset 'digit'; did you mean 'digits'"):
        presets.get("digit")
    assert presets.get("gan.presets:digits") is presets.get("digits")


def test_the_list_shows_every_preset_and_imports_no_jax():
    program = "import sys; from gan import presets; print(presets.table()); "
    program += "assert 'jax' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= presets.WIDTH
    assert [line.split()[0] for line in lines if line[0] != " "] == list(PRESETS)
    shown = " ".join(done.stdout.split())
    for _, preset in PRESETS.items():
        assert preset.time() in shown and preset.expect.split()[0] in shown
    assert call("train", "--preset", "list") == (0, done.stdout, "")
