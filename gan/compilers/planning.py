"""What trainings would take on accelerators, from programs that were compiled for them.

A round takes at least its roofline (gan.compilers.programs.roofline) and, where the compiler
estimates cycles, about its estimate. A training takes as many rounds as its preset has steps.
Start-up, evaluations, checkpoints and hosts that fail come on top.
"""

import math
from typing import Any

from gan import presets
from gan.compilers import page
from gan.compilers.targets import KINDS

MEMBERS = 1000
"""Trainings of the section on populations."""

PASSES, DIMENSIONS = 2.1, 64
"""Passes over all pairs of one certified assignment in that many dimensions, of n = 64,000 in
results/growth/growth.json."""

POINTS = (60_000, 200_000, 1_000_000)
"""Points in each set whose transport is planned."""

HEAD = """# What accelerators would take: a plan from compiled programs

Nothing on this page ran on an accelerator. Every row rests on a program that the vendor's compiler
made for the device, in [the table of programs](table.md). The roofline is the least time that data
sheets allow. The estimate is the compiler's own: cycles, which GPUs' compilers do not state, at a
clock, which is not published for v6e. Start-up, evaluations and checkpoints come on top.
"""

TRAINING = """## One training

What two cores of a CPU take is what the preset states; it is left out where nobody would wait.
"""

SCALING = """## More chips for a larger batch

Every chip keeps the batch of one. The share is one chip's time for a round over that of the chips
together: 100 % loses nothing.
"""

POPULATIONS = f"""## {MEMBERS:,} trainings of one shape, as populations

The members of a device are trained at once and devices exchange nothing. The gain is the time of a
run alone, times the members of a device, over that of the population.
"""

TRANSPORT = f"""## One certified assignment, {DIMENSIONS} dimensions

The products of {PASSES} passes over all pairs in full float32, at the peak of data sheets. The
sparse solves come on top: they stay on a host, where two cores took 4 s at 60,000 points, 28 s at
200,000 and at most 392 s at a million ([results/transport.md](../transport.md)). So they would
bound the whole.
"""


def steps(found: dict[str, Any]) -> int:
    """Rounds of the training that a program belongs to."""
    return found["changes"].get("steps", presets.get(found["preset"]).steps)


def batch(found: dict[str, Any]) -> float:
    """Examples of a round on each device."""
    whole = found["changes"].get("batch_size", presets.get(found["preset"]).batch_size)
    return whole / found["devices"]


def time(found: dict[str, Any]) -> float:
    """Seconds of a round: the compiler's estimate, or the roofline where there is none."""
    return found["estimated_seconds"] or found["roofline_seconds"]


def kind(found: dict[str, Any]) -> str:
    """What a device is, as in "v5e"."""
    return found["target"].partition(":")[0]


def duration(seconds: float) -> str:
    """A duration to two digits: 0.3 s, 12 min, 3.4 h, 15 days."""
    for unit, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{_short(seconds / length)} {unit}"
    return f"{_short(seconds)} s"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 9.95 else f"{value:.2g}"


def write(programs: list[dict[str, Any]]) -> str:
    """The page, in Markdown, of what `experiments.compile` has found in programs of presets; of
    those that fit."""
    known = [f for f in programs if f["preset"] in presets.PRESETS and "flops" in f and f["fits"]]
    alone = [found for found in known if not found.get("members")]
    parts = [HEAD, _trainings(alone), _scaling(alone), _populations(known), _transport()]
    return "\n".join(part for part in parts if part)


def _table(head: str, columns: str, rows: list[list[str]]) -> str:
    if not rows:
        return ""
    names = columns.split(" | ")
    lines = [f"| {columns} |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, *lines, ""])


def _trainings(programs: list[dict[str, Any]]) -> str:
    rows = []
    for found in programs:
        if set(found["changes"]) - {"precision"}:
            continue
        count, estimate = steps(found), found["estimated_seconds"]
        precision = found["changes"].get("precision")
        rows.append(
            [
                found["preset"] + (f", {precision}" if precision else ""),
                found["target"],
                f"{count:,}",
                _cores(found["preset"]),
                duration(count * found["roofline_seconds"]),
                duration(count * estimate) if estimate else "",
                page.LIMITS[found["bound_by"]],
            ]
        )
    columns = "preset | target | rounds | two cores | roofline | estimate | bound by"
    return _table(TRAINING, columns, rows)


def _cores(preset: str) -> str:
    minutes = presets.PRESETS.get(preset).minutes
    return "" if minutes is None else duration(60 * minutes)


def _scaling(programs: list[dict[str, Any]]) -> str:
    one = {
        (kind(found), found["preset"], batch(found)): found
        for found in programs
        if found["devices"] == 1 and not set(found["changes"]) - {"batch_size"}
    }
    rows = []
    for found in programs:
        alone = one.get((kind(found), found["preset"], batch(found)))
        if found["devices"] == 1 or alone is None or set(found["changes"]) - {"batch_size"}:
            continue
        exchanged = found["collectives"]
        rows.append(
            [
                found["preset"],
                found["target"],
                f"{batch(found):g}",
                str(exchanged["count"]),
                f"{exchanged['bytes'] / 1e6:.3g}",
                f"{time(alone) / time(found):.0%}",
                "estimate" if found["estimated_seconds"] else "roofline",
            ]
        )
    columns = "preset | target | batch a chip | exchanges | exchanged, MB | share | by"
    return _table(SCALING, columns, rows)


def _populations(programs: list[dict[str, Any]]) -> str:
    one = {
        (kind(found), found["preset"]): found
        for found in programs
        if found["devices"] == 1 and not found["changes"] and not found.get("members")
    }
    rows = []
    for found in programs:
        members, alone = found.get("members"), one.get((kind(found), found["preset"]))
        if not members or found["changes"] or alone is None:
            continue
        own, turns = members / found["devices"], math.ceil(MEMBERS / members)
        rows.append(
            [
                found["preset"],
                found["target"],
                f"{members:,}",
                duration(turns * steps(found) * time(found)),
                f"{own * time(alone) / time(found):.1f}",
                str(found["collectives"]["count"]),
                "estimate" if found["estimated_seconds"] else "roofline",
            ]
        )
    columns = "preset | target | at once | all | gain | exchanges | by"
    return _table(POPULATIONS, columns, rows)


def _transport() -> str:
    rows = []
    for n in POINTS:
        flops = PASSES * 2 * DIMENSIONS * n**2
        times = [duration(flops / machine.peaks["f32 highest"]) for machine in KINDS.values()]
        rows.append([f"{n:,}", *times])
    return _table(TRANSPORT, " | ".join(["n", *(m.name for m in KINDS.values())]), rows)
