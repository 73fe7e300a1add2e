"""What grows, and how one point of it is measured in a process of its own.

Training is the shipped loop, as in experiments.benchmark; the reference points are its workloads
dcgan28, mlp64 and population16. An image side is doubled from 7 pixels on, so that every size is
the reference network with one more level.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from gan import config, transport
from gan.benchmarks import instances, side_process, workloads
from gan.transport import memory

READINGS = 3
"""Timed readings of a training in one process."""


class GrowthAxis(NamedTuple):
    """One size that grows while all others stay.

    `measure(size, seconds)` times one point in this process: {"seconds": readings, "gflop" per
    reading or None, "bytes" at the peak beyond the imports, ...}.
    """

    title: str
    unit: str
    sizes: tuple[int, ...]
    measure: Callable[[int, float], dict]


def dcgan(size: int = 28, batch: int = 64, width: int = 64) -> config.Config:
    """The reference pair on images of `size` pixels a side; the defaults are dcgan28."""
    changes = {"batch_size": batch, "generator.width": width, "critic.width": width}
    return config.replace(workloads.of("dcgan28"), changes | {"data.name": f"noise{size}"})


def mlp(batch: int = 256, width: int = 256) -> config.Config:
    """The pair of mlp64, of any width."""
    changes = {"batch_size": batch, "generator.width": width, "critic.width": width}
    return config.replace(workloads.of("mlp64"), changes)


def training(choice: config.Config, seconds: float) -> dict:
    """Seconds of one iteration of a training."""
    before = memory.peak()
    return _readings(side_process.Ours(choice), 1, seconds, before)


def population(count: int, vectorized: bool, seconds: float) -> dict:
    """Seconds of one iteration of every member of a population of small players."""
    before = memory.peak()
    members = workloads.members("population16", count)
    return _readings(side_process.Together(members, vectorized), count, seconds, before)


def _readings(side, members: int, seconds: float, before: int) -> dict:
    side.run(min(1.0, seconds))
    found = [side.run(seconds) for _ in range(READINGS)]
    return {
        "seconds": [members * part["seconds"] / part["iterations"] for part in found],
        "gflop": members * side.about["gflop_per_iteration"],
        "bytes": memory.peak() - before,
    }


def assignment(n: int, d: int) -> dict:
    """Seconds of one certified assignment whose programs are compiled, and of its verification.

    x ~ N(0, I), y ~ 1.1 N(0, I) + 0.3, Euclidean cost. "first" is the call before, which compiles;
    "dense" and "sparse" are the seconds that look at pairs and those of the sparse solves; "passes"
    counts looks at all pairs.
    """
    x, y = instances.gaussian(n, d)(None)
    before, first = memory.peak(), time.perf_counter()
    transport.assignment(x, y)
    start = time.perf_counter()
    solved = transport.assignment(x, y)
    end = time.perf_counter()
    used = memory.peak() - before
    bounds = transport.verify(solved.certificate, x, y)
    verified = time.perf_counter() - end
    sparse = sum(solved.report["seconds"].get(name, 0.0) for name in ("solve", "price pool"))
    return {
        "seconds": [end - start],
        "gflop": None,
        "bytes": used,
        "first": start - first,
        "verify": verified,
        "sparse": sparse,
        "dense": end - start - sparse,
        "passes": solved.report["rounds"],
        "solves": solved.report["solves"],
        "relative_gap": solved.gap / solved.value,
        "verified_gap": bounds.gap / solved.value,
    }


def product(size: int) -> dict:
    """Seconds of one float32 product of two square matrices, the best of twenty."""
    before, gflop = memory.peak(), 2e-9 * size**3
    seconds = gflop / side_process.matrix_peak(size)
    return {"seconds": [seconds], "gflop": gflop, "bytes": memory.peak() - before}


AXES = {
    "product": GrowthAxis(
        "product of two matrices", "rows", (512, 1024, 2048), lambda n, seconds: product(n)
    ),
    "dcgan_batch": GrowthAxis(
        "DCGAN, 28 pixels, width 64",
        "batch",
        (8, 16, 32, 64, 128),
        lambda n, seconds: training(dcgan(batch=n), seconds),
    ),
    "dcgan_width": GrowthAxis(
        "DCGAN, 28 pixels, batch 64",
        "width",
        (16, 32, 64, 128),
        lambda n, seconds: training(dcgan(width=n), seconds),
    ),
    "dcgan_side": GrowthAxis(
        "DCGAN, width 32, batch 16",
        "image side",
        (14, 28, 56, 112),
        lambda n, seconds: training(dcgan(n, batch=16, width=32), seconds),
    ),
    "mlp_batch": GrowthAxis(
        "MLP, width 256",
        "batch",
        (64, 128, 256, 512, 1024),
        lambda n, seconds: training(mlp(batch=n), seconds),
    ),
    "mlp_width": GrowthAxis(
        "MLP, batch 256",
        "width",
        (64, 128, 256, 512, 1024),
        lambda n, seconds: training(mlp(width=n), seconds),
    ),
    "members_in_turn": GrowthAxis(
        "population, in turn",
        "members",
        (1, 2, 8, 32),
        lambda n, seconds: population(n, False, seconds),
    ),
    "members_vectorized": GrowthAxis(
        "population, vectorised",
        "members",
        (1, 2, 8, 32),
        lambda n, seconds: population(n, True, seconds),
    ),
    "transport_n": GrowthAxis(
        "exact transport, d = 64",
        "points in each set (n)",
        (2000, 4000, 8000, 16000, 32000, 64000),
        lambda n, seconds: assignment(n, 64),
    ),
    "transport_n_plane": GrowthAxis(
        "exact transport, d = 2",
        "points in each set (n)",
        (2000, 4000, 8000, 16000),
        lambda n, seconds: assignment(n, 2),
    ),
    "transport_d": GrowthAxis(
        "exact transport, n = 8,000",
        "dimension (d)",
        (2, 8, 32, 128, 512),
        lambda d, seconds: assignment(8000, d),
    ),
}
"""Everything that grows, by name."""
