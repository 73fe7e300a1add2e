"""Curves of what several runs logged: one picture for each number, a line for each run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from gan.registries import METRICS
from gan.reports import comparison, figures, page
from gan.reports.comparison import Compared
from gan.reports.figures import Line

COLOURS = (
    "#2b6cb0",
    "#dd8a1c",
    "#2f855a",
    "#c53030",
    "#805ad5",
    "#0f8b8d",
    "#97266d",
    "#6b4f2a",
    "#718096",
    "#111111",
)
DASHES = (("-", "━━"), ("--", "╍╍"), (":", "┅┅"))
"""Styles of lines, and the sign that stands for each in the key."""

NOT_COMPARED = ("step", "n", "modes_total")
"""Numbers of a log that need no curve."""


def sections(of: Sequence[Compared], folder: Path) -> list[str]:
    """Parts of a page: scores along training, then whatever else the runs logged.

    Args:
        of: the runs.
        folder: where the pictures are drawn before they go into the page.
    """
    names = sorted({name for run in of for record in run.records for name in record})
    names = [name for name in names if name not in NOT_COMPARED]
    names = [
        name
        for name in names
        if not any(
            name.endswith(end) and name.removesuffix(end) in names for end in comparison.ENDINGS
        )
    ]
    scored = [name for name in METRICS if name in names] + [name for name in names if ":" in name]
    others = [name for name in names if name not in scored]
    return [
        _panels("Scores along training, on the validation split", of, scored, folder),
        _panels("What training logged", of, others, folder),
    ]


def style(number: int) -> tuple[str, str, str]:
    """Colour, matplotlib's line style and the sign in the key of the run of that number."""
    dash, sign = DASHES[number // len(COLOURS) % len(DASHES)]
    return COLOURS[number % len(COLOURS)], dash, sign


def key(of: Sequence[Compared]) -> str:
    """Which line is which run's."""
    looks = map(style, range(len(of)))
    return page.key(
        (colour, sign, run.name) for run, (colour, _, sign) in zip(of, looks, strict=True)
    )


def _panels(title: str, of: Sequence[Compared], names: Sequence[str], folder: Path) -> str:
    parts, cut = [], []
    for number, name in enumerate(names):
        path = str(folder / f"{title[:1]}{number}.png")
        lines = [_line(run, name, style(k)[:2]) for k, run in enumerate(of)]
        with_values = [line for line in lines if line.steps]
        if max(len(line.steps) for line in with_values) == 1:
            continue
        real = _real_line(of, name)
        drawn: list[bool] = []
        figures.attempt(path, _draw(path, with_values, real, drawn))
        if any(drawn):
            cut.append(name)
        parts.append(page.picture(path, name, plot=True))
    if not parts:
        return ""
    note = "Dotted grey is what real examples get, where all runs have the same data."
    if cut:
        note += f" The axis leaves out single values far from the others: {', '.join(cut)}."
    return page.section(title, key(of), *parts, page.paragraph(note, "note"))


def _draw(path, lines, real, drawn: list[bool]) -> Callable[[], None]:
    return lambda: drawn.append(figures.save_lines(path, lines, real))


def _line(run: Compared, name: str, look: tuple[str, str]) -> Line:
    found = [(record["step"], record[name]) for record in run.records if name in record]
    return Line([step for step, _ in found], [value for _, value in found], look)


def _real_line(of: Sequence[Compared], name: str) -> Line | None:
    """What real examples get along training, if all runs have the same data."""
    if len({run.data.get("fingerprint") for run in of}) > 1:
        return None
    for run in of:
        for ending in ("_floor", "_real"):
            line = _line(run, name + ending, ("#718096", ":"))
            if line.steps:
                return line
    return None
