"""report.html: one static file with the pictures inside, no script, readable offline.

It is written from what the run directory holds, so it can be rewritten at any time.
"""

import base64
from collections.abc import Iterable

from gan.files import read_bytes, write_atomically
from gan.reports import figures
from gan.reports.text import escaped

STYLE = """
body { font: 16px/1.55 system-ui, sans-serif; color: #222; max-width: 60rem; margin: 2rem auto;
       padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
table { border-collapse: collapse; } td, th { text-align: left; vertical-align: top;
       padding: .25rem 1rem .25rem 0; border-bottom: 1px solid #e4e4e4; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
img { max-width: 100%; image-rendering: pixelated; } img.plot { image-rendering: auto; }
figure { margin: 1rem 0; display: inline-block; vertical-align: top; margin-right: 1rem; }
figcaption, .note { color: #555; font-size: .92rem; max-width: 60rem; }
code { background: #f3f3f3; padding: 0 .25rem; } .verdict { font-size: 1.1rem; margin: .6rem 0; }
summary { cursor: pointer; color: #2b6cb0; margin: .5rem 0; }
.wide { overflow-x: auto; } .key span { margin-right: 1.2rem; overflow-wrap: anywhere; }
.bars { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr));
       gap: .6rem 2.5rem; margin: 1.2rem 0 .6rem; }
.bar { break-inside: avoid; } .bar p { margin: 0; } .bar svg { width: 100%; display: block; }
.bar .head, .bar .ends { display: flex; justify-content: space-between; }
.bar .head { flex-wrap: wrap; column-gap: 1rem; } .bar span { white-space: nowrap; }
.bar code { background: none; padding: 0; } .bar .ends { color: #555; font-size: .8rem; }
@media (max-width: 32rem) { body { margin: 1rem auto; } h1 { font-size: 1.3rem; }
       table { display: block; overflow-x: auto; }
       td, th { padding-right: .5rem; font-size: .85rem; }
       figure { max-width: 100%; overflow-x: auto; margin-right: 0; }
       img.large { max-width: none; width: 34rem; } }
@media print { body { font-size: 10.5pt; max-width: none; margin: 0; }
       h2 { break-after: avoid; } figure, tr { break-inside: avoid; }
       details::details-content { content-visibility: visible; display: block; } }
"""

LARGE = 700
"""Pixels from which on a plot is too wide for a phone: there it is moved sideways."""


class Best(str):
    """A cell of a `grid` that stands out."""


def table(rows: Iterable[tuple[str, object, str]]) -> str:
    """Name, value and explanation in three columns; values are escaped, floats shortened."""
    lines = [
        f"<tr><td><code>{escaped(name)}</code></td>"
        f"<td class=number>{escaped(number(value))}</td><td>{escaped(meaning)}</td></tr>"
        for name, value, meaning in rows
    ]
    return "<table>" + "".join(lines) + "</table>"


def grid(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of texts under a header; the first column is left-aligned, the others right; those
    that are `Best` are bold."""
    head = "".join(f"<th>{escaped(cell)}</th>" for cell in header)
    lines = []
    for first, *others in rows:
        cells = "".join(f"<td class=number>{_cell(cell)}</td>" for cell in others)
        lines.append(f"<tr><td>{escaped(first)}</td>{cells}</tr>")
    return f"<table><tr>{head}</tr>{''.join(lines)}</table>"


def _cell(text: str) -> str:
    return f"<b>{escaped(text)}</b>" if isinstance(text, Best) else escaped(text)


def folded(title: str, *parts: str) -> str:
    """What is opened by a click on its title; nothing when all parts are empty."""
    body = "".join(parts)
    heading = f"<summary>{escaped(title)}</summary>"
    return f"<details>{heading}<div class=wide>{body}</div></details>" if body else ""


def wide(part: str) -> str:
    """A part of the page, perhaps wider than it, that can be moved sideways."""
    return f"<div class=wide>{part}</div>" if part else ""


def key(entries: Iterable[tuple[str, str, str]]) -> str:
    """What the lines of pictures stand for: (colour as "#rrggbb", sign drawn in it, text) each."""
    spans = [
        f'<span><b style="color: {colour}">{escaped(sign)}</b> {escaped(text)}</span> '
        for colour, sign, text in entries
    ]
    return f"<p class=key>{''.join(spans)}</p>"


def number(value: object) -> str:
    """Four significant digits for floats, the plain text of anything else."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def picture(path: str, caption: str, plot: bool = False) -> str:
    """A PNG file inside the page; nothing when the file is not there, or is no regular file.

    Where a note of gan.reports.figures.attempt tells why it was not drawn, that note.
    """
    try:
        note = read_bytes(figures.note(path)).decode("utf-8", "replace")
        return paragraph(f"{caption} Not drawn: {note}", "note")
    except OSError:
        pass
    try:
        content = read_bytes(path)
    except OSError:
        return ""
    width = int.from_bytes(content[16:20], "big")  # of a PNG file
    kind = (" class='plot large'" if width > LARGE else " class=plot") if plot else ""
    data = base64.b64encode(content).decode("ascii")
    return (
        f'<figure><img{kind} src="data:image/png;base64,{data}" alt="{escaped(caption)}">'
        f"<figcaption>{escaped(caption)}</figcaption></figure>"
    )


def paragraph(text: str, kind: str = "") -> str:
    """One escaped paragraph; `kind` is a class of the style sheet."""
    return f'<p class="{kind}">{escaped(text)}</p>'


def section(title: str, *parts: str) -> str:
    """A heading with what belongs to it; nothing when all parts are empty."""
    body = "".join(parts)
    return f"<h2>{escaped(title)}</h2>{body}" if body else ""


def write(path: str, title: str, *sections: str, style: str = "") -> None:
    """Write the page; a reader never sees half a file. `style` is added to the style sheet."""
    page = (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        f"<meta name=viewport content='width=device-width'><title>{escaped(title)}</title>"
        f"<style>{STYLE}{style}</style></head><body><h1>{escaped(title)}</h1>"
        f"{''.join(sections)}</body></html>\n"
    )
    write_atomically(path, page)
