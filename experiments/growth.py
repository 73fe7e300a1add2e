"""How does cost grow: training with batch, width, image side and seeds, transport with n and d?

    python -m experiments.growth --workdir runs/growth

about half an hour on two idle CPU cores. Every point is a process of its own, which compiles and
warms up before it is timed; passes over all points take turns, `--repeats` of them. A power law is
fitted to the medians of every axis. Each result is kept in growth.json as it comes, so the command
can be stopped and given again; `--stop_after` starts nothing more after that many seconds, and
`--axes` and `--sizes` choose parts. Writes growth.md and growth.png. Kept in results/growth; expect
exponents of about 0.8 for the batch and 1.4 for the width of a DCGAN, 1 for members, and for
transport 1.3 (d = 64, n up to 64,000) and 1.8 (d = 2, n up to 16,000). What accelerators would take
is planned from compiled programs: results/compile/planning.md.
"""

from __future__ import annotations

import json
import math

import gan
from experiments import cli
from gan.errors import UserError
from gan.inputs import unknown


def define(flags) -> None:
    """The flags of this experiment."""
    flags.workdir()
    names = cli.literal("gan.benchmarks.growth_axes:AXES")
    flags.texts("axes", None, f"what grows (default: all): {', '.join(names)}", "NAME")
    flags.integers("sizes", None, "sizes along the axes that --axes names", 1, 10**8)
    flags.integer("repeats", 2, "passes over all points", 1, cli.COUNT)
    flags.real("seconds", 2.0, "of one reading of a training", cli.LEAST_SECONDS, cli.SECONDS)
    flags.real("limit", 600.0, "seconds for one process", cli.LEAST_SECONDS, cli.SECONDS)
    what = "start nothing more after so many seconds"
    flags.real("stop_after", None, what, cli.LEAST_SECONDS, cli.SECONDS)
    flags.text("only", None, "measure one point in this process", "NAME")


def main(values) -> None:
    """Measure what is missing, write the pages and print the table."""
    axes = gan.benchmarks.growth_axes.AXES
    names = [values.only] if values.only else values.axes or list(axes)
    for name in names:
        if name not in axes:
            raise UserError(unknown("axis", name, axes))
    if values.sizes and not (values.axes or values.only):
        raise UserError(f"--sizes go with --axes, got {values.sizes}")
    if values.only:
        if not values.sizes:
            raise UserError("--only needs one of --sizes")
        print(json.dumps(axes[values.only].measure(values.sizes[0], values.seconds)))
        return
    found = gan.benchmarks.growth_points.run(
        values.workdir,
        {name: tuple(values.sizes or axes[name].sizes) for name in names},
        values.repeats,
        values.seconds,
        values.limit,
        values.stop_after or math.inf,
    )
    print(gan.benchmarks.growth_points.write(values.workdir, found))


if __name__ == "__main__":
    cli.run(define, main, __doc__)
