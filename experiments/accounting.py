"""Where does the time of a training command go: before its first step, and in every step?

    python -m experiments.accounting --workdir runs/accounting

About three minutes on two idle cores. Writes start_up.md and accounting.md; what a former call has
measured in the same directory is kept. Expect `--help` far below 2 s, the first step of the digits
preset below 8 s with a warm cache, and more than nine tenths of a step in the networks.

    python -m experiments.accounting --preset fashion_mnist --workdir DIR

measures a whole run of a preset instead (a minute or two), the critic's certificate among others,
and writes DIR/fashion_mnist.md. The certificate should take less than 5 % of the time of the steps.

The pieces of a step are timed by themselves in jitted loops, with inputs as in training. Each is
an upper bound, since inside a round XLA fuses them with their neighbours.
"""

from __future__ import annotations

from pathlib import Path

from experiments import cli
from gan.benchmarks import time_accounts


def define(parser, argv) -> None:
    """The flags of this experiment."""
    del argv
    parser.add_argument("--workdir", required=True, metavar="DIR", help="where the pages go")
    parser.add_argument("--preset", metavar="NAME", help="account for a whole run of this preset")


def main(arguments) -> None:
    """Measure, and write the pages."""
    if arguments.preset:
        print(time_accounts.whole_run(arguments.preset, arguments.workdir))
        return
    time_accounts.run(arguments.workdir)
    for name in ("start_up.md", "accounting.md"):
        print(Path(arguments.workdir, name).read_text())


if __name__ == "__main__":
    cli.run(define, main, __doc__)
