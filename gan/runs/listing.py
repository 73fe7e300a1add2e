"""Which run directories a path stands for: a run's own, a sweep's trials, or those in a folder."""

import os
import re
from pathlib import Path

MARKS = ("config.json", "metrics.jsonl", "checkpoints")
"""Of these a run directory has one at least, however damaged it is."""


def directories(path: Path) -> list[Path]:
    """The run directories that `path` stands for, in the order of their names and numbers.

    A sweep's directory stands for its trials, a folder without marks of a run for the run
    directories in it. What holds none stands for itself: whoever reads it says what is wrong.
    """
    if not os.path.lexists(path / "sweep.json"):
        if _is_run(path):
            return [path]
        return _inside(path) or [path]
    return _inside(path / "trials") or [path]


def names(paths: list[Path]) -> list[str]:
    """What to call each of some different run directories: its path from where they part."""
    parents = [str(path.parent) for path in paths]
    common = Path(os.path.commonpath(parents)) if parents else Path()
    found = [str(path.relative_to(common)) for path in paths]
    if len(found) > 1 and all(name.isdigit() for name in found):  # the trials of one sweep
        return [f"{common.name}/{name}" for name in found]
    return found


def _inside(folder: Path) -> list[Path]:
    try:
        found = [child for child in folder.iterdir() if _is_run(child)]
    except OSError:
        return []
    return sorted(found, key=lambda child: _order(child.name))


def _is_run(path: Path) -> bool:
    try:
        return any(os.path.lexists(path / mark) for mark in MARKS)
    except ValueError:  # a NUL in the path
        return False


def _order(name: str) -> list[tuple[int, str]]:
    """So that trial 10 comes after trial 9."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]
