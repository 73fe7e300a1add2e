"""Whatever asks a command to end, and however often: saved, no traceback, 128 + the number."""

import errno
import io
import os
import pty
import signal
import time

import pytest

from experiments.cli.ending import Unheard
from gan import runs
from tests.experiments.commands import TINY, call, finish, start

ENDLESS = ["--preset", "digits", *TINY, "--steps", 10**6, "--checkpoint_every", 10**6]
ENDLESS += ["--evaluate_every", 10**6, "--sample_every", 10**6, "--log_every", 500]


def until(ready, process):
    """Wait for what the process does, not for a time."""
    while not ready():
        assert process.poll() is None, finish(process)
        time.sleep(0.01)


def logged(workdir):
    path = workdir / "metrics.jsonl"
    return path.exists() and path.read_bytes().count(b"\n") > 0


@pytest.mark.slow
def test_a_second_signal_20_ms_after_the_first_loses_nothing(tmp_path):
    process = start("train", "--workdir", tmp_path, *ENDLESS)
    until(lambda: logged(tmp_path), process)
    process.send_signal(signal.SIGINT)
    time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    status, _, err = finish(process)
    assert status == 128 + signal.SIGINT and "Traceback" not in err
    (step,) = runs.read(tmp_path).checkpoints.steps()
    assert step >= 500 and f"stopped at step {step}" in err
    assert runs.read(tmp_path).metrics()[-1]["step"] <= step


def test_a_closed_terminal_saves_the_current_step(tmp_path):
    """The kernel sends SIGHUP and refuses every write to the terminal from then on."""
    master, slave = pty.openpty()

    def take_the_terminal():
        import fcntl
        import termios

        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for descriptor in (0, 1, 2):
            os.dup2(slave, descriptor)

    process = start("train", "--workdir", tmp_path, *ENDLESS, preexec_fn=take_the_terminal)
    os.close(slave)
    until(lambda: logged(tmp_path), process)
    os.close(master)
    assert process.wait() == 128 + signal.SIGHUP
    process.communicate()
    (step,) = runs.read(tmp_path).checkpoints.steps()
    assert step >= 500


def test_progress_that_nobody_can_read_is_no_error():
    class Closed(io.StringIO):
        def write(self, text):
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        def flush(self):
            raise BrokenPipeError

    stream = Unheard(Closed())
    print("progress", file=stream, flush=True)
    assert not stream.isatty()
    heard = io.StringIO()
    print("progress", file=Unheard(heard), flush=True)
    assert heard.getvalue() == "progress\n"


@pytest.mark.slow
def test_an_evaluation_ends_at_once_and_keeps_what_was_there(tmp_path, monkeypatch):
    few = ["--steps", 2, "--evaluate_every", 2, "--evaluation_size", 20, "--evaluation_repeats", 2]
    status, _, err = call("train", "--workdir", tmp_path, "--preset", "digits", *TINY, *few)
    assert status == 0, err
    before = (tmp_path / "evaluation.json").read_bytes()
    called = tmp_path / "called"
    monkeypatch.setenv("CALLED", str(called))
    features = ["--features", "tests.experiments.features:never"]
    process = start("evaluate", "--workdir", tmp_path, *features)
    until(called.exists, process)
    process.send_signal(signal.SIGINT)
    status, out, err = finish(process)
    assert status == 128 + signal.SIGINT and out == ""
    assert err.splitlines()[-1] == "stopped by SIGINT"
    assert "Traceback" not in err
    assert (tmp_path / "evaluation.json").read_bytes() == before
