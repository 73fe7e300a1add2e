"""How do points, prices and adversaries hang together? The article, executed.

    python -m experiments.article --workdir runs/article

about a minute and a half on two CPU cores. It writes article.html, one static page with its
pictures inside, and article.json with every number on the page, all computed in that run. The story
goes from six points in the plane to an adversarial network; the idea is Gabriel Peyré's, from his
writings on generative networks and optimal transport. Parts that DIR already holds, for the same
seed, are not computed again.
"""

import sys
import time

from experiments import cli
from experiments.article import study
from gan.inputs import SEEDS
from gan.signals import Interrupt, Interrupted

NUMBERS = range(1, 8)
"""Of the parts."""


def define(parser, argv) -> None:
    """The flags of this experiment."""
    cli.add_workdir(parser)
    cli.add_data_dir(parser)
    parser.add_argument(
        "--seed", type=cli.integer(0, SEEDS), default=13, help="seed of every random choice"
    )
    parser.add_argument(
        "--parts",
        type=cli.integer(min(NUMBERS), max(NUMBERS)),
        nargs="+",
        default=list(NUMBERS),
        metavar="N",
        help="parts to compute, 1 to 7; finished ones are kept",
    )
    parser.add_argument(
        "--run",
        metavar="RUN",
        help="finished run directory of experiments.train for part 7 (default: a short run is "
        "trained in DIR/adversary)",
    )


def main(arguments) -> int:
    """Write the article; a signal ends it with 128 + its number, and finished parts are kept."""
    start = time.perf_counter()
    with Interrupt() as interrupt:
        try:
            results = study.run(
                arguments.workdir,
                arguments.seed,
                arguments.parts,
                data_dir=arguments.data_dir,
                run_dir=arguments.run,
                interrupt=interrupt,
            )
        except Interrupted as stop:
            print("stopped; the same command continues", file=sys.stderr)
            return cli.leave(128 + stop.signal)
    seconds = time.perf_counter() - start
    print(f"done parts={len(results)} seconds={seconds:.1f} {arguments.workdir}/article.html")
    return 0


if __name__ == "__main__":
    cli.run(define, main, __doc__)
