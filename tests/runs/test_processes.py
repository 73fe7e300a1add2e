"""What several processes, a killed one, and a full disk do to a run directory."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time

import pytest

from gan import runs
from gan.errors import StorageError
from gan.runs import metrics
from gan.runs.checkpoints import Checkpoints, WritableCheckpoints
from tests.runs.states import assert_is, state
from tests.runs.worker import config


@contextlib.contextmanager
def worker(*arguments, **environment):
    command = [sys.executable, "-m", "tests.runs.worker", *map(str, arguments)]
    pipes = {name: subprocess.PIPE for name in ("stdin", "stdout", "stderr")}
    variables = os.environ | {"JAX_PLATFORMS": "cpu"} | environment
    with subprocess.Popen(command, text=True, env=variables, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_second_writer_is_refused_at_once(tmp_path):
    with worker("hold", tmp_path) as first:
        assert first.stdout.readline() == "ready\n"
        with worker("intrude", tmp_path) as second:
            output, _ = second.communicate(timeout=60)
        assert second.returncode == 5
        seconds, imported_jax, message = output.splitlines()
        assert float(seconds) < 2
        assert imported_jax == "False"
        assert f"process {first.pid} on {socket.gethostname()} since" in message
        _, errors = first.communicate("", timeout=60)
        assert first.returncode == 0, errors
    run = runs.read(tmp_path)
    assert_is(10, run.checkpoints.restore(state(0))[1])
    assert run.metrics() == [{"step": 10}]


def test_a_killed_writer_leaves_no_lock(tmp_path):
    with worker("hold", tmp_path) as first:
        assert first.stdout.readline() == "ready\n"
        first.send_signal(signal.SIGKILL)
        first.wait()
    with runs.open(tmp_path, config()) as run:
        run.log({"step": 1})


def test_killed_during_its_first_save_a_run_starts_again(tmp_path):
    with worker("save_for_ever", tmp_path, 3) as process:
        while not (tmp_path / ".saving-checkpoints").exists():
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not (tmp_path / "checkpoints").exists()
    with runs.open(tmp_path, config()) as run:
        assert run.resume(state(0))[0] == 0
        run.checkpoints.save(1, state(1))
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_dir()) == ["checkpoints"]
    assert_is(1, runs.read(tmp_path).checkpoints.restore(state(0))[1])


@pytest.mark.slow
def test_killed_at_any_time_earlier_steps_are_intact(tmp_path):
    dice = random.Random(0)
    seen = []
    for _ in range(6):
        with worker("save_for_ever", tmp_path, 3) as process:
            assert process.stdout.readline() == "saved\n"
            time.sleep(0.3 * dice.random())
            process.send_signal(signal.SIGKILL)
            process.wait()
        steps = Checkpoints(tmp_path / "checkpoints").steps()
        for step in steps:
            assert_is(step, Checkpoints(tmp_path / "checkpoints").restore(state(0), step)[1])
        with runs.open(tmp_path, config()) as run:
            step, restored = run.checkpoints.restore(state(0))
            assert step == steps[-1]
            assert_is(step, restored)
            run.trim(step)
            assert [record["step"] for record in run.metrics()] == list(range(1, step + 1))
            left = os.listdir(run.checkpoints.path)
            assert sorted(map(int, left)) == steps
            assert not (tmp_path / "checkpoints.bad").exists()
        seen.append(step)
    assert len(seen) == 6
    assert sorted(set(seen)) == seen


# A step deleted while Orbax reads it leaves its other reads unfinished when its loop closes.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_reading_goes_on_while_another_process_saves_and_deletes(tmp_path, capfd):
    with worker("save_for_ever", tmp_path, 1) as process:
        assert process.stdout.readline() == "saved\n"
        run = runs.read(tmp_path)
        steps = []
        logged = 0
        end = time.monotonic() + 2
        while time.monotonic() < end or len(set(steps)) < 6:
            step, restored = run.checkpoints.restore(state(0))
            assert_is(step, restored)
            steps.append(step)
            records = run.metrics()
            assert [record["step"] for record in records] == list(range(1, len(records) + 1))
            logged = len(records)
            assert process.poll() is None
        assert steps == sorted(steps)
        assert logged >= steps[-1] > 5
        assert "is bad" not in capfd.readouterr().err
    assert not (tmp_path / "checkpoints.bad").exists()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 400 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("needs the right to mount a small file system")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # from Orbax
def test_a_full_disk_leaves_earlier_checkpoints_and_names_the_path(small_disk, monkeypatch):
    checkpoints = WritableCheckpoints(small_disk / "checkpoints", keep=100)
    with pytest.raises(StorageError, match="checkpoints/.*No space left on device"):
        for step in range(1, 100):
            checkpoints.save(step, state(step))
    kept = checkpoints.steps()
    assert len(kept) >= 2
    # Let Orbax itself meet the end of the disk, at ten places.
    monkeypatch.setattr("gan.runs.sealed.OVERHEAD_BYTES", -(2**20))
    for attempt in range(10):
        left = []
        while len(left) < 5 or len(set(left[-5:])) > 1:  # Orbax's threads outlive a failed save
            time.sleep(0.02)
            with contextlib.suppress(StorageError):
                checkpoints.clean()
            left.append(free(small_disk))
        fill(small_disk, 4096 * attempt)
        with pytest.raises(StorageError, match="checkpoints/500: .*No space left on device"):
            checkpoints.save(500, state(500))
        assert checkpoints.steps() == kept
        assert_is(kept[-1], checkpoints.restore(state(0))[1])
    for step in kept:
        assert_is(step, checkpoints.restore(state(0), step)[1])


def test_a_full_disk_leaves_the_log_whole_and_names_it(small_disk):
    log = small_disk / "metrics.jsonl"
    metrics.append(log, {"step": 0, "w1": 1.0})
    fill(small_disk, 0)
    with pytest.raises(StorageError, match=r"metrics\.jsonl"):
        for step in range(1, 1000):
            metrics.append(log, {"step": step, "w1": 1 / 3})
    assert log.read_bytes().endswith(b"}\n")
    steps = [record["step"] for record in metrics.read(log)]
    assert steps == list(range(len(steps)))
    assert len(steps) > 10
    with pytest.raises(StorageError, match=r"metrics\.jsonl"):
        metrics.trim(log, steps[-1] - 1)
    assert [record["step"] for record in metrics.read(log)] == steps
    assert sorted(os.listdir(small_disk)) == ["filler", "metrics.jsonl"]


def free(disk):
    """Bytes of a file system not taken by anything but the filler."""
    (disk / "filler").unlink(missing_ok=True)
    return os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize


def fill(disk, left):
    """Fills a file system but for `left` bytes, or for less if others have taken them."""
    filler = disk / "filler"
    filler.touch()
    for _ in range(50):  # a small file system may call itself full too early
        with filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 4096)
    os.truncate(filler, max(0, filler.stat().st_size - left))


@pytest.mark.slow
def test_two_processes_agree_on_what_is_saved_restored_and_refused(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    workdir = tmp_path / "run"
    with (
        worker("one_of_two", workdir, 0, port, **flags) as first,
        worker("one_of_two", workdir, 1, port, **flags) as second,
    ):
        outputs = [process.communicate(timeout=100) for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), outputs
    for number in range(2):
        lines = (tmp_path / f"run.said.{number}").read_text().splitlines()
        assert lines[0] == "4 True"
        there = "process 0: " if number else ""
        assert lines[1].startswith(f"NonFiniteError {there}step 9: 1 of 1 values of 'w'")
        assert lines[2].startswith(f"UserError {there}no checkpoint of step 77")
        assert lines[3].startswith(f"UserError {there}checkpoint")
        assert lines[4] == "[1, 3, 4] 5"
    assert os.listdir(workdir / "checkpoints.bad") == ["5"]
