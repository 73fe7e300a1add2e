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

import os
import time
from pathlib import Path

from experiments import cli
from gan import outputs
from gan.benchmarks import assignments, benchmark_page, turns, workloads
from gan.config import unknown
from gan.errors import UserError
from gan.networks import convolution
from gan.runs import environment, files


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


def options_of(arguments, available: int) -> turns.Options:
    """What the flags ask of the sides of a training workload."""
    named = ("seconds", "rounds", "peer", "modes", "forms", "allocator", "train", "devices")
    values = {name: getattr(arguments, name) for name in named}
    values |= {name: tuple(values[name]) for name in ("modes", "forms")}
    return turns.Options(cores=arguments.cores or available, **values)


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
        result = turns.run(name, options_of(arguments, available))
    output = Path(arguments.output)
    result |= {
        "command": benchmark_page.command(arguments),
        "date": time.strftime("%Y-%m-%d"),
        "load_average": os.getloadavg()[0],
        "machine": environment.processor(),
        "versions": turns.versions(arguments.peer),
    }
    files.write_json(output, result)
    files.write_atomically(output.with_suffix(".md"), benchmark_page.page(result))
    print(benchmark_page.table(result))


if __name__ == "__main__":
    cli.run(define, main, __doc__)
