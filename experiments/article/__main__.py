"""How do points, prices and adversaries hang together? The article, executed.

    python -m experiments.article --workdir runs/article

about a minute and a half on two CPU cores. It writes article.html, one static page with its
pictures inside, and article.json with every number on the page, all computed in that run. The story
goes from six points in the plane to an adversarial network; the idea is Gabriel Peyré's, from his
writings on generative networks and optimal transport. Parts that DIR already holds, for the same
seed, are not computed again.
"""

import time

from experiments import cli
from gan.inputs import SEEDS
from gan.signals import Interrupt

NUMBERS = range(1, 8)
"""Of the parts."""


def define(flags) -> None:
    """The flags of this experiment."""
    flags.workdir()
    flags.data_dir()
    flags.integer("seed", 13, "seed of every random choice", 0, SEEDS)
    what = "parts to compute, 1 to 7; finished ones are kept"
    flags.integers("parts", list(NUMBERS), what, min(NUMBERS), max(NUMBERS))
    flags.text(
        "run",
        None,
        "finished run directory of experiments.train for part 7 (default: a short run is trained "
        "in DIR/adversary)",
        "RUN",
    )


def main(values) -> int:
    """Write the article; a signal ends it with 128 + its number, and finished parts are kept."""
    from experiments.article import study

    start = time.perf_counter()
    with Interrupt("the same command continues") as interrupt:
        results = study.run(
            values.workdir,
            values.seed,
            values.parts,
            data_dir=values.data_dir,
            run_dir=values.run,
            interrupt=interrupt,
        )
    seconds = time.perf_counter() - start
    print(f"done parts={len(results)} seconds={seconds:.1f} {values.workdir}/article.html")
    return 0


if __name__ == "__main__":
    cli.run(define, main, __doc__)
