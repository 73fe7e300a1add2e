"""How much do approximate solvers of transport pay too much, and how fast are they?

    python -m experiments.transport_approximations --workdir runs/approximations

about half an hour on two CPU cores up to 10,000 points, two minutes with --sizes 1000. Sets are
x ~ N(0, I) and y ~ 1.1 N(0, I) + 0.3, for which the map between Gaussians is made. Each solver's
answer is rounded to a permutation and judged by the certified optimum (`transport.certify_plan`).
Solvers: Sinkhorn's algorithm and its low-rank form from OTT-JAX (extra: entropic), the best slice
and the map between Gaussians from POT, hierarchical refinement, and the solver of this project
stopped at a proved hundredth ("early"); `gan.benchmarks.approximations` says how each is rounded.
Every solver is a fresh process whose clock starts after the imports, so compilation counts. At
10,000 points expect refinement to pay 1 % too much in the plane and 13 % in 64 dimensions, and
Sinkhorn's algorithm 0.7 % there in eight times the exact solver's time. A solver that needs longer
than --limit seconds is not asked for larger sets. Finished measurements are kept. The table is kept
in results/transport_approximations.
"""

import json
from pathlib import Path

import gan
from experiments import cli
from gan import files, outputs


def define(flags) -> None:
    """The flags of this experiment."""
    flags.workdir()
    flags.integers("sizes", [1000, 4000, 10_000, 30_000], "points in each set", 1, 10**7)
    flags.integers("dimensions", [2, 64], "of the points", 1, 10**6)
    costs = cli.literal("gan.benchmarks.approximations:COSTS")
    flags.choice("cost", "sqeuclidean", "between points", costs)
    flags.real("limit", 300.0, "seconds for one process", cli.LEAST_SECONDS, cli.SECONDS)
    names = cli.literal("gan.benchmarks.approximations:SOLVERS")
    flags.choice("only", None, "measure one solver, in this process", ("exact", *names))


def main(values) -> None:
    """Measure what is missing; write approximations.json, .md and .png."""
    approximations = gan.benchmarks.approximations
    outputs.folder(values.workdir)
    if values.only:
        asked = values.sizes[0], values.dimensions[0], values.cost, values.workdir
        if values.only == "exact":
            print(json.dumps(approximations.judge(*asked)))
        else:
            print(json.dumps(approximations.measure(values.only, *asked)))
        return
    rows = approximations.run(
        values.workdir, values.sizes, values.dimensions, values.cost, values.limit
    )
    folder = Path(values.workdir)
    files.write_atomically(folder / "approximations.md", approximations.summarize(rows))
    approximations.draw(rows, str(folder / "approximations.png"))
    print(approximations.summarize(rows))


if __name__ == "__main__":
    cli.run(define, main, __doc__)
