"""Spaces: their axes and grids, those with a name, and what is refused."""

import json
import re

import numpy as np
import pytest

from gan import config, presets
from gan.errors import UserError
from gan.registries import LOSSES
from gan.sweeps import space as spaces
from tests.entries import names
from tests.sweeps.makers import EXAMPLE


def test_the_axes_of_a_space():
    space = spaces.parse(EXAMPLE | {"penalty_every": {"uniform": [1, 4], "points": 3}})
    assert space.fields == ("penalty_weight", "n_critic", "seed", "penalty_every")
    assert space.seeds == (0, 1, 2) and space.repeats == 3
    weight, critics, every = space.axes
    assert (weight.low, weight.high, weight.log, weight.integer) == (0.1, 100, True, False)
    assert critics.choices == (1, 5) and not space.listed
    assert every.values() == (1, 2, 4) and every.integer
    assert space.size is None
    values = space.values({"penalty_weight": 2.0, "n_critic": 1, "penalty_every": 3}, 4)
    assert values == {"penalty_weight": 2.0, "n_critic": 1, "seed": 1, "penalty_every": 3}
    assert list(values) == list(space.fields)


def test_a_grid_has_every_setting_once_and_the_last_axis_fastest():
    space = spaces.parse({"beta1": {"log": [0.1, 0.4], "points": 3}, "n_critic": [1, 5]})
    grid = [space.setting(i) for i in range(space.size)]
    assert [s["n_critic"] for s in grid] == [1, 5] * 3
    np.testing.assert_allclose([s["beta1"] for s in grid[::2]], [0.1, 0.2, 0.4])
    assert grid[0]["beta1"] == 0.1 and grid[-1]["beta1"] == 0.4
    assert spaces.parse({"seed": [4, 2]}).setting(0) == {}


@pytest.mark.parametrize("name", names(spaces.SPACES))
def test_every_named_space_has_a_grid_of_trials_that_holds_its_case(name):
    entry, space = spaces.SPACES.get(name), spaces.load(name)
    assert space.source == json.loads(json.dumps(entry.axes))
    assert space.size >= 4 and space.repeats >= 2
    count = space.size * space.repeats
    trials = [space.values(space.setting(i // space.repeats), i) for i in range(count)]
    assert entry.case in trials and list(entry.case) == list(space.fields)
    for values in trials:
        assert (
            config.flatten(config.replace(presets.get("digits"), values)).items() >= values.items()
        )
    for said in re.findall(r"(\d+) trials", entry.help):
        assert int(said) == count


def test_the_space_of_objectives_holds_every_loss():
    choices = {axis.path: axis.choices for axis in spaces.load("objectives").axes}
    assert choices["loss"] == tuple(sorted(LOSSES)) and "hinge" in choices["loss"]


def test_a_space_of_anybodys_is_named_by_its_module(tmp_path, monkeypatch):
    (tmp_path / "my_spaces.py").write_text(
        "from gan.sweeps.space import NamedSpace\n"
        "few = NamedSpace(help='two', axes={'n_critic': [1, 5]}, case={'n_critic': 5})\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert spaces.load("my_spaces:few").source == {"n_critic": [1, 5]}
    with pytest.raises(UserError, match="has no attribute 'many'"):
        spaces.load("my_spaces:many")
    with pytest.raises(UserError, match="did you mean 'noise'"):
        spaces.load("niose")


BAD_SPACES = {
    '{"penalty_wieght": [1]}': "did you mean 'penalty_weight'",
    '{"critic.with": [1]}': "did you mean 'critic.width'",
    '{"log_every": [1, 2]}': "log_every cannot be swept: it does not change",
    '{"evaluation_size": [10]}': "cannot be swept",
    '{"n_critic": []}': "the list is empty",
    '{"n_critic": [1, 1]}': "names a value twice",
    '{"n_critic": [0, 1]}': "n_critic must be in 1 .. 1,000",
    '{"n_critic": [1.5]}': "n_critic must be int, got 1.5",
    '{"n_critic": 5}': "an axis is a list",
    '{"loss": ["wasserstien"]}': "did you mean 'wasserstein'",
    '{"loss": {"log": [1, 2]}}': "only numbers have ranges",
    '{"generator.activation": ["gelu"]}': "leaky_relu",
    '{"penalty_weight": {"logarithm": [1, 2]}}': "allowed: log, points, uniform",
    '{"penalty_weight": {"log": [0, 2]}}': "must be above 0",
    '{"penalty_weight": {"log": [2, 1]}}': "low must be below high",
    '{"penalty_weight": {"log": [1]}}': "two numbers",
    '{"penalty_weight": {"log": [1, 2], "uniform": [1, 2]}}': "one of them only",
    '{"penalty_weight": {"log": [1, 2], "points": 1}}': "whole number in 2 .. 10,000",
    '{"penalty_weight": {"uniform": [-1, 2]}}': "penalty_weight must be in 0 .. 1e+12",
    '{"beta1": {"uniform": [0, 1]}}': "beta1 must be in 0 .. 0.99999994",
    '{"penalty_weight": [1], "penalty_weight": [2]}': "appears twice",
    '{"penalty_weight": [NaN]}': "NaN",
    '{"generator": [{"width": 3}]}': "unknown field 'generator'",
    "{}": "one or more",
    "[1]": "JSON object",
    "{": "not valid JSON",
}


@pytest.mark.parametrize(("text", "hint"), BAD_SPACES.items(), ids=BAD_SPACES)
def test_a_bad_space_is_refused_in_a_line_that_says_what_is_allowed(tmp_path, text, hint):
    path = tmp_path / "space.json"
    path.write_text(text)
    with pytest.raises(UserError) as refused:
        spaces.load(str(path))
    assert hint in str(refused.value) and len(str(refused.value).splitlines()) == 1
