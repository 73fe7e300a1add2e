"""Tables and pictures of the comparison."""

import datetime
import platform
import statistics

import numpy as np
from matplotlib.figure import Figure

from gan.primal.comparisons import Comparison, ExampleSets
from gan.reports import drawing, figures

BUDGETS = ("seconds", "steps")
COLUMNS = {
    "step": "generator steps",
    "seconds": "CPU seconds",
    "w1": "W1, test",
    "w1_debiased": "debiased",
    "w1_train": "W1, training",
}
TILES, TILE_COLUMNS = 24, 8
PANEL_COLUMNS = 4
POINTS = 1000


def table(rows: list[dict]) -> str:
    """Markdown: a row per method and cost, mean ± standard deviation over seeds."""
    scores = [name for row in rows for name in row["scores"][0]]
    columns = COLUMNS | {name: name.replace("_", " ") for name in scores if _extra(name)}
    head = "| trained by | cost | seeds | " + " | ".join(columns.values()) + " |"
    lines = [head, "|" + "---|" * (3 + len(columns))]
    for row in rows:
        cells = [row["method"], row["cost"], str(len(row["scores"]))]
        cells += [_cell([score.get(name) for score in row["scores"]]) for name in columns]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _extra(name: str) -> bool:
    return name not in COLUMNS and name not in ("gap", "w1_floor", "w1_train_floor", "loss")


def _cell(values: list) -> str:
    if any(value is None for value in values):
        return "-"
    text = f"{statistics.mean(values):.4g}"
    return text + (f" ± {statistics.stdev(values):.2g}" if len(values) > 1 else "")


def describe(name: str, comparison: Comparison, results: list[dict], command: str) -> str:
    """Both tables of a data set, with what made them."""
    every = [score for row in results for score in row["scores"]]
    first = every[0]
    config = comparison.config
    text = (
        f"# {name}: primal against dual\n\n`{command}`\n\n"
        f"{comparison.size:,} training examples; exact W1 (Euclidean, examples in [-1, 1] or in "
        f"the plane) between n = {comparison.n} generated and as many test examples; mean ± "
        f"standard deviation over seeds. Floor {first['w1_floor']:.4g}: other real examples to the "
        f"same test examples. W1, training: from {comparison.n} generated to all training "
        f"examples; its floor, from held-out ones, {first['w1_train_floor']:.4g}. Largest relative "
        f"gap of a certificate of W1: {max(score['gap'] for score in every):.1g}.\n\n"
        f"Generator: mlp, {config.generator.depth} x {config.generator.width}, "
        f"{config.latent_dim} latents, Adam({config.generator_learning_rate:g}, {config.beta1:g}, "
        f"{config.beta2:g}), average with decay {config.ema_decay:g}; the same first parameters, "
        f"data and order of the data for every method. "
        f"{datetime.datetime.now(datetime.UTC).date()}, two shared {platform.machine()} cores, "
        f"CPU, one core per run.\n"
    )
    titles = {
        "seconds": f"After {comparison.seconds:g} processor seconds",
        "steps": f"After {comparison.steps:,} generator steps",
    }
    for budget in BUDGETS:
        rows = [row for row in results if row["budget"] in (budget, "none")]
        text += f"\n## {titles[budget]}\n\n" + table(rows)
    return text


def picture(path: str, sets: ExampleSets, panels: list[tuple[str, np.ndarray]]) -> None:
    """Samples side by side: a panel per (title, examples), the test examples first."""
    panels = [("held-out real examples", sets.test), *panels]
    rows = -(-len(panels) // PANEL_COLUMNS)
    planar = len(sets.dataset.shape) == 1
    height = 2.4 if planar else 1.35
    figure = Figure(figsize=(PANEL_COLUMNS * 2.4, rows * height), layout="constrained")
    axes = figure.subplots(rows, PANEL_COLUMNS, squeeze=False).ravel()
    reach = 1.15 * float(np.abs(sets.test).max())
    for panel in axes:
        panel.set_axis_off()
    for panel, (title, examples) in zip(axes, panels, strict=False):
        panel.set_title(title, fontsize=7)
        if planar:
            panel.scatter(*examples[:POINTS].T, s=1, color="C0", linewidths=0)
            panel.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
        else:
            images = sets.dataset.to_uint8(examples[:TILES])
            panel.imshow(figures.image_grid(images, TILE_COLUMNS, gap=2).squeeze(), cmap="gray")
    drawing.save(figure, path, dpi=120)
