"""Certified transport, repeated, beside other solvers of the same problem."""

import math
import os
import statistics
import time

from gan import transport as exact
from gan.benchmarks import peers, side_process, workloads
from gan.benchmarks.benchmark_page import say, spread
from gan.errors import GanError, UserError
from gan.transport import memory

DIMENSION = 64


def run(name: str, seconds: float, peer: str | None = None, limit: float = 60.0) -> dict:
    """One certified assignment in 64 dimensions, repeated for about `seconds`.

    Args:
        name: of workloads.TRANSPORT, which says of how many points.
        seconds: timed seconds of ours, after a first solve that compiles.
        peer: None or "solvers": the other solvers of experiments.transport_peers, once each, in
            fresh processes; most do not compile.
        limit: seconds that each of them has.

    Returns:
        As of experiments.benchmark.run; a peer past the limit has "over_limit": its rate is
        below the one given. "failed" has the reasons of those that ended without a value, for want
        of memory for instance, by name.

    Raises:
        GanError: if a solver finds another value.
    """
    result, value = _ours(name, seconds)
    if peer is None:
        return result
    others, failed = _others(workloads.TRANSPORT[name], value, limit)
    result |= {"peer": others, "failed": failed}
    if not others:
        return result
    best = max(others, key=lambda other: (not other["over_limit"], other["iterations_per_second"]))
    return result | {
        "best_peer": best["mode"],
        "ratio_to_best_peer": result["iterations_per_second"] / best["iterations_per_second"],
    }


def _ours(name: str, seconds: float) -> tuple[dict, float]:
    """The row of our solver, repeated for about that long, and the value it finds."""
    x, y = peers.sets(workloads.TRANSPORT[name], DIMENSION)
    start = time.perf_counter()
    first = exact.assignment(x, y)
    first_seconds = time.perf_counter() - start
    taken: list[float] = []
    while not taken or sum(taken) < seconds:
        start = time.perf_counter()
        solved = exact.assignment(x, y)
        taken.append(time.perf_counter() - start)
        say(f"solved in {taken[-1]:.1f} s, {solved.report['rounds']:.2f} passes over all pairs")
    gflop = first.report["rounds"] * 2 * len(x) * len(y) * x.shape[1] / 1e9
    rate, peak = 1 / statistics.median(taken), side_process.matrix_peak(side_process.PEAK_SIZE)
    result = {
        "workload": name,
        "iterations_per_second": rate,
        "spread": spread([1 / s for s in taken]),
        "gflop_per_iteration": gflop,
        "peak_gflops": peak,
        "share_of_peak": rate * gflop / peak,
        "compile_seconds": first_seconds - statistics.median(taken),
        "peak_bytes": memory.peak(),
        "relative_gap": solved.gap / solved.value,
        "cores": len(os.sched_getaffinity(0)),
    }
    return result, solved.value


def _others(points: int, value: float, limit: float) -> tuple[list[dict], dict[str, str]]:
    """Rows of the other solvers, which must find the same value, and why there is none of some."""
    others, failed = [], {}
    for name in [name for name in peers.SOLVERS if name != "ours"]:
        try:
            row = peers.elsewhere(name, points, DIMENSION, "euclidean", limit)
        except UserError as error:
            failed[name] = str(error)
            say(failed[name])
            continue
        others.append(solver(row, value))
        over = "over " if others[-1]["over_limit"] else ""
        say(f"{name}: {over}{row['seconds']:.1f} s")
    return others, failed


def solver(row: dict, value: float) -> dict:
    """A row of transport_peers as a peer.

    Raises:
        GanError: if its value is not ours to float32.
    """
    over = row["value"] is None
    if not over and not math.isclose(row["value"], value, rel_tol=1e-5):
        raise GanError(f"{row['solver']} finds {row['value']:.8g}, ours is {value:.8g}")
    rate = 1 / row["seconds"]
    return {
        "mode": row["solver"],
        "iterations_per_second": rate,
        "spread": [rate, rate],
        "over_limit": over,
        "peak_bytes": row.get("bytes"),
    }
