"""Time for one call: everything looks at the clock, and the proof at the end has its share."""

import math
import time

clock = time.perf_counter
"""Seconds from some moment on."""


class Late(Exception):
    """The time that work may take has passed."""


class Budget:
    """When a call should end, and the seconds before it that are kept for the last step.

    Attributes:
        begin, end: when the work began and when the call should end, as `clock` tells it.
        kept: seconds before the end that only the last step may use.
    """

    def __init__(self, end: float = math.inf):
        self.begin, self.end = clock(), end
        self.kept = 0.0

    def left(self) -> float:
        """Seconds until the last step should start; negative when it should have started."""
        return math.inf if self.end == math.inf else self.end - self.kept - clock()

    def look(self, needed: float = 0.0) -> None:
        """Looks at the clock.

        Raises:
            Late: if fewer than the needed seconds are left.
        """
        if self.left() < needed:
            raise Late

    def share(self, part: float) -> "Budget":
        """A budget of a part of what is left."""
        return Budget(clock() + part * self.left())
