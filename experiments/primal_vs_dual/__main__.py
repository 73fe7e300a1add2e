"""Can transport itself train a generator, without a critic, and does the cost matter?

    python -m experiments.primal_vs_dual --workdir runs/primal_vs_dual

about 20 minutes on one idle CPU core. The same generator, data and order of the data, trained by
WGAN-GP and by transport: between minibatches (plain, debiased, entropic), semi-discrete, and with
fixed codes and one permutation of the whole data set; with the distance of pixels, of a frozen
classifier's features, and of both. Two budgets: processor seconds, and generator steps.

Expect plain minibatch transport to have the least W1 and blurred samples, and to be found out by
the debiased value. Tables, pictures and findings are kept in results/primal_vs_dual.

Every run is kept in the run directory and not trained again; stop it at any time and give the same
command to continue.
"""

import dataclasses

from experiments import cli
from experiments.primal_vs_dual import study
from gan import outputs
from gan.config import unknown
from gan.errors import UserError
from gan.primal import comparisons
from gan.primal.comparisons import COMPARISONS, Comparison


def define(parser, argv) -> None:
    """The flags of this experiment."""
    del argv
    cli.add_workdir(parser)
    cli.add_data_dir(parser)
    parser.add_argument(
        "--sets", nargs="+", default=list(COMPARISONS), metavar="NAME", help="data sets"
    )
    for name, kind, meaning in (
        ("steps", cli.field("steps"), "generator steps of the one budget"),
        ("seconds", cli.real(cli.LEAST_SECONDS, cli.SECONDS), "processor seconds of the other"),
        ("seeds", cli.integer(1, cli.SEEDS), "runs per method and cost"),
        ("size", cli.integer(4, 10**7), "training examples"),
        ("n", cli.field("evaluation_size"), "examples per evaluated set"),
        ("samples", cli.integer(4, 10**7), "generated examples kept, at least twice n"),
    ):
        parser.add_argument(f"--{name}", type=kind, help=f"{meaning} (default: the data set's)")
    parser.add_argument(
        "--methods",
        nargs="+",
        metavar="NAME[:NUMBER]",
        help="ways of training with the size of their batches (default: the data set's)",
    )
    parser.add_argument(
        "--costs",
        nargs="+",
        metavar="NAME",
        help=f"{', '.join(comparisons.COSTS)} (default: the data set's)",
    )


def comparisons_of(arguments) -> dict[str, Comparison]:
    """The comparisons of the data sets that the flags name, changed as they say."""
    changes = {
        field.name: tuple(value) if isinstance(value, list) else value
        for field in dataclasses.fields(Comparison)
        if (value := getattr(arguments, field.name, None)) is not None
    }
    if "methods" in changes:
        changes["learned"] = changes["methods"]
    for name in arguments.sets:
        if name not in COMPARISONS:
            raise UserError(unknown("data set", name, COMPARISONS))
    return {name: dataclasses.replace(COMPARISONS[name], **changes) for name in arguments.sets}


def main(arguments) -> None:
    """Runs what is missing, writes the tables and prints them."""
    chosen = comparisons_of(arguments)
    outputs.folder(arguments.workdir)
    results = study.run(chosen, arguments.workdir, arguments.data_dir)
    command = cli.command_line()
    print(study.summarize(chosen, results, arguments.workdir, arguments.data_dir, command))


if __name__ == "__main__":
    cli.run(define, main, __doc__)
