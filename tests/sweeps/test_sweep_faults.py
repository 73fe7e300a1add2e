"""F14: a sweep that loses workers, its driver or both ends with the table of an undisturbed one."""

import csv
import json
import os
import signal
import time
from pathlib import Path

import pytest

from gan.runs import read
from gan.sweeps.ledger import FAILED, FINISHED
from tests.experiments.commands import TINY, finish, start

pytestmark = pytest.mark.slow

SPACE = {"critic_learning_rate": [1e-3, 1e30], "seed": [0, 1, 2]}
FLAGS = ["--preset", "digits", *TINY, "--penalty", "none", "--log_every", 10]
FLAGS += ["--steps", 120, "--checkpoint_every", 20, "--evaluate_every", 60]


def begin(folder, *flags):
    path = folder.parent / "space.json"
    path.write_text(json.dumps(SPACE))
    return start("sweep", "--workdir", folder, "--space", path, *flags, *FLAGS)


def table(folder):
    """results.csv without the times, which no two runs share."""
    path = folder / "results.csv"
    lines = list(csv.DictReader(path.open())) if path.exists() else []
    return [{name: v for name, v in line.items() if name != "seconds"} for line in lines]


def ended(folder):
    return sum(line["state"] in (FINISHED, FAILED) for line in table(folder))


MOMENTS = {
    "the driver has begun": lambda folder: (folder / "sweep.db").exists(),
    "a trial has begun": lambda folder: list(folder.glob("trials/*/config.json")),
    "a trial has saved": lambda folder: list(folder.glob("trials/*/checkpoints/[0-9]*")),
    "a trial has finished": lambda folder: ended(folder) >= 1,
    "most trials have ended": lambda folder: ended(folder) >= 4,
}


def wait_for(moment, folder, process):
    while not MOMENTS[moment](folder):
        assert process.poll() is None, finish(process)
        time.sleep(0.02)
    assert process.poll() is None, f"the sweep ended before {moment}"


def workers(process):
    found = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    commands = {int(pid): Path(f"/proc/{pid}/cmdline").read_bytes() for pid in found}
    return [pid for pid, command in commands.items() if b"sweeps.worker" in command]


def check(folder, undisturbed):
    """Nothing lost, nothing twice: lines, directories and every step of every log."""
    lines = table(folder)
    assert [int(line["number"]) for line in lines] == list(range(6))
    assert sorted(p.name for p in (folder / "trials").iterdir()) == list("012345")
    for line in lines[:3]:
        steps = [record["step"] for record in read(folder / line["directory"]).metrics()]
        assert steps == list(range(10, 121, 10))
    assert lines == undisturbed


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The table of a sweep in which nothing was killed, and all were trained as populations."""
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    status, _, err = finish(begin(folder, "--workers", 1, "--together", 6))
    assert status == 0, err
    assert "6 members, each" in (folder / "logs" / "worker_0.log").read_text()
    lines = table(folder)
    assert [line["state"] for line in lines] == [FINISHED] * 3 + [FAILED] * 3
    assert len({line["state_sha256"] for line in lines[:3]}) == 3
    return lines


def test_workers_killed_at_five_moments(undisturbed, tmp_path):
    folder = tmp_path / "run"
    process, killed = begin(folder, "--workers", 2), []
    for moment in MOMENTS:
        wait_for(moment, folder, process)
        while not (alive := [pid for pid in workers(process) if pid not in killed]):
            time.sleep(0.02)
        killed.append(alive[0])
        os.kill(alive[0], signal.SIGKILL)
    status, _, err = finish(process)
    assert status == 0 and len(set(killed)) == 5, err
    check(folder, undisturbed)


@pytest.mark.parametrize("everybody", [False, True], ids=["driver", "driver and workers"])
def test_the_driver_killed_at_every_other_moment(undisturbed, tmp_path, everybody):
    folder = tmp_path / "run"
    for moment in list(MOMENTS)[everybody::2]:
        process = begin(folder, "--workers", 2)
        wait_for(moment, folder, process)
        for pid in [*(workers(process) if everybody else ()), process.pid]:
            os.kill(pid, signal.SIGKILL)
        assert finish(process)[0] == -signal.SIGKILL
    status, _, err = finish(begin(folder, "--workers", 2))
    assert status == 0, err
    check(folder, undisturbed)


def test_a_signal_saves_and_the_same_command_continues(undisturbed, tmp_path):
    folder = tmp_path / "run"
    process = begin(folder, "--workers", 2)
    wait_for("a trial has begun", folder, process)
    process.send_signal(signal.SIGTERM)
    status, _, err = finish(process)
    assert status == 128 + signal.SIGTERM and "the same command continues" in err, err
    status, _, err = finish(begin(folder, "--workers", 2))
    assert status == 0, err
    check(folder, undisturbed)


def test_ray_gives_the_same_table(undisturbed, tmp_path):
    pytest.importorskip("ray", reason="ray is not installed (extra: ray)")
    folder = tmp_path / "run"
    process = begin(folder, "--backend", "ray", "--workers", 2)
    wait_for("a trial has finished", folder, process)
    process.kill()
    finish(process)
    status, _, err = finish(begin(folder, "--backend", "ray", "--workers", 2))
    assert status == 0, err
    check(folder, undisturbed)


def test_slurm_gives_the_same_table(undisturbed, tmp_path):
    pytest.importorskip("submitit", reason="submitit is not installed (extra: slurm)")
    folder, flags = tmp_path / "run", ["--backend", "slurm", "--slurm_cluster", "local"]
    flags += ["--workers", 2]
    for moment in ("a trial has saved", "a trial has finished"):
        process = begin(folder, *flags)
        wait_for(moment, folder, process)
        process.kill()
        finish(process)
    status, _, err = finish(begin(folder, *flags))
    assert status == 0, err
    check(folder, undisturbed)
