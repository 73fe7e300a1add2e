"""A page told in parts: each computes numbers, and its story quotes them.

The story is made of templates that str.format fills from the computed numbers, so a number on the
page cannot differ from the one in the JSON file beside it.
"""

import dataclasses
import hashlib
import html
import inspect
import os
import platform
import string
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gan import files, outputs
from gan.reports import page as report
from gan.runs import environment
from gan.signals import Interrupt


@dataclasses.dataclass(frozen=True, kw_only=True)
class PartContext:
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
    """One part of a page.

    Attributes:
        name: file name of what it leaves behind.
        title: its heading.
        sizes: how much the full page computes.
        compute: context -> numbers, ready for JSON; draws its pictures on the way.
        story: numbers -> blocks, whose templates are filled with the numbers.
        inputs: context -> what else the numbers depend on, ready for JSON.
    """

    name: str
    title: str
    sizes: dict[str, Any]
    compute: Callable[[PartContext], dict]
    story: Callable[[dict], Sequence[Block]]
    inputs: Callable[[PartContext], dict] = lambda context: {}


@dataclasses.dataclass(frozen=True, kw_only=True)
class PageContext:
    """What all parts of a page have in common; see PartContext.

    Attributes:
        sizes: by number of the part how much is computed; None for what the full page computes.
    """

    folder: Path
    seed: int
    sizes: dict[int, dict] | None = None
    data_dir: str | None = None
    run_dir: str | None = None
    interrupt: Interrupt | None = None

    def of(self, number: int, part: Part) -> PartContext:
        """The context of a part."""
        return PartContext(
            folder=self.folder,
            prefix=f"{number}_{part.name}",
            seed=self.seed,
            sizes=part.sizes if self.sizes is None else self.sizes[number],
            data_dir=self.data_dir,
            run_dir=self.run_dir,
            interrupt=self.interrupt or Interrupt(),
        )


def tell(
    parts: dict[int, Part], context: PageContext, wanted: Sequence[int]
) -> tuple[dict[int, dict], list[str]]:
    """Compute the wanted parts that are not there yet.

    Args:
        parts: by number, in the order of the story.
        context: of the page; its folder is created when missing.
        wanted: numbers.

    Returns:
        {"title", "seconds", "numbers"} and the section of the page, of every part that was wanted
        or was there for the same context.
    """
    outputs.folder(context.folder)
    results, sections = {}, []
    for number, part in parts.items():
        own = context.of(number, part)
        saved = load_or_compute(part, own, wanted=number in wanted)
        if saved is None:
            continue
        results[number] = {"title": part.title} | {k: saved[k] for k in ("seconds", "numbers")}
        sections.append(render(part, saved["numbers"], own))
    return results, sections


def write_numbers(path: Path, seed: int, results: dict[int, dict]) -> str:
    """Write every number of a page as JSON; returns the line that says how they were made."""
    where = environment.environment()
    spent = sum(result["seconds"] for result in results.values())
    numbers = {str(number): result for number, result in results.items()}
    files.write_json(path, {"seed": seed, "seconds": spent, "environment": where, "parts": numbers})
    return (
        f"Made with seed {seed} in {spent:.0f} seconds on {os.cpu_count()} cores "
        f"({platform.machine()}), started {where['started']}, python {where['python']}, "
        + ", ".join(f"{name} {where['packages'][name]}" for name in ("jax", "scipy", "POT"))
    )


def render(part: Part, numbers: dict, context: PartContext) -> str:
    """The part as a section of the page."""
    body = []
    for block in part.story(numbers):
        if isinstance(block, Picture):
            caption = block.caption.format(**numbers)
            body.append(report.picture(context.path(block.name), caption, block.plot))
        elif isinstance(block, Grid):
            rows = [[cell.format(**numbers) for cell in row] for row in block.rows]
            header = [cell.format(**numbers) for cell in block.header]
            body.append(report.grid(header, rows))
        else:
            body.append(report.paragraph(block.format(**numbers)))
    return report.section(part.title, *body)


def identity(part: Part, context: PartContext) -> dict:
    """Everything that the part's numbers depend on, the code of its module included."""
    source = inspect.getsource(inspect.getmodule(part.compute))
    return {
        "seed": context.seed,
        "sizes": context.sizes,
        "inputs": part.inputs(context),
        "code": hashlib.sha256(source.encode()).hexdigest(),
    }


def complete(part: Part, numbers: dict, context: PartContext) -> bool:
    """Whether every picture of the story is there."""
    names = [block.name for block in part.story(numbers) if isinstance(block, Picture)]
    return all(os.path.exists(context.path(name)) for name in names)


def load_or_compute(part: Part, context: PartContext, wanted: bool = True) -> dict | None:
    """{"key", "seconds", "numbers"} of a part, from its JSON file or computed and written there.

    A file that other code, sizes or inputs left is not used. None when there is no usable one and
    the part is not `wanted`.
    """
    path = context.folder / f"{context.prefix}.json"
    if not wanted and not path.exists():
        return None
    key = identity(part, context)
    saved = files.read_json(path) if path.exists() else {}
    if saved.get("key") == key and complete(part, saved["numbers"], context):
        print(f"{part.title}: already here", file=sys.stderr, flush=True)
        return saved
    if not wanted:
        return None
    start = time.perf_counter()
    interrupt = context.interrupt or Interrupt()
    numbers = interrupt.watch(lambda: part.compute(context))
    saved = {"key": key, "seconds": time.perf_counter() - start, "numbers": numbers}
    files.write_json(path, saved)
    print(f"{part.title}: {saved['seconds']:.1f} s", file=sys.stderr, flush=True)
    return saved


def quotations(part: Part, numbers: dict) -> list[str]:
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
