"""Commands: one module or package, one question. What they share is experiments.cli."""

import sys

from gan import signals

if sys.argv[:1] == ["-m"]:  # so while `python -m` looks for the module of a command
    signals.end_at_once()
