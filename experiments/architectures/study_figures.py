"""Pictures of the study: what critics believe against exact W1, and what members generate."""

from collections.abc import Sequence

import numpy as np

from gan.benchmarks.architecture_tables import NAMES, score
from gan.reports import drawing

COLOURS = {"gan": "C3", "gp": "C0", "one_sided": "C2"}


def scatter(path: str, rows: Sequence[dict]) -> None:
    """Per objective: the critic's estimate, and what of it is certified, against exact W1."""
    finished = [row for row in rows if row["state"] == "finished"]
    names = [name for name in NAMES if any(row["objective"] == name for row in finished)]
    figure, every = drawing.panels(max(1, len(names)), 3, 3.4, 3.2)
    for axes, name in zip(every, names, strict=False):
        own = [row for row in finished if row["objective"] == name]
        exact = np.array([row["w1_probe"] for row in own])
        believed = np.array([row["w1_estimate"] for row in own])
        certified = exact * np.array([row["critic_share"] for row in own])
        axes.scatter(exact, believed, s=14, color=COLOURS[name], label="critic's estimate")
        axes.scatter(exact, certified, s=9, color="0.5", marker="s", label="certified part")
        reach = np.array([exact.min() * 0.9, exact.max() * 1.1])
        axes.plot(reach, reach, color="k", linewidth=0.8, label="exact W1")
        axes.axvline(own[0]["w1_floor"], color="C0", linestyle="--", linewidth=0.8, label="floor")
        axes.set_yscale("symlog", linthresh=1)
        axes.set(xlabel="exact W1, generated to test", title=NAMES[name])
        axes.grid(alpha=0.25, linewidth=0.6)
    if names:
        every[0].set(ylabel="mean f(real) - mean f(fake)")
        every[0].legend(fontsize=6)
    drawing.save(figure, path)


def members(path: str, rows: Sequence[dict], images: dict) -> None:
    """Generated examples of the best, the median and the worst members of each objective."""
    names = [name for name in NAMES if any(row["objective"] == name for row in rows)]
    figure, every = drawing.panels(5 * len(names), 5, 1.9, 2.1)
    for line, name in enumerate(names):
        own = sorted((row for row in rows if row["objective"] == name), key=score, reverse=True)
        places = [0, len(own) // 4, len(own) // 2, 3 * len(own) // 4, len(own) - 1]
        for column, place in enumerate(places):
            axes, row = every[5 * line + column], own[place]
            shown = images[row["architecture"], name]
            axes.set_axis_off()
            axes.set_title(f"{NAMES[name]}\nnumber {place + 1}: {score(row):.2f}", fontsize=7)
            if len(shown):
                axes.imshow(_tiles(shown), cmap="gray", vmin=0, vmax=255)
            else:
                axes.text(0.5, 0.5, "diverged", ha="center", transform=axes.transAxes)
    drawing.save(figure, path)


def _tiles(images: np.ndarray) -> np.ndarray:
    """Up to 16 images [n, h, w, c] as one, four to a row."""
    n, h, w, c = images.shape
    canvas = np.full((4 * (h + 1) + 1, 4 * (w + 1) + 1, c), 128, np.uint8)
    for i, image in enumerate(images):
        top, left = (i // 4) * (h + 1) + 1, (i % 4) * (w + 1) + 1
        canvas[top : top + h, left : left + w] = image
    return canvas[:, :, 0] if c == 1 else canvas
