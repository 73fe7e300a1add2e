"""A folder of pictures at the command line: what was left out is said once, kept and reported."""

import json
import os

import pytest
from PIL import Image

from gan import config, data, outputs, presets, runs
from gan.errors import UserError
from gan.sweeps import binding
from gan.sweeps.driver import Plan
from gan.sweeps.space import load
from tests.data.makers import write_pictures
from tests.experiments.commands import TINY, call, done

LATER = ("splits", "skip_unreadable", "largest_megapixels")
"""Fields of data that directories of earlier versions lack."""


@pytest.mark.slow
def test_a_folder_with_oddities_is_trained_on_and_reported(tmp_path):
    for row, split in enumerate(("train", "val", "test")):
        for name in ("cat", "dog"):
            folder = tmp_path / "pictures" / split / name
            write_pictures(folder, 40 if split == "train" else 25, seed=2 * row + (name == "cat"))
    os.mkfifo(folder / "pipe.png")
    (folder / "broken.png").write_bytes(b"\x89PNG")
    flags = [*TINY, "--data.name", "folder", "--data.folder", tmp_path / "pictures"]
    flags += ["--data.image_size", 8, "--steps", 2, "--workdir", tmp_path / "run"]
    status, out, err = call("train", *flags)
    assert status == 2 and len(err.splitlines()) <= 5 and "Traceback" not in err
    assert f"{folder}/broken.png is not a readable image" in err and "_io" not in err
    status, out, err = call("train", *flags, "--data.skip_unreadable")
    assert status == 0, err
    assert done(out)[0] == 2
    notes = json.loads((tmp_path / "run" / "data.json").read_text())["notes"]
    said = (
        "1 of 182 files were left out: 1 named pipe",
        "sub-folders are the official splits: test (test), train (train), val (validation)",
        "1 of 181 pictures were skipped: ",
    )
    report = (tmp_path / "run" / "report.html").read_text()
    assert len(notes) == len(said)
    for note, text in zip(notes, said, strict=True):
        assert note.startswith(text)
        assert err.count(text) == 1 and report.count(text) == 1
    (tmp_path / "pictures" / "notes.txt").write_text("more to leave out changes nothing")
    status, out, err = call("train", "--workdir", tmp_path / "run")
    assert status == 0, err
    assert done(out)[0] == 2


def test_notes_identify_nothing(tmp_path):
    write_pictures(tmp_path / "pictures", 20)
    choice = config.Data(name="folder", folder=str(tmp_path / "pictures"))
    before = data.describe(data.load(choice))
    (tmp_path / "pictures" / "x.txt").write_text("")
    after = data.describe(data.load(choice))
    assert before | {"notes": after["notes"]} == after
    with runs.open(tmp_path / "run", config.Config(data=choice)) as run:
        run.record_data(after)
        run.check_data(before)
        run.check_data(after | {"notes": ["something else"]})
        Image.new("RGB", (6, 6)).save(tmp_path / "pictures" / "one_more.png")
        with pytest.raises(UserError, match="data set changed since .*sizes: "):
            run.check_data(data.describe(data.load(choice)))


def without_later_fields(path):
    values = json.loads(path.read_text())
    assert values["base"]
    values.pop("crc32", None)  # they had none
    base = values["base"]
    removed = [base.pop(f"data.{name}", base.get("data", {}).pop(name, None)) for name in LATER]
    assert None not in removed
    path.write_text(json.dumps(values))


def test_sweeps_of_earlier_versions_still_open(tmp_path):
    plan = Plan(presets.get("digits"), load("penalty"), "random", 0, 2, "w1_debiased", 4)
    binding.bind(tmp_path, plan)
    without_later_fields(tmp_path / "sweep.json")
    assert binding.bind(tmp_path, plan) == plan
    without_later_fields(tmp_path / "sweep.json")
    other = plan._replace(base=config.replace(plan.base, {"data.splits": "content"}))
    with pytest.raises(UserError, match='data.splits: "auto" -> "content"'):
        binding.bind(tmp_path, other)


def test_studies_of_earlier_versions_still_open(tmp_path):
    settings = {"shrink": 1, "base": config.to_dict(config.Config())}
    path = tmp_path / "study.json"
    default = {"base": config.to_dict(config.Config())}
    outputs.bind(path, settings, default)
    without_later_fields(path)
    outputs.bind(path, settings, default)
    other = config.replace(config.Config(), {"data.splits": "content"})
    with pytest.raises(UserError, match="base.data.splits: auto -> content"):
        outputs.bind(path, settings | {"base": config.to_dict(other)}, default)
    with pytest.raises(UserError, match="rounds: None -> 5"):
        outputs.bind(path, settings | {"rounds": 5}, default)


def test_a_description_is_plain_json(tmp_path):
    write_pictures(tmp_path / os.fsdecode(b"\xe9"), 20)
    described = data.describe(data.load(config.Data(name="folder", folder=str(tmp_path))))
    assert json.loads(json.dumps(described)) == described
    assert described["class_names"] == [os.fsdecode(b"\xe9")]
