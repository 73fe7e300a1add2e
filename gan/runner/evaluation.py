"""One checkpoint of a run: scored on the test split, drawn and reported."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from gan import config as configs
from gan import data, networks, outputs, runs
from gan.config import Config
from gan.referee.probe import Probe
from gan.registries import METRICS
from gan.reports import pictures, run_page
from gan.scores import collapse, evaluation
from gan.scores.space import Features


def evaluate(
    workdir: str,
    step: int | str | None = None,
    *,
    metrics: Sequence[str] | None = None,
    data_dir: str | None = None,
    features: Features | None = None,
    count: int | None = None,
) -> dict:
    """Score one checkpoint of the run in `workdir`, write evaluation.json and report.html.

    Args:
        workdir: run directory, perhaps of a run that is going on.
        step: number of a kept checkpoint, "best", or None for the newest.
        metrics: names from gan.registries.METRICS or `package.module:name`; none at all for every
            standard one, None for those that the config names.
        data_dir: where data sets are, see gan.data.load.
        features: what sample scores look at; None for what the config says.
        count: examples per set of the sample scores; None for the usual number.

    Returns:
        Numbers by name, as evaluation.json holds them, each explained by its entry in
        gan.registries.METRICS.

    Raises:
        UserError: if the directory holds no run, the step is not kept, or a metric is unknown or
            named twice.
        CheckpointError: if the checkpoint is damaged.
    """
    run = runs.read(workdir)
    config = run.config
    if metrics is not None:
        config = configs.replace(config, {"metrics": metrics})
    for name in config.metrics:
        METRICS.get(name)
    outputs.folder(run.path)
    step, state = run.read_step(step)
    dataset = data.load(config.data, data_dir=data_dir)
    run.check_data(data.describe(dataset))
    generator, critic = networks.players(config, dataset.shape, dataset.class_names)
    for player, network in (("average", generator), ("critic", critic)):
        runs.require_fit(state[player], network.init, f"{run.path}, step {step}: {player}")
    probe = Probe.of(config, dataset, generator, critic, "test")
    look = probe.look(state["average"], state["critic"])
    return evaluate_and_report(run.path, config, look, step, features=features, count=count)


def evaluate_and_report(
    path: Path,
    config: Config,
    look,
    step: int,
    *,
    features: Features | None = None,
    count: int | None = None,
) -> dict:
    """Metrics of the players at a look, kept in `path` with pictures and a report.

    Args:
        path: of the run directory.
        config: of the run; its metrics are computed.
        look: of a probe of the test split.
        step: behind the players' parameters.
        features, count: see `evaluate`.
    """
    evidence = evaluation.evidence_of(
        config,
        look,
        given=features or evaluation.given_features(config),
        count=count,
        say=lambda line: print(line, file=sys.stderr),
    )
    found = evaluation.evaluate(config.metrics, evidence)
    players = look.probe.players
    scores = {"step": step, "split": players.split, **evaluation.to_json(found)}
    scores["collapsed"] = collapse.scores(found.values, evidence)
    runs.read(path).record_evaluation(scores)
    pictures.save_evaluation(path, look)
    pictures.save_proportions(path, players.dataset, found.proportions)
    run_page.write(path)
    return scores
