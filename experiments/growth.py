"""How does cost grow: training with batch, width, image side and seeds, transport with n and d?

    python -m experiments.growth --workdir runs/growth

about half an hour on two idle CPU cores. Every point is a process of its own, which compiles and
warms up before it is timed; passes over all points take turns, `--repeats` of them. A power law is
fitted to the medians of every axis. Each result is kept in growth.json as it comes, so the command
can be stopped and given again; `--stop_after` starts nothing more after that many seconds, and
`--axes` and `--sizes` choose parts. Writes growth.md, growth.png and, once all axes that it plans
from are there, planning.md. Kept in results/growth; expect exponents of about 0.8 for the batch and
1.4 for the width of a DCGAN, 1 for members, and for transport 1.3 (d = 64, n up to 64,000) and 1.8
(d = 2, n up to 16,000).
"""

from __future__ import annotations

import json
import math

from experiments import cli
from gan import config
from gan.benchmarks import growth_axes, growth_points
from gan.errors import UserError


def define(parser, argv) -> None:
    """The flags of this experiment."""
    del argv
    cli.add_workdir(parser)
    names = ", ".join(growth_axes.AXES)
    parser.add_argument(
        "--axes", nargs="+", metavar="NAME", help=f"what grows (default: all): {names}"
    )
    parser.add_argument(
        "--sizes",
        type=cli.integer(1, 10**8),
        nargs="+",
        metavar="N",
        help="sizes along the axes that --axes names",
    )
    parser.add_argument(
        "--repeats", type=cli.integer(1, cli.COUNT), default=2, help="passes over all points"
    )
    parser.add_argument(
        "--seconds",
        type=cli.real(cli.LEAST_SECONDS, cli.SECONDS),
        default=2.0,
        help="of one reading of a training",
    )
    parser.add_argument(
        "--limit",
        type=cli.real(cli.LEAST_SECONDS, cli.SECONDS),
        default=600.0,
        help="seconds for one process",
    )
    parser.add_argument(
        "--stop_after",
        type=cli.real(cli.LEAST_SECONDS, cli.SECONDS),
        metavar="SECONDS",
        help="start nothing more after that",
    )
    parser.add_argument("--only", metavar="NAME", help="measure one point in this process")


def main(arguments) -> None:
    """Measure what is missing, write the pages and print the table."""
    names = [arguments.only] if arguments.only else arguments.axes or list(growth_axes.AXES)
    for name in names:
        if name not in growth_axes.AXES:
            raise UserError(config.unknown("axis", name, growth_axes.AXES))
    if arguments.sizes and not (arguments.axes or arguments.only):
        raise UserError(f"--sizes go with --axes, got {arguments.sizes}")
    if arguments.only:
        if not arguments.sizes:
            raise UserError("--only needs one of --sizes")
        found = growth_axes.AXES[arguments.only].measure(arguments.sizes[0], arguments.seconds)
        print(json.dumps(found))
        return
    chosen = {name: tuple(arguments.sizes or growth_axes.AXES[name].sizes) for name in names}
    found = growth_points.run(
        arguments.workdir,
        chosen,
        arguments.repeats,
        arguments.seconds,
        arguments.limit,
        arguments.stop_after or math.inf,
    )
    print(growth_points.write(arguments.workdir, found))


if __name__ == "__main__":
    cli.run(define, main, __doc__)
