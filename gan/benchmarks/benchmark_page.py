"""A benchmark's result for people: lines of progress, a table, and a page with its command."""

import os
import sys
from pathlib import Path


def say(text: str) -> None:
    """A line of progress."""
    print(text, file=sys.stderr, flush=True)


def spread(values) -> list[float]:
    """[least, most]."""
    return [min(values), max(values)]


def page(result: dict) -> str:
    """The result with its command, as a markdown page."""
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    return (
        f"# {result['workload']}\n\n```sh\n{result['command']}\n```\n\n"
        f"{result['date']}, {result['cores']} of {os.cpu_count()} CPU cores "
        f"({result['machine']}){_device(result)}, load average at the end "
        f"{result['load_average']:.1f}, {versions}.\n\n{table(result)}\n"
    )


def _device(result: dict) -> str:
    """What ours ran on, unless that is the processor."""
    device = result.get("device", "cpu")
    return "" if device == "cpu" else f", on {device}"


def table(result: dict) -> str:
    """The result for people, as markdown."""
    lines = [
        f"{result['workload']}: {result['iterations_per_second']:.3g} iterations/s "
        f"({result['spread'][0]:.3g} to {result['spread'][1]:.3g}), "
        f"{result['gflop_per_iteration']:.3g} GFLOP each, {100 * result['share_of_peak']:.0f} % of "
        f"{result['peak_gflops']:.0f} GFLOP/s; compiled in {result['compile_seconds']:.1f} s, "
        f"{result['peak_bytes'] / 2**30:.2f} GiB",
    ]
    rows = result.get("variants", []) + result.get("peer", [])
    if rows:
        lines += ["", "| side | iterations/s | min to max | ours / it |", "|---|---|---|---|"]
        for row in rows:
            rate, (low, high) = row["iterations_per_second"], row["spread"]
            ratio = result["iterations_per_second"] / rate
            if row.get("over_limit"):
                lines.append(f"| {row['mode']} | < {rate:.2g} | | > {ratio:.3g} |")
                continue
            lines.append(f"| {row['mode']} | {rate:.3g} | {low:.3g} to {high:.3g} | {ratio:.2f} |")
    for reason in result.get("failed", {}).values():
        lines += ["", reason]
    if "train" in result:
        own = result["train"]
        low, high = own["share_spread"]
        lines += [
            "",
            f"experiments.train: {own['iterations_per_second']:.3g} iterations/s, "
            f"{100 * own['share']:.1f} % of ours ({100 * low:.0f} to {100 * high:.0f} %)",
        ]
    if "equal_allocator" in result:
        low, high = result["ratio_spread"]
        lines += [
            "",
            f"ratio to the best mode ({result['best_peer']}): {result['ratio_to_best_peer']:.2f}, "
            f"{low:.2f} to {high:.2f} over {result['rounds']} rounds",
        ]
        for part in result["equal_allocator"]:
            low, high = part["ratio_spread"]
            lines += [
                "",
                f"both {'with' if part['allocator'] else 'without'} allocator settings: "
                f"{part['ours']:.3g} iterations/s, {part['ratio']:.2f} times {part['mode']} "
                f"({low:.2f} to {high:.2f})",
            ]
    return "\n".join(lines)


def command(arguments) -> str:
    """The command line, without what is left at its default."""
    parts = ["python -m experiments.benchmark"]
    for name in (
        "workload",
        "seconds",
        "rounds",
        "cores",
        "devices",
        "batch_size",
        "precision",
        "peer",
        "modes",
        "forms",
        "allocator",
        "limit",
        "train",
    ):
        value = getattr(arguments, name)
        idle = name == "limit" and arguments.peer != "solvers"
        idle |= (name, value) in (("devices", 1), ("precision", "rounded"))
        if not value or value == "both" or idle:
            continue
        values = [] if value is True else value if isinstance(value, list) else [value]
        parts += [f"--{name}", *(f"{v:g}" if isinstance(v, float) else str(v) for v in values)]
    return " ".join([*parts, "--output", Path(arguments.output).name])
