"""Worker processes on this machine, one per core or accelerator, and the jobs they are given.

Workers are started afresh (a process that uses JAX must not be forked), in sessions of their own so
that Ctrl-C reaches the driver alone. The first one says what JAX finds; the others follow. On a CPU
each is pinned to one core, since as many trainings side by side finish earlier than one after the
other on all cores; of several GPUs each sees its own. A worker whose process ends is noticed at
the end of its pipe and replaced; its job goes back to the driver.
"""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import gan
from gan import files
from gan.errors import GanError, LockedError, StorageError
from gan.sweeps.trials import Job

MOST_FALSE_STARTS = 3
"""Workers in a row that may end before they are ready."""


class Event(NamedTuple):
    """What became of a job: its results, or None if its process died of `reason`."""

    job: Job
    results: list[dict[str, Any]] | None
    reason: str = ""


class _Worker:
    """One process, and the job it is at; `flags` say which part of the machine is its own."""

    def __init__(self, number: int, flags: list[str], log: Path, inbox: queue.Queue):
        root = str(Path(gan.__file__).resolve().parent.parent)
        path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
        command = [sys.executable, "-m", "gan.sweeps.worker", *flags]
        with files.storage(log):
            log.parent.mkdir(exist_ok=True)
            stderr = log.open("ab")
        with stderr:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=os.environ | {"PYTHONPATH": path},
                start_new_session=True,
                text=True,
            )
        self.number, self.log, self.inbox = number, log, inbox
        self.job: Job | None = None
        self.ready = False
        threading.Thread(target=self._listen, daemon=True).start()

    def give(self, job: Job) -> None:
        """Send a job; a process that is dead already says so in its own time."""
        self.job = job
        try:
            self.process.stdin.write(json.dumps(job) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass

    def _listen(self) -> None:
        for line in self.process.stdout:
            if line.endswith("\n"):
                self.inbox.put((self, json.loads(line)))
        self.process.wait()
        self.inbox.put((self, None))


class LocalPool:
    """Workers on this machine.

    Args:
        workers: processes; 0 for one per core, or one per accelerator (a single one on a TPU, which
            one process owns whole).
        logs: folder for what workers print.
        devices: accelerators of every trial.

    Attributes:
        backend: JAX's, once a worker has said it; None before.
    """

    def __init__(self, workers: int, logs: Path, devices: int = 1):
        self.backend: str | None = None
        self._logs = logs
        self._cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        self._wanted = workers
        self._devices = devices
        self._groups: list[str] = []
        self._inbox: queue.Queue = queue.Queue()
        self._workers: dict[int, _Worker] = {}
        self._false_starts = 0
        self._start(0)

    @property
    def size(self) -> int:
        """Jobs that are, or soon will be, trained at the same time."""
        return self._wanted

    def free(self) -> int:
        """Jobs that can be submitted now."""
        return sum(worker.ready and worker.job is None for worker in self._workers.values())

    def submit(self, job: Job) -> None:
        """Give a job to a free worker."""
        next(w for w in self._workers.values() if w.ready and w.job is None).give(job)

    def events(self, timeout: float) -> list[Event]:
        """What has happened, after waiting `timeout` seconds at most for the first thing.

        Raises:
            GanError: a worker's reason to end the sweep, or workers that cannot even start.
        """
        found = []
        try:
            worker, message = self._inbox.get(timeout=timeout)
            while True:
                found += self._heard(worker, message)
                worker, message = self._inbox.get_nowait()
        except queue.Empty:
            return found

    def stop(self, seconds: float) -> None:
        """Ask every worker to save and end; end those that take longer than `seconds`."""
        alive = [w for w in self._workers.values() if w.process.poll() is None]
        for worker in alive:
            worker.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + seconds
        for worker in alive:
            try:
                worker.process.wait(max(0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                print(f"worker {worker.number} does not stop; ending it", file=sys.stderr)
        self.close()

    def close(self) -> None:
        """End every worker at once."""
        for worker in self._workers.values():
            if worker.process.poll() is None:
                worker.process.kill()
            worker.process.wait()

    def _start(self, number: int) -> None:
        flags = ["--core", str(self._cores[number % len(self._cores)])] if self._cores else []
        if self._groups:
            flags += ["--gpus", self._groups[number % len(self._groups)]]
        log = self._logs / f"worker_{number}.log"
        self._workers[number] = _Worker(number, flags, log, self._inbox)

    def _settle(self, backend: str, devices: int) -> None:
        """Start the other workers, now that the first has said what there is."""
        self.backend = backend
        share = self._devices or devices
        if backend == "cpu":
            self._wanted = self._wanted or len(self._cores) or os.cpu_count() or 1
        elif backend == "gpu" and devices > share:
            every = [str(device) for device in range(devices)]
            starts = range(0, devices - share + 1, share)
            self._groups = [",".join(every[start : start + share]) for start in starts]
            self._wanted = self._wanted or len(self._groups)
            first = self._workers.pop(0)  # it has taken all of them
            first.process.kill()
            first.process.wait()
            self._start(0)
        self._wanted = self._wanted or 1
        for number in range(1, self._wanted):
            self._start(number)

    def _heard(self, worker: _Worker, message: dict | None) -> list[Event]:
        if worker is not self._workers.get(worker.number):
            return []
        if message is None:
            return self._lost(worker)
        if "ready" in message:
            worker.ready, self._false_starts = True, 0
            if self.backend is None:
                self._settle(*message["ready"])
        if "fatal" in message:
            status, text = message["fatal"]
            kinds = {kind.status: kind for kind in (StorageError, LockedError)}
            raise kinds.get(status, GanError)(text)
        if "results" in message:
            job, worker.job = worker.job, None
            return [Event(job, message["results"])]
        return []

    def _lost(self, worker: _Worker) -> list[Event]:
        if not worker.ready:
            self._false_starts += 1
            if self._false_starts >= MOST_FALSE_STARTS:
                raise GanError(f"workers end before they are ready; {worker.log} may say why")
        self._start(worker.number)
        if worker.job is None:
            return []
        status = worker.process.returncode
        reason = f"signal {-status}" if status < 0 else f"exit status {status}"
        return [Event(worker.job, None, reason)]
