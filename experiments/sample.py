"""Sample a trained generator: a grid, an array, or a strip between latents.

    python -m experiments.sample --workdir runs/digits --count 64 --output samples.png
    python -m experiments.sample --workdir runs/digits --count 1000 --output samples.npz
    python -m experiments.sample --workdir runs/digits --interpolate 8 --output strip.png
    python -m experiments.sample --workdir runs/digits_conditional --label 7 --output sevens.png

A .npz file holds `images` [count, h, w, c] float32 in [-1, 1] (`points` [count, 2] in the plane),
and the `labels` of a conditional run, all classes in order unless --label names one.
Needs the run directory only, not the data set.
"""

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
    flags.path("output", cli.REQUIRED, "a .png or .npz file")
    flags.integer("count", 64, "how many examples", 1, MOST)
    flags.integer("seed", 0, "seed of the latents", 0, SEEDS)
    flags.text("label", None, "class of all examples, for a conditional run", "CLASS")
    what = "make strips of so many examples between pairs of latents, one strip per row"
    flags.integer("interpolate", 0, what, 0, MOST)


def main(values) -> None:
    """Sample and write."""
    if values.interpolate == 1:
        raise UserError("--interpolate must be 0, or at least 2 for the ends of a path; got 1")
    outputs.file(values.output, (".png", ".npz"))
    examples, labels = watched(lambda: draw(values))
    columns = values.interpolate or max(1, round(len(examples) ** 0.5))
    gan.runner.write_examples(examples, labels, values.output, columns)
    print(f"{len(examples)} examples of shape {examples.shape[1:]} in {values.output}")


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
