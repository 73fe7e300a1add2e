"""Sample a trained generator: a grid, an array, or a strip between latents.

    python -m experiments.sample --workdir runs/digits --count 64 --output samples.png
    python -m experiments.sample --workdir runs/digits --count 1000 --output samples.npz
    python -m experiments.sample --workdir runs/digits --interpolate 8 --output strip.png

A .npz file holds `images` [count, h, w, c] float32 in [-1, 1] (`points` [count, 2] in the plane).
Needs the run directory only, not the data set.
"""

import os

import jax
import numpy as np

from experiments import cli
from gan import networks, runs
from gan.errors import StorageError, UserError
from gan.runs import figures

BATCH = 1024


def sample(
    workdir: str,
    count: int,
    *,
    step: int | str | None = None,
    seed: int = 0,
    interpolate: int = 0,
) -> np.ndarray:
    """Examples [count, *shape] from the averaged generator of a run.

    Args:
        workdir: run directory.
        count: how many.
        step: number of a kept checkpoint, "best", or None for the newest.
        seed: of the latents.
        interpolate: 0, or the length of paths on the sphere between two latents each; examples
            then come path by path, `count` of them rounded up to whole paths.

    Raises:
        UserError: for a count below 1 or a path of one point; see runs.read for the others.
    """
    if count < 1:
        raise UserError(f"count must be at least 1, got {count}")
    if interpolate < 0 or interpolate == 1:
        raise UserError(f"interpolate must be 0 or at least 2, got {interpolate}")
    run = runs.read(workdir)
    shape = tuple(run.data()["shape"])
    generator = networks.generator(run.config.generator, run.config.latent_dim, shape)
    _, state = run.read_step(step)
    key = jax.random.key(seed)
    if interpolate:
        paths = -(-count // interpolate)
        ends = jax.random.normal(key, (2, paths, run.config.latent_dim))
        latents = np.concatenate(np.asarray(slerp(*ends, interpolate)))
    else:
        latents = np.asarray(jax.random.normal(key, (count, run.config.latent_dim)))
    apply = jax.jit(generator.apply)
    parts = [apply(state["average"], latents[i : i + BATCH]) for i in range(0, len(latents), BATCH)]
    return np.concatenate([np.asarray(part) for part in parts])


def slerp(start, end, length: int):
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


def write(examples: np.ndarray, output: str, columns: int) -> None:
    """Write examples as .npz or as a .png picture.

    Raises:
        UserError: for another ending.
        StorageError: if the file cannot be written.
    """
    ending = os.path.splitext(output)[1].lower()
    try:
        if ending == ".npz":
            np.savez(output, **{"images" if examples.ndim == 4 else "points": examples})
        elif examples.ndim == 4:
            levels = np.rint((np.clip(examples, -1, 1) + 1) * 127.5).astype(np.uint8)
            figures.save_image(output, figures.image_grid(levels, columns))
        else:
            figures.save_points(output, examples)
    except OSError as error:
        raise StorageError(f"cannot write {output}: {error.strerror}") from error


def define(parser, argv) -> None:
    """The flags of this experiment."""
    del argv
    cli.add_workdir(parser)
    cli.add_step(parser)
    group = parser.add_argument_group("sampling")
    group.add_argument("--output", required=True, metavar="FILE", help="a .png or .npz file")
    group.add_argument("--count", type=int, default=64, help="how many examples")
    group.add_argument("--seed", type=int, default=0, help="seed of the latents")
    group.add_argument(
        "--interpolate",
        type=int,
        default=0,
        metavar="LENGTH",
        help="make strips of LENGTH examples between pairs of latents, one strip per row",
    )


def main(arguments) -> None:
    """Sample and write."""
    if os.path.splitext(arguments.output)[1].lower() not in (".png", ".npz"):
        raise UserError(f"--output must end in .png or .npz, got {arguments.output}")
    examples = sample(
        arguments.workdir,
        arguments.count,
        step=arguments.step,
        seed=arguments.seed,
        interpolate=arguments.interpolate,
    )
    columns = arguments.interpolate or max(1, round(len(examples) ** 0.5))
    write(examples, arguments.output, columns)
    print(f"{len(examples)} examples of shape {examples.shape[1:]} in {arguments.output}")


if __name__ == "__main__":
    cli.run(define, main, __doc__)
