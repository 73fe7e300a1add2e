"""The table of a growth experiment and its picture: medians, spread, fitted lines."""

from __future__ import annotations

import statistics

from gan.benchmarks import growth_axes, power_laws
from gan.reports import drawing

GIB = 2**30


def medians(found: dict, axis: str, field: str = "seconds") -> dict[int, float]:
    """Median over all readings of a field at every size of an axis, sizes ascending."""
    return {n: statistics.median(values) for n, values in readings(found, axis, field).items()}


def readings(found: dict, axis: str, field: str = "seconds") -> dict[int, list[float]]:
    """Every reading of a field at every size of an axis that was measured."""
    values: dict[int, list[float]] = {}
    for row in sorted(found["rows"], key=lambda row: row["size"]):
        if row["axis"] == axis and row["seconds"] is not None and row.get(field) is not None:
            value = row[field]
            values.setdefault(row["size"], []).extend(value if isinstance(value, list) else [value])
    return values


def fit(found: dict, axis: str, field: str = "seconds") -> power_laws.PowerLaw | None:
    """Power law of the medians of a field; None from fewer than two sizes, or where one is 0."""
    values = medians(found, axis, field)
    if len(values) < 2 or min(values.values()) <= 0:
        return None
    return power_laws.fit(list(values), list(values.values()))


def page(found: dict) -> str:
    """growth.md: fitted exponents, then every measured size."""
    measured = [name for name in growth_axes.AXES if medians(found, name)]
    passes = 1 + max((row["repeat"] for row in found["rows"]), default=0)
    lines = [
        "# How cost grows",
        "",
        "```sh",
        "python -m experiments.growth --workdir DIR",
        "```",
        "",
        f"{found['when']}, {found['cores']} cores of {found['machine']}, jax {found['jax']}, "
        f"float32, seed 0; {_count(passes)} of the points, every point a process of its own, "
        f"{growth_axes.READINGS} readings of a training in each. Cost is seconds: of one iteration "
        "(all critic steps and the generator step), of one iteration of every member, of one "
        "certified assignment. Exponents are least squares on the logarithms of medians; the "
        "interval (95 %, Student) says how far the sizes are from one power law, and the exponent "
        "between the two largest sizes how the curve leaves them. Flops are the stated counts of "
        "`gan/benchmarks/workloads.py`.",
        "",
        "| cost of | against | sizes | exponent | 95 % interval | of the last two | of flops |",
        "|" + "---|" * 7,
    ]
    for name in measured:
        if (line := fit(found, name)) is None:
            continue
        axis, sizes, flops = (
            growth_axes.AXES[name],
            list(medians(found, name)),
            fit(found, name, "gflop"),
        )
        lines.append(
            f"| {axis.title} | {axis.unit} | {min(sizes):,} to {max(sizes):,} | "
            f"**{line.exponent:.2f}** | {_interval(line)} | {line.last:.2f} | "
            f"{'' if flops is None else f'{flops.exponent:.2f}'} |"
        )
    lines += _memory(found, measured)
    for name in measured:
        lines += [
            "",
            f"## {growth_axes.AXES[name].title}, against {growth_axes.AXES[name].unit}",
            "",
        ]
        lines += _transport(found, name) if readings(found, name, "passes") else _rates(found, name)
    return "\n".join(lines) + "\n"


