"""The runs of the study, the truth about their checkpoints, and its tables and picture."""

import dataclasses
import datetime
import math
import statistics
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from gan import config as configs
from gan import data, files, networks, outputs, runner, runs
from gan.benchmarks import checkpoint_choice as choice
from gan.benchmarks.checkpoint_choice import Agreement
from gan.config import Config
from gan.errors import UserError
from gan.referee.probe import Probe
from gan.reports import drawing
from gan.scores import evaluation
from gan.signals import Interrupt, Interrupted

TRUTHS = ("w1_debiased", "classification_accuracy")
"""Metrics of the test split that checkpoints are judged by."""

TRAINING = ("critic_loss", "generator_loss")
"""Numbers of a batch, in every line of the log."""


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A checkpoint with the numbers of its log and the truth about it, by name."""

    step: int
    numbers: dict[str, float]
    truth: dict[str, float]


Found = list[list[Checkpoint]]
"""The checkpoints of every run."""


def base(preset: Config, steps: int, checkpoints: int, changes: Mapping) -> Config:
    """What is trained: all scores at every checkpoint, and every checkpoint kept.

    Raises:
        UserError: unless the steps are a multiple of the checkpoints.
    """
    if steps % checkpoints:
        raise UserError(f"--steps must be a multiple of --checkpoints, {checkpoints}; got {steps}")
    every = steps // checkpoints
    fields = ("evaluate_every", "score_every", "checkpoint_every", "sample_every")
    often = dict.fromkeys(fields, every) | {"log_every": max(1, every // 10)}
    return configs.replace(
        preset, {"steps": steps, "keep_checkpoints": checkpoints, **often, **changes}
    )


def run(base: Config, seeds: int, workdir: str, data_dir: str | None, interrupt: Interrupt):
    """Train what is missing and find the truth about every checkpoint.

    Returns:
        Found.

    Raises:
        UserError: for a preset without classes, or a `workdir` with runs of other settings.
        Interrupted: a signal arrived; what is finished is kept.
    """
    if not base.conditional:
        raise UserError("the truth needs examples by class: take a preset with conditional=True")
    dataset = data.load(base.data, data_dir)
    folder = outputs.folder(workdir)
    found = []
    for seed in range(seeds):
        path = folder / f"seed_{seed}"
        config = configs.replace(base, {"seed": seed})
        print(f"seed {seed}, {seed + 1} of {seeds}: {path}", file=sys.stderr)
        if not _finished(path, config):
            trained = runner.train(
                config, str(path), data_dir=data_dir, interrupt=interrupt, evaluated=False
            )
            if trained is None:
                raise Interrupted(interrupt.signal)
        found.append(_checkpoints(path, config, dataset, interrupt))
    return found


def _finished(path: Path, config: Config) -> bool:
    """Whether a run is there and complete; whoever asks for another config is told by training."""
    if not (path / "config.json").exists():
        return False
    kept = runs.read(str(path))
    return kept.config == config and kept.checkpoints.steps()[-1:] == [config.steps]


def _checkpoints(path: Path, config: Config, dataset, interrupt) -> list[Checkpoint]:
    kept = runs.read(str(path))
    truths = path / "truth.json"
    known = files.read_json(truths) if truths.exists() else {}
    probe = None
    for step in _steps(config):
        if str(step) in known:
            continue
        probe = probe or Probe.of(
            config, dataset, *networks.players(config, dataset.shape, dataset.class_names), "test"
        )
        _, state = kept.read_step(step)
        look = probe.look(state["average"], state["critic"])
        evidence = evaluation.evidence_of(config, look)
        known[str(step)] = evaluation.numbers(evaluation.evaluate(TRUTHS, evidence))
        files.write_json(truths, known)
        print(f"{path} step {step}: {_said(known[str(step)])}", file=sys.stderr)
        if interrupt.signal is not None:
            raise Interrupted(interrupt.signal)
    logged = _numbers(kept.metrics(), config)
    return [Checkpoint(step, logged[step], known[str(step)]) for step in _steps(config)]


def _steps(config: Config) -> range:
    return range(config.checkpoint_every, config.steps + 1, config.checkpoint_every)


def _said(truth: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {truth[name]:.4g}" for name in TRUTHS)


def _numbers(records: list[dict], config: Config) -> dict[int, dict[str, float]]:
    """By checkpoint, the numbers that have a direction; those of batches as means over the lines
    since the checkpoint before."""
    found = {}
    for step in _steps(config):
        since = [r for r in records if step - config.checkpoint_every < r["step"] <= step]
        values = {
            name: statistics.mean(r[name] for r in since if name in r)
            for name in TRAINING
            if any(name in r for r in since)
        }
        for record in since:
            if record["step"] == step:
                values |= {
                    name: value
                    for name, value in record.items()
                    if name not in TRAINING and choice.direction(name) is not None
                }
        found[step] = values
    return found


def agreements(found: Found) -> dict[str, dict[str, Agreement]]:
    """By truth and number, how well they agree; best first."""
    names = set.intersection(*(set(point.numbers) for run in found for point in run))
    tables = {}
    for truth in TRUTHS:
        rows = {
            name: choice.agreement(
                name,
                truth,
                [
                    ([point.numbers[name] for point in run], [point.truth[truth] for point in run])
                    for run in found
                ],
            )
            for name in sorted(names)
        }
        usable = [name for name in rows if math.isfinite(rows[name].mean)]
        order = sorted(usable, key=lambda name: -rows[name].mean)
        tables[truth] = {name: rows[name] for name in order}
    return tables


def summarize(
    base: Config, found: Found, sizes: Mapping[str, int], workdir: str, command: str
) -> str:
    """Write choosing.md, choosing.json and choosing.png; returns the text.

    Args:
        base: what was trained.
        found: of `run`.
        sizes: of gan.referee.players.compared.
        workdir: where they go.
        command: that made them.
    """
    tables = agreements(found)
    folder = Path(workdir)
    rows = {
        truth: {name: dataclasses.asdict(row) for name, row in table.items()}
        for truth, table in tables.items()
    }
    points = [[dataclasses.asdict(point) for point in run] for run in found]
    files.write_json(folder / "choosing.json", _plain({"agreement": rows, "runs": points}))
    picture(str(folder / "choosing.png"), tables)
    text = page(base, found, sizes, tables, command)
    files.write_atomically(folder / "choosing.md", text)
    return text


def _plain(value):
    """With None in place of NaN, which JSON does not have."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def page(base: Config, found: Found, sizes, tables, command: str) -> str:
    """The tables, in Markdown."""
    count, steps = len(found), len(found[0])
    lines = [
        f"# Which number chooses the best checkpoint: {base.data.name}",
        "",
        f"`{command}`",
        "",
        f"{count} seeds, {steps} checkpoints each, {base.steps:,} generator steps; "
        f"n = {sizes['validation']} of the validation split, {sizes['test']} of the test split. "
        "Rank correlation (Spearman) of a number on the validation split with the truth on the "
        "test split, over the checkpoints of a run: mean over seeds with its 95 % interval "
        "(Student). 1 orders checkpoints as the truth does. Loss: by how much the truth is worse "
        "at the checkpoint with the best value than at the best checkpoint, mean over seeds. "
        f"{datetime.date.today()}.",
    ]
    for truth, table in tables.items():
        spread = statistics.mean(np.ptp([point.truth[truth] for point in run]) for run in found)
        lines += [
            "",
            f"## Truth: {truth}",
            "",
            f"Best and worst checkpoint of a run differ by {spread:.3g} on average.",
            "",
            "| number | better | correlation | 95 % interval | loss |",
            "|---|---|---|---|---|",
        ]
        for name, row in table.items():
            low, high = row.interval
            interval = f"{low:.2f} to {high:.2f}" if math.isfinite(low) else ""
            lines.append(
                f"| {name} | {choice.direction(name)} | {row.mean:.2f} | {interval} | "
                f"{statistics.mean(row.regret):.3g} |"
            )
    return "\n".join(lines) + "\n"


def picture(path: str, tables) -> None:
    """Correlations with their intervals: a panel for every truth, a line for every number."""
    rows = max(len(table) for table in tables.values())
    figure, axes = drawing.panels(len(tables), len(tables), 5.2, 1.0 + 0.22 * rows)
    for panel, (truth, table) in zip(axes, tables.items(), strict=True):
        places = np.arange(len(table))[::-1]
        for place, row in zip(places, table.values(), strict=True):
            panel.plot(row.correlations, [place] * len(row.correlations), ".", color="0.75", ms=4)
            low, high = row.interval
            if math.isfinite(low):
                panel.plot([low, high], [place, place], color="C0", lw=1.5)
            panel.plot([row.mean], [place], "o", color="C0", ms=4)
        panel.set_yticks(places, list(table), fontsize=7)
        panel.axvline(0, color="0.6", lw=0.8)
        panel.set(xlim=(-1.05, 1.05), title=truth)
        panel.set_xlabel("rank correlation with the truth")
    drawing.save(figure, path, dpi=130)
