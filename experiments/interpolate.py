"""What lies between two classes, and between two latents? Strips, animations and sorted grids.

    python -m experiments.interpolate --workdir runs/digits_conditional --output runs/paths

takes about ten seconds on two CPU cores. From a checkpoint of a run on images, which is only read:

- classes.png: from each class to the next at a fixed latent, one pair to a row (as cats turn into
  dogs), the weights of the two class embeddings moving in a straight line; classes.gif: the whole
  tour, several latents side by side;
- latents.png, latents.gif: from one latent to another on the sphere, at a fixed class to each row;
- grid.png: one class to a row, one latent to a column;
- truncation.png: the same latents under bounds on their coordinates, one bound to a row, from 0,
  where all that is left of a class is its mean latent, to none; two latents of each class.

An unconditional run has latents.png, latents.gif and truncation.png.
"""

from __future__ import annotations

import os

import numpy as np

import gan
from experiments import cli
from gan import outputs
from gan.errors import UserError
from gan.inputs import SEEDS
from gan.signals import watched

KINDS = {
    "classes": "paths between classes at fixed latents",
    "latents": "paths between latents at a fixed class",
    "grid": "a class-sorted grid",
    "truncation": "the same latents under tighter and tighter bounds",
}
NEED_CLASSES = ("classes", "grid")
BOUNDS = (0.0, 0.25, 0.5, 1.0, 2.0, None)
ANIMATED = 12
MILLISECONDS = 80


def run(
    workdir: str,
    output: str,
    *,
    step: int | str | None = None,
    kinds: list[str] | None = None,
    classes: list[str] | None = None,
    rows: int = 6,
    length: int = 8,
    seed: int = 0,
    truncation: float | None = None,
) -> list[str]:
    """Draw the pictures of a run into the folder `output`; returns their paths.

    Args:
        workdir: run directory, perhaps of a run that is going on.
        output: folder, created when missing.
        step: number of a kept checkpoint, "best", or None for the newest.
        kinds: some of KINDS; None for all that the run allows.
        classes: names of classes, in the order of the tour; None for all of them.
        rows: latents shown at once.
        length: images from one end of a path to the other, both included.
        seed: of the latents.
        truncation: bound on the coordinates of the latents, see sampler.truncated; None for none.

    Raises:
        UserError: for kinds that need classes when the run has none, unknown names, sizes too small
            to draw, or a run on points.
        StorageError: if a picture cannot be written.
    """
    sampler = gan.runner.Sampler(workdir, step)
    if len(sampler.shape) != 3:
        raise UserError(f"interpolate draws images; {workdir} learns points of the plane")
    if rows < 1 or length < 2:
        raise UserError(f"rows must be at least 1 and length at least 2, got {rows} and {length}")
    if truncation is not None and not truncation >= 0:
        raise UserError(f"truncation must be a number >= 0, got {truncation}")
    if not sampler.class_names:
        asked = [kind for kind in kinds or () if kind in NEED_CLASSES]
        if asked or classes is not None:
            raise UserError(
                f"{' and '.join(asked) or '--classes'}: this run is unconditional; it has paths "
                "between latents only (--kinds latents truncation)"
            )
    chosen = [sampler.label(name) for name in classes or sampler.class_names]
    if kinds is None:
        kinds = [kind for kind in KINDS if sampler.class_names or kind not in NEED_CLASSES]
    if "classes" in kinds and len(chosen) < 2:
        raise UserError(f"a path between classes needs two of them, got {', '.join(classes)}")
    outputs.folder(output, "--output")
    latents = sampler.latents(seed, 2 * rows, truncation)
    drawn = []
    for kind in kinds:
        drawn += _DRAWN[kind](sampler, os.path.join(output, kind), latents, chosen, length)
    return drawn


def between_classes(sampler: gan.runner.Sampler, latents: np.ndarray, tour: list[int], length: int):
    """Images [r, (len(tour) - 1) (length - 1) + 1, *shape]: every latent [r, d] along the tour."""
    weights = class_path(tour, len(sampler.class_names), length)
    frames = len(weights)
    images = sampler(latents.repeat(frames, axis=0), np.tile(weights, (len(latents), 1)))
    return images.reshape(len(latents), frames, *sampler.shape)


def class_path(tour: list[int], classes: int, length: int) -> np.ndarray:
    """Class weights [(len(tour) - 1) (length - 1) + 1, classes] along straight lines, float32."""
    ends = np.eye(classes, dtype=np.float32)[tour]
    t = np.linspace(0, 1, length, dtype=np.float32)[:-1, None]
    legs = [(1 - t) * a + t * b for a, b in zip(ends[:-1], ends[1:], strict=True)]
    return np.concatenate([*legs, ends[-1:]])


