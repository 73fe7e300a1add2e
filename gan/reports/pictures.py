"""The pictures of a run: samples along training, and those of one evaluation."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import jax
import numpy as np

from gan import files
from gan.config import Config
from gan.precise import in_full
from gan.reports import figures
from gan.scores.evidence import Flows

IMAGES = 64
CLASS_ROWS, CLASS_COLUMNS = 16, 10
POINTS = 2000
NEIGHBOUR_ROWS = 8
NEIGHBOURS = 5
MISSED = 16


@functools.lru_cache(maxsize=8)
def _jitted(apply):
    return jax.jit(in_full(apply))


def fixed_latents(count: int, latent_dim: int) -> jax.Array:
    """The same latents at every step of every run, so that pictures are comparable in time."""
    return jax.random.normal(jax.random.key(0), (count, latent_dim))


def by_class(labels: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Indices of the first examples of each of the first classes present, int64 [r, c].

    One row per class, r <= rows; c <= columns is what the rarest of these classes has.
    """
    groups = [np.flatnonzero(labels == label) for label in np.unique(labels)[:rows]]
    columns = min(columns, *map(len, groups))
    return np.stack([group[:columns] for group in groups])


def save_examples(
    path: str | Path, dataset, examples: np.ndarray, reference: np.ndarray, columns: int = 0
) -> None:
    """Examples as a grid of images, square unless `columns` says otherwise, or as points over
    reference points."""
    if len(dataset.shape) == 3:
        side = columns or round(len(examples) ** 0.5)

        def draw():
            figures.save_image(path, figures.image_grid(dataset.to_uint8(examples), side))
    else:

        def draw():
            figures.save_points(path, examples, reference)

    figures.attempt(path, draw)


def save_samples(path: str | Path, config: Config, dataset, generator, average, step: int) -> str:
    """Picture of the averaged generator at fixed latents: samples/step_XXXXXXXX.png.

    Images of a conditional generator are sorted: one class to a row, one latent to a column.
    """
    folder = files.subfolder(path, "samples")
    planar = len(dataset.shape) == 1
    latents, given, columns = fixed_latents(POINTS if planar else IMAGES, config.latent_dim), (), 0
    if config.conditional:
        classes = dataset.num_classes if planar else min(dataset.num_classes, CLASS_ROWS)
        columns = POINTS // classes if planar else CLASS_COLUMNS
        latents = np.tile(fixed_latents(columns, config.latent_dim), (classes, 1))
        given = (np.arange(classes, dtype=np.int32).repeat(columns),)
    examples = np.asarray(_jitted(generator.apply)(jax.device_get(average), latents, *given))
    reference = dataset.examples("validation", np.arange(POINTS))[0] if planar else examples
    name = os.path.join(folder, f"step_{step:08d}.png")
    save_examples(name, dataset, examples, reference, columns)
    return name


def save_evaluation(path: str | Path, look) -> None:
    """Pictures of one evaluation: generated, held-out real, and nearest training examples.

    Args:
        path: of the run directory.
        look: what gan.referee.probe.Probe.look returns.
    """
    folder = files.subfolder(path, "figures")
    players, real, generated = look.probe.players, look.probe.real, look.fakes[0]
    dataset, planar = players.dataset, len(players.dataset.shape) == 1
    shown = len(generated) if planar else IMAGES
    asked = players.labels[0] if players.labels else None
    for name, examples, labels in (
        ("generated", generated, asked),
        ("real", real, players.real_labels),
    ):
        picture = os.path.join(folder, f"{name}.png")
        if planar or labels is None:
            save_examples(picture, dataset, examples[:shown], real)
        else:
            chosen = by_class(labels, CLASS_ROWS, CLASS_COLUMNS)
            save_examples(picture, dataset, examples[chosen.ravel()], real, chosen.shape[1])
    if not planar:
        rows = look.neighbours(2 * NEIGHBOUR_ROWS, NEIGHBOURS)
        picture = os.path.join(folder, "neighbours.png")
        save_examples(picture, dataset, rows.reshape(-1, *dataset.shape), rows, 2 * rows.shape[1])


def save_proportions(path: str | Path, dataset, found: Flows | None) -> None:
    """The matrix of flows between classes, and the real examples that are missed."""
    flow, missed = (os.path.join(path, "figures", name) for name in ("flow.png", "missed.png"))
    stale = {flow, missed}
    if found is not None:
        figures.attempt(
            flow, lambda: figures.save_flow(flow, found.generated.flow, found.class_names)
        )
        stale.remove(flow)
        if len(found.missed) and len(dataset.shape) == 3:
            save_examples(missed, dataset, found.missed[:MISSED], found.missed, MISSED)
            stale.remove(missed)
    for picture in stale:
        figures.remove(picture)
