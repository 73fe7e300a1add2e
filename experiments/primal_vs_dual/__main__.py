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
import functools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments import cli
from experiments.primal_vs_dual import showing
from gan import config, outputs
from gan.config import unknown
from gan.errors import UserError
from gan.primal import scoring, settings, training
from gan.primal.settings import SETTINGS, Sets, Setting
from gan.runs import files
from gan.scores import classifier


class Run(NamedTuple):
    """One training run of a setting."""

    method: str
    cost: str
    seed: int

    @property
    def folder(self) -> str:
        return f"{self.method.replace(':', '_')}-{self.cost}-{self.seed}"


def runs(setting: Setting) -> list[Run]:
    """Every run of a setting, seed by seed, so that early results cover all methods."""
    return [
        Run(method, cost, seed)
        for seed in range(setting.seeds)
        for cost in setting.costs
        for method in (setting.methods if cost == "pixels" else setting.learned)
    ]


def run(chosen: dict[str, Setting], workdir: str, data_dir: str | None) -> dict[str, list[dict]]:
    """Train what is missing and score it.

    Returns:
        By data set, rows with method, cost, budget ("steps", "seconds", or "none" for what was
        not trained) and scores, a dictionary per seed.

    Raises:
        UserError: if the directory holds runs of other settings, or data are missing.
    """
    for name, setting in chosen.items():
        if not runs(setting):
            raise UserError(f"points of {name} are their own features: take cost pixels")
    todo = [
        (name, each)
        for name, setting in chosen.items()
        for each in runs(setting)
        if not _kept(Path(workdir) / name / each.folder, _identity(setting, each))
    ]
    say = functools.partial(print, flush=True)
    started = time.monotonic()
    loaded = {name: settings.load(setting, data_dir) for name, setting in chosen.items()}

    @functools.cache
    def features(name: str, cost: str):
        return settings.feature_function(
            loaded[name], cost, lambda: classifier.load_or_train(loaded[name].dataset, say=say)
        )

    for name, each in todo:  # what cannot be had is said before hours of training
        features(name, each.cost)
    for done, (name, each) in enumerate(todo):
        setting = chosen[name]
        snapshots, samples = training.train(
            setting, loaded[name], features(name, each.cost), each.method, each.seed
        )
        _keep(Path(workdir) / name / each.folder, _identity(setting, each), snapshots, samples)
        spent = time.monotonic() - started
        left = spent / (done + 1) * (len(todo) - done - 1)
        last = max(snapshots.values(), key=lambda s: s["step"])
        say(
            f"{done + 1}/{len(todo)} {name} {each.method} {each.cost} seed {each.seed}: "
            f"{last['step']} steps in {last['seconds']:.1f} s, loss {last['loss']:.4g}; "
            f"{left / 60:.0f} min left"
        )
    return {
        name: list(_rows(setting, loaded[name], Path(workdir) / name))
        for name, setting in chosen.items()
    }


def _rows(setting: Setting, sets: Sets, folder: Path) -> Iterator[dict]:
    scorer = scoring.Scorer(setting, sets)
    for line, make in scoring.LINES.items():
        scores = [scorer(make(sets, setting.samples, seed)) for seed in range(setting.seeds)]
        yield {"method": line, "cost": "", "budget": "none", "scores": scores}
    found: dict[tuple, list[dict]] = {}
    for each in runs(setting):
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


def _identity(setting: Setting, each: Run) -> dict:
    """What a run depends on; of the config, what differs from the defaults."""
    standard = config.flatten(config.Config())
    chosen = config.flatten(setting.config)
    budget = {name: getattr(setting, name) for name in ("size", "samples", "steps", "seconds")}
    return {
        **each._asdict(),
        **budget,
        "config": {path: value for path, value in chosen.items() if value != standard[path]},
    }


def _kept(path: Path, identity: dict) -> bool:
    """Whether a run is there; raises UserError if it is one of other settings."""
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
    chosen: dict[str, Setting], results: dict[str, list[dict]], workdir: str, data_dir: str | None
) -> str:
    """Writes NAME.md, NAME.json and NAME.png per data set; returns the tables."""
    texts = []
    for name, rows in results.items():
        setting, sets = chosen[name], settings.load(chosen[name], data_dir)
        text = showing.describe(name, setting, rows, cli.command_line())
        files.write_atomically(Path(workdir) / f"{name}.md", text)
        files.write_json(Path(workdir) / f"{name}.json", rows)
        panels = []
        for row in rows:
            if row["budget"] == "none":
                samples = scoring.LINES[row["method"]](sets, showing.POINTS, 0)
            elif row["budget"] == "seconds":
                each = Run(row["method"], row["cost"], 0)
                path = Path(workdir) / name / each.folder / "samples.npz"
                with np.load(path, allow_pickle=False) as kept:
                    samples = kept["seconds"]
            else:
                continue
            score = row["scores"][0]
            title = f"{row['method']} {row['cost']}".strip()
            title += f"\nW1 {score['w1']:.3g}, debiased {score['w1_debiased']:.2g}"
            panels.append((title, samples))
        showing.picture(str(Path(workdir) / f"{name}.png"), sets, panels)
        texts.append(text)
    return "\n".join(texts)


def define(flags) -> None:
    """The flags of this experiment."""
    flags.workdir()
    flags.data_dir()
    flags.texts("sets", cli.literal("gan.primal.settings:SETTINGS"), "data sets", "NAME")
    own = "(default: the data set's)"
    flags.field("steps", "steps", None, f"generator steps of the one budget {own}")
    what = f"processor seconds of the other {own}"
    flags.real("seconds", None, what, cli.LEAST_SECONDS, cli.SECONDS)
    flags.integer("seeds", None, f"runs per method and cost {own}", 1, cli.SEEDS)
    flags.integer("size", None, f"training examples {own}", 4, 10**7)
    flags.field("n", "evaluation_size", None, f"examples per evaluated set {own}")
    what = f"generated examples kept, at least twice n {own}"
    flags.integer("samples", None, what, 4, 10**7)
    what = f"ways of training with the size of their batches {own}"
    flags.texts("methods", None, what, "NAME[:NUMBER]")
    names = ", ".join(cli.literal("gan.primal.settings:COSTS"))
    flags.texts("costs", None, f"{names} {own}", "NAME")


def settings_of(values) -> dict[str, Setting]:
    """The settings of the data sets that the flags name, changed as they say."""
    changes = {}
    for field in dataclasses.fields(Setting):
        value = values[field.name].value if field.name in values else None
        if value is not None:
            changes[field.name] = tuple(value) if isinstance(value, list) else value
    if "methods" in changes:
        changes["learned"] = changes["methods"]
    for name in values.sets:
        if name not in SETTINGS:
            raise UserError(unknown("data set", name, SETTINGS))
    return {name: dataclasses.replace(SETTINGS[name], **changes) for name in values.sets}


def main(values) -> None:
    """Runs what is missing, writes the tables and prints them."""
    chosen = settings_of(values)
    outputs.folder(values.workdir)
    results = run(chosen, values.workdir, values.data_dir)
    print(summarize(chosen, results, values.workdir, values.data_dir))


if __name__ == "__main__":
    cli.run(define, main, __doc__)
