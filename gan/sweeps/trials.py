"""Training the trials of one job, in whatever process was given it.

A trial is an ordinary run directory. One alone is trained as by experiments.train; several that
share shapes as a population. Everything about a trial that can go wrong by its own fault is its
result; only a run directory that cannot be written, or that somebody else writes, is not.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from gan import config as configs
from gan import files
from gan.config import Config
from gan.errors import GanError, LockedError, NonFiniteError, StorageError
from gan.runner.training import train, train_together
from gan.runs.failure import FAILURE, failure
from gan.signals import Interrupt, Interrupted
from gan.sweeps import outcomes

PATIENCE = 60
"""Seconds to wait for a run directory whose writer was killed and has not ended yet."""

MOST_REMADE = 3
"""Times that a trial is made again whose directory is damaged or deleted; then it has failed."""

Job = dict[str, Any]
"""{"trials": [{"number", "config", "directory"}, ...], "data_dir", "devices", "score"}, ready for
JSON; the score is a metric that the last step of every trial has beside the usual ones.
Configs are nested dictionaries; several trials differ in seed and float hyper-parameters only."""


def run_job(job: Job, interrupt: Interrupt) -> list[dict[str, Any]] | None:
    """Train, or continue, every trial of a job; each leaves its outcome in its directory.

    Args:
        job: see Job.
        interrupt: an entered context; its signal saves and stops.

    Returns:
        Per trial {"state": "finished", "seconds", "step", "state_sha256", and the scores of the
        last step} or {"state": "failed", "seconds", "reason"}, with "remade" if its directory was
        lost on the way: why, and what became of it. None when a signal ended the job.

    Raises:
        LockedError: another process goes on writing to a trial's directory.
        StorageError: a directory cannot be written.
    """
    members = [configs.from_dict(trial["config"]) for trial in job["trials"]]
    folders = [Path(trial["directory"]) for trial in job["trials"]]
    begin = time.perf_counter()
    found: list[dict | None] = [None] * len(members)
    if len(members) > 1:
        try:
            together = _together(members, folders, job, interrupt)
        except Interrupted:
            return None
        found = together or found
    for i, (member, folder) in enumerate(zip(members, folders, strict=True)):
        if found[i] is None:
            try:
                found[i] = _alone(member, folder, job, interrupt)
            except Interrupted:
                return None
    seconds = (time.perf_counter() - begin) / len(members)
    results = []
    for one, folder in zip(found, folders, strict=True):
        lines = {"remade": one.pop("remade")} if "remade" in one else {}
        result = _result(one, seconds)
        outcomes.keep(folder, result)
        results.append(result | lines)
    return results


def _together(members, folders, job: Job, interrupt: Interrupt) -> list[dict | None] | None:
    """The trials as a population; None for one, or for all, whose fault shows when it is trained
    alone."""
    try:
        found = _patiently(
            interrupt,
            lambda: train_together(members, folders, interrupt=interrupt, **_options(job)),
        )
    except (LockedError, Interrupted):
        raise
    except Exception as error:
        if isinstance(error, StorageError) and not any(_vanished(f, error) for f in folders):
            raise
        print("the population failed; each member is tried alone", file=sys.stderr)
        traceback.print_exc()
        return None
    whole = []
    for member, folder, one in zip(members, folders, found, strict=True):
        try:
            if "failure" not in one:
                outcomes.check_whole(folder, member, one)
            whole.append(one)
        except ValueError as error:
            print(error, file=sys.stderr)
            whole.append(None)
    return whole


def _alone(member: Config, folder: Path, job: Job, interrupt: Interrupt) -> dict:
    """One trial: its scores or {"failure": reason}.

    Where the directory turns out damaged, or vanishes meanwhile, it is set aside and the trial made
    again. Whose fault a failure is in a directory that was there before shows in a fresh one.
    """
    reason = ""
    remade = {}
    for _ in range(1 + MOST_REMADE):
        fresh = not os.path.lexists(folder)
        try:
            return _attempt(member, folder, job, interrupt) | remade
        except (LockedError, Interrupted):
            raise
        except StorageError as error:
            if not _vanished(folder, error):
                raise
            reason = f"{folder} was deleted or damaged while it was trained: {error}"
        except _DamagedError as error:
            reason = str(error)
        except GanError as error:
            if fresh:
                return {"failure": str(error)} | remade
            reason = str(error)
        except Exception as error:
            traceback.print_exc()
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            if fresh:
                return {"failure": reason} | remade
        remade = {"remade": f"{reason}; {outcomes.set_aside(folder)}"}
        print(remade["remade"], file=sys.stderr)
    return {"failure": f"lost {1 + MOST_REMADE} times, the last time: {reason}"}


class _DamagedError(Exception):
    """A trial was trained, and its directory does not hold all of it."""


def _attempt(member: Config, folder: Path, job: Job, interrupt: Interrupt) -> dict:
    known = failure(folder)
    if known is not None:
        _checked(outcomes.check_config, folder, member)
        return {"failure": known}
    try:
        found = _patiently(
            interrupt, lambda: train(member, folder, interrupt=interrupt, **_options(job))
        )
    except NonFiniteError as error:
        files.write_json(folder / FAILURE, {"message": str(error)})
        return {"failure": str(error)}
    _checked(outcomes.check_whole, folder, member, found)
    return found


def _checked(check, *arguments) -> None:
    try:
        check(*arguments)
    except ValueError as error:
        raise _DamagedError(str(error)) from error


def _vanished(folder: Path, error: StorageError) -> bool:
    """Whether it is the directory that fails, which is gone or not whole, and not the disk."""
    cause = error.__cause__
    if isinstance(cause, OSError) and cause.errno in files.REFUSALS:
        return False
    return not all((folder / name).is_file() for name in ("lock", "config.json"))


def _options(job: Job) -> dict[str, Any]:
    """What all trainings of a job are given."""
    return {
        "data_dir": job["data_dir"],
        "devices": job["devices"],
        "last": [job["score"]],
        "evaluated": False,
    }


def _patiently(interrupt: Interrupt, work):
    """Result of `work()`, tried again while a killed process still holds a lock.

    Raises:
        Interrupted: a signal ended the work, or arrived meanwhile.
    """
    deadline = time.monotonic() + PATIENCE
    while interrupt.signal is None:
        try:
            found = work()
        except LockedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            if found is not None:
                return found
            break
    raise Interrupted(interrupt.signal or signal.SIGTERM)


def _result(found: dict[str, Any], seconds: float) -> dict[str, Any]:
    if "failure" in found:
        return {"state": "failed", "seconds": seconds, "reason": found["failure"]}
    return {"state": "finished", "seconds": seconds} | found
