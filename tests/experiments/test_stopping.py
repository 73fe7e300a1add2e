"""Signals end every command in one line, with the documented status and nothing lost."""

import contextlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from experiments import certify
from gan import transport
from tests.conftest import ROOT
from tests.experiments.commands import call, finish, start

WORKING = """
import sys, time
from experiments import cli
def work(values):
    print("working", flush=True)
    {work}
cli.run(lambda flags: None, work, "A command.", ["command"])
"""


def catches(process, number) -> bool:
    """Whether the process has a handler for a signal."""
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        masks = dict(line.split(":", 1) for line in file)
    return bool(int(masks["SigCgt"], 16) >> (number - 1) & 1)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("name", ["certify", "transport_benchmark", "article", "wgan_gp"])
def test_a_signal_before_the_work_ends_in_a_line(name, number, tmp_path):
    process = start(name, "--workdir", tmp_path / "run")
    while not catches(process, signal.SIGTERM):  # Python itself catches only the other
        assert process.poll() is None, finish(process)
        time.sleep(0.001)
    process.send_signal(number)
    assert finish(process) == (128 + number, "", f"stopped by {number.name}\n")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    "work", ["time.sleep(600)", "import numpy\n    while True: numpy.ones(9).sum()"]
)
def test_a_signal_during_the_work_ends_in_a_line(work, number):
    code = [sys.executable, "-c", WORKING.format(work=work)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(code, cwd=ROOT, stdout=pipe, stderr=pipe, text=True)
    assert process.stdout.readline() == "working\n"
    process.send_signal(number)
    assert finish(process) == (128 + number, "", f"stopped by {number.name}\n")


def test_what_is_open_is_closed_first():
    work = "try:\n        print('open', flush=True)\n        time.sleep(600)\n"
    work += "    finally:\n        print('closed', flush=True)"
    code = [sys.executable, "-c", WORKING.format(work=work)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(code, cwd=ROOT, stdout=pipe, stderr=pipe, text=True)
    assert [process.stdout.readline() for _ in range(2)] == ["working\n", "open\n"]
    process.send_signal(signal.SIGTERM)
    assert finish(process)[:2] == (143, "closed\n")


def test_handlers_come_back_after_a_command():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with contextlib.suppress(SystemExit):
        call("verify", "nothing.npz")
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == before


def test_an_interrupt_of_the_floor_keeps_the_result(monkeypatch, tmp_path):
    rng = np.random.default_rng(0)
    for name in "xy":
        np.save(tmp_path / f"{name}.npy", rng.normal(size=(40, 3)))
    real, calls = transport.assignment, []

    def second(*arguments, **options):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*arguments, **options)

    monkeypatch.setattr(certify.gan.transport, "assignment", second)
    sets = ["--source", tmp_path / "x.npy", "--target", tmp_path / "y.npy"]
    status, out, _ = call("certify", *sets, "--output", tmp_path / "p.npz")
    assert status == 0 and len(calls) == 2
    assert "value  " in out and "floor  " not in out
    assert (tmp_path / "p.npz").exists()
