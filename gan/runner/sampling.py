"""The averaged generator of a run's checkpoint, ready to be sampled, and files of examples.

Needs the run directory only, not the data set, and reads only.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from gan import files, networks, runs
from gan.arrays import levels
from gan.errors import UserError
from gan.inputs import unknown
from gan.precise import in_full
from gan.reports import figures
from gan.transport import memory

BATCH = 1024


def load(workdir: str, step: int | str | None = None) -> Sampler:
    """The averaged generator of a run, ready to make examples.

    Args:
        workdir: run directory.
        step: number of a kept checkpoint, "best", or None for the newest.

    Returns:
        A Sampler: `load(workdir).sample(16)` gives examples [16, *shape].

    Raises:
        UserError: the directory holds no run, or the step is not kept.
        CheckpointError: the checkpoint is damaged.
    """
    return Sampler(workdir, step)


class Sampler:
    """A generator with the weights of one checkpoint.

    Attributes:
        step: of the checkpoint.
        config: of the run.
        shape: of one example.
        class_names: one name per label; () when the generator takes no labels.
        generator: the network, see gan.networks.generator.
        params: its averaged parameters, a tree of float32 arrays.

    Args:
        workdir: run directory, perhaps of a run that is going on.
        step: number of a kept checkpoint, "best", or None for the newest.

    Raises:
        UserError: if the directory holds no run, or the step is not kept.
        CheckpointError: if the checkpoint is damaged.
    """

    def __init__(self, workdir: str, step: int | str | None = None):
        run = runs.read(workdir)
        described = run.data()
        self.config = run.config
        self.shape = tuple(described["shape"])
        names = described["class_names"]
        self.class_names = tuple(names) if run.config.conditional else ()
        self.step, state = run.read_step(step)
        self.params = state["average"]
        self.generator, _ = networks.players(run.config, self.shape, names)
        what = f"{run.path}, step {self.step}: generator"
        runs.require_fit(self.params, self.generator.init, what)
        self._apply = jax.jit(in_full(self.generator.apply))

    def __call__(self, latents, labels=None) -> np.ndarray:
        """Examples [m, *shape] at latents [m, d].

        `labels`, for a conditional generator only, are int32 [m], or float32 [m, classes]: weights
        that sum to 1, for points between classes.
        """
        return np.concatenate(list(self.batches(latents, labels)))

    def batches(self, latents, labels=None) -> Iterator[np.ndarray]:
        """The examples of a call in order, BATCH of them or fewer at a time."""
        given = (latents,) if labels is None else (latents, labels)
        for i in range(0, len(latents), BATCH):
            yield np.asarray(self._apply(self.params, *(array[i : i + BATCH] for array in given)))

    def sample(self, count: int, *, seed: int = 0, label: str | None = None) -> np.ndarray:
        """Examples [count, *shape]; images lie in [-1, 1].

        Args:
            count: how many.
            seed: of the latents.
            label: class of all of them, for a conditional run; None for those of `labels`.

        Raises:
            UserError: for a count below 1 or too large for the memory, or an unknown class.
        """
        self._require(count)
        return self._generate(self.latents(seed, count), self.labels(count, label))

    def paths(
        self, count: int, length: int, *, seed: int = 0, label: str | None = None
    ) -> np.ndarray:
        """Examples [count, length, *shape] along paths on the sphere between two latents each.

        Arguments and errors as of `sample`; a path has at least two points.
        """
        if length < 2:
            raise UserError(f"a path must have at least 2 points, got {length}")
        self._require(count * length)
        start, end = self.latents(seed, 2 * count).reshape(2, count, -1)
        labels = self.labels(count, label)
        if labels is not None:
            labels = labels.repeat(length)
        examples = self._generate(np.concatenate(slerp(start, end, length)), labels)
        return examples.reshape(count, length, *self.shape)

    def stream(
        self, count: int, *, seed: int = 0, label: str | None = None
    ) -> tuple[Iterator[np.ndarray], np.ndarray | None]:
        """Any number of examples for programs that score them: (batches, labels).

        The latents are those of `sample`, and all of them are held; of the examples no more than
        BATCH are. Without `label` the classes take turns, example i being of class i mod classes:
        some Inception scores are means over stretches of a set, which must be balanced then.

        Arguments and errors as of `sample`.
        """
        if count < 1:
            raise UserError(f"count must be at least 1, got {count}")
        needed = 12 * count * (self.config.latent_dim + 1)
        memory.require(needed, f"a set of {count:,} latents")
        labels = self.labels(count, label)
        if labels is not None and label is None:
            labels = np.arange(count, dtype=np.int32) % len(self.class_names)
        return self.batches(self.latents(seed, count), labels), labels

    def labels(self, count: int, label: str | None = None) -> np.ndarray | None:
        """Labels int32 [count]: all of one class, or without `label` all classes in order, as
        evenly as `count` allows; None when the generator takes none.

        Raises:
            UserError: for an unknown class, or one where there are none.
        """
        if label is not None:
            return np.full(count, self.label(label), np.int32)
        return self.even_labels(count)

    def _require(self, count: int) -> None:
        if count < 1:
            raise UserError(f"count must be at least 1, got {count}")
        values = self.config.latent_dim + math.prod(self.shape)
        memory.require(8 * values * count, f"a set of {count:,} examples")

    def _generate(self, latents: np.ndarray, labels: np.ndarray | None) -> np.ndarray:
        return self(latents) if labels is None else self(latents, labels)

    def latents(self, seed: int, count: int, truncation: float | None = None) -> np.ndarray:
        """Latents [count, d]; see `truncated`."""
        return truncated(jax.random.key(seed), (count, self.config.latent_dim), truncation)

    def even_labels(self, count: int) -> np.ndarray | None:
        """All classes in order, as evenly as `count` allows; None when there are none."""
        if not self.class_names:
            return None
        return (np.arange(count) * len(self.class_names) // count).astype(np.int32)

    def label(self, name: str) -> int:
        """Label of the class `name`.

        Raises:
            UserError: for an unknown class, or a generator that takes no labels.
        """
        if not self.class_names:
            raise UserError(f"class {name!r}: this run is unconditional, its generator has none")
        if name not in self.class_names:
            raise UserError(unknown("class", name, self.class_names))
        return self.class_names.index(name)


def truncated(key: jax.Array, shape: tuple[int, int], truncation: float | None) -> np.ndarray:
    """Standard normal latents whose coordinates lie in [-truncation, truncation], float32.

    Smaller bounds trade variety for typical examples (Brock et al. 2019). One key gives latents
    that move continuously with the bound, to exactly 0, the mean latent, at 0; None is no bound.
    """
    if truncation is None:
        return np.asarray(jax.random.normal(key, shape))
    if truncation == 0:
        return np.zeros(shape, np.float32)
    return np.asarray(jax.random.truncated_normal(key, -truncation, truncation, shape))


def slerp(start, end, length: int) -> np.ndarray:
    """Great-circle paths between latents [p, d], with norms interpolated: [p, length, d].

    Straight lines between normal latents pass through norms that the generator never saw
    (Shoemake 1985; White 2016).
    """
    start, end = np.asarray(start, np.float64), np.asarray(end, np.float64)
    norms = [np.linalg.norm(x, axis=-1, keepdims=True) for x in (start, end)]
    u, v = start / norms[0], end / norms[1]
    angle = np.arccos(np.clip(np.sum(u * v, -1, keepdims=True), -1, 1))[:, None]
    t = np.linspace(0, 1, length)[None, :, None]
    sine = np.maximum(np.sin(angle), 1e-12)
    direction = (np.sin((1 - t) * angle) * u[:, None] + np.sin(t * angle) * v[:, None]) / sine
    norm = (1 - t) * norms[0][:, None] + t * norms[1][:, None]
    return (direction * norm).astype(np.float32)


def write_examples(
    examples: np.ndarray, labels: np.ndarray | None, output: str, columns: int
) -> None:
    """Write examples, with their labels if any, as .npz or as a .png picture.

    Args:
        examples: images [n, h, w, c] in [-1, 1], or points [n, 2].
        labels: int [n]; None without classes. A picture does not show them.
        output: path of the file; its ending says which kind.
        columns: images in a row of a picture.

    Raises:
        UserError: for another ending.
        StorageError: if the file cannot be written.
    """
    ending = os.path.splitext(output)[1].lower()
    if ending == ".npz":
        arrays: dict[str, Any] = {"images" if examples.ndim == 4 else "points": examples}
        if labels is not None:
            arrays["labels"] = labels
        with files.replacing(output) as file:
            np.savez(file, **arrays)
    elif examples.ndim == 4:
        figures.save_image(output, figures.image_grid(levels(examples), columns))
    else:
        figures.save_points(output, examples)
