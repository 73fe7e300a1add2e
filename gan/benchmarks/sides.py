"""The sides of a comparison: a warm process each, held to the same losses."""

import json
import math
import os
import subprocess
import sys
import tempfile

from gan.errors import GanError
from gan.networks import convolution

ALLOCATOR = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(8 << 30),
}
"""glibc keeps freed blocks, so that large temporaries are not paged in again and again. It keeps an
arena a thread: one for all makes ours wait for its lock and gains PyTorch nothing."""
LOSSES = ("critic_loss", "penalty", "w1_estimate_batch", "generator_loss")
"""What every side must report of its first iteration; means over the critic steps, but the last."""
AGREEMENT = 2e-3
"""Relative difference of losses after one iteration that float32 and another order of sums may
bring; a wrong term changes them by far more."""


class Side:
    """One process of the benchmark, see gan.benchmarks.side_process."""

    def __init__(
        self,
        side: str,
        workload: str,
        cores: list[int],
        allocator: bool,
        threads: int,
        devices: int = 1,
        changes: dict | None = None,
        full: bool = False,
    ):
        self.side, self.allocator = side, allocator
        self.name = name_of(side, allocator, threads if threads < len(cores) else None)
        environment = os.environ | (ALLOCATOR if allocator else {})
        environment |= {convolution.OVERRIDE: side} if side in convolution.FORMS else {}
        environment |= {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gan.benchmarks.side_process", side, workload]
            + [json.dumps(changes or {})]
            + [str(number) for number in (int(full), devices, *cores)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.about: dict = {}

    def wait(self) -> None:
        """Until the process can be asked; `about` then says how it started."""
        self.about = self._answer()

    def ask(self, **command):
        """Sends one command and waits for its answer.

        Raises:
            GanError: if the process has ended.
        """
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """Ends the process."""
        self.process.stdin.close()
        self.process.wait()

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise GanError(f"the benchmark process of {self.name} ended with an error")
        return json.loads(line)


def name_of(side: str, allocator: bool, threads: int | None) -> str:
    """What a side is called in results; `threads` None for as many as cores."""
    name = side + (f", {threads} thread" if threads else "")
    return name + (", allocator" if allocator else "")


def compare(sides: list[Side]) -> dict:
    """Losses of one iteration from the same weights and inputs on every side.

    Raises:
        GanError: naming the loss and the side, if one differs by more than AGREEMENT or is missing.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "iteration.npz")
        found = {side.name: side.ask(first_losses=path) for side in sides}
    wanted = found[sides[0].name]
    for name, losses in found.items():
        if missing := set(LOSSES) - set(losses):
            raise GanError(f"{name} does not say its {min(missing)}; its speed means nothing")
        for loss in LOSSES:
            value, scale = losses[loss], max(abs(wanted[loss]), 1e-2)
            if not math.isclose(value, wanted[loss], abs_tol=AGREEMENT * scale):
                raise GanError(
                    f"{name} computes another {loss}: {value:.8g}, ours is {wanted[loss]:.8g}; "
                    "its speed means nothing"
                )
    return found
