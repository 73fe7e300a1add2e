"""Generators trained with a critic and by transport: the runs, their scores, and the tables."""

import functools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.primal_vs_dual import comparison_page
from gan import config, files
from gan.errors import UserError
from gan.primal import comparisons, scoring, two_budgets
from gan.primal.comparisons import Comparison, ExampleSets
from gan.scores import classifier


class TrainingRun(NamedTuple):
    """One training run of a comparison."""

    method: str
    cost: str
    seed: int

    @property
    def folder(self) -> str:
        return f"{self.method.replace(':', '_')}-{self.cost}-{self.seed}"


def runs(comparison: Comparison) -> list[TrainingRun]:
    """Every run of a comparison, seed by seed, so that early results cover all methods."""
    return [
        TrainingRun(method, cost, seed)
        for seed in range(comparison.seeds)
        for cost in comparison.costs
        for method in (comparison.methods if cost == "pixels" else comparison.learned)
    ]


def run(chosen: dict[str, Comparison], workdir: str, data_dir: str | None) -> dict[str, list[dict]]:
    """Train what is missing and score it.

    Returns:
        By data set, rows with method, cost, budget ("steps", "seconds", or "none" for what was
        not trained) and scores, a dictionary per seed.

    Raises:
        UserError: if the directory holds runs of other settings, or data are missing.
    """
    for name, comparison in chosen.items():
        if not runs(comparison):
            raise UserError(f"points of {name} are their own features: take cost pixels")
    todo = [
        (name, each)
        for name, comparison in chosen.items()
        for each in runs(comparison)
        if not _kept(Path(workdir) / name / each.folder, _identity(comparison, each))
    ]
    say = functools.partial(print, flush=True)
    started = time.monotonic()
    loaded = {name: comparisons.load(comparison, data_dir) for name, comparison in chosen.items()}

    @functools.cache
    def features(name: str, cost: str):
        return comparisons.feature_function(
            loaded[name], cost, lambda: classifier.load_or_train(loaded[name].dataset, say=say)
        )

    for name, each in todo:  # what cannot be had is said before hours of training
        features(name, each.cost)
    for done, (name, each) in enumerate(todo):
        comparison = chosen[name]
        snapshots, samples = two_budgets.train(
            comparison, loaded[name], features(name, each.cost), each.method, each.seed
        )
        _keep(Path(workdir) / name / each.folder, _identity(comparison, each), snapshots, samples)
        spent = time.monotonic() - started
        left = spent / (done + 1) * (len(todo) - done - 1)
        last = max(snapshots.values(), key=lambda s: s["step"])
        say(
            f"{done + 1}/{len(todo)} {name} {each.method} {each.cost} seed {each.seed}: "
            f"{last['step']} steps in {last['seconds']:.1f} s, loss {last['loss']:.4g}; "
            f"{left / 60:.0f} min left"
        )
    return {
        name: list(_rows(comparison, loaded[name], Path(workdir) / name))
        for name, comparison in chosen.items()
    }


def _rows(comparison: Comparison, sets: ExampleSets, folder: Path) -> Iterator[dict]:
    scorer = scoring.Scorer(comparison, sets)
    for line, make in scoring.LINES.items():
        scores = [scorer(make(sets, comparison.samples, seed)) for seed in range(comparison.seeds)]
        yield {"method": line, "cost": "", "budget": "none", "scores": scores}
    found: dict[tuple, list[dict]] = {}
    for each in runs(comparison):
        path = folder / each.folder
        snapshots = files.read_json(path / "run.json")["snapshots"]
        scores = _scored(path, scorer)
        for budget, snapshot in snapshots.items():
            key = (each.method, each.cost, budget)
            found.setdefault(key, []).append(snapshot | scores[budget])
    for (method, cost, budget), scores in found.items():
        yield {"method": method, "cost": cost, "budget": budget, "scores": scores}


def _scored(path: Path, scorer) -> dict[str, dict]:
    """Scores of a kept run by budget, computed once."""
    kept = path / "scores.json"
    if not kept.exists():
        with np.load(path / "samples.npz", allow_pickle=False) as samples:
            files.write_json(kept, {budget: scorer(samples[budget]) for budget in samples})
    return files.read_json(kept)


def _identity(comparison: Comparison, each: TrainingRun) -> dict:
    """What a run depends on; of the config, what differs from the defaults."""
    standard = config.flatten(config.Config())
    chosen = config.flatten(comparison.config)
    budget = {name: getattr(comparison, name) for name in ("size", "samples", "steps", "seconds")}
    return {
        **each._asdict(),
        **budget,
        "config": {path: value for path, value in chosen.items() if value != standard[path]},
    }


def _kept(path: Path, identity: dict) -> bool:
    """Whether a run is there; raises UserError if it is one of other comparisons."""
    if not (path / "run.json").exists():
        return False
    if files.read_json(path / "run.json")["identity"] != identity:
        raise UserError(
            f"{path} holds a run of other settings (budget, sizes or networks); "
            "choose another --workdir"
        )
    return True


def _keep(path: Path, identity: dict, snapshots: dict, samples: dict[str, np.ndarray]) -> None:
    """Samples first: a folder with run.json is complete."""
    with files.storage(path):
        path.mkdir(parents=True, exist_ok=True)
    with files.replacing(path / "samples.npz") as file:
        np.savez_compressed(file, **samples)
    files.write_json(path / "run.json", {"identity": identity, "snapshots": snapshots})


def summarize(
    chosen: dict[str, Comparison],
    results: dict[str, list[dict]],
    workdir: str,
    data_dir: str | None,
    command: str,
) -> str:
    """Writes NAME.md, NAME.json and NAME.png per data set; returns the tables."""
    texts = []
    for name, rows in results.items():
        comparison, sets = chosen[name], comparisons.load(chosen[name], data_dir)
        text = comparison_page.describe(name, comparison, rows, command)
        files.write_atomically(Path(workdir) / f"{name}.md", text)
        files.write_json(Path(workdir) / f"{name}.json", rows)
        panels = _panels(rows, sets, Path(workdir) / name)
        comparison_page.picture(str(Path(workdir) / f"{name}.png"), sets, panels)
        texts.append(text)
    return "\n".join(texts)


def _panels(rows: list[dict], sets: ExampleSets, folder: Path) -> list[tuple[str, np.ndarray]]:
    """Titles and examples of what was not trained, and of seed 0 after the budget of seconds."""
    panels = []
    for row in rows:
        if row["budget"] == "none":
            samples = scoring.LINES[row["method"]](sets, comparison_page.POINTS, 0)
        elif row["budget"] == "seconds":
            run = TrainingRun(row["method"], row["cost"], 0)
            with np.load(folder / run.folder / "samples.npz", allow_pickle=False) as kept:
                samples = kept["seconds"]
        else:
            continue
        score = row["scores"][0]
        title = f"{row['method']} {row['cost']}".strip()
        title += f"\nW1 {score['w1']:.3g}, debiased {score['w1_debiased']:.2g}"
        panels.append((title, samples))
    return panels
