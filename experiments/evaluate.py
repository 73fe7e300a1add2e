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

import sys
from pathlib import Path

from experiments import cli, feature_functions, outputs, pictures
from gan import data, evaluation, networks, runs
from gan.config import Config
from gan.evaluation import samples


def evaluate(
    workdir: str,
    step: int | str | None = None,
    *,
    data_dir: str | None = None,
    features: samples.Features | None = None,
    count: int | None = None,
) -> dict:
    """Score one checkpoint of the run in `workdir`, write evaluation.json and report.html.

    Args:
        workdir: run directory, perhaps of a run that is going on.
        step: number of a kept checkpoint, "best", or None for the newest.
        data_dir: where data sets are, see gan.data.load.
        features: what sample scores look at in place of the classifier's features.
        count: examples per set of the sample scores; None for the usual number.

    Returns:
        Numbers by name, see gan.evaluation.MEANINGS; sample scores and proportions as
        dictionaries, see gan.evaluation.samples.Report.

    Raises:
        UserError: if the directory holds no run, or the step is not kept.
        CheckpointError: if the checkpoint is damaged.
    """
    run = runs.read(workdir)
    outputs.folder(run.path)
    config = run.config
    step, state = run.read_step(step)
    dataset = data.load(config.data, data_dir=data_dir)
    run.check_data(data.describe(dataset))
    generator, critic = networks.players(config, dataset.shape, dataset.class_names)
    for player, network in (("average", generator), ("critic", critic)):
        runs.require_fit(state[player], network.init, f"{run.path}, step {step}: {player}")
    return evaluate_and_report(
        run.path,
        config,
        dataset,
        generator,
        critic,
        step,
        state["average"],
        state["critic"],
        features=features,
        count=count,
    )


def evaluate_and_report(
    path: Path,
    config: Config,
    dataset,
    generator: networks.Network,
    critic: networks.Network,
    step: int,
    generator_params,
    critic_params,
    *,
    features: samples.Features | None = None,
    count: int | None = None,
) -> dict:
    """Test-split scores of the given parameters, kept in `path` with pictures and a report."""
    evaluator = evaluation.Evaluator(config, dataset, generator, critic, "test")
    space = samples.space(dataset, features, say=lambda line: print(line, file=sys.stderr))
    found = samples.evaluate(
        dataset,
        lambda wanted: evaluator.sample(generator_params, wanted),
        space,
        evaluator.split,
        count or min(samples.SAMPLES, 2 * config.evaluation_size),
    )
    scores = {
        "step": step,
        "split": evaluator.split,
        **evaluator(generator_params, critic_params),
        **evaluator.uncertainty(generator_params),
        **evaluator.memorisation(generator_params),
        **evaluator.feature_distances(generator_params, *space.features),
        **found.entries(),
    }
    if config.conditional and space.classifier is not None:
        scores |= evaluator.class_shares(generator_params, space.classifier)
    runs.read(path).record_evaluation(scores)
    pictures.save_evaluation(path, dataset, evaluator, generator_params)
    pictures.save_proportions(path, dataset, found.proportions, found.unserved)
    pictures.write_report(path)
    return scores


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
        lambda: evaluate(
            arguments.workdir,
            arguments.step,
            data_dir=arguments.data_dir,
            features=features,
            count=arguments.samples,
        )
    )
    cli.print_scores(scores)
    print(f"report {arguments.workdir}/report.html")


if __name__ == "__main__":
    cli.run(define, main, __doc__)
