"""How close does a critic come to the truth, where the truth is known?

    python -m experiments.w1_benchmark --protocol short --workdir runs/w1_benchmark

trains critics by eight methods on funnel pairs, whose W1 and best critic are known in closed form
(gan/transport/known_pairs.py; Korotin et al. 2022), and compares gradients and values. Fresh
samples are unlimited, so nothing but the method stands between a critic and the truth. Without
--funnels the pairs are our own seeded ones, with `--funnels FILE.npz ...` others.

About half an hour on one CPU core for one seed; `--protocol published` takes six minutes per row of
gp or lp on one idle core. Finished rows are kept in w1_benchmark.json and not trained again;
w1_benchmark.md is the table, cosine_PROTOCOL.png the picture. Expect a mean cosine of about .8 for
lp; results/w1_benchmark has the tables.
"""

from pathlib import Path

from experiments import cli
from experiments.w1_benchmark import published_tables, study
from gan.benchmarks import critic_methods
from gan.benchmarks.critic_protocols import PROTOCOLS
from gan.signals import Interrupt, Interrupted
from gan.transport import known_pairs

OWN = [(dim, count) for dim in (2, 4, 8, 16, 32, 64, 128) for count in (4, 16)]
"""Our own instances: dimensions and numbers of funnels."""


def define(parser, argv) -> None:
    """The flags of this experiment."""
    del argv
    cli.add_workdir(parser)
    parser.add_argument(
        "--funnels",
        nargs="+",
        metavar="FILE",
        help=".npz files with centers [n, d] and offsets [n] (default: our own seeded pairs)",
    )
    parser.add_argument(
        "--methods",
        nargs="+",
        default=list(critic_methods.METHODS),
        metavar="NAME",
        help=f"some of {', '.join(critic_methods.METHODS)}",
    )
    parser.add_argument(
        "--protocol", default="short", metavar="NAME", help=f"{' or '.join(PROTOCOLS)}"
    )
    parser.add_argument(
        "--seeds", type=cli.integer(1, cli.SEEDS), default=1, help="how many, from 0, side by side"
    )
    parser.add_argument(
        "--published",
        metavar="FILE",
        help="CSV of published results to show beside, as results/w1_benchmark/published.csv",
    )


def main(arguments) -> int:
    """Train what is missing, then write the table and the picture."""
    published = published_tables.read_published(arguments.published) if arguments.published else {}
    pairs = [known_pairs.load_funnels(path) for path in arguments.funnels or []]
    pairs = pairs or [known_pairs.seeded_funnels(dim, count) for dim, count in OWN]
    with Interrupt() as interrupt:
        try:
            rows = study.run(
                pairs,
                arguments.methods,
                arguments.protocol,
                arguments.seeds,
                arguments.workdir,
                interrupt=interrupt,
            )
        except Interrupted as stop:
            return 128 + stop.signal
    print(study.summarize(rows, arguments.workdir, published, cli.command_line()))
    print(f"done rows={len(rows)} table={Path(arguments.workdir) / 'w1_benchmark.md'}")
    return 0


if __name__ == "__main__":
    cli.run(define, main, __doc__)
