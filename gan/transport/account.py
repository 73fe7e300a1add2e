"""What a solve has spent: seconds per stage, passes, solves and arcs, told as it advances."""

import contextlib
import time

from gan.transport import memory


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

    @contextlib.contextmanager
    def stage(self, name: str):
        """Adds the time inside to the stage of that name."""
        accounts = (self.seconds, time.perf_counter), (self.seconds_cpu, time.process_time)
        starts = [clock() for _, clock in accounts]
        try:
            yield
        finally:
            for (account, clock), start in zip(accounts, starts, strict=True):
                account[name] = account.get(name, 0.0) + clock() - start

    def tell(self, stage: str, lower: float | None = None, upper: float | None = None) -> None:
        """Reports the stage, and bounds per unit of mass where there are any."""
        if self.progress is not None:
            passed = time.perf_counter() - self.begin
            self.progress(
                {"seconds": passed, "stage": stage, "lower": lower, "upper": upper}
                | {"arcs": self.counts["arcs"]}
            )

    def report(self) -> dict:
        return {
            **self.counts,
            "seconds": self.seconds,
            "seconds_cpu": self.seconds_cpu,
            "total_seconds": time.perf_counter() - self.begin,
            "peak_bytes": memory.peak(),
        }
