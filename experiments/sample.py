"""Sample a trained generator: a grid, an array, or a strip between latents.

    python -m experiments.sample --workdir runs/digits --count 64 --output samples.png
    python -m experiments.sample --workdir runs/digits --count 1000 --output samples.npz
    python -m experiments.sample --workdir runs/digits --interpolate 8 --output strip.png
    python -m experiments.sample --workdir runs/digits_conditional --label 7 --output sevens.png

A .npz file holds `images` [count, h, w, c] float32 in [-1, 1] (`points` [count, 2] in the plane),
and the `labels` of a conditional run, all classes in order unless --label names one.
Needs the run directory only, not the data set.
"""

import math
import os

import numpy as np

from experiments import cli, outputs
from experiments.sampler import Sampler, pixels, slerp
from gan import files
from gan.errors import UserError
from gan.inputs import SEEDS
from gan.runs import figures
from gan.transport import memory

MOST = 10**6
"""Examples of one call."""


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


def write(examples: np.ndarray, labels: np.ndarray | None, output: str, columns: int) -> None:
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


def define(parser, argv) -> None:
    """The flags of this experiment."""
    del argv
    cli.add_workdir(parser)
    cli.add_step(parser)
    group = parser.add_argument_group("sampling")
    group.add_argument(
        "--output", required=True, type=cli.path, metavar="FILE", help="a .png or .npz file"
    )
    group.add_argument("--count", type=cli.integer(1, MOST), default=64, help="how many examples")
    group.add_argument("--seed", type=cli.integer(0, SEEDS), default=0, help="seed of the latents")
    group.add_argument(
        "--label", metavar="CLASS", help="class of all examples, for a conditional run"
    )
    group.add_argument(
        "--interpolate",
        type=cli.integer(0, MOST),
        default=0,
        metavar="LENGTH",
        help="make strips of LENGTH examples between pairs of latents, one strip per row",
    )


def main(arguments) -> None:
    """Sample and write."""
    outputs.file(arguments.output, (".png", ".npz"))
    examples, labels = cli.watched(
        lambda: sample(
            arguments.workdir,
            arguments.count,
            step=arguments.step,
            seed=arguments.seed,
            interpolate=arguments.interpolate,
            label=arguments.label,
        )
    )
    columns = arguments.interpolate or max(1, round(len(examples) ** 0.5))
    write(examples, labels, arguments.output, columns)
    print(f"{len(examples)} examples of shape {examples.shape[1:]} in {arguments.output}")


if __name__ == "__main__":
    cli.run(define, main, __doc__)
