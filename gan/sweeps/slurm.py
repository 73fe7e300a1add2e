"""The same jobs as jobs of a SLURM cluster, submitted by submitit.

The sweep's directory must be on a file system that all nodes see, and the same code installed on
each. A job saves and ends when its time limit comes near or it is preempted; its trial then goes on
in another.

Unlike tasks of Ray, jobs outlive a driver that is killed. Those that run go on, and the next driver
finds what they have finished. It also takes the lease, a file in the folder of the logs: jobs that
were submitted under an earlier lease save and end as soon as they see that, or do not begin, so
that none holds a trial that the new driver hands out.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from gan import files
from gan.errors import UserError
from gan.inputs import shown
from gan.signals import Interrupt
from gan.sweeps import tasks
from gan.sweeps.local import Event
from gan.sweeps.trials import Job

QUEUED = 32
"""Jobs in the queue or running at the same time, if the user does not say."""

PAUSE = 1.0
"""Seconds between two looks of the driver at the jobs' files, which a network file system feels."""

LOOK = 1.0
"""Seconds between two looks of a job at the lease."""

WARNINGS = (signal.SIGUSR1, signal.SIGUSR2)
"""One of them is sent shortly before the time limit, by which the job depends on the cluster."""


class Asked(NamedTuple):
    """What every job asks for.

    Attributes:
        cluster: "slurm", or "local" for processes of this machine.
        partition: of the cluster; None for its default.
        cpus, gpus: of a job.
        minutes: its time limit.
        options: of sbatch beside these.
    """

    cluster: str
    partition: str | None
    cpus: int
    gpus: int
    minutes: int
    options: dict[str, str]


def options(words: Iterable[str]) -> dict[str, str]:
    """Options of sbatch, from words OPTION=VALUE.

    Raises:
        UserError: for another word.
    """
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not (name and equals):
            raise UserError(f"--slurm_options must be OPTION=VALUE, got {shown(word)}")
        found[name.lstrip("-").replace("-", "_")] = value
    return found


class SlurmPool:
    """Jobs of a SLURM cluster; see LocalPool for the methods.

    Args:
        workers: jobs in the queue or running at the same time; 0 for QUEUED, or one per core where
            the jobs are processes of this machine.
        logs: folder of the sweep's logs; the jobs and their lease are in its folder "slurm".
        asked: what a job asks for.

    Raises:
        UserError: submitit is not installed, there is no SLURM here, or it refuses a job.
    """

    def __init__(self, workers: int, logs: Path, asked: Asked):
        try:
            import submitit
        except ImportError as error:
            raise UserError("--backend slurm needs submitit: pip install 'gan[slurm]'") from error
        self.backend = "slurm"
        self._submitit = submitit
        folder = files.subfolder(logs, "slurm")
        try:
            self._executor = submitit.AutoExecutor(folder, cluster=asked.cluster)
        except RuntimeError as error:
            raise UserError(
                f"cannot start with SLURM: {error} --slurm_cluster local tries it without"
            ) from error
        self._executor.update_parameters(
            name="gan_sweep",
            timeout_min=asked.minutes,
            cpus_per_task=asked.cpus,
            gpus_per_node=asked.gpus,
            slurm_partition=asked.partition,
            slurm_additional_parameters=asked.options,
        )
        os.environ["PYTHONPATH"] = tasks.python_path()  # jobs have the driver's environment
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
        self.size = workers or (cores if asked.cluster == "local" else QUEUED)
        self._jobs: list[tuple[Any, Job]] = []
        self._pause = 0.1 if asked.cluster == "local" else PAUSE
        self._next_look = 0.0
        self._lease = folder / "lease"
        self._holder = secrets.token_hex(16)
        files.write_atomically(self._lease, self._holder)

    def free(self) -> int:
        """Jobs that can be submitted now."""
        return self.size - len(self._jobs)

    def submit(self, job: Job) -> None:
        """Queue a job.

        Raises:
            UserError: the cluster refuses it.
        """
        utils = self._submitit.core.utils
        try:
            submitted = self._executor.submit(leased, job, str(self._lease), self._holder)
        except (utils.FailedJobError, utils.FailedSubmissionError, OSError) as error:
            words = str(error).strip().splitlines() or [type(error).__name__]
            raise UserError(f"SLURM refuses a job: {words[-1]}") from error
        self._jobs.append((submitted, job))

    def events(self, timeout: float) -> list[Event]:
        """What has happened, after waiting `timeout` seconds at most for the first thing.

        Raises:
            GanError: a job's reason to end the sweep.
        """
        deadline = time.monotonic() + timeout
        done: list[tuple[Any, Job]] = []
        while not done and (now := time.monotonic()) < deadline:
            if now >= self._next_look:
                self._next_look = now + self._pause
                done = [one for one in self._jobs if one[0].done()]
            else:
                time.sleep(min(deadline, self._next_look) - now)
        self._jobs = [one for one in self._jobs if one not in done]
        return [self._event(submitted, job) for submitted, job in done]

    def stop(self, seconds: float) -> None:
        """Ask every job to save and end; end those that take longer than `seconds`."""
        self._revoke()
        for submitted, _ in self._jobs:
            if submitted.state == "PENDING":
                submitted.cancel(check=False)
        deadline = time.monotonic() + seconds
        while self._running() and time.monotonic() < deadline:
            time.sleep(0.2)
        for submitted in self._running():
            print(f"job {submitted.job_id} does not stop; ending it", file=sys.stderr)
        self.close()

    def close(self) -> None:
        """End every job at once."""
        if self._jobs:
            self._revoke()
        for submitted in self._running():
            submitted.cancel(check=False)
        self._jobs = []

    def _running(self) -> list[Any]:
        return [submitted for submitted, _ in self._jobs if not submitted.done()]

    def _revoke(self) -> None:
        files.write_atomically(self._lease, "nobody")

    def _event(self, submitted, job: Job) -> Event:
        utils = self._submitit.core.utils
        try:
            answer = submitted.result()
        except (utils.FailedJobError, utils.UncompletedJobError):
            reason = f"job {submitted.job_id} ended without a result ({submitted.state})"
            return Event(job, None, f"{reason}; {submitted.paths.stderr} may say why")
        return tasks.event(job, answer)


def leased(job: Job, lease: str, holder: str) -> dict[str, Any]:
    """A job in a process of SLURM's: what worker.py answers, as a value.

    Args:
        job: see Job.
        lease: path of the lease.
        holder: what is in it as long as the driver that submitted the job is the sweep's.
    """
    with Interrupt() as interrupt, _warned():
        if not _holds(lease, holder):
            return {"results": None}
        over = threading.Event()
        threading.Thread(target=_watch, args=(lease, holder, over), daemon=True).start()
        try:
            return tasks.trained(job, interrupt)
        finally:
            over.set()


@contextlib.contextmanager
def _warned() -> Iterator[None]:
    """Context in which a warning of the time limit does what SIGTERM does."""

    def stop(number, frame):
        os.kill(os.getpid(), signal.SIGTERM)

    before = {number: signal.signal(number, stop) for number in WARNINGS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _watch(lease: str, holder: str, over: threading.Event) -> None:
    """Stops this process, as a signal would, once the lease is somebody else's."""
    while not over.wait(LOOK):
        if not _holds(lease, holder):
            os.kill(os.getpid(), signal.SIGTERM)
            return


def _holds(lease: str, holder: str) -> bool:
    """Whether the lease is still the holder's, as far as it can be read."""
    try:
        return files.read_bytes(lease).decode("utf-8", "replace") == holder
    except OSError:
        return True
