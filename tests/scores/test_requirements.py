"""What the last stage needs is checked by the first."""

import types

import jax
import numpy as np
import pytest
from PIL import Image

from gan import config, data, networks
from gan.errors import UserError
from gan.referee.probe import Probe
from gan.scores import evaluation, requirements, space
from gan.scores.evidence import Evidence
from tests.experiments.commands import TINY, call


def sized(train, validation, test):
    sizes = {"train": train, "validation": validation, "test": test}
    return types.SimpleNamespace(name="some", size=sizes.get)


@pytest.mark.parametrize("sizes", [(3, 2, 2), (4, 1, 2), (4, 2, 1), (0, 0, 0), (10**6, 1, 10**6)])
def test_splits_too_small_are_refused_with_the_numbers(sizes):
    with pytest.raises(UserError) as caught:
        requirements.check(config.Config(), sized(*sizes))
    assert f"{sizes[0]} in train, {sizes[1]} in validation, {sizes[2]} in test" in str(caught.value)
    assert "4 in train, 2 in validation, 2 in test" in str(caught.value)


def test_what_will_be_left_out_is_said():
    lines = requirements.check(config.Config(evaluation_size=512), sized(24, 3, 3))
    assert lines[0] == "evaluation_size 512 is lowered to 3 by the splits"
    assert "3 examples each, 4 are needed" in lines[1]
    assert requirements.check(config.Config(evaluation_size=2), sized(8, 4, 4)) == []


def folder(root, counts):
    draw = np.random.default_rng(0)
    for name, count in counts.items():
        (root / name).mkdir(parents=True)
        for k in range(count):
            pixels = draw.integers(0, 255, (6, 6), dtype=np.uint8)
            Image.fromarray(pixels).save(root / name / f"{k}.png")
    return config.Data(name="folder", folder=str(root))


@pytest.mark.parametrize(
    "counts", [{"a": 20}, {"a": 39}, {"a": 20, "one": 1}, {"a": 45, "one": 1}], ids=str
)
def test_all_that_is_let_through_can_be_scored(tmp_path, counts):
    dataset = data.load(folder(tmp_path, counts))
    chosen = config.replace(config.Config(), {"evaluation_repeats": 2, "data.name": "folder"})
    left_out = requirements.check(chosen, dataset)
    players = networks.players(chosen, dataset.shape, dataset.class_names)
    for split in ("validation", "test"):
        probe = Probe.of(chosen, dataset, *players, split)
        assert probe.n >= 2
    pixels = space.Space(
        space.Features(lambda x: x.reshape(len(x), -1), "pixels"), None, None, "nobody"
    )
    look = probe.look(players[0].init(jax.random.key(0)))
    found = evaluation.evaluate(["w1", "precision"], Evidence(look, space=pixels))
    assert found.values["w1"] >= 0
    assert ("precision" in found.values) != any("sample scores" in line for line in left_out)


def test_a_small_folder_trains_to_its_report_and_a_smaller_one_leaves_nothing(tmp_path):
    folder(tmp_path / "thirty", {"$5_bills$": 30})
    folder(tmp_path / "twelve", {"a": 12})
    flags = ["--data.name", "folder", "--steps", 1, *TINY]
    run = tmp_path / "run"
    status, out, err = call("train", "--workdir", run, "--data.folder", tmp_path / "thirty", *flags)
    assert status == 0, err
    assert "evaluation_size 20 is lowered to 3" in err and "3 examples each" in out
    page = (run / "report.html").read_text()
    assert "Left out:" in page or "4 are needed" in page
    status, _, err = call(
        "train", "--workdir", tmp_path / "other", "--data.folder", tmp_path / "twelve", *flags
    )
    assert status == 2 and "1 in test" in err and not (tmp_path / "other").exists()
