"""Worker processes on this machine, one per core, and the jobs they are given.

Workers are started afresh (a process that uses JAX must not be forked), in sessions of their own so
that Ctrl-C reaches the driver alone. Each is pinned to one core, since as many trainings side by
side finish earlier than one after the other on all cores. A worker whose process ends is noticed at
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

import experiments
from experiments.sweep_parts.trials import Job
from gan.errors import GanError, LockedError, StorageError

MOST_FALSE_STARTS = 3
"""Workers in a row that may end before they are ready."""


class Event(NamedTuple):
    """What became of a job: its results, or None if its process died of `reason`."""

    job: Job
    results: list[dict[str, Any]] | None
    reason: str = ""


class _Worker:
    """One process, and the job it is at."""

    def __init__(self, number: int, core: int | None, log: Path, inbox: queue.Queue):
        root = str(Path(experiments.__file__).resolve().parent.parent)
        path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
        command = [sys.executable, "-m", "experiments.sweep_parts.worker"]
        command += [] if core is None else ["--core", str(core)]
        with log.open("ab") as stderr:
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
        workers: processes; 0 for one per core, or a single one where JAX finds an accelerator.
        logs: folder for what workers print.

    Attributes:
        backend: JAX's, once a worker has said it; None before.
    """

    def __init__(self, workers: int, logs: Path):
        self.backend: str | None = None
        self._logs = logs
        self._cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        self._wanted = workers or len(self._cores) or os.cpu_count() or 1
        self._settled = workers > 0
        self._inbox: queue.Queue = queue.Queue()
        self._workers: dict[int, _Worker] = {}
        self._false_starts = 0
        for number in range(self._wanted if self._settled else 1):
            self._start(number)

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
        core = self._cores[number % len(self._cores)] if self._cores else None
        log = self._logs / f"worker_{number}.log"
        self._workers[number] = _Worker(number, core, log, self._inbox)

    def _heard(self, worker: _Worker, message: dict | None) -> list[Event]:
        if message is None:
            return self._lost(worker)
        if "ready" in message:
            self.backend, worker.ready, self._false_starts = message["ready"], True, 0
            if not self._settled:
                self._settled = True
                self._wanted = self._wanted if self.backend == "cpu" else 1
                for number in range(1, self._wanted):
                    self._start(number)
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
