"""The W1 benchmark: what is trained, what is kept of it, and the tables."""

import datetime
import os
import platform
import sys
import time
from pathlib import Path
from typing import NamedTuple

from gan import files, outputs
from gan.benchmarks import critic_methods, critic_tables, critic_training
from gan.benchmarks.critic_protocols import PROTOCOLS, Protocol
from gan.errors import UserError
from gan.inputs import unknown
from gan.signals import Interrupt, Interrupted
from gan.transport import known_pairs

QUIET_SECONDS = 30
"""Between two lines of progress where these are not overwritten."""


class SeedGroup(NamedTuple):
    """Seeds of one pair and method that are trained side by side.

    `common` is what their rows share, `seeds` are those that have no row yet.
    """

    pair: known_pairs.KnownPair
    common: dict
    seeds: list[int]


def run(
    pairs: list[known_pairs.KnownPair],
    names: list[str],
    protocol_name: str,
    seeds: int,
    workdir: str,
    *,
    interrupt: Interrupt | None = None,
) -> list[dict]:
    """One row per pair, method and seed.

    Args:
        pairs: see gan.benchmarks.critic_pairs.
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
    protocols = {name: PROTOCOLS[protocol_name].of(critic_methods.find(name)) for name in names}
    if seeds < 1:
        raise UserError(f"--seeds must be at least 1, got {seeds}")
    path = Path(workdir) / "w1_benchmark.json"
    outputs.folder(workdir)
    rows = files.read_json(path) if path.exists() else []
    for row in rows:
        if "funnels" in row:  # kept before there were other families
            row.setdefault("family", f"{row['funnels']} funnels")
    truths: dict[str, known_pairs.SampledMean] = {}
    jobs = _missing(rows, pairs, protocols, protocol_name, seeds)
    for number, job in enumerate(jobs, start=1):
        pair, protocol = job.pair, protocols[job.common["method"]]
        title = f"{number}/{len(jobs)} {pair.name} {job.common['method']}"
        progress = _Progress(title, protocol.steps, interrupt)
        if pair.name not in truths:
            truths[pair.name] = known_pairs.w1(pair)
        rows += _train(job, protocol, truths[pair.name], progress)
        files.write_json(path, rows)
        progress.finish(rows[-len(job.seeds) :])
    return rows


def _missing(
    rows: list[dict],
    pairs: list[known_pairs.KnownPair],
    protocols: dict[str, Protocol],
    protocol_name: str,
    seeds: int,
) -> list[SeedGroup]:
    """What has no row yet; `protocols` by method."""
    done = {_identity(row) for row in rows}
    jobs = []
    for pair in pairs:
        for name, protocol in protocols.items():
            common = {
                "dim": pair.dim,
                "family": pair.family,
                "method": name,
                "instance": pair.name,
                "fingerprint": pair.fingerprint,
                "protocol": protocol_name,
                "steps": protocol.steps,
                "batch_size": protocol.batch_size,
            }
            left = [s for s in range(seeds) if _identity(common | {"seed": s}) not in done]
            if left:
                jobs.append(SeedGroup(pair, common, left))
    return jobs


def _train(
    job: SeedGroup, protocol: Protocol, truth: known_pairs.SampledMean, progress
) -> list[dict]:
    """The rows of a job."""
    learner = critic_methods.find(job.common["method"]).learner(job.pair.dim)
    measured = critic_training.train(job.pair, learner, protocol, job.seeds, progress)
    of_all = {
        "w1_true": truth.value,
        "w1_true_stderr": truth.stderr,
        "population": len(job.seeds),
        "seconds": progress.seconds(),
    }
    return [
        job.common | metrics | {"seed": seed} | of_all
        for seed, metrics in zip(job.seeds, measured, strict=True)
    ]


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


def describe(rows: list[dict], published: critic_tables.Published, command: str) -> str:
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
                critic_tables.markdown(chosen, published),
            ]
    return "\n".join(text)


def summarize(
    rows: list[dict], workdir: str, published: critic_tables.Published, command: str
) -> str:
    """Writes w1_benchmark.md and a picture per protocol; returns the tables."""
    folder, text = Path(workdir), describe(rows, published, command)
    files.write_atomically(folder / "w1_benchmark.md", text)
    for protocol in {row["protocol"] for row in rows}:
        chosen = [row for row in rows if row["protocol"] == protocol]
        critic_tables.picture(str(folder / f"cosine_{protocol}.png"), chosen, published)
    return text
