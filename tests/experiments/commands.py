"""Running the binaries, in this process or in their own."""

import contextlib
import importlib
import io
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from gan.runs.checkpoints import Checkpoints
from tests.conftest import ROOT

TINY = (
    "--batch_size 8 --n_critic 2 --latent_dim 4 --generator.width 16 --critic.width 16 "
    "--generator.depth 1 --critic.depth 1 --evaluation_size 20 --evaluation_repeats 2"
).split()
"""Flags that make a digits run small enough to train in a second."""


def command(name: str):
    """The module that `python -m experiments.NAME` executes."""
    module = importlib.import_module(f"experiments.{name}")
    parts = hasattr(module, "__path__")
    return importlib.import_module(f"experiments.{name}.__main__") if parts else module


def call(name: str, *arguments: object) -> tuple[int, str, str]:
    """(exit status, stdout, stderr) of `python -m experiments.NAME` run in this process."""
    from experiments import cli

    module = command(name)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            argv = [name, *map(str, arguments)]
            cli.run(module.define, module.main, module.__doc__, argv)
            status = 0
        except SystemExit as error:
            status = error.code or 0
    return status, out.getvalue(), err.getvalue()


def start(name: str, *arguments: object, devices: int | None = 1, **options) -> subprocess.Popen:
    """`python -m experiments.NAME` as a process of its own, on that many fake devices or as a user
    has it."""
    flags = f"--xla_force_host_platform_device_count={devices}" if devices else ""
    environment = os.environ | {"XLA_FLAGS": flags, "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", f"experiments.{name}", *map(str, arguments)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def finish(process: subprocess.Popen, timeout: float = 240) -> tuple[int, str, str]:
    """(exit status, stdout, stderr) of a started process."""
    out, err = process.communicate(timeout=timeout)
    return process.returncode, out, err


def kill(
    process: subprocess.Popen,
    ready: Callable[[], object],
    seconds: float = 0.0,
    number: int = signal.SIGKILL,
) -> None:
    """A signal that many seconds after `ready()` holds; to end by itself before that is a failure.

    To wait for what the process has done, not for a time, kills at the same steps on any machine.
    """
    while not ready():
        assert process.poll() is None, finish(process)
        time.sleep(0.01)
    time.sleep(seconds)
    assert process.poll() is None, finish(process)
    process.send_signal(number)
    finish(process)


def saved(workdir: Path) -> int:
    """The newest step of which a run has a checkpoint, 0 if it has none."""
    return max(Checkpoints(workdir / "checkpoints").steps(), default=0)


def done(out: str) -> tuple[int, str]:
    """(step, state hash) of the last line of a training's stdout."""
    found = re.fullmatch(r"done .*?step=(\d+).*? state_sha256=([0-9a-f]{64})", out.splitlines()[-1])
    assert found, out
    return int(found[1]), found[2]
