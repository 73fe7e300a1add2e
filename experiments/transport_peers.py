"""How does exact transport here compare with the solvers people use, in time, memory and value?

    python -m experiments.transport_peers --workdir runs/peers

about forty minutes on two CPU cores; a minute with --sizes 500 1000. One assignment, Euclidean
cost, x ~ N(0, I), y ~ 1.1 N(0, I) + 0.3, by the solver of this project, SciPy, POT with the whole
matrix, POT's lazy solver and OTT-JAX's Hungarian algorithm (extra: entropic). Every measurement is
a fresh process whose clock starts after the imports, so compilation counts; memory is what the
process uses at its peak beyond its imports. The solvers take turns, `--repeats` times. One that
needs longer than --limit seconds is not asked for larger sets. Finished measurements are kept. The
table is kept in results/transport_peers.md.
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
    flags.integer("dimension", 64, "of the points", 1, 10**6)
    flags.integer("repeats", 3, "rounds over all solvers", 1, cli.COUNT)
    flags.real("limit", 100.0, "seconds for one process", cli.LEAST_SECONDS, cli.SECONDS)
    names = cli.literal("gan.benchmarks.peers:SOLVERS")
    flags.choice("only", None, "measure one solver, in this process", names)


def main(values) -> None:
    """Measure what is missing; write peers.json, peers.md and peers.png."""
    peers = gan.benchmarks.peers
    if values.only:
        print(json.dumps(peers.measure(values.only, values.sizes[0], values.dimension)))
        return
    outputs.folder(values.workdir)
    rows = peers.run(values.workdir, values.sizes, values.dimension, values.repeats, values.limit)
    folder = Path(values.workdir)
    files.write_atomically(folder / "peers.md", peers.summarize(rows))
    peers.draw(rows, str(folder / "peers.png"))
    print(peers.summarize(rows))


if __name__ == "__main__":
    cli.run(define, main, __doc__)
