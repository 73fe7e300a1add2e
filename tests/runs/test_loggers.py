"""Loggers: every step once, whatever was killed; absent packages are said before training."""

import contextlib
import importlib.util
import os
import sqlite3
import subprocess
import sys

import pytest

from gan.errors import UserError
from gan.registries import LOGGERS
from gan.runs import loggers, metrics
from tests.conftest import ROOT
from tests.experiments.commands import TINY, call, finish, kill, saved, start
from tests.runs.mirrors import READERS

OURS = "tests.plugin.loggers:csv"
NAMES = [*LOGGERS, OURS]
QUICK = [pytest.param(n, marks=[pytest.mark.slow] * (n in ("mlflow", "wandb"))) for n in NAMES]
RUN = ["--preset", "digits", *TINY, "--schedule", "constant", "--metrics", "w1"]


def installed(name):
    package = LOGGERS.get(name).package
    if package and importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed (extra: {LOGGERS.get(name).extra})")


def write(workdir, name, step, last, signal=None):
    """Steps after `step` up to `last`; then the process ends by itself, or is killed."""
    command = [sys.executable, "-m", "tests.runs.worker", "mirrored", workdir, name]
    process = subprocess.Popen(
        [*map(str, command), str(step), str(last)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "written\n", process.stderr.read()
    if signal:
        process.send_signal(signal)
    out, err = process.communicate(timeout=60)
    assert process.returncode == -(signal or 0), err
    return out, err


def check(workdir, name):
    """What the logger keeps is the log: nothing lost, nothing twice."""
    found = READERS[name](workdir)
    expected = {
        (record["step"], key): value
        for record in metrics.read(workdir / "metrics.jsonl")
        for key, value in record.items()
        if key != "step"
    }
    assert {key: len(values) for key, values in found.items()} == dict.fromkeys(expected, 1)
    assert {key: values[0] for key, values in found.items()} == pytest.approx(expected, rel=1e-6)
    return {step for step, _ in expected}


@pytest.mark.parametrize("name", NAMES)
def test_every_logger_has_a_reader_and_keeps_a_run(name, tmp_path):
    installed(name)
    out, err = write(tmp_path, name, 0, 5)
    assert check(tmp_path, name) == set(range(1, 6))
    assert out == "" and err == ""


@pytest.mark.parametrize("name", QUICK)
def test_no_step_is_lost_or_doubled_when_runs_are_killed(name, tmp_path):
    installed(name)
    write(tmp_path, name, 0, 6, signal=9)
    write(tmp_path, name, 4, 8, signal=9)  # goes on after the checkpoint of step 4
    write(tmp_path, name, 4, 5)
    write(tmp_path, name, 5, 9)
    assert check(tmp_path, name) == set(range(1, 10))


@pytest.mark.parametrize("name", QUICK)
def test_a_logger_that_joins_later_gets_what_is_in_the_log(name, tmp_path):
    installed(name)
    write(tmp_path, OURS, 0, 3)
    write(tmp_path, name, 3, 4)
    assert check(tmp_path, name) == {1, 2, 3, 4}


@pytest.mark.slow
def test_runs_share_the_store_that_mlflow_is_told(tmp_path, monkeypatch):
    installed("mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/shared.db")
    for name, step, last in (("a", 0, 3), ("b", 0, 2), ("a", 2, 4)):
        (tmp_path / name).mkdir(exist_ok=True)
        write(tmp_path / name, "mlflow", step, last, signal=9 if last == 3 else None)
    with contextlib.closing(sqlite3.connect(tmp_path / "shared.db")) as database:
        joined = "SELECT name, step FROM metrics JOIN runs USING (run_uuid) WHERE key = 'w1'"
        assert sorted(database.execute(joined)) == [
            *(("a", k) for k in range(1, 5)),
            *(("b", k) for k in (1, 2)),
        ]
        states = dict(database.execute("SELECT name, status FROM runs"))
    assert states == {"a": "KILLED", "b": "KILLED"}  # both ended before their last step
    assert sorted(os.listdir(tmp_path)) == ["a", "b", "shared.db"]


def test_an_absent_package_is_said_before_anything_is_done(tmp_path):
    flags = ["--workdir", tmp_path / "run", "--preset", "digits"]
    status, out, err = call("train", *flags, "--loggers", "tests.plugin.loggers:needy")
    assert (status, out) == (2, "") and not (tmp_path / "run").exists()
    assert err == (
        "error: the logger tests.plugin.loggers:needy needs no_such_package: "
        "pip install 'gan[needy]'\n"
    )
    status, out, err = call("train", *flags, "--loggers", "tensorbord")
    assert (status, out) == (2, "") and "did you mean 'tensorboard'" in err
    status, out, err = call("train", *flags, "--loggers", "tests.plugin.loggers:lines")
    assert (status, out) == (2, "") and "must be a Logger, not a function" in err


def test_a_name_given_twice_is_one_logger():
    assert len(loggers.entries([OURS, OURS])) == 1
    with pytest.raises(UserError, match="unknown logger"):
        loggers.entries(["wandbb"])


def test_training_mirrors_its_log_and_goes_on_after_a_stop(tmp_path):
    flags = ["--workdir", tmp_path, *RUN, "--log_every", 2, "--evaluate_every", 4]
    flags += ["--checkpoint_every", 4, "--loggers", OURS, "--tensorboard"]
    assert call("train", *flags, "--steps", 6)[0] == 0
    assert call("train", *flags, "--steps", 10)[0] == 0
    for name in (OURS, "tensorboard"):
        assert check(tmp_path, name) == {2, 4, 6, 8, 10}
    assert (tmp_path / "log.csv").read_text().startswith("# digits, continued after step 6\n")


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_killed_training_leaves_every_step_once(name, tmp_path):
    installed(name)
    flags = ["--workdir", tmp_path, *RUN, "--steps", 600, "--log_every", 5]
    flags += ["--checkpoint_every", 40, "--evaluate_every", 100, "--loggers", name]
    for reached in (100, 300):
        kill(start("train", *flags), lambda reached=reached: saved(tmp_path) >= reached)
    status, _, err = finish(start("train", *flags))
    assert status == 0, err
    assert check(tmp_path, name) == set(range(5, 601, 5))
