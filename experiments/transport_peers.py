"""How does exact transport here compare with the solvers people use, in time, memory and value?

    python -m experiments.transport_peers --workdir runs/peers

about an hour on two CPU cores; two minutes with --sizes 500 1000. One assignment, x ~ N(0, I) and
y ~ 1.1 N(0, I) + 0.3, by the solver of this project, SciPy, lap (Jonker and Volgenant's method; of
the package lap or lapx, extra: bench) and its form in float32 (lapx), OR-tools on all arcs, POT
with the whole matrix, POT's lazy solver and OTT-JAX's Hungarian algorithm (extra: entropic). What
is not installed is said, and left out. Every measurement is a fresh process whose clock starts
after the imports, so compilation counts; memory is what the process uses at its peak beyond its
imports. The solvers take turns, `--repeats` times. One that needs longer than --limit seconds is
not asked for larger sets. Finished measurements are kept. The tables are kept in
results/transport_peers.md.
"""

import json
from pathlib import Path

import gan
from experiments import cli
from gan import files, outputs


def define(flags) -> None:
    """The flags of this experiment."""
    flags.workdir()
    sizes = [500, 1000, 2000, 4000, 8000, 16000]
    flags.integers("sizes", sizes, "points in each set", 1, 10**7)
    flags.integers("dimensions", [2, 64], "of the points", 1, 10**6)
    costs = cli.literal("gan.benchmarks.peers:COSTS")
    flags.choices("costs", list(costs), "between points", costs)
    flags.integer("repeats", 3, "rounds over all solvers", 1, cli.COUNT)
    flags.real("limit", 100.0, "seconds for one process", cli.LEAST_SECONDS, cli.SECONDS)
    names = cli.literal("gan.benchmarks.peers:SOLVERS")
    flags.choice("only", None, "measure one solver, in this process", names)


def main(values) -> None:
    """Measure what is missing; write peers.json, peers.md and peers.png."""
    peers = gan.benchmarks.peers
    if values.only:
        asked = values.sizes[0], values.dimensions[0], values.costs[0]
        print(json.dumps(peers.measure(values.only, *asked)))
        return
    outputs.folder(values.workdir)
    chosen = values.sizes, values.dimensions, values.costs
    rows = peers.run(values.workdir, *chosen, values.repeats, values.limit)
    folder = Path(values.workdir)
    files.write_atomically(folder / "peers.md", peers.summarize(rows))
    peers.draw(rows, str(folder / "peers.png"))
    print(peers.summarize(rows))


if __name__ == "__main__":
    cli.run(define, main, __doc__)
