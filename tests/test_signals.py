"""One signal asks to save and end, a second changes nothing, a third kills."""

import os
import signal
import subprocess
import sys

import pytest

from gan.signals import PATIENCE, SIGNALS, Interrupt, Interrupted
from tests.conftest import ROOT


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_is_a_flag_and_the_second_only_says_so(number, capfd):
    before = [signal.getsignal(each) for each in SIGNALS]
    with Interrupt() as interrupt:
        assert interrupt.signal is None
        signal.raise_signal(number)
        assert interrupt.signal == number and capfd.readouterr().err == ""
        signal.raise_signal(signal.SIGINT)
        assert interrupt.signal == number
        assert capfd.readouterr().err.encode() == PATIENCE and b"third" in PATIENCE
        assert [signal.getsignal(each) for each in SIGNALS] == [signal.SIG_DFL] * 3
    assert [signal.getsignal(each) for each in SIGNALS] == before


def test_an_ignored_hangup_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interrupt() as interrupt:
            signal.raise_signal(signal.SIGHUP)
            assert interrupt.signal is None
    finally:
        signal.signal(signal.SIGHUP, before)


def test_watched_work_is_left_at_once_and_its_errors_are_its_own():
    with Interrupt() as interrupt:
        assert interrupt.watch(lambda: 3) == 3
        with pytest.raises(ZeroDivisionError):
            interrupt.watch(lambda: 1 / 0)
        signal.raise_signal(signal.SIGHUP)
        with pytest.raises(Interrupted, match="SIGHUP"):
            interrupt.watch(signal.pause)


STUBBORN = """
import time
from gan.signals import Interrupt
with Interrupt() as interrupt:
    for count in (0, 1):
        while interrupt.count < count:
            time.sleep(0.01)
        print(count, flush=True)
    while True:
        time.sleep(1)
"""


def test_the_third_signal_kills_a_process_that_is_still_saving():
    process = subprocess.Popen(
        [sys.executable, "-c", STUBBORN],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"0\n"
    process.send_signal(signal.SIGHUP)
    assert process.stdout.readline() == b"1\n"
    process.send_signal(signal.SIGTERM)
    said = b"".join(process.stderr.readline() for _ in PATIENCE.splitlines())
    assert said == PATIENCE and process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait() == -signal.SIGTERM


def test_the_second_signal_does_no_harm_when_nobody_can_be_told():
    read, write = os.pipe()
    os.close(read)
    kept = os.dup(2)
    os.dup2(write, 2)
    try:
        with Interrupt() as interrupt:
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGTERM)
            assert interrupt.signal == signal.SIGTERM
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(write)
