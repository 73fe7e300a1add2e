"""Pictures of a sweep: parallel coordinates, and a slice along every axis."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Normalize

from gan.reports import drawing, text
from gan.sweeps.ledger import FAILED, FINISHED, Row
from gan.sweeps.space import Axis, Space
from gan.sweeps.tables import lower_is_better, shown

BAD = "#c53030"
CATEGORIES = 8
"""Numbers of a list that are written one by one; longer lists of numbers get a scale."""


class _Scale:
    """Where a value of one axis lies in [0, 1], and what is written there."""

    def __init__(self, axis: Axis):
        self.axis = axis
        self.named = bool(axis.choices) and not (
            len(axis.choices) > CATEGORIES and _numbers(axis.choices)
        )
        values = axis.choices or (axis.low, axis.high)
        if self.named:
            # Numbers in their order, names in that of the file.
            self.order = sorted(values) if _numbers(values) else list(values)
            self.ticks = list(zip(self.places(self.order), map(shown, self.order), strict=True))
            return
        self.log = axis.log or (min(values) > 0 and max(values) > 100 * min(values))
        self.low, self.high = self._number(min(values)), self._number(max(values))
        marks = np.linspace(self.low, self.high, 4)
        self.ticks = [
            ((m - self.low) / (self.high - self.low), f"{10**m if self.log else m:.3g}")
            for m in marks
        ]

    def places(self, values: Sequence[Any]) -> np.ndarray:
        """Heights in [0, 1]."""
        if self.named:
            last = max(1, len(self.order) - 1)
            return np.array([self.order.index(v) / last for v in values])
        return np.array([(self._number(v) - self.low) / (self.high - self.low) for v in values])

    def _number(self, value: Any) -> float:
        return float(np.log10(value)) if self.log else float(value)


def parallel(path: str, space: Space, rows: Sequence[Row], score: str) -> None:
    """One line per trial through its values and its score, the best drawn last and darkest.

    Failed trials are dashed and end at the foot or head of the score, the bad end.
    """
    finished = [row for row in rows if row.state == FINISHED]
    failed = [row for row in rows if row.state == FAILED]
    axes_of = _axes(space)
    scales = [_Scale(axis) for axis in axes_of]
    values = np.array([row.result[score] for row in finished])
    norm = _norm(values)
    figure, axes = drawing.chart(max(5.0, 1.6 + 1.5 * (len(scales) + 1)), 4.0)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    columns = np.arange(len(scales) + 1)
    colours = colormaps["viridis"] if lower_is_better(score) else colormaps["viridis_r"]
    jitter = np.random.default_rng(0)
    order = np.argsort(values if not lower_is_better(score) else -values, kind="stable")
    for row in failed:
        heights = [float(s.places([row.values[s.axis.path]])[0]) for s in scales]
        end = 1.0 if lower_is_better(score) else 0.0
        axes.plot(columns, [*heights, end], color=BAD, linestyle=":", linewidth=1.0, alpha=0.8)
    for place in order:
        row = finished[place]
        heights = np.array([float(s.places([row.values[s.axis.path]])[0]) for s in scales])
        named = np.array([s.named for s in scales])
        heights = heights + np.where(named, jitter.uniform(-0.012, 0.012, len(scales)), 0)
        axes.plot(
            columns,
            [*heights, norm(values[place])],
            color=colours(0.92 * norm(values[place])),
            linewidth=1.3,
            alpha=0.85,
        )
    for column, scale in zip(columns, scales, strict=False):
        _pole(axes, column, scale.axis.path.replace(".", "\n."), scale.ticks)
    marks = np.linspace(norm.vmin, norm.vmax, 4)
    ticks = [(float(norm(m)), f"{m:.3g}") for m in marks] if len(values) else []
    _pole(axes, columns[-1], score, ticks)
    axes.set(xlim=(-0.25, len(scales) + 0.35), ylim=(-0.06, 1.06), xticks=[], yticks=[])
    drawing.save(figure, path)


def slices(path: str, space: Space, rows: Sequence[Row], score: str) -> None:
    """Score against the values of each axis; means over trials where values repeat, failed trials
    as crosses at the bad end."""
    finished = [row for row in rows if row.state == FINISHED]
    failed = [row for row in rows if row.state == FAILED]
    every_axis = _axes(space)
    if not finished or not every_axis:
        return
    values = np.array([row.result[score] for row in finished])
    numbers = np.array([row.number for row in finished])
    figure, panels = drawing.panels(
        len(every_axis), min(3, drawing.columns(len(every_axis))), 3.3, 2.9
    )
    low, high = values.min(), values.max()
    margin = 0.08 * (high - low or abs(high) or 1.0)
    bad = high + margin if lower_is_better(score) else low - margin
    for axes, axis in zip(panels, every_axis, strict=True):
        scale = _Scale(axis)
        places = scale.places([row.values[axis.path] for row in finished])
        spread = np.random.default_rng(0).uniform(-0.03, 0.03, len(places)) if scale.named else 0
        dots = axes.scatter(
            places + spread, values, c=numbers, cmap="cividis", s=18, linewidths=0, zorder=3
        )
        if scale.named:
            for place in np.unique(places):
                own = values[places == place]
                axes.plot([place - 0.07, place + 0.07], 2 * [own.mean()], color="k", linewidth=1.6)
        if failed:
            crosses = scale.places([row.values[axis.path] for row in failed])
            axes.scatter(crosses, [bad] * len(failed), marker="x", color=BAD, s=22, label="failed")
            axes.legend(fontsize="x-small", loc="best")
        positions, names = zip(*scale.ticks, strict=True)
        turned = max(map(len, names)) > 6
        axes.set_xticks(
            positions,
            [text.label(name) for name in names],
            rotation=30 if turned else 0,
            ha="right" if turned else "center",
        )
        axes.tick_params(labelsize=8)
        axes.set_xlabel(axis.path, fontsize=9)
        axes.set(xlim=(-0.12, 1.12))
        axes.grid(alpha=0.25, linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
    columns = min(3, drawing.columns(len(every_axis)), len(every_axis))
    for axes in panels[::columns]:
        axes.set_ylabel(score, fontsize=9)
    bar = figure.colorbar(dots, ax=panels, fraction=0.03, pad=0.02)
    bar.set_label("trial", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    drawing.save(figure, path)


def _axes(space: Space) -> list[Axis]:
    """Every swept axis in the order of the file, seeds among them."""
    own = {axis.path: axis for axis in space.axes}
    if space.seeds is not None:
        own["seed"] = Axis("seed", space.seeds)
    return [own[path] for path in space.fields]


def _norm(values: np.ndarray) -> Normalize:
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    return Normalize(low, high if high > low else low + 1.0)


def _pole(axes: Axes, column: float, title: str, ticks) -> None:
    axes.plot([column, column], [0, 1], color="0.25", linewidth=1.0, zorder=4)
    axes.text(column, 1.05, title, ha="center", va="bottom", fontsize=8.5)
    box = {"boxstyle": "round,pad=0.12", "facecolor": "white", "alpha": 0.8, "linewidth": 0}
    for height, name in ticks:
        axes.plot([column - 0.015, column + 0.015], [height, height], color="0.25", linewidth=1.0)
        axes.text(
            column - 0.03,
            height,
            text.label(name),
            ha="right",
            va="center",
            fontsize=7,
            bbox=box,
            zorder=5,
        )


def _numbers(values: Sequence[Any]) -> bool:
    return all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
