"""A score as a small bar between what collapse gives and what real examples get.

At the left end stands what a generator would get that repeats one real example (see
gan.scores.collapse), at the right end what real examples get in place of generated ones. The dot
is the generator, the line through it the 95 % interval. There is a bar only where both ends are
known and real examples get the better number.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from gan.reports import page
from gan.reports.text import escaped

WIDTH, HEIGHT, MARGIN = 300, 18, 30
"""Units of the picture; the ends stand MARGIN from its sides."""

NOTE = (
    "Left end: what a generator would get that repeats one real example. Right end: what real "
    "examples get in place of generated ones. Dot and line: the generated examples, with their "
    "95 % interval. There is no bar where an end is unknown, where neither more nor less is "
    "better, or where the repeated example scores as well as real ones: such a score cannot see "
    "collapse."
)
"""What the bars show, for whoever prints them."""


class Score(NamedTuple):
    """One number of a generator beside its two ends; None where something is unknown."""

    name: str
    value: float
    interval: tuple[float, float] | None = None
    real: float | None = None
    collapsed: float | None = None
    better: str | None = None

    @property
    def scaled(self) -> bool:
        """Whether there is a scale: real examples get the better number of the two."""
        if self.real is None or self.collapsed is None or self.better is None:
            return False
        if not (math.isfinite(self.real) and math.isfinite(self.collapsed)):
            return False
        return self.real > self.collapsed if self.better == "higher" else self.real < self.collapsed

    def place(self, value: float) -> float:
        """Where a number stands: 0 at collapse, 1 at real examples."""
        return (value - self.collapsed) / (self.real - self.collapsed)


def bars(found: Iterable[Score]) -> str:
    """The scores side by side, or below each other on a narrow page, with what they show."""
    shown = "".join(map(_one, found))
    return f"<div class=bars>{shown}</div>{page.paragraph(NOTE, 'note')}" if shown else ""


def _one(score: Score) -> str:
    interval = ""
    if score.interval is not None:
        interval = " ({} to {})".format(*map(page.number, score.interval))
    number = f"<b>{page.number(score.value)}</b>{escaped(interval)}"
    head = f"<p class=head><code>{escaped(score.name)}</code><span>{number}</span></p>"
    return f"<div class=bar>{head}{_drawn(score) if score.scaled else ''}{_ends(score)}</div>"


def _ends(score: Score) -> str:
    """What stands below: the two ends in numbers, as far as they are known."""
    left = "" if score.collapsed is None else f"one repeated: {page.number(score.collapsed)}"
    right = "" if score.real is None else f"real: {page.number(score.real)}"
    return f"<p class=ends><span>{left}</span><span>{right}</span></p>"


def _drawn(score: Score) -> str:
    middle = HEIGHT / 2
    at = _along(score.place(score.value))
    parts = [
        f'<rect x="{MARGIN}" y="{middle - 3}" width="{WIDTH - 2 * MARGIN}" height="6" rx="3" '
        'fill="#dbe4ee"/>',
        f'<rect x="{MARGIN}" y="{middle - 3}" width="{max(0, at - MARGIN):.1f}" height="6" rx="3" '
        'fill="#2b6cb0" fill-opacity=".45"/>',
    ]
    if score.interval is not None:
        low, high = sorted(_along(score.place(end)) for end in score.interval)
        parts.append(
            f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}" stroke="#1a4571" '
            'stroke-width="2"/>'
        )
    parts.append(f'<circle cx="{at:.1f}" cy="{middle}" r="5" fill="#1a4571"/>')
    parts.append(
        f'<line x1="{WIDTH - MARGIN}" x2="{WIDTH - MARGIN}" y1="2" y2="{HEIGHT - 2}" '
        'stroke="#2f855a" stroke-width="2"/>'
    )
    label = f"{score.name}: {score.place(score.value):.0%} of the way from collapse to real"
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role=img aria-label="{escaped(label)}">'
        f"{''.join(parts)}</svg>"
    )


def _along(place: float) -> float:
    """Where a place stands in the picture; what lies beyond its sides stands at them."""
    at = MARGIN + place * (WIDTH - 2 * MARGIN)
    return min(max(at, 5.0), WIDTH - 5.0)
