"""What was found in a compiled program, as a table for a screen and as a page."""

from typing import Any

from gan.reports import page

LIMITS = {
    "products": "products",
    "memory": "memory",
    "links": "exchanges between devices",
    "launches": "starting operations",
}
"""What may bound a round, in words."""


def size(count: float | None) -> str:
    """Bytes in words."""
    if count is None:
        return "unknown"
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            break
        count /= 1000
    return f"{count:,.3g} {unit}" if count < 1000 else f"{count:,.0f} {unit}"


def seconds(value: float | None) -> str:
    """Seconds in words."""
    if value is None:
        return "not estimated"
    for unit in ("s", "ms"):
        if value >= 1:
            return f"{value:.3g} {unit}"
        value *= 1000
    return f"{value:.3g} us"


def rows(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(name, value, meaning) of everything but the costliest operations."""
    chosen = ", ".join(f"{k}={v}".lower() for k, v in found.get("compiler_options", {}).items())
    options = f", with {chosen}" if chosen else ""
    fits = "yes" if found["fits"] else "NO"
    needed, there = size(found["bytes_per_device"]), size(found["memory_bytes"])
    lines = [
        ("fits", fits, f"{needed} on each device, which has {there}"),
        ("compile", seconds(found["compile_seconds"]), f"time of the compiler here{options}"),
    ]
    if "flops" not in found:
        return lines
    held = ", ".join(f"{name} {size(count)}" for name, count in found["memory"].items())
    kinds = ", ".join(f"{kind} {count / 1e9:.3g}" for kind, count in found["products"].items())
    exchanges, cycles = found["collectives"], found["estimated_cycles"]
    bounds = ", ".join(
        f"{LIMITS[name]} {seconds(value)}" for name, value in found["roofline"].items() if value
    )
    estimate = found["estimated_seconds"]
    share = (
        f"{found['roofline_seconds'] / estimate:.0%} of its roofline" if estimate else "no clock"
    )
    return [
        (*lines[0][:2], f"{lines[0][2]}: {held}"),
        lines[1],
        ("operations", f"{found['operations']:,}", "that a round starts, those of loops each time"),
        ("products", f"{found['flops'] / 1e9:,.3g} GFLOP", f"by type of the factors: {kinds}"),
        ("memory", size(found["hbm_bytes"]), "read and written"),
        ("exchanges", f"{exchanges['count']}", f"{size(exchanges['bytes'])} from each device"),
        ("roofline", seconds(found["roofline_seconds"]), f"at least; {bounds}"),
        ("bound by", LIMITS[found["bound_by"]], "the largest of these"),
        (
            "cycles",
            "none given" if cycles is None else f"{cycles:,}",
            "the compiler's own estimate"
            + ("" if cycles is None else f": {seconds(estimate)}, {share}"),
        ),
    ]


def costliest(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(cost, operation, source) of the costliest operations, the costliest first."""
    lines = []
    for each in found.get("costliest", ()):
        cost = f"{each['cycles']:,} cycles" if "cycles" in each else size(each["bytes"])
        times = f"{each['times']} x " if each["times"] > 1 else ""
        lines.append((cost, times + each["operation"], each["source"] or "(moves data)"))
    return lines


def name(found: dict[str, Any]) -> str:
    """The preset, and how it is trained where that is not alone and with the whole state."""
    members = found.get("members", 0)
    crowd = f", {members:,} members" if members else ""
    return found["preset"] + crowd + (", split state" if found.get("split_state") else "")


def title(found: dict[str, Any]) -> str:
    """What was compiled for what."""
    changed = "".join(f", {name} {value}" for name, value in found["changes"].items())
    devices = f"{found['devices']} x {found['machine']}"
    return f"{name(found)}{changed} on {devices}"


def table(found: dict[str, Any]) -> str:
    """Everything on a screen."""
    lines = [title(found), "of one round, on each device", ""]
    lines += [f"{name:10} {value:>14}  {meaning}" for name, value, meaning in rows(found)]
    if parts := costliest(found):
        width = max(len(source) for *_, source in parts)
        lines += ["", "costliest operations"]
        lines += [f"{cost:>16}  {source:{width}}  {what}" for cost, what, source in parts]
    return "\n".join(lines)


def write(path: str, found: dict[str, Any]) -> None:
    """The page."""
    assumed = "assumed, the set is not at hand" if found["examples_assumed"] else "of the set"
    page.write(
        path,
        title(found),
        page.paragraph(
            "Compiled by the vendor's compiler without the device; nothing was run. All costs are "
            "of one round (all critic steps and the generator step), on each device."
        ),
        page.table(rows(found)),
        page.section(
            "Costliest operations",
            page.wide(
                page.grid(("source", "operation", "cost"), [c[::-1] for c in costliest(found)])
            ),
        )
        if found.get("costliest")
        else "",
        page.section(
            "How",
            page.paragraph(found["command"], "note"),
            page.paragraph(
                f"{found['date']}; {found['examples']:,} training examples, {assumed}; "
                + ", ".join(f"{name} {version}" for name, version in found["versions"].items())
                + ".",
                "note",
            ),
        ),
    )
