"""How close does a critic come to the truth, where the truth is known?

    python -m experiments.w1_benchmark --protocol short --workdir runs/w1_benchmark

trains critics by several methods on funnel pairs, whose W1 and best critic are known in closed form
(gan/transport/truth.py; Korotin et al. 2022), and compares gradients and values. Without --funnels
the pairs are our own seeded ones; `--funnels FILE.npz ...` takes others, for example the published
ones. Samples are unlimited, so nothing but the method stands between a critic and the truth.

Finished rows are kept in w1_benchmark.json and not trained again; w1_benchmark.md is the table,
cosine.png the picture. The tables are kept in results/w1_benchmark.
"""

import csv
import os
import sys
import time
from pathlib import Path

from experiments import cli
from experiments.w1_parts import methods, training
from experiments.w1_parts.protocols import PROTOCOLS
from gan.errors import UserError
from gan.runs import files
from gan.training import Interrupt, Interrupted
from gan.transport import truth

OWN = [(dim, count) for dim in (2, 4, 8, 16, 32, 64, 128) for count in (4, 16)]
"""Our own instances: dimensions and numbers of funnels."""


def run(
    pairs: list[tuple[int, truth.Pair]],
    names: list[str],
    protocol_name: str,
    seeds: int,
    workdir: str,
    *,
    interrupt: Interrupt | None = None,
) -> list[dict]:
    """One row per pair, method and seed.

    Args:
        pairs: (number of funnels, pair); names must differ.
        names: methods.
        protocol_name: one of PROTOCOLS.
        seeds: from 0.
        workdir: where finished rows are kept and looked for.
        interrupt: polled between chunks of steps.

    Raises:
        UserError: for an unknown method or protocol.
        Interrupted: when a signal came; finished rows are saved.
    """
    path = Path(workdir) / "w1_benchmark.json"
    Path(workdir).mkdir(parents=True, exist_ok=True)
    rows = files.read_json(path) if path.exists() else []
    protocol = PROTOCOLS[protocol_name]
    chosen = {name: methods.find(name) for name in names}
    done = {(r["instance"], r["method"], r["protocol"], r["seed"]) for r in rows}
    jobs = []
    for funnels, pair in pairs:
        for name in names:
            missing = [
                seed for seed in range(seeds) if (pair.name, name, protocol_name, seed) not in done
            ]
            if missing:
                jobs.append((funnels, pair, name, missing))
    for number, (funnels, pair, name, missing) in enumerate(jobs, start=1):
        method = chosen[name]
        steps = protocol.steps or method.published_steps
        progress = _Progress(f"{number}/{len(jobs)} {pair.name} {name}", steps, interrupt)
        known = truth.w1(pair)
        measured = training.train(
            pair,
            method.learner(pair.dim),
            protocol,
            missing,
            steps,
            protocol.learning_rate or method.published_learning_rate,
            progress,
        )
        for seed, metrics in zip(missing, measured, strict=True):
            rows.append(
                {
                    "dim": pair.dim,
                    "funnels": funnels,
                    "method": name,
                    "seed": seed,
                    "cosine": metrics["cosine"],
                    "l2": metrics["l2"],
                    "w1_estimate": metrics["w1_estimate"],
                    "w1_true": known.value,
                    "w1_true_stderr": known.stderr,
                    **{k: v for k, v in metrics.items() if k.startswith("slope")},
                    "instance": pair.name,
                    "protocol": protocol_name,
                    "steps": steps,
                    "batch_size": protocol.batch_size,
                    "population": len(missing),
                    "seconds": progress.seconds(),
                }
            )
        files.write_json(path, rows)
        progress.finish(rows[-len(missing) :])
    return rows


class _Progress:
    """One line on stderr that shows speed and time left of the row at hand."""

    def __init__(self, title: str, steps: int, interrupt: Interrupt | None):
        self._title, self._steps, self._interrupt = title, steps, interrupt
        self._began = time.perf_counter()
        self._first: tuple[int, float] | None = None

    def __call__(self, done: int, seconds: float) -> None:
        if self._interrupt is not None and self._interrupt.signal is not None:
            raise Interrupted(self._interrupt.signal)
        if seconds > 0:
            self._first = self._first or (done, seconds)
            speed = done / seconds
            left = (self._steps - done) / speed
            end = "\r" if sys.stderr.isatty() else "\n"
            print(
                f"{self._title}: {done}/{self._steps} steps, {speed:.0f}/s, {left:.0f} s left",
                end=end,
                file=sys.stderr,
                flush=True,
            )

    def seconds(self) -> float:
        return time.perf_counter() - self._began

    def finish(self, rows: list[dict]) -> None:
        text = ", ".join(f"{row['cosine']:.3f}" for row in rows)
        print(f"{self._title}: cosine {text}; {self.seconds():.0f} s", file=sys.stderr, flush=True)


def define(parser, argv) -> None:
    """The flags of this experiment."""
    del argv
    cli.add_workdir(parser)
    parser.add_argument("--funnels", nargs="+", metavar="FILE", help=".npz files of funnel pairs")
    parser.add_argument(
        "--methods", nargs="+", default=list(methods.METHODS), metavar="NAME", help="of METHODS"
    )
    parser.add_argument("--protocol", default="short", choices=list(PROTOCOLS))
    parser.add_argument("--seeds", type=int, default=1, help="how many, from 0")


def main(arguments) -> int:
    """Train what is missing, then write table and picture."""
    with Interrupt() as interrupt:
        pairs = []
        for path in arguments.funnels or []:
            pair = truth.load_funnels(path)
            pairs.append((int(pair.name.split("_n")[1]), pair))
        try:
            rows = run(
                pairs,
                arguments.methods,
                arguments.protocol,
                arguments.seeds,
                arguments.workdir,
                interrupt=interrupt,
            )
        except Interrupted as stop:
            return 128 + stop.signal
    for r in rows:
        print({k: r[k] for k in ("dim", "funnels", "method", "seed", "cosine", "l2", "w1_estimate", "w1_true")})
    return 0


if __name__ == "__main__":
    cli.run(define, main, __doc__)
