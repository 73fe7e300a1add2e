"""Sides of a benchmark that take turns, as processes that stay warm."""

import contextlib
import os
import statistics
from importlib import metadata

from gan.benchmarks import worker, workloads
from gan.benchmarks.showing import say, spread
from gan.benchmarks.sides import Side, compare


def run(
    workload: str,
    seconds: float,
    peer: str | None,
    cores: int,
    rounds: int = 5,
    train: bool = False,
    modes: tuple[str, ...] = (),
    forms: tuple[str, ...] = (),
    allocator: str = "both",
    devices: int = 1,
) -> dict:
    """Times a training workload, alone or against PyTorch.

    Args:
        workload: a name of workloads.WORKLOADS.
        seconds: timed seconds of every side, over all rounds.
        peer: None or "torch".
        cores: number of cores that every process is pinned to.
        rounds: turns that every side takes.
        train: also time experiments.train itself.
        modes: of the peer; none for all that it has.
        forms: of gan.networks.convolution.FORMS, to time ours in beside the best.
        allocator: sides with allocator settings ("on"), without them ("off"), or with a peer both.
        devices: that ours splits every batch, or the members, over; at most one per core.

    Returns:
        The result, see the README of results/benchmark.

    Raises:
        GanError: if the two sides do not compute the same losses, or one of them fails.
    """
    choice = workloads.of(workload)
    allowed = sorted(os.sched_getaffinity(0))[:cores]
    allocators = {"both": (False, True), "off": (False,), "on": (True,)}[allocator]
    first = allocators[0]
    wanted = [("ours", first, cores)]
    if workload in workloads.MEMBERS:
        wanted += [("vectorized", first, cores), ("solo", first, cores)]
    wanted += [(form, first, cores) for form in forms]
    wanted += [("train", first, cores)] if train else []
    if peer:
        wanted += [("ours", other, cores) for other in allocators[1:]]
        tried = modes or workloads.modes(choice)
        wanted += [(mode, each, cores) for mode in tried for each in allocators]
        if cores > 1 and not modes:
            wanted += [("eager", each, 1) for each in allocators]
    with contextlib.ExitStack() as stack:
        sides = []
        for side, each, threads in wanted:
            sides.append(Side(side, workload, allowed, each, threads, devices))
            stack.callback(sides[-1].close)
            if len(sides) == 1:  # its compilation is timed
                sides[0].wait()
        for side in sides[1:]:
            side.wait()
            say(f"{side.name}: ready")
        compared = compare(sides) if len(sides) > 1 else None
        if not compared:
            sides[0].ask(run=min(2.0, seconds / rounds))
        rates = {side.name: [] for side in sides}
        peaks = []
        for turn in range(rounds):
            peaks.append(sides[0].ask(peak=worker.PEAK_SIZE)["gflops"])
            for side in sides:
                done = side.ask(run=seconds / rounds)
                rates[side.name].append(done["iterations"] / done["seconds"])
            shown = ", ".join(f"{name} {values[-1]:.3g}" for name, values in rates.items())
            say(f"round {turn + 1} of {rounds}, iterations/s: {shown}")
        peak_bytes = {side.name: side.ask(memory=None)["bytes"] for side in sides}
    ours = sides[0]
    rate, peak = statistics.median(rates[ours.name]), max(peaks)
    gflop = ours.about["gflop_per_iteration"]
    result = {
        "workload": workload,
        "iterations_per_second": rate,
        "spread": spread(rates[ours.name]),
        "gflop_per_iteration": gflop,
        "peak_gflops": peak,
        "share_of_peak": rate * gflop / peak,
        "compile_seconds": ours.about["compile_seconds"],
        "start_seconds": ours.about["start_seconds"],
        "peak_bytes": peak_bytes[ours.name],
        "cores": cores,
        "devices": ours.about["devices"],
        "rounds": rounds,
    }
    variants = [side for side in sides if side.side in ("vectorized", "solo", *forms)]
    if workload in workloads.MEMBERS:
        result["members"] = workloads.MEMBERS[workload]
    if variants:
        result |= {
            "losses": compared,
            "variants": [
                {
                    "mode": side.name,
                    "iterations_per_second": statistics.median(rates[side.name]),
                    "spread": spread(rates[side.name]),
                    "compile_seconds": side.about["compile_seconds"],
                    "start_seconds": side.about["start_seconds"],
                }
                for side in variants
            ],
        }
    if train:
        own = next(rates[side.name] for side in sides if side.side == "train")
        result["train"] = {
            "iterations_per_second": statistics.median(own),
            "spread": spread(own),
            "share": statistics.median(own) / rate,
            "share_spread": spread([a / b for a, b in zip(own, rates[ours.name], strict=True)]),
        }
    if peer:
        others = [side for side in sides if side.side in workloads.modes(choice)]
        best = max(others, key=lambda side: statistics.median(rates[side.name]))
        result |= {
            "peer": [
                {
                    "mode": side.name,
                    "iterations_per_second": statistics.median(rates[side.name]),
                    "spread": spread(rates[side.name]),
                    "peak_bytes": peak_bytes[side.name],
                }
                for side in others
            ],
            "best_peer": best.name,
            "ratio_to_best_peer": rate / statistics.median(rates[best.name]),
            "ratio_spread": spread(
                [a / b for a, b in zip(rates[ours.name], rates[best.name], strict=True)]
            ),
            "equal_allocator": [_equal(rates, others, each) for each in allocators],
            "losses": compared,
        }
    return result


def _equal(rates: dict[str, list[float]], others: list[Side], allocator: bool) -> dict:
    """Ours against the best mode of the peer when both have, or lack, the allocator settings."""
    own = rates["ours, allocator" if allocator else "ours"]
    best = max(
        (rates[side.name] for side in others if side.allocator == allocator), key=statistics.median
    )
    return {
        "allocator": allocator,
        "ours": statistics.median(own),
        "mode": next(name for name, values in rates.items() if values is best),
        "ratio": statistics.median(own) / statistics.median(best),
        "ratio_spread": spread([a / b for a, b in zip(own, best, strict=True)]),
    }


def versions(peer: str | None) -> dict[str, str]:
    names = {"torch": ["torch"], "solvers": ["scipy", "POT"], None: []}[peer]
    return {name: metadata.version(name) for name in ["jax", *names]}
