"""Train a generator against a critic, evaluated against exact optimal transport.

    python -m experiments.train --preset digits --workdir runs/digits

takes a minute on two CPU cores and ends with a report.html. The same command, or --workdir alone,
continues with the same bits. Ctrl-C, SIGTERM and SIGHUP save and end; a third one does not save.
"""

from __future__ import annotations

import signal

import gan
from experiments import cli
from gan import registries, rules
from gan.signals import Interrupt, Interrupted


def define(flags) -> None:
    """The flags of this experiment."""
    flags.workdir()
    flags.data_dir()
    what = "who gets the log beside metrics.jsonl, or package.module:name; extras of these names"
    flags.choices("loggers", None, what, registries.LOGGERS, open_ended=True)
    flags.boolean("tensorboard", "short for --loggers tensorboard")
    flags.config("digits")
    flags.group("devices")
    flags.integer(
        "devices",
        0,
        "devices to split every batch over; 0 for all; without --processes a CPU is one, or as "
        "many as are asked for, a core each, which is faster for small networks",
        0,
        cli.COUNT,
    )
    flags.boolean(
        "split_state",
        "each device keeps a part of parameters, average and moments: takes less memory of each",
    )
    flags.text(
        "coordinator",
        None,
        "address of process 0 of several that train together; needs --processes and "
        "--process_index",
        "HOST:PORT",
    )
    flags.integer("processes", None, "processes in all", 1, 65_536)
    flags.integer("process_index", None, "this one, from 0", 0, 65_535)


def main(values) -> int:
    """Run the experiment; a signal ends it with 128 + its number, after saving."""
    rules.check(values.config)
    gan.training.join(values.coordinator, values.processes, values.process_index)
    if values.processes is None:
        gan.training.divide_cpu(values.devices)
    with Interrupt() as interrupt:
        result = gan.runner.train(
            values.config,
            values.workdir,
            data_dir=values.data_dir,
            devices=values.devices,
            split_state=values.split_state,
            interrupt=interrupt,
            tensorboard=values.tensorboard,
            loggers=values.loggers or (),
        )
        if result is None:  # with several processes the signal may have reached another one
            raise Interrupted(interrupt.signal or signal.SIGTERM)
    if "split" in result:
        gan.reports.summary.show(result, f"{values.workdir}/report.html")
    print(f"done step={result['step']} state_sha256={result['state_sha256']}", flush=True)
    return 0


if __name__ == "__main__":
    cli.run(define, main, __doc__)
