"""Train a generator against a critic, evaluated against exact optimal transport.

    python -m experiments.train --preset digits --workdir runs/digits

takes about a minute on two CPU cores. The run directory then holds config.json, metrics.jsonl,
checkpoints/, samples/, figures/, evaluation.json and report.html. The same command, or --workdir
alone, continues an interrupted run with the same bits. Ctrl-C, SIGTERM and SIGHUP save the current
step and end the run; a second signal changes nothing, a third ends it at once, without saving.
"""

from __future__ import annotations

import signal

from experiments import cli
from gan import runner, training
from gan.reports import scores as tables
from gan.signals import Interrupt


def define(parser, argv) -> None:
    """The flags of this experiment."""
    cli.add_workdir(parser)
    cli.add_data_dir(parser)
    parser.add_argument(
        "--tensorboard",
        action="store_true",
        help="also write the log as TensorBoard event files (extra: tensorboard)",
    )
    group = parser.add_argument_group("devices")
    group.add_argument(
        "--devices",
        type=cli.integer(0, cli.COUNT),
        default=0,
        help="devices to split every batch over; 0 for all; without --processes a CPU is one, or "
        "as many as are asked for, a core each, which is faster for small networks",
    )
    group.add_argument(
        "--coordinator",
        metavar="HOST:PORT",
        help="address of process 0 of several that train together; needs --processes and "
        "--process_index",
    )
    group.add_argument("--processes", type=cli.integer(1, 65_536), help="processes in all")
    group.add_argument("--process_index", type=cli.integer(0, 65_535), help="this one, from 0")
    cli.add_config(parser, argv, default="digits")


def main(arguments) -> int:
    """Run the experiment; a signal ends it with 128 + its number, after saving."""
    training.join(arguments.coordinator, arguments.processes, arguments.process_index)
    if arguments.processes is None:
        training.divide_cpu(arguments.devices)
    with Interrupt() as interrupt:
        result = runner.train(
            arguments.config,
            arguments.workdir,
            data_dir=arguments.data_dir,
            devices=arguments.devices,
            interrupt=interrupt,
            tensorboard=arguments.tensorboard,
        )
        if result is None:  # with several processes the signal may have reached another one
            return cli.leave(128 + (interrupt.signal or signal.SIGTERM))
    if "split" in result:
        tables.print_scores(result)
        print(f"report {arguments.workdir}/report.html")
    print(f"done step={result['step']} state_sha256={result['state_sha256']}", flush=True)
    return 0


if __name__ == "__main__":
    cli.run(define, main, __doc__)
