"""Which ways of playing the adversarial game arrive, and how far is training from its equilibrium?

    python -m experiments.games --workdir runs/games

about two minutes on two CPU cores. It writes games.html, one static page with its pictures
inside, and games.json with every number on it: the Dirac-GAN under every loss and penalty, with
eigenvalues against theory (largest difference about 1e-15, at most 1e-6 asked); matrix games
against a linear program; and the exact duality gap along real trainings in the plane. Parts that
DIR already holds, for the same seed, are not computed again.
"""

import time

from experiments import cli
from gan.inputs import SEEDS
from gan.signals import Interrupt


def define(flags) -> None:
    """The flags of this experiment."""
    flags.workdir()
    flags.integer("seed", 0, "seed of every random choice", 0, SEEDS)


def main(values) -> int:
    """Write the page; a signal ends it with 128 + its number, and finished parts are kept."""
    from experiments.games import study

    start = time.perf_counter()
    with Interrupt("the same command continues") as interrupt:
        study.run(values.workdir, values.seed, interrupt=interrupt)
    seconds = time.perf_counter() - start
    print(f"done seconds={seconds:.1f} {values.workdir}/games.html")
    return 0


if __name__ == "__main__":
    cli.run(define, main, __doc__)