def between_latents(
    sampler: gan.runner.Sampler, latents: np.ndarray, chosen: list[int], length: int
) -> np.ndarray:
    """Images [r, length, *shape] from latents [:r] to latents [r:] of [2 r, d]; row i has the i-th
    of the chosen classes, in turn."""
    rows = len(latents) // 2
    paths = gan.runner.sampling.slerp(latents[:rows], latents[rows:], length)
    labels = None
    if chosen:
        labels = np.resize(np.array(chosen, np.int32), rows).repeat(length)
    images = sampler(paths.reshape(rows * length, -1), labels)
    return images.reshape(rows, length, *sampler.shape)


def _classes(sampler, path, latents, chosen, length) -> list[str]:
    ring = [*chosen, chosen[0]]
    legs = [
        between_classes(sampler, latents[:1], ring[i : i + 2], length)[0] for i in _range(chosen)
    ]
    _save_grid(f"{path}.png", np.concatenate(legs), length)
    smooth = between_classes(sampler, latents[: len(latents) // 2], ring, ANIMATED + 1)
    _save_frames(f"{path}.gif", smooth[:, :-1])
    return [f"{path}.png", f"{path}.gif"]


def _latents(sampler, path, latents, chosen, length) -> list[str]:
    strip = between_latents(sampler, latents, chosen, length)
    _save_grid(f"{path}.png", strip.reshape(-1, *sampler.shape), length)
    smooth = between_latents(sampler, latents, chosen, ANIMATED + 1)
    _save_frames(f"{path}.gif", np.concatenate([smooth, smooth[:, -2:0:-1]], axis=1))
    return [f"{path}.png", f"{path}.gif"]


def _sorted_grid(sampler, path, latents, chosen, length) -> list[str]:
    del length
    labels = np.array(chosen, np.int32).repeat(len(latents))
    _save_grid(f"{path}.png", sampler(np.tile(latents, (len(chosen), 1)), labels), len(latents))
    return [f"{path}.png"]


def _truncation(sampler, path, latents, chosen, length) -> list[str]:
    del length
    columns = 2 * len(chosen) or len(latents)
    labels = np.array(chosen, np.int32).repeat(2) if chosen else None
    images = [sampler(sampler.latents(0, columns, bound), labels) for bound in BOUNDS]
    _save_grid(f"{path}.png", np.concatenate(images), columns)
    return [f"{path}.png"]


_DRAWN = {
    "classes": _classes,
    "latents": _latents,
    "grid": _sorted_grid,
    "truncation": _truncation,
}


def _range(chosen: list[int]) -> range:
    """Legs of a round tour of the chosen classes; there is only one between two."""
    return range(len(chosen) if len(chosen) > 2 else 1)


def _save_grid(path: str, images: np.ndarray, columns: int) -> None:
    figures = gan.reports.figures
    figures.save_image(path, figures.image_grid(gan.arrays.levels(images), columns))


def _save_frames(path: str, images: np.ndarray) -> None:
    """Animation of images [r, frames, *shape], side by side, resting at the ends of paths."""
    figures, levels = gan.reports.figures, gan.arrays.levels
    frames = [figures.image_grid(levels(now), len(now)) for now in images.swapaxes(0, 1)]
    rests = [MILLISECONDS * (6 if i % ANIMATED == 0 else 1) for i in range(len(frames))]
    figures.save_animation(path, frames, rests)


def define(flags) -> None:
    """The flags of this experiment."""
    flags.workdir()
    flags.step()
    flags.group("pictures")
    flags.path("output", cli.REQUIRED, "where pictures go", "FOLDER")
    flags.choices("kinds", None, "which pictures (default: all that the run allows)", KINDS)
    flags.texts("classes", None, "classes on the tour, in order (default: all)", "CLASS")
    flags.integer("rows", 6, "latents shown at once", 1, 1000)
    flags.integer("length", 8, "images along a path", 2, 1000)
    flags.integer("seed", 0, "seed of the latents", 0, SEEDS)
    what = "bound on the coordinates of the latents; smaller is less varied and more typical"
    flags.real("truncation", None, what, 0, 1000)


def main(values) -> None:
    """Draw, and say what was drawn."""
    drawn = watched(
        lambda: run(
            values.workdir,
            values.output,
            step=values.step,
            kinds=values.kinds,
            classes=values.classes,
            rows=values.rows,
            length=values.length,
            seed=values.seed,
            truncation=values.truncation,
        )
    )
    for path in drawn:
        print(path)


if __name__ == "__main__":
    cli.run(define, main, __doc__)
