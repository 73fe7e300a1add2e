"""How much of the work does an earlier solution save when one set has moved a little?

    python -m experiments.transport_warm --workdir runs/warm

about two minutes on two idle CPU cores. Assignments of x ~ N(0, I) to y ~ 1.1 N(0, I) + 0.3,
Euclidean cost; every point of x then moves by a Gaussian step, as points of a generator do, and the
moved problem is solved cold and warm (from the potentials of the first) by turns, each move with a
seed of its own. Both ways must reach the same value. Compilation comes before. Expect a warm start
to take about half of the time for the smaller step. The table is kept in results/transport.md.
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


def run(n: int, d: int, repeats: int) -> list[dict]:
    """Rows of step, repeat, start ("cold" or "warm"), seconds, CPU seconds, solves and passes.

    Raises:
        GanError: if the two ways disagree.
    """
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(n, d)), 1.1 * rng.normal(size=(n, d)) + 0.3
    v = gan.transport.assignment(x, y).potentials[1]
    rows = []
    for repeat in range(repeats):
        for step in STEPS:
            draw = np.random.default_rng([repeat, round(1000 * step)])
            moved = x + step * draw.normal(size=x.shape)
            values = []
            for start, warm in (("cold", None), ("warm", v)):
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
            if abs(values[0] - values[1]) > 1e-12 * values[0]:
                raise GanError(f"cold and warm disagree: {values[0]} and {values[1]}")
    return rows


def summarize(rows: list[dict]) -> str:
    """Markdown: a row per step, medians with least and most."""
    lines = [
        "| step | cold, s | warm, s | warm / cold | CPU seconds cold / warm | solves cold / warm | "
        "passes cold / warm |",
        "|" + "---|" * 7,
    ]
    for step in sorted({row["step"] for row in rows}):
        own = {
            start: [r for r in rows if (r["step"], r["start"]) == (step, start)]
            for start in ("cold", "warm")
        }
        cells = [
            f"{_median(part, 'seconds'):.2f} ({min(r['seconds'] for r in part):.2f} to "
            f"{max(r['seconds'] for r in part):.2f})"
            for part in own.values()
        ]
        cells.append(f"{_median(own['warm'], 'seconds') / _median(own['cold'], 'seconds'):.2f}")
        for field, form in (("seconds_cpu", ".1f"), ("solves", ".0f"), ("passes", ".1f")):
            cells.append(" / ".join(f"{_median(part, field):{form}}" for part in own.values()))
        lines.append(f"| {step:g} | {' | '.join(cells)} |")
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
