"""Rows of the W1 benchmark as markdown tables and as a picture, beside published numbers."""

import csv
import statistics
from collections.abc import Callable

import numpy as np

from gan.benchmarks.critic_methods import METHODS
from gan.errors import UserError
from gan.reports import drawing

Published = dict[tuple[str, str], dict[str, float]]
"""(fingerprint of the instance, our name of the method) -> cosine, l2, w1_estimate."""

MEASURES = ("cosine", "l2", "w1_estimate")
NAMES = {
    method.published_name: name
    for name, method in METHODS.items()
    if method.published_name is not None
}


def read_published(path: str) -> Published:
    """Published results, to be shown beside rows of the same instance.

    Args:
        path: CSV with the columns fingerprint, method (published names), cosine, l2, w1_estimate;
            further columns are ignored, and so are methods that this benchmark does not have.

    Raises:
        UserError: if the file cannot be read or a column is missing.
    """
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return {
            (row["fingerprint"], NAMES[row["method"]]): {
                name: float(row[name]) for name in MEASURES
            }
            for row in rows
            if row["method"] in NAMES
        }
    except (OSError, ValueError, KeyError, UnicodeDecodeError) as error:
        raise UserError(
            f"cannot read the published results {path}: {error!r}; wanted are the columns "
            f"fingerprint, method, {', '.join(MEASURES)}"
        ) from error


def markdown(rows: list[dict], published: Published) -> str:
    """Markdown: cosine, L2 and W1 estimate over truth, a row per instance, a column per method.

    A cell holds the mean over seeds, ± the standard deviation where there are several seeds, and in
    brackets the published number where there is one. The last row is the mean over the instances
    that have every method shown.
    """
    measures: list[tuple[str, Callable[[dict], float]]] = [
        ("Cosine of the critic's gradient to the true one", lambda row: row["cosine"]),
        ("Squared error of the gradient (L2)", lambda row: row["l2"]),
        ("W1 estimate over truth", lambda row: row["w1_estimate"] / row["w1_true"]),
        ("Median slope on P", lambda row: row["slope_50"]),
    ]
    text = []
    for title, value in measures:
        text += [f"### {title}", "", _table(rows, published, value), ""]
    return "\n".join(text)


def _table(rows: list[dict], published: Published, value: Callable[[dict], float]) -> str:
    names = [name for name in METHODS if any(row["method"] == name for row in rows)]
    cells: dict[tuple, list[dict]] = {}
    for row in rows:
        cells.setdefault((row["family"], row["dim"], row["instance"], row["method"]), []).append(
            row
        )
    instances = sorted({key[:3] for key in cells}, key=_order)
    lines = [
        "| pair | d | W1 | " + " | ".join(names) + " |",
        "|---|---|---|" + "---|" * len(names),
    ]
    columns: dict[str, list[float]] = {name: [] for name in names}
    beside: dict[str, list[float]] = {name: [] for name in names}
    for instance in instances:
        shown = []
        complete = all((*instance, name) in cells for name in names)
        for name in names:
            group = cells.get((*instance, name), [])
            if not group:
                shown.append("")
                continue
            mean = statistics.mean(map(value, group))
            spread = f" ± {statistics.stdev(map(value, group)):.3f}" if len(group) > 1 else ""
            known = _known(published, group[0], value)
            shown.append(f"{mean:.3f}{spread}" + ("" if known is None else f" ({known:.3f})"))
            if complete:
                columns[name].append(mean)
                beside[name] += [] if known is None else [known]
        any_row = next(cells[key][0] for key in cells if key[:3] == instance)
        truth = f"{any_row['w1_true']:.3f} ± {any_row['w1_true_stderr']:.3f}"
        lines.append(f"| {instance[0]} | {instance[1]} | {truth} | " + " | ".join(shown) + " |")
    count = len(columns[names[0]])
    if count > 1:
        means = [
            f"{statistics.mean(columns[name]):.3f}"
            + (f" ({statistics.mean(beside[name]):.3f})" if len(beside[name]) == count else "")
            for name in names
        ]
        lines.append(f"| mean of {count} | | | " + " | ".join(means) + " |")
    return "\n".join(lines)


def _order(instance: tuple) -> tuple:
    """Funnels by their number, then the other families; (family, ...) with what follows."""
    number, _, name = instance[0].rpartition(" ")
    return (name != "funnels", name, int(number or 0), *instance[1:])


def _known(published: Published, row: dict, value: Callable[[dict], float]) -> float | None:
    """The same quantity from the published numbers, if they have it for this instance."""
    found = published.get((row["fingerprint"], row["method"]))
    if found is None:
        return None
    try:
        return value(found | {"w1_true": row["w1_true"]})
    except KeyError:
        return None


def picture(path: str, rows: list[dict], published: Published) -> None:
    """Cosine by dimension, a line per method and a panel per family.

    Filled marks are ours, with a bar over the range of seeds; hollow marks on dashed lines are the
    published numbers.
    """
    from matplotlib.figure import Figure

    families = sorted({row["family"] for row in rows}, key=lambda name: _order((name,)))
    names = [name for name in METHODS if any(row["method"] == name for row in rows)]
    figure = Figure(figsize=(1.4 + 3.4 * len(families), 3.8), layout="constrained")
    panels = figure.subplots(1, len(families), sharey=True)
    for axes, family in zip(np.atleast_1d(panels), families, strict=True):
        for color, name in enumerate(names):
            chosen = [r for r in rows if r["family"] == family and r["method"] == name]
            dims = sorted({row["dim"] for row in chosen})
            values = [[r["cosine"] for r in chosen if r["dim"] == dim] for dim in dims]
            means = [statistics.mean(v) for v in values]
            bars = [
                [m - min(v) for m, v in zip(means, values, strict=True)],
                [max(v) - m for m, v in zip(means, values, strict=True)],
            ]
            axes.errorbar(
                dims, means, bars, color=f"C{color}", marker="o", markersize=4, label=name
            )
            known = {
                row["dim"]: published[row["fingerprint"], name]["cosine"]
                for row in chosen
                if (row["fingerprint"], name) in published
            }
            if known:
                axes.plot(
                    sorted(known),
                    [known[dim] for dim in sorted(known)],
                    color=f"C{color}",
                    linestyle="--",
                    linewidth=0.8,
                    marker="o",
                    markersize=5,
                    markerfacecolor="none",
                )
        axes.set_xscale("log", base=2)
        dims = sorted({row["dim"] for row in rows})
        axes.set_xticks(dims, [str(dim) for dim in dims])
        axes.set(xlabel="dimension", title=family)
        axes.grid(alpha=0.25, linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
    np.atleast_1d(panels)[0].set(ylabel="cosine to the true gradient")
    figure.legend(
        *np.atleast_1d(panels)[0].get_legend_handles_labels(), loc="outside lower center", ncols=8
    )
    drawing.save(figure, path)
