"""SIGINT, SIGTERM and SIGHUP end a command in one line, with status 128 plus their number.

While a command is imported and its flags are read, a signal ends the process on the spot: nothing
is lost. While it works, a signal is the exception `Stopped`, so that what is open is closed and
exact transport returns the best that it has. Commands that save before they end put
`gan.signals.Interrupt` in its place.
"""

import contextlib
import os
import signal
import sys
import threading
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(KeyboardInterrupt):
    """A signal arrived while a command worked; `number` is the signal's."""

    def __init__(self, number: int):
        super().__init__(signal.Signals(number).name)
        self.number = number


def at_once() -> None:
    """From now on a signal ends the process; one that was ignored before stays ignored."""
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda number, frame: end(number))


@contextlib.contextmanager
def raising():
    """Context in which a signal raises `Stopped`; the handlers from before return with its end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number, frame):
        raise Stopped(number)

    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number, handler in before.items():
        if handler != signal.SIG_IGN:
            signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end(number: int) -> NoReturn:
    """Ends the process at once: threads that compile or compute cannot be waited for."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    with contextlib.suppress(OSError):
        os.write(2, f"stopped by {signal.Signals(number).name}\n".encode())
    os._exit(128 + number)
