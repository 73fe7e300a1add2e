"""How close does a critic come to the truth, where the truth is known?

    python -m experiments.w1_benchmark --protocol short --workdir runs/w1_benchmark

trains critics by eight methods on funnel pairs, whose W1 and best critic are known in closed form
(gan/transport/truth.py; Korotin et al. 2022), and compares gradients and values. Fresh samples are
unlimited, so nothing but the method stands between a critic and the truth. Without --funnels the
pairs are our own seeded ones, with `--funnels FILE.npz ...` others.

About half an hour on one CPU core for one seed; `--protocol published` takes six minutes per row of
gp or lp on one idle core. Finished rows are kept in w1_benchmark.json and not trained again;
w1_benchmark.md is the table, cosine_PROTOCOL.png the picture. Expect a mean cosine of about .8 for
lp; results/w1_benchmark has the tables.
"""

import datetime
import os
import platform
import sys
import time
from pathlib import Path

from experiments import cli
from experiments.w1_benchmark import methods, tables, training
from experiments.w1_benchmark.protocols import PROTOCOLS
from gan import outputs
from gan.config import unknown
from gan.errors import UserError
from gan.runs import files
from gan.signals import Interrupt, Interrupted
from gan.transport import truth

OWN = [(dim, count) for dim in (2, 4, 8, 16, 32, 64, 128) for count in (4, 16)]
"""Our own instances: dimensions and numbers of funnels."""
QUIET_SECONDS = 30
"""Between two lines of progress where these are not overwritten."""


def run(
    pairs: list[truth.Funnels],
    names: list[str],
    protocol_name: str,
    seeds: int,
    workdir: str,
    *,
    interrupt: Interrupt | None = None,
) -> list[dict]:
    """One row per pair, method and seed.

    Args:
        pairs: funnel pairs.
        names: methods.
        protocol_name: one of PROTOCOLS.
        seeds: from 0.
        workdir: where finished rows are kept and looked for.
        interrupt: polled between chunks of steps.

    Raises:
        UserError: for an unknown method or protocol, or no seed.
        StorageError: if the directory cannot be written.
        Interrupted: when a signal came; finished rows are saved.
    """
    if protocol_name not in PROTOCOLS:
        raise UserError(unknown("protocol", protocol_name, PROTOCOLS))
    protocol = PROTOCOLS[protocol_name]
    chosen = {name: methods.find(name) for name in names}
    if seeds < 1:
        raise UserError(f"--seeds must be at least 1, got {seeds}")
    path = Path(workdir) / "w1_benchmark.json"
    outputs.folder(workdir)
    rows = files.read_json(path) if path.exists() else []
    done = {_identity(row) for row in rows}
    known: dict[str, truth.Estimate] = {}
    jobs = []
    for pair in pairs:
        for name in names:
            common = {
                "dim": pair.dim,
                "funnels": pair.count,
                "method": name,
                "instance": pair.name,
                "fingerprint": pair.fingerprint,
                "protocol": protocol_name,
                "steps": protocol.steps or chosen[name].published_steps,
                "batch_size": protocol.batch_size,
            }
            missing = [s for s in range(seeds) if _identity(common | {"seed": s}) not in done]
            if missing:
                jobs.append((pair, common, missing))
    for number, (pair, common, missing) in enumerate(jobs, start=1):
        name, steps = common["method"], common["steps"]
        method = chosen[name]
        progress = _Progress(f"{number}/{len(jobs)} {pair.name} {name}", steps, interrupt)
        if pair.name not in known:
            known[pair.name] = truth.w1(pair)
        measured = training.train(
            pair,
            method.learner(pair.dim),
            protocol,
            missing,
            steps,
            protocol.learning_rate * method.rate,
            progress,
        )
        for seed, metrics in zip(missing, measured, strict=True):
            rows.append(
                common
                | metrics
                | {
                    "seed": seed,
                    "w1_true": known[pair.name].value,
                    "w1_true_stderr": known[pair.name].stderr,
                    "population": len(missing),
                    "seconds": progress.seconds(),
                }
            )
        files.write_json(path, rows)
        progress.finish(rows[-len(missing) :])
    return rows


def _identity(row: dict) -> tuple:
    """What makes a row the same one: a finished row is not trained again."""
    return tuple(
        row[name] for name in ("fingerprint", "protocol", "method", "seed", "steps", "batch_size")
    )


