"""Experiment binaries: one module, one question, one command."""

import sys

from experiments import later, stopping

if sys.argv[:1] == ["-m"]:  # so while `python -m` looks for the module
    _name = sys.orig_argv[sys.orig_argv.index("-m") + 1]
    if _name.startswith("experiments.") and _name.count(".") == 1:
        stopping.at_once()
        later.postpone(_name)
