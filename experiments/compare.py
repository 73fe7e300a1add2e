"""How do runs differ? One static page with curves, samples, scores and configs side by side.

    python -m experiments.compare runs/digits runs/digits_light --output compare.html

takes a few seconds and reads only, so it works while training goes on. RUN is a run directory, a
sweep's (all of its trials), or a folder of run directories.

A score is marked as best only where its interval lies beyond those of all other runs, and only
among runs of the same data set (by its fingerprint), split, n and features; others are said to be
not comparable. Runs that are unfinished, not evaluated or unreadable are named.
"""

from __future__ import annotations

from collections.abc import Sequence

import gan
from experiments import cli
from gan import outputs

MOST = 12
"""Runs that the terminal shows."""

TELLING = ("w1", "w1_debiased", "kernel_distance", "recall", "modes", "mode_count")
"""Scores that it shows first, where the runs have them."""

MOST_SCORES = 4
NAME = 20
"""Characters of a run's name there."""


def run(paths: Sequence[str], output: str, command: str = ""):
    """Read the runs that the paths stand for and write the page; returns what was read.

    Raises:
        UserError: none of them can be read, or the page has another ending than .html.
        StorageError: the page cannot be written.
    """
    found = gan.reports.comparison.read(paths)
    outputs.file(output, (".html",), paths)
    gan.reports.compare_page.write(output, found, command)
    return found


def summary(found) -> str:
    """A screen of text: what differs, the scores that tell most, what cannot be compared."""
    comparison, page, tables = gan.reports.comparison, gan.reports.page, gan.reports.scores
    every = {one.name: one.cells for one in found.runs}
    values = {
        run: {name: cell.value for name, cell in cells.items()} for run, cells in every.items()
    }
    where = ""
    if not any(every.values()):
        values = {one.name: comparison.last(one) for one in found.runs}
        where = "on the validation split, from the last lines of the logs"
    names = dict.fromkeys(name for of in values.values() for name in of)
    names = [name for name in (*TELLING, *names) if name in names and tables.better(name)]
    shown = list(dict.fromkeys(names))[:MOST_SCORES]
    best = {
        name: comparison.best(name, {r: c[name] for r, c in every.items() if name in c})
        for name in shown
    }
    lines = [f"{'run':{NAME}} {'step':>8}" + "".join(f" {name[:16]:>16}" for name in shown)]
    for one in found.runs[:MOST]:
        line = f"{_short(one.name):{NAME}} {one.step:>8}"
        for name in shown:
            text = page.number(values[one.name].get(name, ""))
            line += f" {text + ('*' if best[name] == one.name else ''):>16}"
        lines.append(line.rstrip())
    if len(found.runs) > MOST:
        lines.append(f"and {len(found.runs) - MOST} more runs")
    if any(best.values()):
        lines.append("* best: its interval lies beyond those of all others")
    return "\n".join([*lines, where] if where else lines)


def _short(name: str) -> str:
    return name if len(name) <= NAME else f"...{name[3 - NAME :]}"


def define(flags) -> None:
    """The flags of this experiment."""
    what = "a run directory, a sweep's, or a folder of run directories; several of them"
    flags.arguments("runs", what, "RUN")
    flags.path("output", cli.REQUIRED, "the page", "PAGE.html")


def main(values) -> int:
    """Compare and print."""
    found = run(values.runs, values.output, cli.command_line())
    print(gan.reports.compare_page.headline(found))
    print(summary(found))
    for text in gan.reports.comparison.warnings(found.runs):
        print(text)
    remarks = [f"{one.name}: {remark}" for one in found.runs for remark in one.remarks]
    remarks += [f"cannot be read: {reason}" for reason in found.unread.values()]
    print(*remarks[:MOST], sep="\n", end="\n" if remarks else "")
    if len(remarks) > MOST:
        print(f"and {len(remarks) - MOST} more remarks, see the page")
    print(f"page {values.output}", flush=True)
    return 0


if __name__ == "__main__":
    cli.run(define, main, __doc__)
