"""Sample a trained generator: a grid, an array, a strip between latents, or a folder to be scored.

    python -m experiments.sample --workdir runs/digits --count 64 --output samples.png
    python -m experiments.sample --workdir runs/digits --count 1000 --output samples.npz
    python -m experiments.sample --workdir runs/digits --interpolate 8 --output strip.png
    python -m experiments.sample --workdir runs/digits_conditional --label 7 --output sevens.png
    python -m experiments.sample --workdir runs/digits --count 50000 --output samples
    python -m experiments.sample --workdir runs/digits --count 50000 --output fid.npz --uint8

A .npz file holds `images` [count, h, w, c] float32 in [-1, 1] (`points` [count, 2] in the plane),
and the `labels` of a conditional run, all classes in order unless --label names one.
An output without ending is a new folder of pictures 00000.png, 00001.png, ..., as pytorch-fid,
clean-fid and torch-fidelity read it. With --uint8 a .npz file holds `arr_0` uint8 [count, h, w, 3]
and the labels `arr_1`, as diffusion codes write them; grey images are repeated in three channels.
In both, the classes of a conditional run take turns.
Needs the run directory only, not the data set.
"""

import os

import numpy as np

import gan
from experiments import cli
from gan import outputs
from gan.errors import UserError
from gan.inputs import SEEDS
from gan.signals import watched

MOST = 10**6
"""Examples of one call."""


def define(flags) -> None:
    """The flags of this experiment."""
    flags.workdir()
    flags.step()
    flags.group("sampling")
    flags.path(
        "output", cli.REQUIRED, "a .png or .npz file, or without ending a new folder", "PATH"
    )
    flags.integer("count", 64, "how many examples", 1, MOST)
    flags.integer("seed", 0, "seed of the latents", 0, SEEDS)
    flags.text("label", None, "class of all examples, for a conditional run", "CLASS")
    what = "make strips of so many examples between pairs of latents, one strip per row"
    flags.integer("interpolate", 0, what, 0, MOST)
    flags.boolean("uint8", "write levels as diffusion codes do, arr_0 in a .npz file")


def main(values) -> None:
    """Sample and write."""
    if values.interpolate == 1:
        raise UserError("--interpolate must be 0, or at least 2 for the ends of a path; got 1")
    ending = os.path.splitext(values.output)[1].lower()
    if values.uint8 and ending != ".npz":
        raise UserError(f"--uint8 goes with an --output that ends in .npz, got {values.output}")
    if ending and not values.uint8:
        few(values)
    elif values.interpolate:
        raise UserError("--interpolate goes with a .png file, or a .npz file without --uint8")
    else:
        many(values)


def few(values) -> None:
    """Examples that are all held at once: a picture or an array."""
    outputs.file(values.output, (".png", ".npz"))
    examples, labels = watched(lambda: draw(values))
    columns = values.interpolate or max(1, round(len(examples) ** 0.5))
    gan.runner.write_examples(examples, labels, values.output, columns)
    print(f"{len(examples)} examples of shape {examples.shape[1:]} in {values.output}")


def many(values) -> None:
    """Images that are written batch by batch: a folder of pictures or an array of levels."""
    if values.uint8:
        outputs.file(values.output, (".npz",))
    sampler = watched(lambda: gan.runner.load(values.workdir, values.step))
    count, shape = values.count, sampler.shape
    if len(shape) != 3:
        raise UserError(f"{values.workdir} learns points of the plane: give --output FILE.npz")
    batches, labels = watched(lambda: sampler.stream(count, seed=values.seed, label=values.label))
    if values.uint8:
        array = (count, *shape)
        gan.runner.sample_files.write_array(heard(batches), values.output, array, labels)
    else:
        gan.runner.sample_files.write_folder(heard(batches), values.output, count)
    print(f"{count} images of {shape[0]} x {shape[1]} pixels in {values.output}")


def heard(batches):
    """The batches, during each of which a signal is heard."""
    while (batch := watched(lambda: next(batches, None))) is not None:
        yield batch


def draw(values):
    """Examples, path by path if there are paths, and their labels."""
    sampler = gan.runner.load(values.workdir, values.step)
    count, length = values.count, values.interpolate
    how = {"seed": values.seed, "label": values.label}
    if not length:
        return sampler.sample(count, **how), sampler.labels(count, values.label)
    count = -(-count // length)
    paths = sampler.paths(count, length, **how)
    labels = sampler.labels(count, values.label)
    return np.concatenate(paths), None if labels is None else labels.repeat(length)


if __name__ == "__main__":
    cli.run(define, main, __doc__)
