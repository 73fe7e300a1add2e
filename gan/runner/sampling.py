"""Examples from the averaged generator of a run, and the files they are kept in."""

import math
import os

import numpy as np

from gan import files
from gan.errors import UserError
from gan.reports import figures
from gan.runner.sampler import Sampler, pixels, slerp
from gan.transport import memory


def sample(
    workdir: str,
    count: int,
    *,
    step: int | str | None = None,
    seed: int = 0,
    interpolate: int = 0,
    label: str | None = None,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Examples [count, *shape] from the averaged generator of a run, and their labels [count].

    Args:
        workdir: run directory.
        count: how many.
        step: number of a kept checkpoint, "best", or None for the newest.
        seed: of the latents.
        interpolate: 0, or the length of paths on the sphere between two latents each; examples
            then come path by path, `count` of them rounded up to whole paths.
        label: class of all of them, for a conditional run; None for all classes in order, evenly.

    Returns:
        Examples, and labels int32 [count]; None for an unconditional run.

    Raises:
        UserError: for a count below 1, a path of one point or an unknown class; see Sampler for the
            others.
    """
    if count < 1:
        raise UserError(f"count must be at least 1, got {count}")
    if interpolate < 0 or interpolate == 1:
        raise UserError(f"interpolate must be 0 or at least 2, got {interpolate}")
    sampler = Sampler(workdir, step)
    values = sampler.config.latent_dim + math.prod(sampler.shape)
    memory.require(8 * values * count, f"a set of {count:,} examples")
    length = interpolate or 1
    groups = -(-count // length)
    if interpolate:
        ends = sampler.latents(seed, 2 * groups).reshape(2, groups, -1)
        latents = np.concatenate(slerp(*ends, length))
    else:
        latents = sampler.latents(seed, groups)
    labels = sampler.even_labels(groups)
    if label is not None:
        labels = np.full(groups, sampler.label(label), np.int32)
    if labels is not None:
        labels = labels.repeat(length)
    return sampler(latents, labels), labels


def write_examples(
    examples: np.ndarray, labels: np.ndarray | None, output: str, columns: int
) -> None:
    """Write examples, with their labels if any, as .npz or as a .png picture.

    Raises:
        UserError: for another ending.
        StorageError: if the file cannot be written.
    """
    ending = os.path.splitext(output)[1].lower()
    if ending == ".npz":
        arrays = {"images" if examples.ndim == 4 else "points": examples}
        with files.replacing(output) as file:
            np.savez(file, **arrays, **({} if labels is None else {"labels": labels}))
    elif examples.ndim == 4:
        figures.save_image(output, figures.image_grid(pixels(examples), columns))
    else:
        figures.save_points(output, examples)
