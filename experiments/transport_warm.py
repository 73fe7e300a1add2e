"""How much of the work does an earlier solution save when one set has moved a little?

    python -m experiments.transport_warm --workdir runs/warm

about two minutes on two idle CPU cores. Assignments of x ~ N(0, I) to y ~ 1.1 N(0, I) + 0.3,
Euclidean cost; every point of x then moves by a Gaussian step, as points of a generator do, and the
moved problem is solved by turns cold, from the potentials of the first ("potentials") and from what
the first solution knows of all pairs ("kept"), each move with a seed of its own. All must reach the
same value. Compilation comes before. Expect "kept" to take a fifth of the cold processor time for
the smaller step, where no pass over all pairs is needed. The table is kept in results/transport.md.
"""

import statistics
import time
from pathlib import Path

import numpy as np

import gan
from experiments import cli
from gan import files, outputs
from gan.errors import GanError

STEPS = (0.01, 0.1)
"""Standard deviations of the moves, in the unit of the points' own."""

STARTS = ("cold", "potentials", "kept")


def run(n: int, d: int, repeats: int) -> list[dict]:
    """Rows of step, repeat, start (of `STARTS`), seconds, CPU seconds, solves and passes.

    Raises:
        GanError: if the ways disagree.
    """
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(n, d)), 1.1 * rng.normal(size=(n, d)) + 0.3
    first = gan.transport.assignment(x, y, keep=True)
    rows = []
    for repeat in range(repeats):
        for step in STEPS:
            draw = np.random.default_rng([repeat, round(1000 * step)])
            moved = x + step * draw.normal(size=x.shape)
            values = []
            for start, warm in zip(STARTS, (None, first.potentials[1], first), strict=True):
                clock, cpu = time.perf_counter(), time.process_time()
                found = gan.transport.assignment(moved, y, warm=warm)
                rows.append(
                    {
                        "n": n,
                        "step": step,
                        "repeat": repeat,
                        "start": start,
                        "seconds": time.perf_counter() - clock,
                        "seconds_cpu": time.process_time() - cpu,
                        "solves": found.report.get("solves"),
                        "passes": found.report.get("rounds"),
                        "relative_gap": found.gap / found.value,
                    }
                )
                values.append(found.value)
            if max(values) - min(values) > 1e-12 * values[0]:
                raise GanError(f"cold and warm disagree: {values}")
    return rows


def summarize(rows: list[dict]) -> str:
    """Markdown: a row per step and start, medians with least and most."""
    lines = [
        "| step | start | CPU seconds | of cold | seconds | solves | passes |",
        "|" + "---|" * 7,
    ]
    for step in sorted({row["step"] for row in rows}):
        part = {k: [r for r in rows if (r["step"], r["start"]) == (step, k)] for k in STARTS}
        for start, own in part.items():
            spent = [row["seconds_cpu"] for row in own]
            ratio = _median(own, "seconds_cpu") / _median(part["cold"], "seconds_cpu")
            lines.append(
                f"| {step:g} | {start} | {_median(own, 'seconds_cpu'):.2f} ({min(spent):.2f} to "
                f"{max(spent):.2f}) | {ratio:.2f} | {_median(own, 'seconds'):.2f} | "
                f"{_median(own, 'solves'):.0f} | {_median(own, 'passes'):.1f} |"
            )
    return "\n".join(lines) + "\n"


def _median(rows, field) -> float:
    return statistics.median(row[field] for row in rows)


def define(flags) -> None:
    """The flags of this experiment."""
    flags.workdir()
    flags.integer("size", 20_000, "points in each set", 1, 10**7)
    flags.integer("dimension", 64, "of the points", 1, 10**6)
    flags.integer("repeats", 5, "moves for each size of step", 1, cli.COUNT)


def main(values) -> None:
    """Measure; write warm.json and warm.md."""
    outputs.folder(values.workdir)
    rows = run(values.size, values.dimension, values.repeats)
    files.write_json(Path(values.workdir, "warm.json"), rows)
    files.write_atomically(Path(values.workdir, "warm.md"), summarize(rows))
    print(summarize(rows))


if __name__ == "__main__":
    cli.run(define, main, __doc__)
