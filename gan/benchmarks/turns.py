"""Sides of a benchmark that take turns, as processes that stay warm."""

import contextlib
import dataclasses
import os
import statistics
from importlib import metadata
from typing import Any

from gan.benchmarks import side_process, workloads
from gan.benchmarks.benchmark_page import say, spread
from gan.benchmarks.sides import Side, compare


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """How a workload is timed.

    Attributes:
        seconds: timed seconds of every side, over all rounds.
        cores: number of cores that every process is pinned to.
        rounds: turns that every side takes.
        peer: None or "torch".
        modes: of the peer; none for all that it has.
        forms: of gan.networks.convolution.FORMS, to time ours in beside the best.
        allocator: sides with allocator settings ("on"), without them ("off"), or with a peer both.
        train: also time experiments.train itself.
        devices: that ours splits every batch, or the members, over; at most one per core.
        batch_size: of both sides; 0 for the workload's own.
        precision: of workloads.PRECISIONS, for both sides.
    """

    seconds: float
    cores: int
    rounds: int = 5
    peer: str | None = None
    modes: tuple[str, ...] = ()
    forms: tuple[str, ...] = ()
    allocator: str = "both"
    train: bool = False
    devices: int = 1
    batch_size: int = 0
    precision: str = "rounded"

    @property
    def changes(self) -> dict[str, Any]:
        """Fields of the workload's config that are not its own."""
        size = {"batch_size": self.batch_size} if self.batch_size else {}
        return size | ({"precision": "bfloat16"} if self.precision == "bfloat16" else {})

    @property
    def allocators(self) -> tuple[bool, ...]:
        """Whether a side has the allocator settings, of every kind of side wanted."""
        return {"both": (False, True), "off": (False,), "on": (True,)}[self.allocator]


@dataclasses.dataclass(frozen=True)
class _Timings:
    """What the sides said in their turns; `rates` are iterations per second, by side."""

    rates: dict[str, list[float]]
    peaks: list[float]
    peak_bytes: dict[str, int]

    def median(self, side: Side) -> float:
        return statistics.median(self.rates[side.name])

    def row(self, side: Side) -> dict[str, Any]:
        """A side as a row of the result."""
        return {
            "mode": side.name,
            "iterations_per_second": self.median(side),
            "spread": spread(self.rates[side.name]),
        }

    def ratios(self, first: str, second: str) -> list[float]:
        """Least and largest ratio of two sides' rates in one round."""
        return spread([a / b for a, b in zip(self.rates[first], self.rates[second], strict=True)])


def run(workload: str, options: Options) -> dict:
    """Times a training workload, alone or against PyTorch.

    Args:
        workload: a name of workloads.WORKLOADS.
        options: see Options.

    Returns:
        The result, see the README of results/benchmark.

    Raises:
        GanError: if the two sides do not compute the same losses, or one of them fails.
    """
    with contextlib.ExitStack() as stack:
        sides = _started(workload, options, stack)
        compared = compare(sides) if len(sides) > 1 else None
        if not compared:
            sides[0].ask(run=min(2.0, options.seconds / options.rounds))
        timings = _take_turns(sides, options)
    result = _result_of_ours(workload, options, sides[0], timings)
    variants = [side for side in sides if side.side in ("vectorized", "solo", *options.forms)]
    if variants:
        started = ("compile_seconds", "start_seconds")
        result["losses"] = compared
        result["variants"] = [
            timings.row(side) | {name: side.about[name] for name in started} for side in variants
        ]
    if options.train:
        result["train"] = _result_of_train(sides, timings)
    if options.peer:
        result |= _result_of_peer(workload, options, sides, timings) | {"losses": compared}
    return result


def _wanted(workload: str, options: Options) -> list[tuple[str, bool, int]]:
    """Name, allocator settings and threads of every side; ours is the first."""
    cores, allocators = options.cores, options.allocators
    first = allocators[0]
    wanted = [("ours", first, cores)]
    if workload in workloads.MEMBERS:
        wanted += [("vectorized", first, cores), ("solo", first, cores)]
    wanted += [(form, first, cores) for form in options.forms]
    wanted += [("train", first, cores)] if options.train else []
    if options.peer:
        wanted += [("ours", other, cores) for other in allocators[1:]]
        tried = options.modes or workloads.modes(workloads.of(workload))
        wanted += [(mode, each, cores) for mode in tried for each in allocators]
        if cores > 1 and not options.modes:
            wanted += [("eager", each, 1) for each in allocators]
    return wanted


