"""The same jobs as tasks of a Ray cluster.

The sweep's directory must be on a file system that all machines see, and the same code installed
on each. Without an address a Ray instance is started on this machine and ends with the driver; it
listens on the network, so it takes orders only from who knows a token drawn for it.
"""

import os
import secrets
import sys
import time
import warnings

from gan.errors import UserError
from gan.sweeps import tasks
from gan.sweeps.local import Event
from gan.sweeps.trials import Job

RETRIES = 3
"""Times that Ray itself tries a task again whose process died."""


class RayPool:
    """Tasks on a Ray cluster; see LocalPool for the methods.

    Args:
        workers: tasks at the same time; 0 for as many as the cluster has CPUs, or GPUs if tasks
            ask for them.
        address: of a running cluster, as ray.init takes it; None starts one here.
        cpus, gpus: what a task asks for.

    Raises:
        UserError: Ray is not installed, or the cluster cannot be reached or is too small.
    """

    def __init__(self, workers: int, address: str | None, cpus: float, gpus: float):
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        if not address and "RAY_AUTH_MODE" not in os.environ:
            os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        try:
            import ray
        except ImportError as error:
            raise UserError("--backend ray needs ray: pip install 'gan[ray]'") from error
        self._ray = ray
        self.backend = "ray"
        options = {"address": address} if address else {"include_dashboard": False}
        if not address and workers:
            options["num_cpus"] = max(1, round(workers * cpus))
        try:
            with warnings.catch_warnings():
                # JAX warns of a fork; Ray's is followed by an exec at once.
                warnings.simplefilter("ignore", RuntimeWarning)
                ray.init(
                    log_to_driver=False,
                    logging_level="ERROR",
                    runtime_env={"env_vars": {"PYTHONPATH": tasks.python_path()}},
                    **options,
                )
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise UserError(f"cannot start with Ray: {str(error).splitlines()[0]}") from error
        there = ray.cluster_resources()
        room = [there.get(k, 0) / n for k, n in (("CPU", cpus), ("GPU", gpus)) if n]
        most = int(min(room, default=1))
        if most < 1:
            ray.shutdown()
            raise UserError(
                f"a trial asks for {cpus:g} CPUs and {gpus:g} GPUs; the cluster has "
                f"{there.get('CPU', 0):g} and {there.get('GPU', 0):g}"
            )
        self.size = min(workers or most, most) if not address else workers or most
        task = ray.remote(tasks.task).options(num_cpus=cpus, num_gpus=gpus, max_retries=RETRIES)
        self._task = task
        self._jobs: dict = {}

    def free(self) -> int:
        """Jobs that can be submitted now."""
        return self.size - len(self._jobs)

    def submit(self, job: Job) -> None:
        """Send a job to the cluster."""
        self._jobs[self._task.remote(job)] = job

    def events(self, timeout: float) -> list[Event]:
        """What has happened, after waiting `timeout` seconds at most for the first thing.

        Raises:
            GanError: a task's reason to end the sweep.
        """
        if not self._jobs:
            time.sleep(timeout)
            return []
        done, _ = self._ray.wait(list(self._jobs), num_returns=1, timeout=timeout)
        return [self._event(reference) for reference in done]

    def stop(self, seconds: float) -> None:
        """Ask every task to save and end; end those that take longer than `seconds`."""
        for reference in self._jobs:
            self._ray.cancel(reference, force=False)
        if self._jobs:
            waiting = list(self._jobs)
            _, late = self._ray.wait(waiting, num_returns=len(waiting), timeout=seconds)
            for _ in late:
                print("a task does not stop; ending it", file=sys.stderr)
        self.close()

    def close(self) -> None:
        """Leave the cluster; tasks that still run are ended."""
        for reference in self._jobs:
            self._ray.cancel(reference, force=True)
        self._ray.shutdown()

    def _event(self, reference) -> Event:
        job = self._jobs.pop(reference)
        try:
            answer = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            return Event(job, None, f"{type(error).__name__}: {error}".splitlines()[0])
        return tasks.event(job, answer)
