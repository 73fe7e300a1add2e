"""Tutorials are scripts of cells, run from top to bottom and written down with what they show.

    python -m docs.scripts.tutorials [NAME ...]

runs docs/tutorials/NAME.py (all of them: two minutes on two cores) and writes NAME.md beside it:
the text of its `# %% [markdown]` cells, the code of its `# %%` cells, what each prints, and the
pictures that each leaves in the working directory.
"""

import contextlib
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent.parent / "tutorials"


class Cell(NamedTuple):
    """A cell: Markdown, or Python."""

    is_text: bool
    source: str


class Shown(NamedTuple):
    """What a cell of code left: its standard output and the pictures, as paths."""

    printed: str
    pictures: tuple[Path, ...]


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.py"))


def cells(name: str) -> list[Cell]:
    """The cells of a tutorial in order."""
    found = []
    for part in f"\n{(FOLDER / name).with_suffix('.py').read_text()}".split("\n# %%")[1:]:
        head, _, body = part.partition("\n")
        lines = body.strip("\n").splitlines()
        if head.strip() == "[markdown]":
            found.append(Cell(True, "\n".join(line[2:] for line in lines)))
        else:
            found.append(Cell(False, "\n".join(lines)))
    return found


def run(
    name: str, folder: Path, changed: Callable[[str], str] = lambda source: source
) -> Iterator[tuple[Cell, Shown]]:
    """Run a tutorial in an empty folder, which becomes the working directory.

    Args:
        name: of the tutorial.
        folder: where it runs.
        changed: source -> source to execute in its place.
    """
    names: dict = {"__name__": name}
    with contextlib.chdir(folder):
        for place, cell in enumerate(cells(name)):
            before, printed = set(folder.rglob("*.png")), io.StringIO()
            if not cell.is_text:
                code = compile(changed(cell.source), f"{name}.py, cell {place}", "exec")
                with contextlib.redirect_stdout(printed):
                    exec(code, names)
            new = sorted(path for path in folder.glob("*.png") if path not in before)
            yield cell, Shown(printed.getvalue(), tuple(new))


def write(name: str) -> None:
    """Run a tutorial and write its page and pictures."""
    pictures = FOLDER / "pictures"
    pictures.mkdir(exist_ok=True)
    parts = []
    with tempfile.TemporaryDirectory() as folder:
        for cell, shown in run(name, Path(folder)):
            parts.append(cell.source if cell.is_text else f"```python\n{cell.source}\n```")
            if shown.printed:
                parts.append(f"```text\n{shown.printed.rstrip()}\n```")
            for picture in shown.pictures:
                shutil.copy(picture, pictures / f"{name}_{picture.name}")
                parts.append(f"![{picture.stem}](pictures/{name}_{picture.name})")
    (FOLDER / f"{name}.md").write_text("\n\n".join(parts) + "\n")


if __name__ == "__main__":
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    for chosen in sys.argv[1:] or names():
        print(chosen, flush=True)
        write(chosen)
