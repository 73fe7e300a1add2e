"""How large can exact transport with a proof be? Time, memory and gap of certified instances.

    python -m experiments.transport_benchmark --workdir runs/transport

about ten minutes on two idle CPU cores, with the idx files of fashion_mnist below --data_dir. Every
instance is one fresh process: seconds include compilation, and imports take about three more.
Finished instances are kept in the run directory, and `--only NAME` makes one. The table is kept in
results/transport.md.

The images called "generated" are drawn class by class from a Gaussian with the mean and the leading
64 principal components of the real training images of the class, rounded to uint8.
"""

import json
import subprocess
import sys
from pathlib import Path

from experiments import cli
from gan import outputs
from gan.benchmarks import instances
from gan.errors import GanError


def define(parser, argv) -> None:
    """The flags of this experiment."""
    del argv
    cli.add_workdir(parser)
    cli.add_data_dir(parser)
    parser.add_argument(
        "--only",
        choices=instances.INSTANCES,
        metavar="NAME",
        help=f"one of {', '.join(instances.INSTANCES)}",
    )


def main(arguments) -> None:
    """Runs what is missing, each instance in its own process, and prints the table."""
    outputs.folder(arguments.workdir)
    if arguments.only:
        print(
            json.dumps(
                instances.run(arguments.only, arguments.workdir, arguments.data_dir), default=float
            )
        )
        return
    for name in instances.INSTANCES:
        if not (Path(arguments.workdir) / f"{name}.json").exists():
            command = [sys.executable, "-m", "experiments.transport_benchmark", "--only", name]
            command += ["--workdir", arguments.workdir]
            command += ["--data_dir", arguments.data_dir] if arguments.data_dir else []
            status = subprocess.run(command, check=False).returncode
            if status:
                raise GanError(f"instance {name} ended with status {status}")
    print(instances.summarize(arguments.workdir))
    print()
    print(instances.stages(arguments.workdir))


if __name__ == "__main__":
    cli.run(define, main, __doc__)