def draw(found: dict, path: str) -> None:
    """Seconds of every axis of two sizes or more, and memory of transport, with their fits; axes
    are logarithmic, with ticks at the sizes and at the least and the largest median."""
    fitted = [name for name in growth_axes.AXES if fit(found, name)]
    panels = [(name, "seconds", 1) for name in fitted]
    panels += [(name, "bytes", GIB) for name in fitted if readings(found, name, "passes")]
    if not panels:
        return
    figure, every = drawing.panels(len(panels), 5, 3.0, 2.8)
    for axis, (name, field, unit) in zip(every, panels, strict=True):
        own, line = readings(found, name, field), fit(found, name, field)
        middle = {n: statistics.median(values) / unit for n, values in own.items()}
        reach = [
            [middle[n] - min(values) / unit for n, values in own.items()],
            [max(values) / unit - middle[n] for n, values in own.items()],
        ]
        axis.errorbar(
            list(middle),
            list(middle.values()),
            yerr=reach,
            fmt="o",
            markersize=4,
            color=drawing.SOURCE,
        )
        title = growth_axes.AXES[name].title
        ends = [min(middle), max(middle)]
        if line is not None:
            values = [power_laws.predict(line, n)[0] / unit for n in ends]
            axis.plot(ends, values, color=drawing.ACCENT, linewidth=1.3)
            title += f"\nexponent {line.exponent:.2f} [{_interval(line)}]"
        axis.set(xscale="log", yscale="log", xlabel=growth_axes.AXES[name].unit)
        axis.set_xticks(list(middle), [_short(n) for n in middle], fontsize=8)
        values = [f(middle.values()) for f in (min, max)]
        axis.set_yticks(values, [f"{value:.2g}" for value in values], fontsize=8)
        axis.xaxis.set_minor_formatter("")
        axis.yaxis.set_minor_formatter("")
        axis.set_ylabel("GiB beyond the imports" if field == "bytes" else "seconds")
        axis.set_title(title, fontsize=9)
        axis.grid(alpha=0.25, linewidth=0.6)
    drawing.save(figure, path)


def _rates(found: dict, name: str) -> list[str]:
    unit = growth_axes.AXES[name].unit
    lines = [
        f"| {unit} | seconds | min to max | per second | GFLOP | GFLOP/s | GiB |",
        "|" + "---|" * 7,
    ]
    flops, memory = medians(found, name, "gflop"), medians(found, name, "bytes")
    for n, values in readings(found, name).items():
        middle = statistics.median(values)
        lines.append(
            f"| {n:,} | {middle:.3g} | {min(values):.3g} to {max(values):.3g} | {1 / middle:.3g} | "
            f"{flops[n]:.3g} | {flops[n] / middle:.3g} | {memory[n] / GIB:.2f} |"
        )
    return lines


def _transport(found: dict, name: str) -> list[str]:
    unit = growth_axes.AXES[name].unit
    lines = [
        f"| {unit} | seconds | min to max | looking at pairs, s | sparse solves, s | "
        "passes / solves | first call, s | verify, s | GiB | gap, relative |",
        "|" + "---|" * 10,
    ]
    fields = ("dense", "sparse", "passes", "solves", "first", "verify", "bytes", "verified_gap")
    part = {field: medians(found, name, field) for field in fields}
    for n, values in readings(found, name).items():
        own = {field: column[n] for field, column in part.items()}
        lines.append(
            f"| {n:,} | {statistics.median(values):.3g} | {min(values):.3g} to {max(values):.3g} | "
            f"{own['dense']:.3g} | {own['sparse']:.3g} | {own['passes']:.1f} / {own['solves']:.0f} "
            f"| {own['first']:.3g} | {own['verify']:.3g} | {own['bytes'] / GIB:.2f} | "
            f"{own['verified_gap']:.1g} |"
        )
    return lines


def _memory(found: dict, measured: list[str]) -> list[str]:
    lines = []
    for name in measured:
        for field, words in (
            ("bytes", "memory"),
            ("dense", "looking at pairs"),
            ("sparse", "sparse solves"),
            ("verify", "verification"),
        ):
            if not readings(found, name, "passes") or (line := fit(found, name, field)) is None:
                continue
            sizes = list(medians(found, name))
            axis = growth_axes.AXES[name]
            lines.append(
                f"| {words} of {axis.title} | {axis.unit} | {min(sizes):,} to {max(sizes):,} | "
                f"{line.exponent:.2f} | {_interval(line)} | {line.last:.2f} | |"
            )
    return lines


def _count(passes: int) -> str:
    return "one pass" if passes == 1 else f"up to {passes} passes"


def _short(size: int) -> str:
    return f"{size // 1000}k" if size >= 2000 and size % 1000 == 0 else str(size)


def _interval(line: power_laws.PowerLaw) -> str:
    return "" if line.interval is None else f"{line.interval[0]:.2f} to {line.interval[1]:.2f}"
