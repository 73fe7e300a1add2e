"""The table of all programs that experiments.compile has left in a folder, and what they promise.

python -m gan.compilers.summary FOLDER

writes FOLDER/table.md and FOLDER/planning.md from the JSON files there.
"""

import json
import sys
from pathlib import Path
from typing import Any

from gan import files
from gan.compilers import page, planning

COLUMNS = (
    "preset",
    "target",
    "fits",
    "GB a device",
    "compile, s",
    "operations",
    "GFLOP",
    "memory, MB",
    "exchanges",
    "exchanged, MB",
    "cycles, M",
    "estimate, ms",
    "roofline, ms",
    "share",
    "bound by",
)

HEAD = """# Programs for accelerators, compiled without them

```sh
python -m experiments.compile --preset cifar10 --target v5e:1 --output cifar10-v5e-1.json
python -m gan.compilers.summary results/compile
```

Nothing was run: these are programs that the vendors' compilers made. All costs are of one round
(all critic steps and the generator step) on each device. Operations are what a device starts;
memory is what they read and write, an upper bound where operations follow each other closely; the
estimate is the compiler's own cycles at the device's clock, and v6e's clock is not published; the
roofline is the least time that peaks of data sheets allow, of products, memory, exchanges and, on a
GPU, 2.5 us for each operation; the share is roofline over estimate. Compile times are of a busy
machine with two cores.
"""


def row(found: dict[str, Any]) -> list[str]:
    """The cells of one program."""
    changes = "".join(f", {name} {value}" for name, value in found["changes"].items())
    cells = [page.name(found) + changes, found["target"], "yes" if found["fits"] else "no"]
    needed = found["bytes_per_device"]
    cells += ["" if needed is None else f"{needed / 1e9:.3g}", f"{found['compile_seconds']:.0f}"]
    if "flops" not in found:
        return cells + [""] * (len(COLUMNS) - len(cells))
    exchanges, cycles = found["collectives"], found["estimated_cycles"]
    estimate, least = found["estimated_seconds"], found["roofline_seconds"]
    return [
        *cells,
        f"{found['operations']:,}",
        f"{found['flops'] / 1e9:,.3g}",
        f"{found['hbm_bytes'] / 1e6:,.4g}",
        str(exchanges["count"]),
        f"{exchanges['bytes'] / 1e6:.3g}" if exchanges["count"] else "",
        "" if cycles is None else f"{cycles / 1e6:.3g}",
        "" if estimate is None else f"{estimate * 1e3:.3g}",
        f"{least * 1e3:.3g}",
        "" if estimate is None else f"{least / estimate:.0%}",
        page.LIMITS[found["bound_by"]],
    ]


def table(programs: list[dict[str, Any]]) -> str:
    """The page, in Markdown: a row for every program, and what made them."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    lines += ["| " + " | ".join(row(found)) + " |" for found in programs]
    versions = {f"{n} {v}" for found in programs for n, v in found["versions"].items()}
    dates = sorted({found["date"] for found in programs})
    made = f"{' and '.join(dict.fromkeys((dates[0], dates[-1])))}; {', '.join(sorted(versions))}."
    return f"{HEAD}\n{chr(10).join(lines)}\n\n{made}\n"


def order(found: dict[str, Any]) -> tuple:
    """Where a program stands in a table: those of a preset together, small targets first."""
    kind = found["target"].partition(":")[0]
    how = found.get("members", 0), found.get("split_state", False)
    return found["preset"], *how, str(found["changes"]), kind, found["devices"]


def main(folder: str) -> None:
    """Write the pages of a folder."""
    found = [json.loads(path.read_text()) for path in sorted(Path(folder).glob("*.json"))]
    programs = sorted(found, key=order)
    files.write_atomically(Path(folder, "table.md"), table(programs))
    files.write_atomically(Path(folder, "planning.md"), planning.write(programs))


if __name__ == "__main__":
    main(*sys.argv[1:])
