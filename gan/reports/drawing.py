"""One style for every figure: colours, panels, curves, points in the plane, and their files.

Sources, and exact values, are blue; targets, and critics, red or orange. Figures are made without
pyplot, which keeps global state and belongs to the main thread; matplotlib is imported by the first
figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gan.files import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SOURCE, TARGET, LINE, FAINT, ACCENT = "#2b6cb0", "#c53030", "#4a5568", "#cbd5e0", "#dd8a1c"
REMAINDER = "#2f855a"
"""Green: what is left of a distance without its floor."""


def columns(count: int) -> int:
    """How many of `count` small panels go to a row, so that rows come out even."""
    return 3 if count in (3, 5, 6, 9) else 4


def panels(count: int, columns: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """A figure of `count` axes, `columns` to a row, each of that size in inches."""
    from matplotlib.figure import Figure

    columns = min(columns, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(columns * width, rows * height), layout="constrained")
    every = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in every[count:]:
        axes.set_axis_off()
    return figure, list(every[:count])


def chart(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure with one pair of axes for curves."""
    figure, (axes,) = stack(width, height)
    return figure, axes


def stack(width: float, height: float, heights: Sequence[int] = (1,)) -> tuple[Figure, list[Axes]]:
    """A figure with pairs of axes for curves below each other, in proportion to `heights`; they
    share their horizontal axis."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    every = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)
    for axes in every[:, 0]:
        axes.grid(alpha=0.25, linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
    return figure, list(every[:, 0])


def plane(axes: Axes, title: str, *sets: np.ndarray, margin: float = 0.08) -> None:
    """Frame and title of axes that show point sets [n, 2]: no ticks, equal scales."""
    points = np.concatenate(sets)
    low, high = points.min(axis=0), points.max(axis=0)
    middle, reach = (low + high) / 2, (0.5 + margin) * (high - low).max()
    axes.set(xlim=middle[0] + np.array([-reach, reach]), ylim=middle[1] + np.array([-reach, reach]))
    axes.set(xticks=[], yticks=[], aspect="equal")
    axes.spines[:].set_color(FAINT)
    axes.set_title(title, fontsize=9)


def image(axes: Axes, pixels: np.ndarray, title: str) -> None:
    """A grey image [h, w] in [-1, 1], dark to bright, under a title."""
    axes.imshow(pixels, cmap="gray", vmin=-1, vmax=1, interpolation="nearest")
    axes.set_axis_off()
    axes.set_title(title, fontsize=9)


def scatter(axes: Axes, x: np.ndarray, y: np.ndarray, size: float) -> None:
    """Sources x as blue discs, targets y as red squares."""
    axes.scatter(*x.T, s=size, color=SOURCE, zorder=3, linewidths=0)
    axes.scatter(*y.T, s=0.9 * size, color=TARGET, marker="s", zorder=3, linewidths=0)


def segments(axes: Axes, x: np.ndarray, y: np.ndarray, **style) -> None:
    """A straight segment from each x[k] to y[k], both [n, 2]; the style is matplotlib's."""
    steps = np.stack([x, y, np.full_like(x, np.nan)], axis=1).reshape(-1, 2)
    axes.plot(*steps.T, **({"color": LINE, "linewidth": 1.3, "zorder": 2} | style))


def save(figure: Figure, path: str, dpi: int = 110) -> None:
    """Write the figure as PNG; a reader never sees half a file."""
    with replacing(path) as file:
        figure.savefig(file, format="png", dpi=dpi)
