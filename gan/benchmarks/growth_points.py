"""Measurements of what grows, each point in a process of its own."""

from __future__ import annotations

import math
import os
import sys
import time
from pathlib import Path

import jax

from gan import files, outputs
from gan.benchmarks import fresh, growth_page
from gan.errors import UserError
from gan.runs import environment


def run(
    workdir: str,
    chosen: dict[str, tuple[int, ...]],
    repeats: int,
    seconds: float,
    limit: float = 600.0,
    stop_after: float = math.inf,
) -> dict:
    """Measure every point that the directory does not hold yet.

    Args:
        workdir: created when missing; growth.json is kept there.
        chosen: sizes of each axis, by its name in growth_axes.AXES.
        repeats: passes over all points.
        seconds: of each timed reading of a training.
        limit: seconds for one process; larger sizes of an axis that passed it are left out.
        stop_after: start no process after this many seconds.

    Returns:
        {"when", "cores", "machine", "jax", "rows"}; a row is what its axis measures, with "axis",
        "size" and "repeat"; "seconds" is None where the limit was passed.

    Raises:
        UserError: if a point is missing and the others are from another machine or number of cores,
            or it cannot be measured.
    """
    path = Path(workdir) / "growth.json"
    outputs.folder(workdir)
    here = {"cores": len(os.sched_getaffinity(0)), "machine": environment.processor()}
    here["jax"] = jax.__version__
    found = files.read_json(path) if path.exists() else {"when": today()} | here | {"rows": []}
    theirs, ours = (f"{x['cores']} cores of {x['machine']}" for x in (found, here))
    rows, begin = found["rows"], time.perf_counter()
    points = [(r, name, n) for r in range(repeats) for name in chosen for n in sorted(chosen[name])]
    for number, (repeat, name, size) in enumerate(points):
        own = [row for row in rows if row["axis"] == name]
        done = any((row["size"], row["repeat"]) == (size, repeat) for row in own)
        if done or any(row["seconds"] is None and row["size"] <= size for row in own):
            continue
        passed = time.perf_counter() - begin
        if passed >= stop_after:
            print("stopped; the same command continues", file=sys.stderr, flush=True)
            break
        if theirs != ours:
            raise UserError(
                f"{path} was measured on {theirs}, this process has {ours}; take another --workdir"
            )
        row = elsewhere(name, size, seconds, limit)
        rows.append({"axis": name, "size": size, "repeat": repeat} | row)
        found["when"] = today()
        files.write_json(path, found)
        took = "over the limit" if row["seconds"] is None else f"{min(row['seconds']):.3g} s"
        text = f"{passed:6.0f} s  {number + 1} of {len(points)}: {name} {size:,}: {took}"
        print(text, file=sys.stderr, flush=True)
    return found


def today() -> str:
    """The date, as in 2026-01-31."""
    return time.strftime("%Y-%m-%d")


def elsewhere(name: str, size: int, seconds: float, limit: float) -> dict:
    """One point in a fresh process; "seconds" is None when it ran past the limit. Errors as of
    `fresh.measured`."""
    asked = ["--only", name, "--sizes", size, "--seconds", seconds, "--workdir", "."]
    return fresh.measured(f"{name} at {size}", "growth", asked, limit) or {"seconds": None}


def write(workdir: str, found: dict) -> str:
    """growth.md and growth.png from what was measured; returns the first."""
    folder, page = Path(workdir), growth_page.page(found)
    files.write_atomically(folder / "growth.md", page)
    growth_page.draw(found, str(folder / "growth.png"))
    return page
