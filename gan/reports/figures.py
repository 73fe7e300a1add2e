"""Pictures of a run: sample grids, points in the plane, curves along training."""

import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from gan.errors import GanError
from gan.files import replacing, storage, write_atomically
from gan.reports import drawing, text
from gan.reports.drawing import ACCENT, FAINT, LINE, REMAINDER, SOURCE, TARGET

SMALLEST_TILE = 48
TINY = 16
DOTS = 130
"""Dots per inch."""


def attempt(path: str | os.PathLike[str], draw: Callable[[], None]) -> None:
    """Draws the picture `path`; one that cannot be drawn costs no report and no training.

    It leaves a note of the reason in its place, which pages show, and a line on stderr.

    Raises:
        GanError: a StorageError, say: nothing else could be written either.
    """
    try:
        draw()
        _unlink(note(path))
    except GanError:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"[:500]
        print(f"{path} was not drawn: {reason}", file=sys.stderr)
        _unlink(path)
        write_atomically(note(path), reason)


def remove(path: str | os.PathLike[str]) -> None:
    """Removes a picture and the note in its place, if there are any."""
    _unlink(path)
    _unlink(note(path))


def note(path: str | os.PathLike[str]) -> str:
    """Where `attempt` says why a picture was not drawn."""
    return f"{os.fspath(path)}.txt"


