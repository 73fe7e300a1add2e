"""SLURM through submitit: what jobs ask for, the lease, and real jobs as local processes."""

import os
import signal
import stat
import sys
import threading
import time
from pathlib import Path

import pytest

from gan import config, files
from gan.errors import LockedError, UserError
from gan.sweeps import outcomes, slurm, tasks
from gan.sweeps.slurm import Asked, SlurmPool, leased

ASKED = Asked("slurm", "short", 3, 1, 45, {"account": "mine"})
LOCAL = Asked("local", None, 1, 0, 60, {})


def test_options_of_sbatch_are_words():
    assert slurm.options([]) == {}
    assert slurm.options(["account=mine", "--mail-type=END", "gres=gpu:a=1"]) == {
        "account": "mine",
        "mail_type": "END",
        "gres": "gpu:a=1",
    }
    for word in ("account", "=mine", ""):
        with pytest.raises(UserError, match="OPTION=VALUE"):
            slurm.options([word])


def test_an_absent_submitit_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(UserError, match=r"pip install 'gan\[slurm\]'"):
        SlurmPool(1, tmp_path, LOCAL)


def held(tmp_path, holder="me"):
    path = tmp_path / "lease"
    files.write_atomically(path, holder)
    return path


def test_a_job_of_an_earlier_driver_does_not_begin(tmp_path, monkeypatch):
    monkeypatch.setattr(tasks, "trained", lambda job, interrupt: {"results": ["begun"]})
    path = held(tmp_path)
    assert leased({}, str(path), "me") == {"results": ["begun"]}
    assert leased({}, str(path), "somebody else") == {"results": None}
    path.unlink()  # a file system that is slow to show it is no reason to stop
    assert leased({}, str(path), "me") == {"results": ["begun"]}


def waits(job, interrupt):
    """Trains until it is asked to stop."""
    deadline = time.monotonic() + 20
    while interrupt.signal is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return {"results": None}


@pytest.mark.parametrize("how", ["the lease", signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM])
def test_a_job_saves_and_ends_when_it_must(tmp_path, monkeypatch, how):
    monkeypatch.setattr(tasks, "trained", waits)
    monkeypatch.setattr(slurm, "LOOK", 0.05)
    path = held(tmp_path)
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGUSR1)
    act = (
        (lambda: files.write_atomically(path, "another"))
        if how == "the lease"
        else (lambda: os.kill(os.getpid(), how))
    )
    threading.Timer(0.3, act).start()
    assert leased({}, str(path), "me") == {"results": None}
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGUSR1)) == before


@pytest.fixture
def commands(tmp_path, monkeypatch):
    """A folder for commands of SLURM's that are found before any others."""
    pytest.importorskip("submitit", reason="submitit is not installed (extra: slurm)")
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)

    def command(name, script):
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    return command


def test_without_slurm_there_is_a_line(tmp_path, monkeypatch):
    pytest.importorskip("submitit", reason="submitit is not installed (extra: slurm)")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="cannot start with SLURM: .*--slurm_cluster local"):
        SlurmPool(1, tmp_path, ASKED)


def test_what_is_asked_for_reaches_sbatch(tmp_path, commands):
    commands("srun", "exit 0")
    commands("sacct", "echo 'JobID|State'; echo '7|PENDING'")
    commands("scancel", f'echo "$@" >> {tmp_path}/cancelled')
    commands("sbatch", f'cp "$1" {tmp_path}/script; echo Submitted batch job 7')
    pool = SlurmPool(2, tmp_path, ASKED)
    assert (pool.size, pool.free(), pool.backend) == (2, 2, "slurm")
    pool.submit({"trials": []})
    lines = (tmp_path / "script").read_text().splitlines()
    for line in ("partition=short", "cpus-per-task=3", "gpus-per-node=1", "time=45"):
        assert f"#SBATCH --{line}" in lines, lines
    assert "#SBATCH --account=mine" in lines
    assert pool.free() == 1 and pool.events(0.05) == []
    pool.stop(0.1)
    assert (tmp_path / "cancelled").read_text().split()[0] == "7"
    assert files.read_bytes(tmp_path / "slurm" / "lease") == b"nobody"


def test_a_refusal_of_sbatch_is_said_in_a_line(tmp_path, commands):
    commands("srun", "exit 0")
    commands("sbatch", "echo 'sbatch: error: invalid partition specified: short' >&2; exit 1")
    pool = SlurmPool(1, tmp_path, ASKED)
    with pytest.raises(UserError, match="SLURM refuses a job: .*invalid partition") as caught:
        pool.submit({"trials": []})
    assert "\n" not in str(caught.value)


def until(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def one_event(pool):
    found = []
    until(lambda: found.extend(pool.events(0.2)) or found)
    (event,) = found
    return event


def job_of(tiny, folder, **changes):
    chosen = config.to_dict(config.replace(tiny, changes))
    trial = {"number": 0, "config": chosen, "directory": str(folder)}
    return {"trials": [trial], "data_dir": None, "devices": 1, "score": "w1_debiased"}


def tasks_of(pool):
    """Process ids of what the pool's jobs run."""
    found = []
    for submitted, _ in pool._jobs:
        children = Path(f"/proc/{submitted.job_id}/task/{submitted.job_id}/children")
        found += map(int, children.read_text().split())
    return found


@pytest.mark.slow
def test_real_jobs_finish_die_and_save(tiny, tmp_path):
    pytest.importorskip("submitit", reason="submitit is not installed (extra: slurm)")
    folder = tmp_path / "trial"
    pool = SlurmPool(1, tmp_path, LOCAL)
    long = {"steps": 1_000_000, "checkpoint_every": 50, "evaluate_every": 1_000_000}
    pool.submit(job_of(tiny, folder, **long))
    until(lambda: list(folder.glob("checkpoints/[0-9]*")))
    os.kill(tasks_of(pool)[0], signal.SIGKILL)
    event = one_event(pool)
    assert event.results is None and "ended without a result" in event.reason
    assert pool.free() == 1

    pool.submit(event.job)
    first = max(int(p.name) for p in folder.glob("checkpoints/[0-9]*"))
    until(lambda: max(int(p.name) for p in folder.glob("checkpoints/[0-9]*")) > first)
    successor = SlurmPool(1, tmp_path, LOCAL)  # of a driver that came after: it has the lease now
    event = one_event(pool)
    assert event.results is None and event.reason == "it was asked to stop"

    done = tmp_path / "done"
    successor.submit(job_of(tiny, done))
    (result,) = one_event(successor).results
    assert result["state"] == "finished" and result["step"] == tiny.steps
    assert outcomes.read(done, tiny) == result

    with pytest.raises(LockedError, match="gone on"):
        tasks.event({}, {"fatal": [LockedError.status, "gone on"]})
    successor.submit(job_of(tiny, tmp_path / "stopped", **long))
    until(lambda: list(tmp_path.glob("stopped/checkpoints/[0-9]*")))
    successor.stop(60)
    assert successor.free() == 1 and not outcomes_kept(tmp_path / "stopped")


def outcomes_kept(folder):
    return (folder / outcomes.NAME).exists()
