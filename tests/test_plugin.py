"""Architectures, data sets and presets of somebody's own are as good as those of the library."""

import json
import shutil

import numpy as np
import pytest

from gan import config, data, presets, rules
from gan.errors import UserError
from tests.experiments.commands import call, done, saved

PRESET = "tests.plugin.presets:circle"
FLAGS = ["--steps", 2, "--evaluation_size", 20, "--evaluation_repeats", 1]


def trained(workdir, *flags):
    status, out, err = call("train", "--preset", PRESET, "--workdir", workdir, *FLAGS, *flags)
    assert status == 0, err
    return done(out)


def test_a_preset_trains_resumes_and_is_read_back(tmp_path):
    step, state = trained(tmp_path / "run")
    assert step == saved(tmp_path / "run") == 2
    kept = json.loads((tmp_path / "run" / "config.json").read_text())
    assert kept["generator"]["name"] == "tests.plugin.networks:quadratic"
    assert config.load(str(tmp_path / "run" / "config.json")).data.name == "tests.plugin.data:ring"
    evaluation = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    assert np.isfinite(evaluation["w1"])

    shutil.copytree(tmp_path / "run", tmp_path / "cut")
    newest = next((tmp_path / "cut" / "checkpoints").glob("*2*"))
    shutil.rmtree(newest) if newest.is_dir() else newest.unlink()
    assert saved(tmp_path / "cut") == 1
    assert trained(tmp_path / "cut") == (2, state)
    assert trained(tmp_path / "other", "--seed", 1)[1] != state


def test_labelled_images_train_conditionally(tmp_path):
    flags = ["--data.name", "tests.plugin.data:stripes", "--conditional", "true"]
    step, _ = trained(tmp_path / "run", *flags, "--generator.name", "mlp", "--critic.name", "mlp")
    assert step == 2
    identity = data.describe(data.load(config.Data(name="tests.plugin.data:stripes")))
    assert identity["class_names"][7] == "row 7" and identity["shape"] == [8, 8, 1]
    for path in (tmp_path / "run").glob("*.json"):
        if identity["fingerprint"] in path.read_text():
            break
    else:
        raise AssertionError("no file of the run names its data")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"critic.width": 1}, "quadratic needs a width of at least 2"),
        ({"data.image_size": 8}, "data.image_size is for images"),
        ({"generator.name": "tests.plugin.networks:cubic"}, "'cubic'; allowed: quadratic"),
        ({"critic.name": "tests.plugin.data:ring"}, "must be an Architecture, not a Source"),
    ],
)
def test_their_rules_hold_and_their_mistakes_are_named(changes, reason):
    chosen = presets.get(PRESET)
    rules.check(chosen)
    with pytest.raises(UserError, match=reason):
        rules.check(config.replace(chosen, changes))
