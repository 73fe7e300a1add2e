"""One checkpoint of a run: scored on the test split, drawn and reported."""

from __future__ import annotations

import sys
from pathlib import Path

from gan import data, networks, outputs, runs
from gan.config import Config
from gan.referee.evaluator import Evaluator
from gan.reports import pictures
from gan.scores import samples


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
        Numbers by name, see gan.referee.evaluator.MEANINGS; sample scores and proportions as
        dictionaries, see gan.scores.samples.Report.

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
    evaluator = Evaluator(config, dataset, generator, critic, "test")
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
