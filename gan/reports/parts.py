"""What a part of the article is: something to compute, and a story that quotes the numbers.

The story is made of templates that str.format fills from the computed numbers, so a number on the
page cannot differ from the one in article.json.
"""

import dataclasses
import hashlib
import html
import inspect
import os
import string
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gan.reports import page as report
from gan.runs import files
from gan.signals import Interrupt


@dataclasses.dataclass(frozen=True)
class Setting:
    """What a part may depend on, and where its pictures go."""

    folder: Path
    """Folder of the pictures."""
    prefix: str
    """Start of the names of the pictures."""
    seed: int
    sizes: dict[str, Any]
    """How much is computed; the names are those of the part's own `sizes`."""
    data_dir: str | None = None
    run_dir: str | None = None
    """A finished run directory, for the part that looks at one."""
    interrupt: Interrupt | None = None

    def path(self, name: str) -> str:
        """Path of the picture `name`."""
        return str(self.folder / f"{self.prefix}_{name}.png")


class Picture(NamedTuple):
    """A picture of the part by name, with the template of its caption."""

    name: str
    caption: str
    plot: bool = True


class Grid(NamedTuple):
    """A table whose cells are templates."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


Block = str | Picture | Grid
"""A paragraph's template, a picture or a table."""


@dataclasses.dataclass(frozen=True)
class Part:
    """One part of the article.

    Attributes:
        name: file name of what it leaves behind.
        title: its heading.
        sizes: how much the full article computes.
        compute: setting -> numbers, ready for JSON; draws its pictures on the way.
        story: numbers -> blocks, whose templates are filled with the numbers.
        inputs: setting -> what else the numbers depend on, ready for JSON.
    """

    name: str
    title: str
    sizes: dict[str, Any]
    compute: Callable[[Setting], dict]
    story: Callable[[dict], Sequence[Block]]
    inputs: Callable[[Setting], dict] = lambda setting: {}


def render(part: Part, numbers: dict, setting: Setting) -> str:
    """The part as a section of the page."""
    body = []
    for block in part.story(numbers):
        if isinstance(block, Picture):
            caption = block.caption.format(**numbers)
            body.append(report.picture(setting.path(block.name), caption, block.plot))
        elif isinstance(block, Grid):
            rows = [[cell.format(**numbers) for cell in row] for row in block.rows]
            header = [cell.format(**numbers) for cell in block.header]
            body.append(report.grid(header, rows))
        else:
            body.append(report.paragraph(block.format(**numbers)))
    return report.section(part.title, *body)


def identity(part: Part, setting: Setting) -> dict:
    """Everything that the part's numbers depend on, the code of its module included."""
    source = inspect.getsource(inspect.getmodule(part.compute))
    return {
        "seed": setting.seed,
        "sizes": setting.sizes,
        "inputs": part.inputs(setting),
        "code": hashlib.sha256(source.encode()).hexdigest(),
    }


def complete(part: Part, numbers: dict, setting: Setting) -> bool:
    """Whether every picture of the story is there."""
    names = [block.name for block in part.story(numbers) if isinstance(block, Picture)]
    return all(os.path.exists(setting.path(name)) for name in names)


def kept(part: Part, setting: Setting, wanted: bool = True) -> dict | None:
    """{"key", "seconds", "numbers"} of a part, from its JSON file or computed and written there.

    A file that other code, sizes or inputs left is not used. None when there is no usable one and
    the part is not `wanted`.
    """
    path = setting.folder / f"{setting.prefix}.json"
    if not wanted and not path.exists():
        return None
    key = identity(part, setting)
    saved = files.read_json(path) if path.exists() else {}
    if saved.get("key") == key and complete(part, saved["numbers"], setting):
        print(f"{part.title}: already here", file=sys.stderr, flush=True)
        return saved
    if not wanted:
        return None
    start = time.perf_counter()
    interrupt = setting.interrupt or Interrupt()
    numbers = interrupt.watch(lambda: part.compute(setting))
    saved = {"key": key, "seconds": time.perf_counter() - start, "numbers": numbers}
    files.write_json(path, saved)
    print(f"{part.title}: {saved['seconds']:.1f} s", file=sys.stderr, flush=True)
    return saved


def quoted(part: Part, numbers: dict) -> list[str]:
    """Every number that the part's story quotes, as it stands on the page (HTML-escaped)."""
    found = []
    for template in templates(part, numbers):
        for _, field, spec, conversion in string.Formatter().parse(template):
            if field is not None:
                text = "{" + field + (f"!{conversion}" if conversion else "") + f":{spec}" + "}"
                found.append(html.escape(text.format(**numbers)))
    return found


def templates(part: Part, numbers: dict) -> list[str]:
    """Every template of the part's story."""
    found = []
    for block in part.story(numbers):
        if isinstance(block, Picture):
            found.append(block.caption)
        elif isinstance(block, Grid):
            found += [*block.header, *(cell for row in block.rows for cell in row)]
        else:
            found.append(block)
    return found
