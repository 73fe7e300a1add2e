"""How much of the work does an earlier solution save when one set has moved a little?

    python -m experiments.transport_warm --workdir runs/warm

about two minutes on two idle CPU cores. Assignments of x ~ N(0, I) to y ~ 1.1 N(0, I) + 0.3,
Euclidean cost; every point of x then moves by a Gaussian step. Or the points are examples that a
generator makes of the same latents, and move as its training goes from the oldest checkpoint of a
run to the later ones; they are assigned to as many training examples:

    python -m experiments.train --preset digits --steps 500 --checkpoint_every 1 --workdir runs/near
    python -m experiments.transport_warm --run runs/near --size 1201 --workdir runs/warm

The moved problem is solved by turns cold, from the potentials of the first ("potentials") and from
what the first solution knows of all pairs ("kept"). All must reach the same value. Compilation
comes before. Expect "kept" to take a fifth of the cold processor time for the smaller Gaussian
step, where no pass over all pairs is needed, and half of it or more after a round of training. The
tables are kept in results/transport.md.
"""

import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import gan
from experiments import cli
from gan import files, outputs
from gan.errors import GanError, UserError

STEPS = (0.01, 0.1)
"""Standard deviations of the moves, in the unit of the points' own."""

STARTS = ("cold", "potentials", "kept")


def gaussian_moves(n: int, d: int, repeats: int) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """(name, x, y) of the sets before any move, then after each, with a seed of its own."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(n, d)), 1.1 * rng.normal(size=(n, d)) + 0.3
    yield "none", x, y
    for repeat in range(repeats):
        for step in STEPS:
            draw = np.random.default_rng([repeat, round(1000 * step)])
            yield f"{step:g}", x + step * draw.normal(size=x.shape), y


def training_moves(
    workdir: str, n: int, repeats: int, data_dir: str | None
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """(name, x, y) at the oldest checkpoint of a run, then `repeats` times at each later one.

    Raises:
        UserError: if fewer than two checkpoints are kept, or there are not n training examples.
    """
    run = gan.runs.read(workdir)
    steps = run.checkpoints.steps()
    if len(steps) < 2:
        raise UserError(f"{workdir} keeps the checkpoints {steps}; wanted are two or more")
    data = gan.data.load(run.config.data, data_dir)
    if n > data.size("train"):
        raise UserError(f"--size {n}: {data.name} has {data.size('train')} training examples")
    chosen = np.random.default_rng(0).permutation(data.size("train"))[:n]
    y = data.examples("train", chosen)[0].reshape(n, -1)
    sets = {step: gan.load(workdir, step).sample(n).reshape(n, -1) for step in steps}
    yield "none", sets[steps[0]], y
    for _ in range(repeats):
        for step in steps[1:]:
            yield f"from round {steps[0]} to {step}", sets[step], y


def run(moves: Iterator[tuple[str, np.ndarray, np.ndarray]], cost: str) -> list[dict]:
    """Rows of move, its length, start (of `STARTS`), seconds, CPU seconds, solves and passes.

    Raises:
        GanError: if the ways disagree.
    """
    _, x, y = next(moves)
    first = gan.transport.assignment(x, y, cost, keep=True)
    rows = []
    for name, moved, _ in moves:
        values = []
        for start, warm in zip(STARTS, (None, first.potentials[1], first), strict=True):
            clock, cpu = time.perf_counter(), time.process_time()
            found = gan.transport.assignment(moved, y, cost, warm=warm)
            rows.append(
                {
                    "n": len(x),
                    "move": name,
                    "length": float(np.linalg.norm(moved - x, axis=1).mean()),
                    "distance": first.value if cost == "euclidean" else first.value**0.5,
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
    """Markdown: a row per move and start, medians with least and most."""
    lines = [
        "| move | mean length / distance to the data | start | CPU seconds | of cold | seconds | "
        "solves | passes |",
        "|" + "---|" * 8,
    ]
    for move in dict.fromkeys(row["move"] for row in rows):
        part = {k: [r for r in rows if (r["move"], r["start"]) == (move, k)] for k in STARTS}
        for start, own in part.items():
            spent = [row["seconds_cpu"] for row in own]
            ratio = _median(own, "seconds_cpu") / _median(part["cold"], "seconds_cpu")
            length = _median(own, "length") / own[0]["distance"]
            lines.append(
                f"| {move} | {length:.2g} | {start} | {_median(own, 'seconds_cpu'):.2f} "
                f"({min(spent):.2f} to {max(spent):.2f}) | {ratio:.2f} | "
                f"{_median(own, 'seconds'):.2f} | {_median(own, 'solves'):.0f} | "
                f"{_median(own, 'passes'):.1f} |"
            )
    return "\n".join(lines) + "\n"


def _median(rows, field) -> float:
    return statistics.median(row[field] for row in rows)


def define(flags) -> None:
    """The flags of this experiment."""
    flags.workdir()
    flags.data_dir()
    flags.text("run", None, "a run whose checkpoints are the moves (default: Gaussian)", "DIR")
    flags.choice("cost", "euclidean", "of a pair", ("euclidean", "sqeuclidean"))
    flags.integer("size", 20_000, "points in each set", 1, 10**7)
    flags.integer("dimension", 64, "of Gaussian points", 1, 10**6)
    flags.integer("repeats", 5, "moves of each kind", 1, cli.COUNT)


def main(values) -> None:
    """Measure; write warm.json and warm.md."""
    outputs.folder(values.workdir)
    if values.run is None:
        moves = gaussian_moves(values.size, values.dimension, values.repeats)
    else:
        moves = training_moves(values.run, values.size, values.repeats, values.data_dir)
    rows = run(moves, values.cost)
    files.write_json(Path(values.workdir, "warm.json"), rows)
    files.write_atomically(Path(values.workdir, "warm.md"), summarize(rows))
    print(summarize(rows))


if __name__ == "__main__":
    cli.run(define, main, __doc__)
