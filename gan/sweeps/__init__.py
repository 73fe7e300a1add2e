"""The parts of experiments.sweep: the space, who proposes, the ledger, who trains, the report."""

from gan.lazy import on_first_use

__getattr__ = on_first_use(__name__)
