"""The study of architectures: its rows, kept one by one, and its tables and pictures."""

import csv
import dataclasses
import io
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from tqdm import tqdm

from experiments.architectures import member, study_figures
from gan import config as configs
from gan import data, files, outputs
from gan.benchmarks import architecture_space as space
from gan.benchmarks import architecture_tables as tables
from gan.config import Config
from gan.errors import LockedError, UserError
from gan.runs.lock import lock
from gan.signals import Interrupt, Interrupted

THRESHOLDS = (1.5, 3, 5, 7, 9)
"""Scores that count as success. The paper's lowest, 1, is what one repeated image scores."""

COLUMNS = [
    "architecture",
    *space.AXES,
    "objective",
    "state",
    "score",
    "w1",
    "w1_floor",
    "w1_debiased",
    "w1_probe",
    "w1_estimate",
    "lipschitz",
    "critic_share",
    "generator_parameters",
    "critic_parameters",
    "seconds",
    "processor_seconds",
    "reason",
]
"""Columns of architectures.csv."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Study:
    """What a study trains.

    Attributes:
        base: what the trainings share.
        sample, study_seed: architectures drawn.
        trials: how many of them are trained.
        shrink: divisor of the base filters.
        speed: factor on the paper's learning rates.
    """

    base: Config
    sample: int
    study_seed: int = 0
    trials: int
    shrink: int
    speed: float

    def __post_init__(self):
        if not 1 <= self.trials <= self.sample:
            raise UserError(
                f"--trials must be in 1 .. {self.sample}, the size of the sample; got {self.trials}"
            )
        if self.shrink < 1 or not 0 < self.speed < float("inf"):
            raise UserError(
                f"--shrink and --speed must be positive, got {self.shrink} and {self.speed}"
            )

    @property
    def keys(self) -> list[tuple[int, str]]:
        """Number and objective of every row."""
        return [(n, objective) for n in range(self.trials) for objective in space.OBJECTIVES]

    def settings(self) -> dict:
        """What all rows of a directory have in common."""
        return {
            "study_seed": self.study_seed,
            "shrink": self.shrink,
            "speed": self.speed,
            "base": configs.to_dict(self.base),
        }


def run(
    study: Study,
    workdir: str,
    *,
    data_dir: str | None = None,
    interrupt: Interrupt | None = None,
) -> list[dict]:
    """Train what `workdir` does not hold yet, and return all rows of this study that it holds.

    Args:
        study: see Study.
        workdir: one JSON file and some images per row below rows/.
        data_dir: see gan.data.load.
        interrupt: an entered context; its signal ends the work after saving finished rows.

    Returns:
        Rows in order. Fewer than the study has when another process is training the others.

    Raises:
        Interrupted: a signal arrived.
        UserError: for unlabelled data, or a `workdir` with other settings.
    """
    interrupt = interrupt or Interrupt()
    architectures = space.sample(study.sample, study.study_seed)
    folder = Path(workdir) / "rows"
    outputs.folder(folder)
    default = {"base": configs.to_dict(Config())}
    outputs.bind(Path(workdir) / "study.json", study.settings(), default)
    missing = [key for key in study.keys if not _path(folder, *key).exists()]
    if missing:
        dataset = data.load(study.base.data, data_dir)
        size = study.base.evaluation_size
        judge = interrupt.watch(
            lambda: member.Judge(dataset, size, lambda text: print(text, file=sys.stderr))
        )
        bar = tqdm(
            total=len(study.keys),
            initial=len(study.keys) - len(missing),
            unit="row",
            mininterval=0.5 if sys.stderr.isatty() else 0,
            dynamic_ncols=True,
        )
        with bar:
            for number, objective in missing:
                row = {"architecture": number, **architectures[number], "objective": objective}
                config = space.configure(
                    study.base, architectures[number], objective, study.shrink, study.speed
                )

                def train(config=config):
                    stopping = lambda: interrupt.signal is not None  # noqa: E731
                    return member.train(config, dataset, judge, stopping)

                _train_row(_path(folder, number, objective), row, train, interrupt)
                bar.update(sum(_path(folder, *key).exists() for key in study.keys) - bar.n)
    paths = [_path(folder, *key) for key in study.keys]
    return [files.read_json(path) for path in paths if path.exists()]


def _train_row(path: Path, row: dict, train: Callable, interrupt: Interrupt) -> None:
    """Write one row with what `train` measures, unless another process has it or is at it."""
    try:
        with lock(path.with_suffix(".lock")):
            if path.exists():
                return
            result = interrupt.watch(train)
            if result is None:
                raise Interrupted(interrupt.signal)
            measured, images = result
            levels = np.rint(255 * (images + 1) / 2).clip(0, 255).astype(np.uint8)
            with files.replacing(path.with_suffix(".npy")) as file:
                np.save(file, levels)
            files.write_json(path, row | measured)
    except LockedError:
        return


def summarize(workdir: str, rows: list[dict], command: str, base: Config) -> str:
    """Write architectures.csv, architectures.md and the pictures; returns the text."""
    folder = Path(workdir)
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    files.write_atomically(folder / "architectures.csv", text.getvalue())
    images = {
        (row["architecture"], row["objective"]): np.load(
            _path(folder / "rows", row["architecture"], row["objective"]).with_suffix(".npy")
        )
        for row in rows
    }
    study_figures.scatter(str(folder / "scatter.png"), rows)
    study_figures.members(str(folder / "members.png"), rows, images)
    spent = [row["processor_seconds"] for row in rows]
    finished = [row for row in rows if row["state"] == "finished"]
    made = (
        f"# Architectures on {base.data.name}\n\n`{command}`\n\n"
        f"{len(rows)} rows; {base.steps} generator steps, {base.n_critic} critic steps for each, "
        f"batch {base.batch_size}; {sum(spent) / 60:.0f} minutes of processor time, "
        f"{statistics.median(spent):.0f} s a row (median)."
    )
    if finished:
        made += " Floor of W1 between test digits and training digits: "
        made += f"{finished[0]['w1_floor']:.3f}."
    found = f"{made}\n\n{tables.markdown(rows, THRESHOLDS)}"
    files.write_atomically(folder / "architectures.md", found)
    return found


def _path(folder: Path, number: int, objective: str) -> Path:
    return folder / f"{number:04d}_{objective}.json"
