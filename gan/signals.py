"""Signals that end a process as a flag that long work polls, so that it can save before it ends.

The first SIGINT (Ctrl-C), SIGTERM or SIGHUP (a closed terminal) sets the flag. The second, perhaps
from an impatient hand or from a system that sends two kinds at once, changes nothing and says so.
The third ends the process at once. Whoever polls the flag exits with 128 plus its number.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from typing import Any

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
PATIENCE = b"\nsaving, then ending; a third signal ends at once and loses what is not saved yet\n"


class Interrupted(Exception):
    """A signal arrived during work that has nothing to save; `signal` is its number."""

    def __init__(self, number: int):
        super().__init__(signal.Signals(number).name)
        self.signal = number


class Interrupt:
    """Context in which the first of `SIGNALS` sets `.signal`, its number; see the module.

    A SIGHUP that was ignored before, as under nohup, stays ignored.
    """

    def __init__(self):
        self.signal: int | None = None
        self.count = 0
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> "Interrupt":
        for number in SIGNALS:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *exception) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _handle(self, number, frame) -> None:
        self.count += 1
        if self.count == 1:
            self.signal = number
        if self.count == 2:
            with contextlib.suppress(OSError):  # nobody listens behind a closed terminal
                os.write(2, PATIENCE)
            for other in self._previous:
                signal.signal(other, signal.SIG_DFL)

    def watch(self, work: Callable[[], Any]) -> Any:
        """Result of `work()`, run in a thread so that a signal is noticed during one long call.

        Compilation is such a call: it holds the main thread, where handlers run, for seconds.

        Raises:
            Interrupted: as soon as a signal arrives; the thread is abandoned.
        """
        outcome: dict[str, Any] = {}

        def run():
            try:
                outcome["value"] = work()
            except BaseException as error:
                outcome["error"] = error

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        while thread.is_alive():
            thread.join(0.05)
            if self.signal is not None:
                raise Interrupted(self.signal)
        if "error" in outcome:
            raise outcome["error"]
        return outcome["value"]
