"""How close does a critic come to the truth, where the truth is known?

    python -m experiments.w1_benchmark --protocol short --workdir runs/w1_benchmark

trains critics by eight methods on pairs of laws whose W1 and best critic are known in closed form
(gan/transport/known_pairs.py), and compares gradients and values. Fresh samples are unlimited, so
nothing but the method stands between a critic and the truth. The pairs are the 28 funnel pairs of
the published grid (Korotin et al. 2022), with our own seeds; `--funnels FILE.npz ...` takes others.
`--pairs translations dilations squeezes images` are pairs of other forms, `--pairs funnels` with
files is the grid with the files in their cells.

Fourteen pairs with up to 16 funnels take half an hour on one CPU core for one seed, all 28 longer;
`--protocol published` takes six minutes per row of gp or lp on one idle core. Finished rows are
kept in w1_benchmark.json and not trained again; w1_benchmark.md is the table, cosine_PROTOCOL.png
the picture. Expect a mean cosine of about 0.7 for lp on the published pairs; results/w1_benchmark
has the tables.
"""

from pathlib import Path

from experiments import cli
from gan.signals import Interrupt


def define(flags) -> None:
    """The flags of this experiment."""
    flags.workdir()
    names = ", ".join(cli.literal("gan.benchmarks.critic_pairs:NAMES"))
    what = f"some of {names} (default: files where --funnels is given, else funnels)"
    flags.texts("pairs", None, what, "NAME")
    what = ".npz files with centers [n, d] and offsets [n], in place of our own seeded funnels"
    flags.texts("funnels", None, what, "FILE")
    names = cli.literal("gan.benchmarks.critic_methods:METHODS")
    flags.texts("methods", names, f"some of {', '.join(names)}", "NAME")
    names = cli.literal("gan.benchmarks.critic_protocols:PROTOCOLS")
    flags.text("protocol", "short", " or ".join(names), "NAME")
    flags.integer("seeds", 1, "how many, from 0, side by side", 1, cli.SEEDS)
    what = "CSV of published results to show beside, as results/w1_benchmark/published.csv"
    flags.text("published", None, what, "FILE")


def main(values) -> int:
    """Train what is missing, then write the table and the picture."""
    from experiments.w1_benchmark import study
    from gan.benchmarks import critic_pairs, critic_tables

    published = critic_tables.read_published(values.published) if values.published else {}
    files = values.funnels or []
    pairs = critic_pairs.choose(values.pairs or ["files" if files else "funnels"], files)
    with Interrupt("the same command continues") as interrupt:
        rows = study.run(
            pairs,
            values.methods,
            values.protocol,
            values.seeds,
            values.workdir,
            interrupt=interrupt,
        )
    print(study.summarize(rows, values.workdir, published, cli.command_line()))
    print(f"done rows={len(rows)} table={Path(values.workdir) / 'w1_benchmark.md'}")
    return 0


if __name__ == "__main__":
    cli.run(define, main, __doc__)