class _Progress:
    """One line on stderr that shows speed and time left of the row at hand."""

    def __init__(self, title: str, steps: int, interrupt: Interrupt | None):
        self._title, self._steps, self._interrupt = title, steps, interrupt
        self._began = time.perf_counter()
        self._compiled: tuple[int, float] | None = None
        self._shown = 0.0

    def __call__(self, done: int) -> None:
        if self._interrupt is not None and self._interrupt.signal is not None:
            raise Interrupted(self._interrupt.signal)
        now = time.perf_counter()
        first, since = self._compiled = self._compiled or (done, now)
        if done == first or (not sys.stderr.isatty() and now - self._shown < QUIET_SECONDS):
            return
        self._shown = now
        speed = (done - first) / (now - since)
        print(
            f"{self._title}: {done}/{self._steps} steps, {speed:.0f}/s, "
            f"{(self._steps - done) / speed:.0f} s left",
            end="\r" if sys.stderr.isatty() else "\n",
            file=sys.stderr,
            flush=True,
        )

    def seconds(self) -> float:
        return time.perf_counter() - self._began

    def finish(self, rows: list[dict]) -> None:
        text = ", ".join(f"{row['cosine']:.3f}" for row in rows)
        print(f"{self._title}: cosine {text}; {self.seconds():.0f} s", file=sys.stderr, flush=True)


def describe(rows: list[dict], published: tables.Published, command: str) -> str:
    """The tables of every protocol, with what made them."""
    today = datetime.datetime.now(datetime.UTC).date()
    text = [
        "# Critics against known W1",
        "",
        f"`{command}`",
        "",
        f"Metrics on {PROTOCOLS[rows[0]['protocol']].evaluation_size} fresh samples of each law; "
        "W1 from 100,000. Mean over seeds ± standard deviation; in brackets: published. "
        f"{today}, {os.cpu_count()} cores, {platform.machine()}.",
        "",
    ]
    for name, protocol in PROTOCOLS.items():
        chosen = [row for row in rows if row["protocol"] == name]
        if chosen:
            steps = sorted({row["steps"] for row in chosen})
            seeds = sorted({row["seed"] for row in chosen})
            text += [
                f"## Protocol {name}: batch {protocol.batch_size}, steps "
                f"{', '.join(map(str, steps))}, seeds {', '.join(map(str, seeds))}",
                "",
                tables.report(chosen, published),
            ]
    return "\n".join(text)


def define(parser, argv) -> None:
    """The flags of this experiment."""
    del argv
    cli.add_workdir(parser)
    parser.add_argument(
        "--funnels",
        nargs="+",
        metavar="FILE",
        help=".npz files with centers [n, d] and offsets [n] (default: our own seeded pairs)",
    )
    parser.add_argument(
        "--methods",
        nargs="+",
        default=list(methods.METHODS),
        metavar="NAME",
        help=f"some of {', '.join(methods.METHODS)}",
    )
    parser.add_argument(
        "--protocol", default="short", metavar="NAME", help=f"{' or '.join(PROTOCOLS)}"
    )
    parser.add_argument(
        "--seeds", type=cli.integer(1, cli.SEEDS), default=1, help="how many, from 0, side by side"
    )
    parser.add_argument(
        "--published",
        metavar="FILE",
        help="CSV of published results to show beside, as results/w1_benchmark/published.csv",
    )


def main(arguments) -> int:
    """Train what is missing, then write the table and the picture."""
    published = tables.read_published(arguments.published) if arguments.published else {}
    pairs = [truth.load_funnels(path) for path in arguments.funnels or []]
    pairs = pairs or [truth.seeded_funnels(dim, count) for dim, count in OWN]
    with Interrupt() as interrupt:
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
    folder = Path(arguments.workdir)
    text = describe(rows, published, cli.command_line())
    files.write_atomically(folder / "w1_benchmark.md", text)
    for protocol in {row["protocol"] for row in rows}:
        chosen = [row for row in rows if row["protocol"] == protocol]
        tables.picture(str(folder / f"cosine_{protocol}.png"), chosen, published)
    print(text)
    print(f"done rows={len(rows)} table={folder / 'w1_benchmark.md'}")
    return 0


if __name__ == "__main__":
    cli.run(define, main, __doc__)
