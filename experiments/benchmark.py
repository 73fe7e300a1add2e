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
- `--batch_size` and `--precision` change both sides: products of float32 rounded as the device does
  (a GPU to TF32), in full, or players in bfloat16. First losses are compared in full float32.
- transport20k, 60k and 200k time one certified assignment of so many points, with `--peer solvers`
  beside those of experiments.transport_peers, each of which has `--limit` seconds.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import gan
from experiments import cli
from gan import files, outputs
from gan.errors import UserError
from gan.inputs import unknown


def define(flags) -> None:
    """The flags of this experiment."""
    tables = ("WORKLOADS", "TRANSPORT")
    names = [n for table in tables for n in cli.literal(f"gan.benchmarks.workloads:{table}")]
    flags.text("workload", cli.REQUIRED, ", ".join(names), "NAME")
    flags.path("output", cli.REQUIRED, "result, a .json file; a page goes beside it")
    flags.real("seconds", 20.0, "timed seconds of every side", cli.LEAST_SECONDS, cli.SECONDS)
    flags.integer("rounds", 5, "turns that every side takes", 1, cli.COUNT)
    what = "compare with PyTorch (extra: bench), or transport with other solvers"
    flags.choice("peer", None, what, ("torch", "solvers"))
    flags.texts("modes", (), "of the peer", "MODE")
    flags.texts("forms", (), "also time ours with convolutions so", "FORM")
    flags.choice("allocator", "both", "allocator settings", ("both", "off", "on"))
    flags.boolean("train", "also time experiments.train itself")
    what = "seconds for each of the other solvers"
    flags.real("limit", 60.0, what, cli.LEAST_SECONDS, cli.SECONDS)
    flags.integer("cores", 0, "cores to pin every process to; 0 for all", 0, cli.COUNT)
    what = "devices that ours splits every batch over, as experiments.train does"
    flags.integer("devices", 1, what, 1, cli.COUNT)
    flags.integer("batch_size", 0, "of both sides; 0 for the workload's own", 0, cli.COUNT)
    precisions = cli.literal("gan.benchmarks.workloads:PRECISIONS")
    flags.choice("precision", precisions[0], "of the products of both sides", precisions)


def options_of(values, available: int) -> gan.benchmarks.turns.Options:
    """What the flags ask of the sides of a training workload."""
    named = ("seconds", "rounds", "peer", "modes", "forms", "allocator", "train", "devices")
    named += ("batch_size", "precision")
    options = {name: getattr(values, name) for name in named}
    options |= {name: tuple(options[name]) for name in ("modes", "forms")}
    return gan.benchmarks.turns.Options(cores=values.cores or available, **options)


def main(values) -> None:
    """Measure, write the JSON and print the table."""
    available = len(os.sched_getaffinity(0))
    if not 0 <= values.cores <= available:
        raise UserError(f"--cores must be 1 .. {available}, or 0 for all; got {values.cores}")
    if not 1 <= values.devices <= (values.cores or available):
        raise UserError(f"--devices must be 1 to the number of cores, got {values.devices}")
    workloads, page = gan.benchmarks.workloads, gan.benchmarks.benchmark_page
    name = values.workload
    transport = name in workloads.TRANSPORT
    if not transport and name not in workloads.WORKLOADS:
        known = [*workloads.WORKLOADS, *workloads.TRANSPORT]
        raise UserError(unknown("workload", name, known))
    if values.peer == ("torch" if transport else "solvers"):
        raise UserError("--peer solvers goes with transport, --peer torch with the others")
    for flag, own in (("devices", 1), ("batch_size", 0), ("precision", workloads.PRECISIONS[0])):
        if transport and getattr(values, flag) != own:
            raise UserError(f"--{flag} is for trainings; {name} is none")
    if values.train and (transport or name in workloads.MEMBERS):
        raise UserError(f"--train is for single runs; {name} is none")
    if values.train and values.precision == "full":
        raise UserError(
            "--train goes with the precisions that experiments.train has, not with full"
        )
    for mode in values.modes:
        allowed = workloads.modes(workloads.of(name)) if values.peer == "torch" else ()
        if mode not in allowed:
            raise UserError(unknown("mode", mode, allowed))
    for form in values.forms:
        if form not in gan.networks.convolution.FORMS:
            raise UserError(unknown("form", form, gan.networks.convolution.FORMS))
    outputs.file(values.output, (".json",))
    if transport:
        result = gan.benchmarks.assignments.run(name, values.seconds, values.peer, values.limit)
    else:
        if values.peer:
            try:
                import torch  # noqa: F401
            except ImportError as error:
                raise UserError("--peer torch needs PyTorch: install gan[bench]") from error
        result = gan.benchmarks.turns.run(name, options_of(values, available))
    output = Path(values.output)
    result |= {
        "command": page.command(values),
        "date": time.strftime("%Y-%m-%d"),
        "load_average": os.getloadavg()[0],
        "machine": gan.runs.environment.processor(),
        "versions": gan.benchmarks.turns.versions(values.peer),
    }
    files.write_json(output, result)
    files.write_atomically(output.with_suffix(".md"), page.page(result))
    print(page.table(result))


if __name__ == "__main__":
    cli.run(define, main, __doc__)
