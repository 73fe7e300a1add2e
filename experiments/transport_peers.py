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

from experiments import cli
from gan import outputs
from gan.benchmarks import peers
from gan.runs import files


def define(parser, argv) -> None:
    """The flags of this experiment."""
    del argv
    cli.add_workdir(parser)
    parser.add_argument(
        "--sizes",
        type=cli.integer(1, 10**7),
        nargs="+",
        default=[500, 1000, 2000, 4000, 8000, 16000],
        metavar="N",
        help="points in each set",
    )
    parser.add_argument("--dimension", type=cli.integer(1, 10**6), default=64, help="of the points")
    parser.add_argument(
        "--repeats", type=cli.integer(1, cli.COUNT), default=3, help="rounds over all solvers"
    )
    parser.add_argument(
        "--limit",
        type=cli.real(cli.LEAST_SECONDS, cli.SECONDS),
        default=100.0,
        help="seconds for one process",
    )
    parser.add_argument(
        "--only",
        choices=peers.SOLVERS,
        metavar="NAME",
        help=f"measure in this process: {', '.join(peers.SOLVERS)}",
    )


def main(arguments) -> None:
    """Measure what is missing; write peers.json, peers.md and peers.png."""
    if arguments.only:
        print(json.dumps(peers.measure(arguments.only, arguments.sizes[0], arguments.dimension)))
        return
    outputs.folder(arguments.workdir)
    rows = peers.run(
        arguments.workdir,
        arguments.sizes,
        arguments.dimension,
        arguments.repeats,
        arguments.limit,
    )
    folder = Path(arguments.workdir)
    files.write_atomically(folder / "peers.md", peers.summarize(rows))
    peers.draw(rows, str(folder / "peers.png"))
    print(peers.summarize(rows))


if __name__ == "__main__":
    cli.run(define, main, __doc__)
