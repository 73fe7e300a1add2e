"""How does cost grow: training with batch, width, image side and seeds, transport with n and d?

    python -m experiments.growth --workdir runs/growth

about half an hour on two idle CPU cores. Every point is a process of its own, which compiles and
warms up before it is timed; passes over all points take turns, `--repeats` of them. A power law is
fitted to the medians of every axis. Each result is kept in growth.json as it comes, so the command
can be stopped and given again; `--stop_after` starts nothing more after that many seconds, and
`--axes` and `--sizes` choose parts. Writes growth.md, growth.png and, once all axes that it plans
from are there, planning.md. Kept in results/growth; expect exponents of about 0.8 for the batch and
1.4 for the width of a DCGAN, 1 for members, and for transport 1.3 (d = 64, n up to 64,000) and 1.8
(d = 2, n up to 16,000).
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path

import jax

from experiments import cli, outputs
from experiments.growth_parts import axes, planning, showing
from gan import config
from gan.errors import UserError
from gan.runs import environment, files


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
        chosen: sizes of each axis, by its name in axes.AXES.
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
    """One point in a fresh process; "seconds" is None when it ran past the limit."""
    command = [sys.executable, "-m", "experiments.growth", "--workdir", ".", "--only", name]
    command += ["--sizes", str(size), "--seconds", str(seconds)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return {"seconds": None}
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        raise UserError(f"{name} at {size}: {reason.removeprefix('error: ')}")
    return json.loads(done.stdout.splitlines()[-1])


def write(workdir: str, found: dict) -> str:
    """growth.md, growth.png and planning.md from what was measured; returns the first."""
    folder, page = Path(workdir), showing.page(found)
    files.write_atomically(folder / "growth.md", page)
    showing.draw(found, str(folder / "growth.png"))
    if planning.possible(found):
        files.write_atomically(folder / "planning.md", planning.page(found))
    return page


def define(parser, argv) -> None:
    """The flags of this experiment."""
    del argv
    cli.add_workdir(parser)
    names = ", ".join(axes.AXES)
    parser.add_argument(
        "--axes", nargs="+", metavar="NAME", help=f"what grows (default: all): {names}"
    )
    parser.add_argument(
        "--sizes",
        type=cli.integer(1, 10**8),
        nargs="+",
        metavar="N",
        help="sizes along the axes that --axes names",
    )
    parser.add_argument(
        "--repeats", type=cli.integer(1, cli.COUNT), default=2, help="passes over all points"
    )
    parser.add_argument(
        "--seconds",
        type=cli.real(cli.LEAST_SECONDS, cli.SECONDS),
        default=2.0,
        help="of one reading of a training",
    )
    parser.add_argument(
        "--limit",
        type=cli.real(cli.LEAST_SECONDS, cli.SECONDS),
        default=600.0,
        help="seconds for one process",
    )
    parser.add_argument(
        "--stop_after",
        type=cli.real(cli.LEAST_SECONDS, cli.SECONDS),
        metavar="SECONDS",
        help="start nothing more after that",
    )
    parser.add_argument("--only", metavar="NAME", help="measure one point in this process")


def main(arguments) -> None:
    """Measure what is missing, write the pages and print the table."""
    names = [arguments.only] if arguments.only else arguments.axes or list(axes.AXES)
    for name in names:
        if name not in axes.AXES:
            raise UserError(config.unknown("axis", name, axes.AXES))
    if arguments.sizes and not (arguments.axes or arguments.only):
        raise UserError(f"--sizes go with --axes, got {arguments.sizes}")
    if arguments.only:
        if not arguments.sizes:
            raise UserError("--only needs one of --sizes")
        found = axes.AXES[arguments.only].measure(arguments.sizes[0], arguments.seconds)
        print(json.dumps(found))
        return
    chosen = {name: tuple(arguments.sizes or axes.AXES[name].sizes) for name in names}
    found = run(
        arguments.workdir,
        chosen,
        arguments.repeats,
        arguments.seconds,
        arguments.limit,
        arguments.stop_after or math.inf,
    )
    print(write(arguments.workdir, found))


if __name__ == "__main__":
    cli.run(define, main, __doc__)
