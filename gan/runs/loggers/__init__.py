"""Who gets a copy of the log beside metrics.jsonl: TensorBoard, Weights & Biases, MLflow, or yours.

metrics.jsonl is the record, and a logger a mirror of it. So a logger gets, whenever a run starts or
continues, all that the log holds, and then every new record; what it keeps must hold every step
once however often the run was stopped or killed. The entries here write inside the run directory
and need no network.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence

from gan.errors import UserError
from gan.registries import LOGGERS
from gan.runs.loggers.logger import Logger, Start

__all__ = ["Logger", "Start", "entries"]


def entries(names: Iterable[str]) -> Sequence[Logger]:
    """The loggers of those names, each once, able to work here.

    Raises:
        UserError: for an unknown name, or a package that is not installed; says what installs it.
    """
    found = []
    for name in dict.fromkeys(names):
        entry = LOGGERS.get(name)
        if entry.package:
            try:
                importlib.import_module(entry.package)
            except ImportError as error:
                remedy = f"pip install 'gan[{entry.extra}]'" if entry.extra else str(error)
                raise UserError(f"the logger {name} needs {entry.package}: {remedy}") from error
        found.append(entry)
    return found
