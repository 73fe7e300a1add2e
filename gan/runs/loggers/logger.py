"""What an entry of the loggers is."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

from gan import registry

Write = Callable[[Mapping[str, Any]], None]
"""Takes one record of the log, {"step": int, name: number, ...}."""


class Start(NamedTuple):
    """What a logger knows when a run starts or continues.

    Attributes:
        path: run directory.
        config: every field of the config by its path, ready for JSON.
        step: the run goes on after this one.
        records: what the log holds, the last of them not later than `step`.
    """

    path: Path
    config: Mapping[str, Any]
    step: int
    records: Sequence[Mapping[str, Any]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Logger(registry.Entry):
    """A mirror of the log.

    Attributes:
        open: a context; inside it what it yields takes every record after `Start.step`, in order.
            Entering it brings the mirror up to `Start.records` and takes back what is later.
        package: the module that it imports, "" for none; it is missing before training, not after.
        extra: of this project that installs it.
    """

    open: Callable[[Start], AbstractContextManager[Write]]
    package: str = ""
    extra: str = ""
