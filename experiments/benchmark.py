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
import os
import statistics
import time
from importlib import metadata
from pathlib import Path

from experiments import cli, outputs
from experiments.benchmark_parts import assignments, showing, worker, workloads
from experiments.benchmark_parts.showing import say, spread
from experiments.benchmark_parts.sides import Side, compare
from gan.config import unknown
from gan.errors import UserError
from gan.networks import convolution
from gan.runs import environment, files


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


def _versions(peer: str | None) -> dict[str, str]:
    names = {"torch": ["torch"], "solvers": ["scipy", "POT"], None: []}[peer]
    return {name: metadata.version(name) for name in ["jax", *names]}


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
    parser.add_argument(
        "--seconds",
        type=cli.real(cli.LEAST_SECONDS, cli.SECONDS),
        default=20.0,
        help="timed seconds of every side",
    )
    parser.add_argument(
        "--rounds", type=cli.integer(1, cli.COUNT), default=5, help="turns that every side takes"
    )
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
        "--limit",
        type=cli.real(cli.LEAST_SECONDS, cli.SECONDS),
        default=60.0,
        help="seconds for each of the other solvers",
    )
    parser.add_argument(
        "--cores",
        type=cli.integer(0, cli.COUNT),
        default=0,
        help="cores to pin every process to; 0 for all",
    )
    parser.add_argument(
        "--devices",
        type=cli.integer(1, cli.COUNT),
        default=1,
        help="devices that ours splits every batch over, as experiments.train does",
    )


def main(arguments) -> None:
    """Measure, write the JSON and print the table."""
    available = len(os.sched_getaffinity(0))
    if not 0 <= arguments.cores <= available:
        raise UserError(f"--cores must be 1 .. {available}, or 0 for all; got {arguments.cores}")
    if not 1 <= arguments.devices <= (arguments.cores or available):
        raise UserError(f"--devices must be 1 to the number of cores, got {arguments.devices}")
    name = arguments.workload
    if name not in (*workloads.WORKLOADS, "transport20k"):
        raise UserError(unknown("workload", name, [*workloads.WORKLOADS, "transport20k"]))
    if arguments.peer == ("torch" if name == "transport20k" else "solvers"):
        raise UserError("--peer solvers goes with transport20k, --peer torch with the others")
    if arguments.devices > 1 and name == "transport20k":
        raise UserError("--devices is for trainings; transport20k is none")
    if arguments.train and (name == "transport20k" or name in workloads.MEMBERS):
        raise UserError(f"--train is for single runs; {name} is none")
    for mode in arguments.modes:
        allowed = workloads.modes(workloads.of(name)) if arguments.peer == "torch" else ()
        if mode not in allowed:
            raise UserError(unknown("mode", mode, allowed))
    for form in arguments.forms:
        if form not in convolution.FORMS:
            raise UserError(unknown("form", form, convolution.FORMS))
    outputs.file(arguments.output, (".json",))
    if name == "transport20k":
        result = assignments.run(arguments.seconds, arguments.peer, arguments.limit)
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
            arguments.devices,
        )
    output = Path(arguments.output)
    result |= {
        "command": showing.command(arguments),
        "date": time.strftime("%Y-%m-%d"),
        "load_average": os.getloadavg()[0],
        "machine": environment.processor(),
        "versions": _versions(arguments.peer),
    }
    files.write_json(output, result)
    files.write_atomically(output.with_suffix(".md"), showing.page(result))
    print(showing.table(result))


if __name__ == "__main__":
    cli.run(define, main, __doc__)
