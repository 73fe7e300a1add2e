"""How fast is training here, as a share of what the machine can do, and against PyTorch?

    python -m experiments.benchmark --workload dcgan28 --seconds 20 --output dcgan28.json
    python -m experiments.benchmark --workload dcgan28 --seconds 20 --peer torch --output vs.json

The first takes about a minute; the second (extra: bench) about five. Ours is the loop that
experiments.train runs. Every side is a process of its own that stays warm; they take turns in
rounds, and figures are medians over rounds, so that a busy machine slows all of them alike. With
more than one side each first trains one iteration from the same weights on the same inputs, and the
benchmark stops if their losses differ: a peer that computes something else is no peer.

- The peer runs in every mode it has, on one thread and on all, or in those of `--modes` on all.
  Allocator settings (large blocks kept instead of returned) are tried on both, or as `--allocator`
  says. `--cores 1` pins everything to one core.
- `--forms matrix` also times ours with every convolution as one matrix product
  (gan.networks.convolution).
- `--train` adds experiments.train itself, with its log, evaluations, pictures and checkpoints.
- population16 trains 16 members and counts the iterations of all of them, beside the same
  population vectorised and beside solo runs, one after another.
- transport20k times one certified assignment of 20,000 points, with `--peer solvers` beside SciPy,
  POT and OTT (extra: entropic), each of which has `--limit` seconds.
"""

import contextlib
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path

from experiments import cli
from experiments.benchmark_parts import worker, workloads
from gan.config import unknown
from gan.errors import GanError, UserError
from gan.networks import convolution
from gan.runs import files
from gan.transport import memory

ALLOCATOR = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(8 << 30),
    "MALLOC_ARENA_MAX": "1",
}
"""glibc keeps freed blocks, so that large temporaries are not paged in again and again."""
PEAK_SIZE = 2048
POINTS, DIMENSION = 20_000, 64
LOSSES = ("critic_loss", "penalty", "w1_estimate_batch", "generator_loss")
"""What every side must report of its first iteration; means over the critic steps, but the last."""
AGREEMENT = 2e-3
"""Relative difference of losses after one iteration that float32 and another order of sums may
bring; a wrong term changes them by far more."""


class Side:
    """One process of the benchmark, see experiments.benchmark_parts.worker."""

    def __init__(self, side: str, workload: str, cores: list[int], allocator: bool, threads: int):
        self.side, self.allocator = side, allocator
        self.name = name_of(side, allocator, threads if threads < len(cores) else None)
        environment = os.environ | (ALLOCATOR if allocator else {})
        environment |= {convolution.OVERRIDE: side} if side in convolution.FORMS else {}
        environment |= {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "experiments.benchmark_parts.worker", side, workload]
            + [str(core) for core in cores],
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
            sides.append(Side(side, workload, allowed, each, threads))
            stack.callback(sides[-1].close)
            if len(sides) == 1:  # its compilation is timed
                sides[0].wait()
        for side in sides[1:]:
            side.wait()
            _say(f"{side.name}: ready")
        compared = compare(sides) if len(sides) > 1 else None
        if not compared:
            sides[0].ask(run=min(2.0, seconds / rounds))
        rates = {side.name: [] for side in sides}
        peaks = []
        for turn in range(rounds):
            peaks.append(sides[0].ask(peak=PEAK_SIZE)["gflops"])
            for side in sides:
                done = side.ask(run=seconds / rounds)
                rates[side.name].append(done["iterations"] / done["seconds"])
            shown = ", ".join(f"{name} {values[-1]:.3g}" for name, values in rates.items())
            _say(f"round {turn + 1} of {rounds}, iterations/s: {shown}")
        peak_bytes = {side.name: side.ask(memory=None)["bytes"] for side in sides}
    ours = sides[0]
    rate, peak = statistics.median(rates[ours.name]), max(peaks)
    gflop = ours.about["gflop_per_iteration"]
    result = {
        "workload": workload,
        "iterations_per_second": rate,
        "spread": _spread(rates[ours.name]),
        "gflop_per_iteration": gflop,
        "peak_gflops": peak,
        "share_of_peak": rate * gflop / peak,
        "compile_seconds": ours.about["compile_seconds"],
        "start_seconds": ours.about["start_seconds"],
        "peak_bytes": peak_bytes[ours.name],
        "cores": cores,
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
                    "spread": _spread(rates[side.name]),
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
            "spread": _spread(own),
            "share": statistics.median(own) / rate,
            "share_spread": _spread([a / b for a, b in zip(own, rates[ours.name], strict=True)]),
        }
    if peer:
        others = [side for side in sides if side.side in workloads.modes(choice)]
        best = max(others, key=lambda side: statistics.median(rates[side.name]))
        result |= {
            "peer": [
                {
                    "mode": side.name,
                    "iterations_per_second": statistics.median(rates[side.name]),
                    "spread": _spread(rates[side.name]),
                    "peak_bytes": peak_bytes[side.name],
                }
                for side in others
            ],
            "best_peer": best.name,
            "ratio_to_best_peer": rate / statistics.median(rates[best.name]),
            "ratio_spread": _spread(
                [a / b for a, b in zip(rates[ours.name], rates[best.name], strict=True)]
            ),
            "equal_allocator": [_equal(rates, others, each) for each in allocators],
            "losses": compared,
        }
    return result


