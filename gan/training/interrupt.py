"""SIGTERM and SIGINT as a flag that long work polls, so that it can save before it ends."""

import signal
import threading
from collections.abc import Callable
from typing import Any


class Interrupted(Exception):
    """A signal arrived during work that has nothing to save; `signal` is its number."""

    def __init__(self, number: int):
        super().__init__(signal.Signals(number).name)
        self.signal = number


class Interrupt:
    """Context in which a first SIGTERM or SIGINT sets `.signal`; a second ends the process."""

    def __init__(self):
        self.signal: int | None = None
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> "Interrupt":
        for number in (signal.SIGTERM, signal.SIGINT):
            self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *exception) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _handle(self, number, frame) -> None:
        self.signal = number
        signal.signal(number, signal.SIG_DFL)

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