def image_grid(images: np.ndarray, columns: int, gap: int = 4) -> np.ndarray:
    """One picture of uint8 images [n, h, w, c], row by row, with white gaps of `gap` pixels.

    Images below 48 pixels are enlarged by a whole factor: tiny ones (below 16 pixels) smoothly,
    since the eye reads blocks that coarse as blocks, others pixel by pixel.
    """
    factor = -(-SMALLEST_TILE // max(images.shape[1:3]))
    if max(images.shape[1:3]) < TINY:
        images = np.stack([_enlarged(image, factor) for image in images])
    else:
        images = images.repeat(factor, 1).repeat(factor, 2)
    n, h, w, c = images.shape
    rows = -(-n // columns)
    canvas = np.full((rows * (h + gap) + gap, columns * (w + gap) + gap, c), 255, np.uint8)
    for i, image in enumerate(images):
        top, left = (i // columns) * (h + gap) + gap, (i % columns) * (w + gap) + gap
        canvas[top : top + h, left : left + w] = image
    return canvas


def _unlink(path: str | os.PathLike[str]) -> None:
    with storage(path), contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def _enlarged(image: np.ndarray, factor: int) -> np.ndarray:
    h, w, c = image.shape
    bands = [
        Image.fromarray(image[:, :, band]).resize(
            (w * factor, h * factor), Image.Resampling.BICUBIC
        )
        for band in range(c)
    ]
    return np.stack([np.asarray(band) for band in bands], axis=2)


def save_image(path: str, picture: np.ndarray) -> None:
    """Write a uint8 picture [h, w, 1 or 3] as PNG; a reader never sees half a file."""
    picture = picture[:, :, 0] if picture.shape[2] == 1 else picture
    with replacing(path) as file:
        Image.fromarray(picture).save(file, format="PNG", optimize=True)


def save_animation(path: str, pictures: list[np.ndarray], milliseconds: list[int]) -> None:
    """Write uint8 pictures [h, w, 1 or 3] as a GIF that repeats, each shown for so long; a reader
    never sees half a file."""
    frames = [Image.fromarray(p[:, :, 0] if p.shape[2] == 1 else p) for p in pictures]
    with replacing(path) as file:
        frames[0].save(
            file,
            format="GIF",
            save_all=True,
            append_images=frames[1:],
            duration=milliseconds,
            loop=0,
        )


def save_points(path: str, generated: np.ndarray, real: np.ndarray | None = None) -> None:
    """Scatter plot of generated points [n, 2], over real ones [m, 2] if there are any."""
    figure, axes = drawing.chart(4.8, 4.8)
    if real is not None:
        axes.scatter(*real.T, s=3, color=FAINT, label="real", linewidths=0)
    axes.scatter(*generated.T, s=3, color=TARGET, alpha=0.6, label="generated", linewidths=0)
    limit = 1.15 * float(np.abs(generated if real is None else real).max())
    axes.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
    axes.legend(loc="upper right", markerscale=3, fontsize="small")
    drawing.save(figure, path, DOTS)


def save_distance_curves(path: str, records: list[dict]) -> None:
    """The critic's W1 estimate beside exact W1, its floor and debiased value, along training.

    Below, what the critic certifies of exact W1, beside what the referee's own critic certifies.
    Draws what the records have.
    """
    evaluated = [r for r in records if any(name in r for name, *_ in DISTANCES)]
    judged = [r for r in records if all(name in r for name, *_ in SHARES)]
    figure, (axes, *lower) = drawing.stack(7.2, 5.0 if judged else 3.6, (5, 2) if judged else (1,))
    logged = [r for r in records if "w1_estimate_batch" in r]
    axes.plot(
        [r["step"] for r in logged],
        [r["w1_estimate_batch"] for r in logged],
        color=FAINT,
        linewidth=0.8,
        label="critic's estimate, training batches",
    )
    _lines(axes, evaluated, DISTANCES)
    scale = [1.6 * r[name] for r in evaluated for name in ("w1", "w1_floor") if name in r]
    top = max([1e-9, *scale])
    axes.set(ylabel="distance", ylim=(min(0, -0.05 * top), top))
    axes.legend(fontsize="small", ncols=2)
    for panel in lower:
        _lines(panel, judged, SHARES)
        top = max(1.5 * r[name] for r in judged for name, *_ in SHARES)
        panel.set(ylabel="share of exact W1", ylim=(min(0, -0.05 * top), max(0.1, top)))
        panel.legend(fontsize="small", ncols=2, loc="upper right")
    (lower or [axes])[-1].set(xlabel="generator step")
    drawing.save(figure, path, DOTS)


DISTANCES = (
    ("w1_estimate", "critic's estimate, held-out", dict(color=ACCENT, marker="o")),
    ("w1", "exact W1, held-out", dict(color=SOURCE, marker="o")),
    ("w1_floor", "floor: real against real", dict(color=SOURCE, linestyle="--")),
    ("w1_debiased", "debiased W1", dict(color=REMAINDER, marker="o")),
)
SHARES = (
    ("critic_share", "certified by the critic", dict(color=ACCENT, marker="o")),
    ("reference_share", "trained enough above this line", dict(color=LINE)),
)
"""Name, label and style of each line."""


def _lines(axes, records, lines) -> None:
    """Draws the lines that records have against their steps."""
    for name, label, style in lines:
        found = [(r["step"], r[name]) for r in records if name in r]
        if found:
            axes.plot(*zip(*found, strict=True), label=label, markersize=3, linewidth=1.4, **style)


def save_loss_curves(path: str, records: list[dict]) -> None:
    """Critic loss, generator loss and penalty along training."""
    figure, axes = drawing.chart(7.2, 3.0)
    steps = [r["step"] for r in records if "critic_loss" in r]
    for name, color in (
        ("critic_loss", SOURCE),
        ("generator_loss", ACCENT),
        ("penalty", REMAINDER),
    ):
        values = [r[name] for r in records if name in r]
        axes.plot(steps, values, color=color, label=name.replace("_", " "), linewidth=0.9)
    axes.set(xlabel="generator step", ylabel="loss")
    axes.legend(fontsize="small", ncols=3)
    drawing.save(figure, path, DOTS)


class Line(NamedTuple):
    """One run's values along its steps, both [n]; style is (colour, matplotlib's line style)."""

    steps: Sequence[int]
    values: Sequence[float]
    style: tuple[str, str]


FEW = 40
"""Values of a line up to which each has a dot."""


def save_lines(path: str, lines: Sequence[Line], real: Line | None = None) -> bool:
    """The lines of several runs over their steps, and what real examples get, dotted.

    Returns:
        Whether some values lie outside: single ones far beyond 98 % of all are cut off, so that the
        others can be told apart.
    """
    figure, axes = drawing.chart(4.1, 2.6)
    if real is not None:
        axes.plot(real.steps, real.values, color=real.style[0], linestyle=real.style[1])
    for line in lines:
        colour, style = line.style
        axes.plot(
            line.steps,
            line.values,
            color=colour,
            linestyle=style,
            linewidth=1.2,
            marker="o" if len(line.steps) <= FEW else "",
            markersize=2.5,
        )
    shown = np.concatenate([np.asarray(line.values, float) for line in lines])
    low, high = np.quantile(shown, (0.01, 0.99))
    margin = 0.25 * (high - low)
    cut = shown.min() < low - 4 * margin or shown.max() > high + 4 * margin
    if cut:
        axes.set_ylim(low - margin, high + margin)
    axes.set_xlabel("generator step", fontsize=8)
    axes.tick_params(labelsize=8)
    drawing.save(figure, path)
    return bool(cut)


def save_flow(path: str, flow: np.ndarray, names: list[str]) -> None:
    """Heat map of the mass [c, c] that goes from each generated class to each real one, per cent.

    The diagonal, where mass stays in its class, has a colour of its own, so that the rest is seen.
    """
    count = len(flow)
    numbered = count <= 12
    figure, axes = drawing.chart(1.6 + 0.55 * min(count, 12), 1.2 + 0.5 * min(count, 12))
    percent = 100 * np.asarray(flow)
    stays = np.eye(count, dtype=bool)
    for shown, colours in ((~stays, "Oranges"), (stays, "Blues")):
        picture = np.ma.masked_array(percent, ~shown)
        axes.imshow(picture, cmap=colours, vmin=0, vmax=max(percent[shown].max(initial=0), 1e-9))
    if numbered:
        for (row, column), value in np.ndenumerate(percent):
            if value >= 0.05:
                dark = value > 0.6 * percent[stays if row == column else ~stays].max()
                colour = "white" if dark else "black"
                axes.text(
                    column, row, f"{value:.1f}", ha="center", va="center", color=colour, fontsize=8
                )
    ticks = range(count) if numbered else []
    labels = [text.label(names[k]) for k in ticks]
    axes.set_xticks(ticks, labels, rotation=45, ha="right", fontsize=8)
    axes.set_yticks(ticks, labels, fontsize=8)
    axes.set(xlabel="real", ylabel="generated")
    axes.grid(False)
    axes.spines[:].set_visible(False)
    drawing.save(figure, path, DOTS)
