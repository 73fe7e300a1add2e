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

import gan
from experiments import cli


def define(flags) -> None:
    """The flags of this experiment."""
    flags.path("workdir", cli.REQUIRED, "where the pages go", "DIR")
    flags.text("preset", None, "account for a whole run of this preset", "NAME")


def main(values) -> None:
    """Measure, and write the pages."""
    accounts = gan.benchmarks.time_accounts
    if values.preset:
        print(accounts.whole_run(values.preset, values.workdir))
        return
    accounts.run(values.workdir)
    for name in ("start_up.md", "accounting.md"):
        print(Path(values.workdir, name).read_text())


if __name__ == "__main__":
    cli.run(define, main, __doc__)
