"""Does the gradient penalty train architectures that the classic game does not?

    python -m experiments.architectures --sample 200 --trials 200 --workdir runs/architectures

The question of Gulrajani et al. 2017, Section 5.1 and Table 2, on real digits: architectures drawn
from their 9,216, each trained as a non-saturating GAN, as a WGAN-GP and with the one-sided penalty,
with the paper's optimisers and the same number of steps. Success is an inception-type score above a
threshold, with the classifier of the data set (10 is the most for ten classes; real digits score
about 9.5). What differs from the paper so that it fits a laptop: 8 x 8 digits instead of 32 x 32
ImageNet, base filters divided by --shrink, hundreds of steps instead of 100,000, at learning rates
multiplied by --speed, and one critic step for every generator step.

--sample architectures are drawn with --study_seed, the first --trials of them are trained, one row
each per objective in DIR/architectures.csv; DIR/architectures.md holds the tables with exact tests
and intervals, DIR/scatter.png what critics believe against exact W1, DIR/members.png the best, the
median and the worst of each objective. A row takes about 20 s of one core, most of it compilation:
48 architectures 50 minutes, all 200 about three and a half hours. Start the same command several
times to use several cores: each row is trained once. Finished rows are never trained again; the
shared settings of DIR are fixed by the first start.
"""

import csv
import io
import statistics
import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

from experiments import cli
from experiments.architectures import drawings, member, space, tables
from gan import config as configs
from gan import data, outputs
from gan.config import Config, Data
from gan.errors import LockedError, UserError
from gan.inputs import SEEDS
from gan.runs import files
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


def run(
    base: Config,
    workdir: str,
    *,
    sample: int,
    trials: int,
    study_seed: int,
    shrink: int,
    speed: float,
    data_dir: str | None = None,
    interrupt: Interrupt | None = None,
) -> list[dict]:
    """Train what `workdir` does not hold yet, and return all rows of these trials that it holds.

    Args:
        base: what the trainings share.
        workdir: one JSON file and some images per row below rows/.
        sample, study_seed: architectures drawn.
        trials: how many of them are trained.
        shrink: divisor of the base filters.
        speed: factor on the paper's learning rates.
        data_dir: see gan.data.load.
        interrupt: an entered context; its signal ends the work after saving finished rows.

    Returns:
        Rows in order. Fewer than 3 `trials` when another process is training the others.

    Raises:
        Interrupted: a signal arrived.
        UserError: for impossible numbers, unlabelled data, or a `workdir` with other settings.
    """
    interrupt = interrupt or Interrupt()
    architectures = space.sample(sample, study_seed)
    if not 1 <= trials <= sample:
        raise UserError(f"--trials must be in 1 .. {sample}, the size of the sample; got {trials}")
    if shrink < 1 or not 0 < speed < float("inf"):
        raise UserError(f"--shrink and --speed must be positive, got {shrink} and {speed}")
    folder = Path(workdir) / "rows"
    outputs.folder(folder)
    settings = {
        "study_seed": study_seed,
        "shrink": shrink,
        "speed": speed,
        "base": configs.to_dict(base),
    }
    _bind(Path(workdir) / "study.json", settings)
    wanted = [(number, objective) for number in range(trials) for objective in space.OBJECTIVES]
    missing = [key for key in wanted if not _path(folder, *key).exists()]
    if missing:
        dataset = data.load(base.data, data_dir)
        judge = interrupt.watch(
            lambda: member.Judge(dataset, base.evaluation_size, lambda t: print(t, file=sys.stderr))
        )
        bar = tqdm(
            total=len(wanted),
            initial=len(wanted) - len(missing),
            unit="row",
            mininterval=0.5 if sys.stderr.isatty() else 0,
            dynamic_ncols=True,
        )
        with bar:
            for number, objective in missing:
                architecture = architectures[number]
                chosen = space.configure(base, architecture, objective, shrink, speed)
                _one(folder, number, architecture, objective, chosen, dataset, judge, interrupt)
                bar.update(sum(_path(folder, *key).exists() for key in wanted) - bar.n)
    return [files.read_json(_path(folder, *key)) for key in wanted if _path(folder, *key).exists()]


