"""One page about several runs: curves, samples, scores, configs and data side by side."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from gan.reports import compare_curves, comparison, page, summary
from gan.reports import scores as tables
from gan.reports.comparison import Cell, Compared, Comparison
from gan.scores.samples import COVERS

MOST_COLUMNS = 6
"""Runs that stand beside each other in a table; more stand below each other."""

STYLE = """
.samples figure { width: 14rem; } .samples img { width: 100%; }
"""


def write(path: str | os.PathLike[str], found: Comparison, command: str) -> None:
    """Write the page; it holds its pictures and nothing else is left behind.

    Args:
        path: of the HTML file.
        found: what to show.
        command: that made it.
    """
    with tempfile.TemporaryDirectory() as folder:
        page.write(
            path,
            f"{len(found.runs)} runs compared" if len(found.runs) > 1 else "One run",
            page.paragraph(headline(found), "verdict"),
            *(page.paragraph(text, "verdict") for text in comparison.warnings(found.runs)),
            _runs(found),
            page.section("How their configs differ", *_configs(found.runs)),
            page.section("Scores", *_scores(found.runs)),
            page.section("Samples", *_samples(found.runs)),
            *compare_curves.sections(found.runs, Path(folder)),
            page.section("What the scores mean", *_meanings(found.runs)),
            page.section("How this page was made", page.table([("command", command, "")])),
            style=STYLE,
        )


def headline(found: Comparison) -> str:
    """In a sentence or two: how many runs, and in what they differ."""
    changed = list(comparison.differences(found.runs))
    count = len(found.runs)
    text = f"{count} run{'s' if count > 1 else ''}"
    if count > 1 and changed:
        text += f", whose configs differ in {comparison.listed(changed)}."
    else:
        text += " with one config." if count > 1 else "."
    unfinished = [run.name for run in found.runs if run.remarks]
    if unfinished:
        text += f" See the remarks on {comparison.listed(unfinished)}."
    if found.unread:
        text += f" {len(found.unread)} more cannot be read, see the remarks."
    return text


def _runs(found: Comparison) -> str:
    """The runs with their data, how far they are, and what is wrong with them."""
    header = ("run", "steps", "of", "data", "fingerprint", "shape", "split", "n")
    rows = [
        (
            run.name,
            str(run.step),
            str(run.config["steps"]),
            run.data.get("name", "unknown"),
            str(run.data.get("fingerprint", "unknown")),
            " x ".join(map(str, run.data.get("shape", ()))),
            str(run.scores.get("split", "")),
            str(run.scores.get("n", "")),
        )
        for run in found.runs
    ]
    remarks = [(run.name, "", remark) for run in found.runs for remark in run.remarks]
    remarks += [(path, "", f"cannot be read: {reason}") for path, reason in found.unread.items()]
    return page.section(
        "The runs",
        compare_curves.key(found.runs),
        page.wide(page.grid(header, rows)),
        page.paragraph(
            "Scores can be compared between runs of one fingerprint, split and n only.", "note"
        ),
        page.table(remarks) if remarks else "",
    )


def _configs(of: Sequence[Compared]) -> list[str]:
    found = comparison.differences(of)
    if not found:
        return [page.paragraph("They do not.")] if len(of) > 1 else []
    columns = {path: _shown(values) for path, values in found.items()}
    return [
        page.wide(_matrix("field", of, columns)),
        page.paragraph("All other fields are the same.", "note"),
    ]


def _shown(values: Sequence[object]) -> list[str]:
    """Values of a field as texts, that differ where the values do."""
    plain = [" ".join(map(str, v)) if isinstance(v, tuple) else page.number(v) for v in values]
    return plain if len(set(plain)) == len(set(values)) else list(map(str, values))


def _matrix(what: str, of: Sequence[Compared], found: dict[str, Sequence[str]]) -> str:
    """Texts by name, one for each run, as a table: few runs beside each other, many below."""
    names = [run.name for run in of]
    if len(of) <= MOST_COLUMNS:
        return page.grid((what, *names), ((name, *texts) for name, texts in found.items()))
    rows = zip(names, *found.values(), strict=True)
    return page.grid(("run", *found), rows)


def _scores(of: Sequence[Compared]) -> list[str]:
    parts = []
    evaluated = [run for run in of if run.scores]
    if evaluated:
        parts += _evaluated(evaluated)
    every = [comparison.last(run) for run in of]
    last = {
        name: [page.number(found.get(name, "")) for found in every]
        for name in dict.fromkeys(name for found in every for name in found)
    }
    if last:
        parts += [
            page.paragraph(
                "On the validation split, from the last line of each log that has them; without "
                "intervals, so none is marked.",
                "note",
            ),
            page.wide(_matrix("score", of, last)),
        ]
    return parts


def _evaluated(of: Sequence[Compared]) -> list[str]:
    """Every score of the evaluations, with what real examples get as the last run."""
    every = {run.name: run.cells for run in of}
    names = list(dict.fromkeys(name for found in every.values() for name in found))
    first = [name for name in summary.CHOSEN if name in names]
    few = len(names) <= summary.MOST or not first
    return [
        side_by_side(names if few else first, every),
        "" if few else page.folded("All scores", side_by_side(names, every)),
        page.paragraph(
            "Value and 95 % interval. Bold is best: its interval lies beyond those of all others, "
            "at the same data, split, n and features. Where nothing is bold, the runs cannot be "
            f"told apart by that score or it has no direction. {COVERS}",
            "note",
        ),
    ]


def side_by_side(names: Sequence[str], every: dict[str, dict[str, Cell]]) -> str:
    """Scores of the runs by name, with what real examples get as the last run."""
    by_score = {
        name: {run: found[name] for run, found in every.items() if name in found} for name in names
    }
    apart = {
        name
        for name, cells in by_score.items()
        if len(cells) > 1 and not comparison.comparable(list(cells.values()))
    }
    texts: dict[str, list[str]] = {}
    for name, cells in by_score.items():
        winner = comparison.best(name, cells)
        line = [_cell(cells.get(run), run == winner) for run in every]
        alone = name in apart and len(apart) < len(names)
        texts[f"{name} (not comparable)" if alone else name] = [*line, _real(cells.values())]
    columns = [*every, "real examples"]
    if len(every) <= MOST_COLUMNS:
        table = page.grid(("score", *columns), ((name, *line) for name, line in texts.items()))
    else:
        table = page.grid(("run", *texts), zip(columns, *texts.values(), strict=True))
    nothing = (
        "No two runs can be compared by these scores: their data, split, n or features differ."
    )
    return page.wide(table) + (page.paragraph(nothing) if len(apart) == len(names) else "")


def _meanings(of: Sequence[Compared]) -> list[str]:
    names = dict.fromkeys(name for run in of for name in run.cells)
    rows = [(name, "", tables.meaning(name) or "") for name in names]
    return [page.folded("Every score", page.table(rows))] if rows else []


def _cell(cell: Cell | None, best: bool) -> str:
    if cell is None:
        return ""
    text = page.number(cell.value)
    if cell.interval is not None:
        text += " [{}, {}]".format(*map(page.number, cell.interval))
    return page.Best(text) if best else text


def _real(cells) -> str:
    """What real examples get; several numbers where that is not the same for all runs."""
    return " / ".join(dict.fromkeys(page.number(c.real) for c in cells if c.real is not None))


def _samples(of: Sequence[Compared]) -> list[str]:
    """The last sample picture of every run, all as wide, then real examples of every data set."""
    shown = []
    for run in of:
        pictures = sorted(p for p in run.path.glob("samples/step_*.png") if p.stem[5:].isdigit())
        if pictures:
            step = int(pictures[-1].stem[5:])
            caption = f"{run.name}, step {step}"
            shown.append(page.picture(str(pictures[-1]), caption, _planar(run)))
    real: dict[str, str] = {}
    for run in of:
        part = page.picture(
            str(run.path / "figures" / "real.png"),
            f"Real, never seen in training: {run.data.get('name', 'unknown data')}",
            _planar(run),
        )
        if part:
            real.setdefault(str(run.data.get("fingerprint")), part)
    together = "".join([*shown, *real.values()])
    if not together:
        return []
    return [
        f"<div class=samples>{together}</div>",
        page.paragraph(
            "Runs whose latents have equal lengths are shown at the same latents.", "note"
        ),
    ]


def _planar(run: Compared) -> bool:
    return len(run.data.get("shape", ())) == 1
