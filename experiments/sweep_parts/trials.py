"""Training the trials of one job, in whatever process was given it.

A trial is an ordinary run directory. One alone is trained as by experiments.train; several that
share shapes as a population. Everything about a trial that can go wrong by its own fault is its
result; only a run directory that cannot be written, or that somebody else writes, is not.
"""

from __future__ import annotations

import sys
import time
import traceback
from pathlib import Path
from typing import Any

from experiments.population import FAILURE, failure, train_together
from experiments.train import train
from gan import config as configs
from gan.config import Config
from gan.errors import GanError, LockedError, NonFiniteError, StorageError
from gan.runs import files
from gan.training.interrupt import Interrupt, Interrupted

PATIENCE = 60
"""Seconds to wait for a run directory whose writer was killed and has not ended yet."""

Job = dict[str, Any]
"""{"trials": [{"number", "config", "directory"}, ...], "data_dir", "devices"}, ready for JSON.
Configs are nested dictionaries; several trials differ in seed and float hyper-parameters only."""


def run_job(job: Job, interrupt: Interrupt) -> list[dict[str, Any]] | None:
    """Train, or continue, every trial of a job.

    Args:
        job: see Job.
        interrupt: an entered context; its signal saves and stops.

    Returns:
        Per trial {"state": "finished", "seconds", "step", "state_sha256", and the scores of the
        last step} or {"state": "failed", "seconds", "reason"}; None when a signal ended the job.

    Raises:
        LockedError: another process goes on writing to a trial's directory.
        StorageError: a directory cannot be written.
    """
    members = [configs.from_dict(trial["config"]) for trial in job["trials"]]
    folders = [trial["directory"] for trial in job["trials"]]
    begin = time.perf_counter()
    found = None
    if len(members) > 1:
        try:
            found = _patiently(
                interrupt,
                lambda: train_together(members, folders, interrupt=interrupt, **_options(job)),
            )
        except (LockedError, StorageError):
            raise
        except Exception:
            # Whose fault it was shows when each is trained alone.
            print("the population failed; each member is tried alone", file=sys.stderr)
            traceback.print_exc()
        else:
            if found is None:
                return None
    if found is None:
        found = []
        for member, folder in zip(members, folders, strict=True):
            result = _alone(member, folder, job, interrupt)
            if result is None:
                return None
            found.append(result)
    seconds = (time.perf_counter() - begin) / len(members)
    return [_result(one, seconds) for one in found]


def _alone(member: Config, folder: str, job: Job, interrupt: Interrupt) -> dict | None:
    """One trial: its scores, {"failure": reason}, or None for a signal."""
    try:
        known = failure(folder)
        if known is not None:
            return {"failure": known}
        return _patiently(
            interrupt,
            lambda: train(member, folder, interrupt=interrupt, **_options(job)),
        )
    except (LockedError, StorageError):
        raise
    except NonFiniteError as error:
        files.write_json(Path(folder) / FAILURE, {"message": str(error)})
        return {"failure": str(error)}
    except GanError as error:
        return {"failure": str(error)}
    except Exception as error:
        traceback.print_exc()
        return {"failure": f"{type(error).__name__}: {error}".splitlines()[0]}


def _options(job: Job) -> dict[str, Any]:
    """What all trainings of a job are given."""
    return {"data_dir": job["data_dir"], "devices": job["devices"], "evaluated": False}


def _patiently(interrupt: Interrupt, work):
    """Result of `work()`, tried again while a killed process still holds a lock; None for a signal
    that arrives meanwhile."""
    deadline = time.monotonic() + PATIENCE
    while interrupt.signal is None:
        try:
            return work()
        except LockedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        except Interrupted:
            return None
    return None


def _result(found: dict[str, Any], seconds: float) -> dict[str, Any]:
    if "failure" in found:
        return {"state": "failed", "seconds": seconds, "reason": found["failure"]}
    return {"state": "finished", "seconds": seconds} | found
