"""What a solve has spent: seconds per stage, passes, solves and arcs, told as it advances."""

import contextlib
import time
from collections.abc import Iterable, Iterator

from gan.transport import memory

_PERIOD = 2.0
"""Seconds between two reports, at least, but for those of new bounds."""


class Account:
    """The clock and the counts of one solve.

    Attributes:
        seconds, seconds_cpu: per stage; those of the processor are of all threads.
        counts: rounds (passes over all pairs), solves (of sparse problems), arcs (of the pool).
        progress: called by `tell` with a dictionary, or None.
    """

    def __init__(self, progress):
        self.begin, self.progress = time.perf_counter(), progress
        self.seconds: dict[str, float] = {}
        self.seconds_cpu: dict[str, float] = {}
        self.counts = {"rounds": 0.0, "solves": 0, "arcs": 0}
        self._told, self._now, self._done = self.begin, "start", None
        self._entered, self._bounds = self.begin, (None, None)

    @contextlib.contextmanager
    def stage(self, name: str):
        """Adds the time inside to the stage of that name."""
        accounts = (self.seconds, time.perf_counter), (self.seconds_cpu, time.process_time)
        starts = [clock() for _, clock in accounts]
        before, self._now, self._done, self._entered = self._now, name, None, starts[0]
        self.pulse()
        try:
            yield
        finally:
            self._now, self._done = before, None
            for (account, clock), start in zip(accounts, starts, strict=True):
                account[name] = account.get(name, 0.0) + clock() - start

    def followed(self, blocks: Iterable, pairs: float) -> Iterator:
        """The blocks `pricing.Found` of a pass over so many pairs, told of as it goes on."""
        done, self._entered = 0, time.perf_counter()
        for block in blocks:
            done += block.priced
            self._done = min(1.0, done / pairs)
            self.pulse()
            yield block

    def pulse(self) -> None:
        """Reports the stage, unless the last report was a moment ago."""
        if self.progress is not None and time.perf_counter() - self._told >= _PERIOD:
            self._tell(self._now)

    def tell(self, stage: str, lower: float | None = None, upper: float | None = None) -> None:
        """Reports a stage that has ended, and bounds per unit of mass where there are new ones."""
        self._bounds = self._bounds if lower is None else (lower, upper)
        self._done = None
        self._tell(stage)

    def _tell(self, stage):
        if self.progress is None:
            return
        self._told = time.perf_counter()
        within, done = self._told - self._entered, self._done
        state = {"seconds": self._told - self.begin, "stage": stage, "done": done}
        state["left"] = within * (1 - done) / done if done else None
        state |= {"lower": self._bounds[0], "upper": self._bounds[1], "arcs": self.counts["arcs"]}
        self.progress(state)

    def within(self):
        """What reports of a smaller problem, solved for this one, as part of it."""
        if self.progress is None:
            return None

        def tell(state):
            self._told = time.perf_counter()
            own = {"seconds": self._told - self.begin, "stage": f"start: {state['stage']}"}
            self.progress(state | own | {"lower": self._bounds[0], "upper": self._bounds[1]})

        return tell

    def report(self) -> dict:
        return {
            **self.counts,
            "seconds": self.seconds,
            "seconds_cpu": self.seconds_cpu,
            "total_seconds": time.perf_counter() - self.begin,
            "peak_bytes": memory.peak(),
        }