def compare(sides: list[Side]) -> dict:
    """Losses of one iteration from the same weights and inputs on every side.

    Raises:
        GanError: naming the loss and the side, if one differs by more than AGREEMENT or is missing.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "round.npz")
        found = {side.name: side.ask(round=path) for side in sides}
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


def transport(seconds: float, peer: str | None = None, limit: float = 60.0) -> dict:
    """One certified assignment of 20,000 points in 64 dimensions, repeated for about `seconds`.

    Args:
        seconds: timed seconds of ours, after a first solve that compiles.
        peer: None or "solvers": the other solvers of experiments.transport_peers, once each, in
            fresh processes; most do not compile.
        limit: seconds that each of them has.

    Returns:
        As `run`; a peer past the limit has "over_limit", its rate being below the one given.

    Raises:
        GanError: if a solver finds another value.
    """
    from experiments import transport_peers as peers
    from gan import transport as exact

    x, y = peers.sets(POINTS, DIMENSION)
    start = time.perf_counter()
    first = exact.assignment(x, y)
    first_seconds = time.perf_counter() - start
    taken = []
    while not taken or sum(taken) < seconds:
        start = time.perf_counter()
        solved = exact.assignment(x, y)
        taken.append(time.perf_counter() - start)
        _say(f"solved in {taken[-1]:.1f} s, {solved.report['rounds']:.2f} passes over all pairs")
    gflop = first.report["rounds"] * 2 * len(x) * len(y) * x.shape[1] / 1e9
    rate, peak = 1 / statistics.median(taken), worker.matrix_peak(PEAK_SIZE)
    result = {
        "workload": "transport20k",
        "iterations_per_second": rate,
        "spread": _spread([1 / s for s in taken]),
        "gflop_per_iteration": gflop,
        "peak_gflops": peak,
        "share_of_peak": rate * gflop / peak,
        "compile_seconds": first_seconds - statistics.median(taken),
        "peak_bytes": memory.peak(),
        "relative_gap": solved.gap / solved.value,
        "cores": len(os.sched_getaffinity(0)),
    }
    if peer is None:
        return result
    others = []
    for name in [name for name in peers.SOLVERS if name != "ours"]:
        row = peers.elsewhere(name, POINTS, DIMENSION, limit)
        others.append(solver(row, solved.value))
        over = "over " if others[-1]["over_limit"] else ""
        _say(f"{name}: {over}{row['seconds']:.1f} s")
    best = max(others, key=lambda other: (not other["over_limit"], other["iterations_per_second"]))
    return result | {
        "peer": others,
        "best_peer": best["mode"],
        "ratio_to_best_peer": rate / best["iterations_per_second"],
    }


def page(result: dict) -> str:
    """The result with its command, as a markdown page."""
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    return (
        f"# {result['workload']}\n\n```sh\n{result['command']}\n```\n\n"
        f"{result['date']}, {result['cores']} of {os.cpu_count()} CPU cores, load average at the "
        f"end {result['load_average']:.1f}, {versions}.\n\n{table(result)}\n"
    )


def table(result: dict) -> str:
    """The result for people, as markdown."""
    lines = [
        f"{result['workload']}: {result['iterations_per_second']:.3g} iterations/s "
        f"({result['spread'][0]:.3g} to {result['spread'][1]:.3g}), "
        f"{result['gflop_per_iteration']:.3g} GFLOP each, {100 * result['share_of_peak']:.0f} % of "
        f"{result['peak_gflops']:.0f} GFLOP/s; compiled in {result['compile_seconds']:.1f} s, "
        f"{result['peak_bytes'] / 2**30:.2f} GiB",
    ]
    rows = result.get("variants", []) + result.get("peer", [])
    if rows:
        lines += ["", "| side | iterations/s | min to max | ours / it |", "|---|---|---|---|"]
        for row in rows:
            rate, (low, high) = row["iterations_per_second"], row["spread"]
            ratio = result["iterations_per_second"] / rate
            if row.get("over_limit"):
                lines.append(f"| {row['mode']} | < {rate:.2g} | | > {ratio:.3g} |")
                continue
            lines.append(f"| {row['mode']} | {rate:.3g} | {low:.3g} to {high:.3g} | {ratio:.2f} |")
    if "train" in result:
        own = result["train"]
        low, high = own["share_spread"]
        lines += [
            "",
            f"experiments.train: {own['iterations_per_second']:.3g} iterations/s, "
            f"{100 * own['share']:.1f} % of ours ({100 * low:.0f} to {100 * high:.0f} %)",
        ]
    if "equal_allocator" in result:
        low, high = result["ratio_spread"]
        lines += [
            "",
            f"ratio to the best mode ({result['best_peer']}): {result['ratio_to_best_peer']:.2f}, "
            f"{low:.2f} to {high:.2f} over {result['rounds']} rounds",
        ]
        for part in result["equal_allocator"]:
            low, high = part["ratio_spread"]
            lines += [
                "",
                f"both {'with' if part['allocator'] else 'without'} allocator settings: "
                f"{part['ours']:.3g} iterations/s, {part['ratio']:.2f} times {part['mode']} "
                f"({low:.2f} to {high:.2f})",
            ]
    return "\n".join(lines)


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
        "ratio_spread": _spread([a / b for a, b in zip(own, best, strict=True)]),
    }


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


def _command(arguments) -> str:
    parts = ["python -m experiments.benchmark"]
    for name in (
        "workload",
        "seconds",
        "rounds",
        "cores",
        "peer",
        "modes",
        "forms",
        "allocator",
        "limit",
        "train",
    ):
        value = getattr(arguments, name)
        idle = name == "limit" and arguments.peer != "solvers"
        if not value or value == "both" or idle:
            continue
        values = [] if value is True else value if isinstance(value, list) else [value]
        parts += [f"--{name}", *(f"{v:g}" if isinstance(v, float) else str(v) for v in values)]
    return " ".join([*parts, "--output", Path(arguments.output).name])


def _versions(peer: str | None) -> dict[str, str]:
    names = {"torch": ["torch"], "solvers": ["scipy", "POT"], None: []}[peer]
    return {name: metadata.version(name) for name in ["jax", *names]}


def _spread(values) -> list[float]:
    return [min(values), max(values)]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def define(parser, argv) -> None:
    """The flags of this experiment."""
    del argv
    names = ", ".join([*workloads.WORKLOADS, "transport20k"])
    parser.usage = "%(prog)s --workload NAME --output FILE [--flag value ...]"
    parser.add_argument("--workload", required=True, metavar="NAME", help=names)
    parser.add_argument(
        "--output",
        required=True,
        metavar="FILE",
        help="result, a .json file; a page goes beside it",
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="timed seconds of every side")
    parser.add_argument("--rounds", type=int, default=5, help="turns that every side takes")
    parser.add_argument(
        "--peer",
        choices=("torch", "solvers"),
        help="compare with PyTorch (extra: bench), or transport with other solvers",
    )
    parser.add_argument("--modes", nargs="+", default=(), metavar="MODE", help="of the peer")
    parser.add_argument(
        "--forms", nargs="+", default=(), metavar="FORM", help="also time ours with convolutions so"
    )
    parser.add_argument(
        "--allocator", choices=("both", "off", "on"), default="both", help="allocator settings"
    )
    parser.add_argument("--train", action="store_true", help="also time experiments.train itself")
    parser.add_argument(
        "--limit", type=float, default=60.0, help="seconds for each of the other solvers"
    )
    parser.add_argument(
        "--cores", type=int, default=0, help="cores to pin every process to; 0 for all"
    )


def main(arguments) -> None:
    """Measure, write the JSON and print the table."""
    available = len(os.sched_getaffinity(0))
    if not 0 <= arguments.cores <= available:
        raise UserError(f"--cores must be 1 .. {available}, or 0 for all; got {arguments.cores}")
    for name in ("seconds", "rounds", "limit"):
        if not 0 < getattr(arguments, name) < math.inf:
            raise UserError(f"--{name} must be positive, got {getattr(arguments, name)}")
    name = arguments.workload
    if name not in (*workloads.WORKLOADS, "transport20k"):
        raise UserError(unknown("workload", name, [*workloads.WORKLOADS, "transport20k"]))
    if arguments.peer == ("torch" if name == "transport20k" else "solvers"):
        raise UserError("--peer solvers goes with transport20k, --peer torch with the others")
    if arguments.train and (name == "transport20k" or name in workloads.MEMBERS):
        raise UserError(f"--train is for single runs; {name} is none")
    for mode in arguments.modes:
        allowed = workloads.modes(workloads.of(name)) if arguments.peer == "torch" else ()
        if mode not in allowed:
            raise UserError(unknown("mode", mode, allowed))
    for form in arguments.forms:
        if form not in convolution.FORMS:
            raise UserError(unknown("form", form, convolution.FORMS))
    if name == "transport20k":
        result = transport(arguments.seconds, arguments.peer, arguments.limit)
    else:
        if arguments.peer:
            try:
                import torch  # noqa: F401
            except ImportError as error:
                raise UserError("--peer torch needs PyTorch: install gan[bench]") from error
        result = run(
            name,
            arguments.seconds,
            arguments.peer,
            arguments.cores or available,
            arguments.rounds,
            arguments.train,
            tuple(arguments.modes),
            tuple(arguments.forms),
            arguments.allocator,
        )
    output = Path(arguments.output)
    result |= {
        "command": _command(arguments),
        "date": time.strftime("%Y-%m-%d"),
        "load_average": os.getloadavg()[0],
        "machine": platform.processor() or platform.machine(),
        "versions": _versions(arguments.peer),
    }
    files.write_json(output, result)
    files.write_atomically(output.with_suffix(".md"), page(result))
    print(table(result))


if __name__ == "__main__":
    cli.run(define, main, __doc__)
