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

from experiments import cli
from gan import outputs, runner
from gan.inputs import SEEDS

MOST = 10**6
"""Examples of one call."""


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
    examples, labels = cli.watched(lambda: draw(arguments))
    columns = arguments.interpolate or max(1, round(len(examples) ** 0.5))
    runner.write_examples(examples, labels, arguments.output, columns)
    print(f"{len(examples)} examples of shape {examples.shape[1:]} in {arguments.output}")


def draw(arguments):
    """Examples, path by path if there are paths, and their labels."""
    sampler = runner.load(arguments.workdir, arguments.step)
    count, length = arguments.count, arguments.interpolate
    how = {"seed": arguments.seed, "label": arguments.label}
    if not length:
        return sampler.sample(count, **how), sampler.labels(count, arguments.label)
    count = -(-count // length)
    paths = sampler.paths(count, length, **how)
    labels = sampler.labels(count, arguments.label)
    return np.concatenate(paths), None if labels is None else labels.repeat(length)


if __name__ == "__main__":
    cli.run(define, main, __doc__)
