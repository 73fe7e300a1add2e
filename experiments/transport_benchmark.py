"""How large can exact transport with a proof be? Time, memory and gap of certified instances.

    python -m experiments.transport_benchmark --workdir runs/transport

about ten minutes on two idle CPU cores, with the idx files of fashion_mnist below --data_dir. Every
instance is one fresh process: seconds include compilation, and imports take about three more.
Finished instances are kept in the run directory, and `--only NAME` makes one. Those of 200,000
points and more are made in no other way. The table is kept in results/transport.md.

The images called "generated" are drawn class by class from a Gaussian with the mean and the leading
64 principal components of the real training images of the class, rounded to uint8.
"""

import json
import subprocess
import sys
from pathlib import Path

import gan
from experiments import cli
from gan import outputs
from gan.errors import GanError


def define(flags) -> None:
    """The flags of this experiment."""
    flags.workdir()
    flags.data_dir()
    names = cli.literal("gan.benchmarks.instances:INSTANCES")
    flags.choice("only", None, "make one instance, in this process", names)


def main(values) -> None:
    """Runs what is missing, each instance in its own process, and prints the table."""
    outputs.folder(values.workdir)
    instances = gan.benchmarks.instances
    if values.only:
        found = instances.run(values.only, values.workdir, values.data_dir, cli.progress)
        print(json.dumps(found, default=float))
        return
    for name, instance in instances.INSTANCES.items():
        if not instance.long and not (Path(values.workdir) / f"{name}.json").exists():
            command = [sys.executable, "-m", "experiments.transport_benchmark", "--only", name]
            command += ["--workdir", values.workdir]
            command += ["--data_dir", values.data_dir] if values.data_dir else []
            status = subprocess.run(command, check=False).returncode
            if status:
                raise GanError(f"instance {name} ended with status {status}")
    print(instances.summarize(values.workdir))
    print()
    print(instances.stages(values.workdir))


if __name__ == "__main__":
    cli.run(define, main, __doc__)
