"""Which ways of playing the adversarial game arrive, and how far is training from its rest point?

    python -m experiments.games --workdir runs/games

about two minutes on two CPU cores. It writes games.html, one static page with its pictures
inside, and games.json with every number on it: the Dirac-GAN under every loss and penalty, with
eigenvalues against theory (largest difference about 1e-15, at most 1e-6 asked); matrix games
against a linear program; and the exact duality gap along real trainings in the plane. Parts that
DIR already holds, for the same seed, are not computed again.
"""

import sys
import time

from experiments import cli
from experiments.games import study
from gan.inputs import SEEDS
from gan.signals import Interrupt, Interrupted


def define(parser, argv) -> None:
    """The flags of this experiment."""
    cli.add_workdir(parser)
    parser.add_argument(
        "--seed", type=cli.integer(0, SEEDS), default=0, help="seed of every random choice"
    )


def main(arguments) -> int:
    """Write the page; a signal ends it with 128 + its number, and finished parts are kept."""
    start = time.perf_counter()
    with Interrupt() as interrupt:
        try:
            study.run(arguments.workdir, arguments.seed, interrupt=interrupt)
        except Interrupted as stop:
            print("stopped; the same command continues", file=sys.stderr)
            return cli.leave(128 + stop.signal)
    seconds = time.perf_counter() - start
    print(f"done seconds={seconds:.1f} {arguments.workdir}/games.html")
    return 0


if __name__ == "__main__":
    cli.run(define, main, __doc__)
