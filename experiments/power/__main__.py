"""Which score notices which fault of a generator, and with how many examples?

    python -m experiments.power --data fashion_mnist --workdir runs/power

about ten minutes of one core for n = 200, half an hour for 1,000, six hours for 5,000. Held-out
real examples with a known fault (a dropped class, uneven proportions, copies of training examples,
blur, noise, a shift, exchanged channels) stand in for generated ones. Every score compares them
with other real examples, many times. The power of a score is how often it is worse than real
examples usually get, by a rank test at a level of 5 %.

Expect no score to notice every fault: with 200 images of Fashion-MNIST recall notices blur,
distances a shift, the divergence of classes a dropped class, and no score copies. DIR/power.md
holds the tables, DIR/power.png all of them as one picture. Every draw is kept: stop at any time,
and give the same command to continue.
"""

from experiments import cli
from gan.config import Data
from gan.inputs import SEEDS
from gan.signals import Interrupt

SIZES, MOST = (200, 1000, 5000), 20_000


def define(flags) -> None:
    """The flags of this experiment."""
    flags.workdir()
    flags.data_dir()
    flags.text("data", "digits", "labelled images", "NAME")
    what = "side of the images; 0 for the set's own"
    flags.field("image_size", "data.image_size", 0, what)
    flags.integers("sizes", SIZES, "examples of each set (n)", 20, MOST)
    what = "sets with each fault, and with none as a control"
    flags.integer("draws", 100, what, 1, cli.COUNT)
    what = "real sets that say what is usual"
    flags.integer("usual", 99, what, 19, cli.COUNT)
    flags.integer("seed", 0, "seed of every draw", 0, SEEDS)


def main(values) -> int:
    """Draw what is missing, write the page and print it."""
    from experiments.power import study

    asked = study.Asked(
        Data(name=values.data, image_size=values.image_size),
        tuple(values.sizes),
        values.draws,
        values.usual,
        values.seed,
    )
    with Interrupt("the same command continues") as interrupt:
        found = study.run(asked, values.workdir, values.data_dir, interrupt)
    print(study.summarize(asked, found, values.workdir, cli.command_line()))
    return 0


if __name__ == "__main__":
    cli.run(define, main, __doc__)
