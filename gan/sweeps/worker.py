"""A process that trains the jobs it is told, one after the other.

    python -m gan.sweeps.worker --core 0

Jobs come in on stdin, one JSON object a line (see trials.Job); answers go out on stdout: {"ready":
[backend, number of devices]} first, then {"results": [...]} per job, or {"fatal": [status,
message]} or {"stopped": true} before the end. The end of stdin ends the process at once, so it
cannot outlive the driver that started it, however that one died. SIGTERM saves and stops.
"""

import argparse
import json
import os
import queue
import sys
import threading


def main() -> int:
    """Serve until stdin ends or a signal arrives."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--core", type=int)
    arguments.add_argument("--gpus")
    asked = arguments.parse_args()
    core = asked.core
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever else is printed is no answer
    jobs: queue.Queue[dict] = queue.Queue()
    threading.Thread(target=_listen, args=(jobs,), daemon=True).start()
    pinned = core is not None and hasattr(os, "sched_setaffinity")
    if pinned:
        everywhere = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {core})  # before JAX counts the cores it may use

    import jax

    if asked.gpus is not None:
        jax.config.update("jax_cuda_visible_devices", asked.gpus)
        jax.config.update("jax_rocm_visible_devices", asked.gpus)
    from gan import cache, config, training
    from gan.errors import GanError
    from gan.signals import Interrupt
    from gan.sweeps.trials import run_job

    def answer(**message) -> None:
        print(json.dumps(message), file=answers, flush=True)

    with Interrupt() as interrupt:
        cache.keep_compilations()
        backend = jax.default_backend()
        if pinned and backend != "cpu":
            os.sched_setaffinity(0, everywhere)
        answer(ready=[backend, jax.local_device_count()])
        shape = None
        while interrupt.signal is None:
            try:
                job = jobs.get(timeout=0.1)
            except queue.Empty:
                continue
            before, shape = shape, training.shape_of(config.from_dict(job["trials"][0]["config"]))
            if before not in (None, shape):
                jax.clear_caches()
            try:
                results = run_job(job, interrupt)
            except GanError as error:
                answer(fatal=[error.status, str(error)])
                return error.status
            if results is None:
                break
            answer(results=results)
        answer(stopped=True)
    return 0


def _listen(jobs: queue.Queue) -> None:
    for line in sys.stdin:
        jobs.put(json.loads(line))
    os._exit(1)


if __name__ == "__main__":
    status = main()
    sys.stderr.flush()
    os._exit(status)  # a compilation in an abandoned thread cannot be waited for
