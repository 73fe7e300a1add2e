"""A job in a process that somebody else's scheduler has started: what it runs, what it answers."""

import os
from pathlib import Path
from typing import Any

import gan
from gan.errors import GanError, LockedError, StorageError
from gan.signals import Interrupt
from gan.sweeps.local import Event
from gan.sweeps.trials import Job


def python_path() -> str:
    """PYTHONPATH under which such a process finds this package, wherever it is started."""
    root = str(Path(gan.__file__).resolve().parent.parent)
    return os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])


def task(job: Job) -> dict[str, Any]:
    """Trains a job: what worker.py answers, as a value. A signal saves and stops."""
    with Interrupt() as interrupt:
        return trained(job, interrupt)


def trained(job: Job, interrupt: Interrupt) -> dict[str, Any]:
    """The same in an entered context."""
    from gan import cache
    from gan.sweeps.trials import run_job

    cache.keep_compilations()
    try:
        return {"results": run_job(job, interrupt)}
    except GanError as error:
        return {"fatal": [error.status, str(error)]}


def event(job: Job, answer: dict[str, Any]) -> Event:
    """What an answer says of a job.

    Raises:
        GanError: the reason to end the sweep that it gives.
    """
    if "fatal" in answer:
        status, text = answer["fatal"]
        kinds = {kind.status: kind for kind in (StorageError, LockedError)}
        raise kinds.get(status, GanError)(text)
    if answer["results"] is None:
        return Event(job, None, "it was asked to stop")
    return Event(job, answer["results"])
