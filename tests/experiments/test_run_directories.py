"""Several commands at once in one run directory, planted links, strange names, damage, kills."""

import os
import random

import numpy as np
import pytest

from gan import runs
from tests.experiments.commands import TINY, call, done, finish, start
from tests.runs import fuzz
from tests.runs.test_paths import PRINTABLE

RUN = ["--preset", "digits", *TINY, "--steps", 4, "--schedule", "constant", "--log_every", 2]
RUN += ["--evaluate_every", 4, "--sample_every", 4, "--checkpoint_every", 2]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run."""
    workdir = tmp_path_factory.mktemp("directories") / "run"
    status, _, err = call("train", "--workdir", workdir, *RUN)
    assert status == 0, err
    return workdir


@pytest.mark.slow
def test_evaluations_at_once_do_not_trip_over_each_other(run):
    before = runs.read(run).evaluation()
    names = sorted(os.listdir(run)), sorted(os.listdir(run / "figures"))
    found = [finish(p) for p in [start("evaluate", "--workdir", run) for _ in range(3)]]
    assert [status for status, _, _ in found] == [0, 0, 0], found
    after = runs.read(run).evaluation()
    assert after.keys() == before.keys() and after["w1_floor"] == before["w1_floor"]
    assert (sorted(os.listdir(run)), sorted(os.listdir(run / "figures"))) == names


def test_planted_links_are_not_followed_out_of_a_run(run, tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("precious")
    planted = [run / "evaluation.json", run / "report.html", run / "figures" / "losses.png"]
    for path in planted:
        for name in (path.name, f"{path.name}.tmp", f".{path.name}.new"):
            path.with_name(name).unlink(missing_ok=True)
            path.with_name(name).symlink_to(precious)
    status, _, err = call("evaluate", "--workdir", run)
    assert status == 0, err
    assert precious.read_text() == "precious"
    assert not any(path.is_symlink() for path in planted)
    (tmp_path / "outside").mkdir()
    (run / "figures").rename(tmp_path / "figures")
    (run / "figures").symlink_to(tmp_path / "outside")
    for name in ("evaluate", "train"):
        status, _, err = call(name, "--workdir", run)
        assert status == 6 and "figures" in err and "symbolic link" in err, err
    (run / "figures").unlink()
    (tmp_path / "figures").rename(run / "figures")
    assert os.listdir(tmp_path / "outside") == []


def test_all_commands_work_in_a_path_of_every_character(tmp_path):
    workdir = tmp_path.joinpath(*PRINTABLE, "lr[1]", os.fsdecode(b"\xff"))
    status, out, err = call("train", "--workdir", workdir, *RUN, "--steps", 2)
    assert status == 0, err
    status, out, err = call("train", "--workdir", workdir, *RUN)
    assert status == 0 and done(out)[0] == 4, err
    status, _, err = call("evaluate", "--workdir", workdir, "--step", 2)
    assert status == 0 and runs.read(workdir).evaluation()["step"] == 2, err
    output = workdir / "x.npz"
    status, _, err = call("sample", "--workdir", workdir, "--count", 4, "--output", output)
    assert status == 0 and np.load(output)["images"].shape == (4, 8, 8, 1), err
    drawn = workdir / "drawn"
    kinds = ["--rows", 1, "--length", 2, "--kinds", "latents"]
    status, _, err = call("interpolate", "--workdir", workdir, "--output", drawn, *kinds)
    assert status == 0 and len(os.listdir(drawn)) == 2, err


def test_a_config_that_does_not_fit_the_checkpoint_is_a_mistake_in_a_line(run, tmp_path):
    path = run / "config.json"
    saved = path.read_text()
    try:
        path.write_text(saved.replace('"width": 16', '"width": 17'))
        for name, flags in (("evaluate", []), ("sample", ["--output", tmp_path / "x.png"])):
            status, _, err = call(name, "--workdir", run, *flags)
            assert status == 2 and "does not fit config.json" in err and "leaf" in err, err
    finally:
        path.write_text(saved)


@pytest.mark.slow
def test_damaged_run_directories_break_no_promise(tmp_path):
    digest = fuzz.make(tmp_path / "original")
    for number in range(4):
        place = tmp_path / str(number)
        place.mkdir()
        dice = random.Random(f"damage {number}")
        said, broken = fuzz.judge(tmp_path / "original", digest, dice, place)
        assert not broken, (number, said, broken)