def _started(workload: str, options: Options, stack: contextlib.ExitStack) -> list[Side]:
    """Every side, ready to be asked; the stack closes them."""
    allowed = sorted(os.sched_getaffinity(0))[: options.cores]
    sides: list[Side] = []
    for name, allocator, threads in _wanted(workload, options):
        how = options.devices, options.changes, options.precision == "full"
        sides.append(Side(name, workload, allowed, allocator, threads, *how))
        stack.callback(sides[-1].close)
        if len(sides) == 1:  # its compilation is timed
            sides[0].wait()
    for side in sides[1:]:
        side.wait()
        say(f"{side.name}: ready")
    return sides


def _take_turns(sides: list[Side], options: Options) -> _Timings:
    """All rounds, each with a product of matrices and a turn of every side."""
    rates: dict[str, list[float]] = {side.name: [] for side in sides}
    peaks = []
    for turn in range(options.rounds):
        peaks.append(sides[0].ask(peak=side_process.PEAK_SIZE)["gflops"])
        for side in sides:
            done = side.ask(run=options.seconds / options.rounds)
            rates[side.name].append(done["iterations"] / done["seconds"])
        shown = ", ".join(f"{name} {values[-1]:.3g}" for name, values in rates.items())
        say(f"round {turn + 1} of {options.rounds}, iterations/s: {shown}")
    return _Timings(rates, peaks, {side.name: side.ask(memory=None)["bytes"] for side in sides})


def _result_of_ours(workload: str, options: Options, ours: Side, timings: _Timings) -> dict:
    rate, peak = timings.median(ours), max(timings.peaks)
    gflop = ours.about["gflop_per_iteration"]
    result = {
        "workload": workload,
        "iterations_per_second": rate,
        "spread": spread(timings.rates[ours.name]),
        "gflop_per_iteration": gflop,
        "peak_gflops": peak,
        "share_of_peak": rate * gflop / peak,
        "compile_seconds": ours.about["compile_seconds"],
        "start_seconds": ours.about["start_seconds"],
        "peak_bytes": timings.peak_bytes[ours.name],
        "cores": options.cores,
        "devices": ours.about["devices"],
        "device": ours.about["device"],
        "rounds": options.rounds,
        "batch_size": workloads.of(workload, options.changes).batch_size,
        "precision": options.precision,
    }
    if workload in workloads.MEMBERS:
        result["members"] = workloads.MEMBERS[workload]
    return result


def _result_of_train(sides: list[Side], timings: _Timings) -> dict:
    """experiments.train itself, as a share of ours."""
    side = next(side for side in sides if side.side == "train")
    rate = timings.median(side)
    return {
        "iterations_per_second": rate,
        "spread": spread(timings.rates[side.name]),
        "share": rate / timings.median(sides[0]),
        "share_spread": timings.ratios(side.name, sides[0].name),
    }


def _result_of_peer(workload: str, options: Options, sides: list[Side], timings: _Timings) -> dict:
    modes = workloads.modes(workloads.of(workload))
    peers = [side for side in sides if side.side in modes]
    best, ours = max(peers, key=timings.median), sides[0]
    return {
        "peer": [
            timings.row(side) | {"peak_bytes": timings.peak_bytes[side.name]} for side in peers
        ],
        "best_peer": best.name,
        "ratio_to_best_peer": timings.median(ours) / timings.median(best),
        "ratio_spread": timings.ratios(ours.name, best.name),
        "equal_allocator": [_with_equal_allocator(timings, peers, a) for a in options.allocators],
    }


def _with_equal_allocator(timings: _Timings, peers: list[Side], allocator: bool) -> dict:
    """Ours against the best mode of the peer when both have, or lack, the allocator settings."""
    ours = "ours, allocator" if allocator else "ours"
    best = max((side for side in peers if side.allocator == allocator), key=timings.median)
    own = statistics.median(timings.rates[ours])
    return {
        "allocator": allocator,
        "ours": own,
        "mode": best.name,
        "ratio": own / timings.median(best),
        "ratio_spread": timings.ratios(ours, best.name),
    }


def versions(peer: str | None) -> dict[str, str]:
    """Versions of what was timed, by package."""
    names = {"torch": ["torch"], "solvers": ["scipy", "POT"], None: []}[peer]
    return {name: metadata.version(name) for name in ["jax", *names]}
