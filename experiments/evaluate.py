"""Evaluate a checkpoint of a run on held-out data, against exact optimal transport.

    python -m experiments.evaluate --workdir runs/digits
    python -m experiments.evaluate --workdir runs/digits --step best

Reads only, so it works while training goes on; writes evaluation.json and report.html. The best
step is the one whose debiased W1 on the validation split is lowest; scores are on the test split.

Sample scores look at the features of a small classifier that is trained on the data set once, or at
those that --features names: a function from float32 examples [n, *shape] to features [n, k].

    python -m experiments.evaluate --workdir runs/digits --features mymodule:myfeatures
"""

from __future__ import annotations

from experiments import cli
from gan import runner
from gan.reports import scores as tables
from gan.scores import features as feature_functions
from gan.scores import samples


def define(parser, argv) -> None:
    """The flags of this experiment."""
    del argv
    cli.add_workdir(parser)
    cli.add_data_dir(parser)
    cli.add_step(parser)
    parser.add_argument(
        "--features",
        metavar="MODULE:FUNCTION",
        help="features for the sample scores: a function, or a FILE.npz with a kept classifier "
        "(default: those of the data set's own classifier)",
    )
    parser.add_argument(
        "--samples",
        type=cli.integer(samples.LEAST_SAMPLES, samples.MOST_SAMPLES),
        metavar="N",
        help="examples per set of the sample scores "
        f"(default: twice evaluation_size, at most {samples.SAMPLES})",
    )


def main(arguments) -> None:
    """Evaluate and print the table."""
    features = None
    if arguments.features is not None:
        features = feature_functions.load(arguments.features)
    if arguments.samples is not None:
        samples.check_count(arguments.samples)
    scores = cli.watched(
        lambda: runner.evaluate(
            arguments.workdir,
            arguments.step,
            data_dir=arguments.data_dir,
            features=features,
            count=arguments.samples,
        )
    )
    tables.print_scores(scores)
    print(f"report {arguments.workdir}/report.html")


if __name__ == "__main__":
    cli.run(define, main, __doc__)