def _one(folder, number, architecture, objective, chosen, dataset, judge, interrupt) -> None:
    """Train one row, unless another process has it or is at it."""
    path = _path(folder, number, objective)
    try:
        with lock(path.with_suffix(".lock")):
            if path.exists():
                return
            result = interrupt.watch(
                lambda: member.train(
                    chosen, dataset, judge, stopping=lambda: interrupt.signal is not None
                )
            )
            if result is None:
                raise Interrupted(interrupt.signal)
            measured, images = result
            levels = np.rint(255 * (images + 1) / 2).clip(0, 255).astype(np.uint8)
            with files.replacing(path.with_suffix(".npy")) as file:
                np.save(file, levels)
            row = {"architecture": number, **architecture, "objective": objective, **measured}
            files.write_json(path, row)
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
    drawings.scatter(str(folder / "scatter.png"), rows)
    drawings.members(str(folder / "members.png"), rows, images)
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


def _bind(path: Path, settings: dict) -> None:
    """Fix the settings of a study at its first start, refuse others later."""
    if not path.exists():
        files.write_json(path, settings)
        return
    # A field that was added later had its default before.
    default = _flat({"base": configs.to_dict(Config())})
    saved = default | _flat(files.read_json(path))
    given = _flat(settings)
    changed = [f"{k}: {saved.get(k)} -> {given[k]}" for k in given if saved.get(k) != given[k]]
    if changed:
        raise UserError(
            f"{path.parent} holds a study with other settings: {'; '.join(changed[:3])}"
        )


def _flat(values: dict, prefix: str = "") -> dict:
    found = {}
    for name, value in values.items():
        inner = _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else None
        found |= inner if inner is not None else {prefix + name: value}
    return found


BASE = Config(
    steps=1000,
    batch_size=32,
    n_critic=1,
    ema_decay=0.98,
    evaluation_size=398,
    data=Data(name="digits"),
)
"""What the trainings share, where no flag says otherwise."""


def define(flags) -> None:
    """The flags of this experiment."""
    flags.workdir()
    flags.data_dir()
    flags.integer("sample", 200, "architectures drawn", 1, space.SIZE)
    what = "architectures trained, the first N (default: all)"
    flags.integer("trials", None, what, 1, space.SIZE)
    flags.integer("study_seed", 0, "seed of the draw", 0, SEEDS)
    flags.field("seed", "seed", BASE.seed, "seed of every training")
    flags.text("data", BASE.data.name, "labelled images", "NAME")
    what = "side of the images; 0 for the set's own"
    flags.field("image_size", "data.image_size", 0, what)
    flags.field("steps", "steps", BASE.steps, "generator steps")
    flags.field("n_critic", "n_critic", BASE.n_critic, "critic steps before each of them")
    flags.field("batch_size", "batch_size", BASE.batch_size, "examples per step")
    flags.integer("shrink", 8, "divisor of the base filters", 1, 1024)
    flags.real("speed", 10.0, "factor on the paper's learning rates", 1e-6, 1e30)


def main(values) -> int:
    """Run the study; a signal ends it with 128 + its number, and finished rows are kept."""
    base = configs.replace(
        BASE,
        {name: getattr(values, name) for name in ("seed", "steps", "n_critic", "batch_size")}
        | {"data.name": values.data, "data.image_size": values.image_size},
    )
    trials = values.sample if values.trials is None else values.trials
    with Interrupt("the same command continues") as interrupt:
        rows = run(
            base,
            values.workdir,
            sample=values.sample,
            trials=trials,
            study_seed=values.study_seed,
            shrink=values.shrink,
            speed=values.speed,
            data_dir=values.data_dir,
            interrupt=interrupt,
        )
    print(summarize(values.workdir, rows, cli.command_line(), base))
    total = trials * len(space.OBJECTIVES)
    if len(rows) < total:
        print(f"{total - len(rows)} rows are with another process; the same command completes")
    print(f"done rows={len(rows)} of {total} {values.workdir}/architectures.csv")
    return 0


if __name__ == "__main__":
    cli.run(define, main, __doc__)
