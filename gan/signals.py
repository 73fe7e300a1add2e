"""What SIGINT (Ctrl-C), SIGTERM and SIGHUP (a closed terminal) do to a command, whatever it is at.

- Starting up (`end_at_once`): the process ends, nothing is lost.
- Working (`raising`): the exception `Interrupted` is raised, so that what is open is closed and
  exact transport returns the best that it has.
- Working on what can be saved (`Interrupt`): the first signal sets a flag, which the work polls.
  The second, perhaps from an impatient hand or from a system that sends two kinds at once, changes
  nothing and says so. The third ends the process, saved or not.

In the end there is a line on stderr, and the exit status is 128 plus the number of the signal.
"""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
PATIENCE = b"\nsaving, then ending; a third signal ends at once and loses what is not saved yet\n"


class Interrupted(KeyboardInterrupt):
    """A signal ended the work; `signal` is its number, `advice` what to do about it, if anything.

    As a kind of KeyboardInterrupt it passes what catches mere errors.
    """

    def __init__(self, number: int, advice: str = ""):
        super().__init__(signal.Signals(number).name)
        self.signal = number
        self.advice = advice


class Interrupt:
    """Context in which the first of `SIGNALS` sets `.signal`, its number; see the module.

    A SIGHUP that was ignored before, as under nohup, stays ignored.

    Args:
        advice: of the `Interrupted` that leaves the context, where it has none of its own.
    """

    def __init__(self, advice: str = ""):
        self.signal: int | None = None
        self.count = 0
        self._advice = advice
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> "Interrupt":
        for number in SIGNALS:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, kind, error, traceback) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        if isinstance(error, Interrupted):
            error.advice = error.advice or self._advice

    def _handle(self, number, frame) -> None:
        self.count += 1
        if self.count == 1:
            self.signal = number
        if self.count == 2:
            for other in self._previous:  # first, or a third signal could come in between
                signal.signal(other, signal.SIG_DFL)
            with contextlib.suppress(OSError):  # nobody listens behind a closed terminal
                os.write(2, PATIENCE)

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


def watched(work: Callable[[], Any]) -> Any:
    """Result of work that has nothing to save; Interrupted as soon as a signal arrives."""
    with Interrupt() as interrupt:
        return interrupt.watch(work)


@contextlib.contextmanager
def raising() -> Iterator[None]:
    """Context in which a signal raises `Interrupted`; ignored ones stay ignored. Handlers are those
    of the main thread: elsewhere nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number, frame):
        raise Interrupted(number)

    before = {number: signal.getsignal(number) for number in SIGNALS}
    _handle(stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end_at_once() -> None:
    """From now on a signal ends the process; ignored ones stay ignored."""
    _handle(lambda number, frame: end(Interrupted(number)))


def end(stopped: Interrupted) -> NoReturn:
    """Ends the process: threads that compile or compute cannot be waited for."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    advice = f"; {stopped.advice}" if stopped.advice else ""
    with contextlib.suppress(OSError):
        os.write(2, f"stopped by {stopped}{advice}\n".encode())
    os._exit(128 + stopped.signal)


def _handle(handler: Callable) -> None:
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)
