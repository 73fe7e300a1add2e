"""The trainings of the study, its tables and its picture."""

import dataclasses
import datetime
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from scipy import stats

from gan import config as configs
from gan import data, files, outputs, rules
from gan.benchmarks import critic_steps
from gan.benchmarks.critic_steps import STEPS, Point
from gan.config import Config
from gan.errors import UserError
from gan.reports import drawing
from gan.signals import Interrupt, Interrupted

CHOSEN = "certificate"
POLICIES = (*map(str, STEPS), CHOSEN)
FIRST = 2
"""Critic steps with which the certificate begins."""

Found = dict[str, list[list[Point]]]
"""By policy and seed, the points of a training."""


@dataclasses.dataclass(frozen=True)
class Asked:
    """What is trained, with how many seeds; the arithmetic of each training, as rounds with two
    critic steps; certificates along it."""

    config: Config
    seeds: int
    rounds: int
    looks: int


def base(preset: Config, changes: Mapping) -> Config:
    """What is trained.

    Raises:
        UserError: for a schedule that has to know how many rounds there will be.
    """
    config = configs.replace(preset, changes)
    if config.schedule != "constant":
        raise UserError(
            "the number of rounds is not known beforehand: take a preset with schedule constant, "
            f"not {config.schedule}"
        )
    rules.check(config)
    return config


def run(asked: Asked, workdir: str, data_dir: str | None, interrupt: Interrupt) -> Found:
    """Train what is missing.

    Raises:
        UserError: for a `workdir` with trainings of other settings.
        Interrupted: a signal arrived; finished trainings are kept.
    """
    dataset = data.load(asked.config.data, data_dir)
    folder = outputs.folder(workdir)
    settings = configs.to_dict(asked.config) | {"rounds": asked.rounds, "looks": asked.looks}
    outputs.bind(folder / "asked.json", settings, configs.to_dict(Config()))
    found: Found = {policy: [] for policy in POLICIES}
    trainer, start, trained = None, time.monotonic(), 0
    every = [(seed, policy) for seed in range(asked.seeds) for policy in POLICIES]
    left = [each for each in every if not _file(folder, *each).exists()]
    for seed, policy in every:
        path = _file(folder, seed, policy)
        if not path.exists():
            trainer = trainer or critic_steps.Trainer(asked.config, dataset)
            points = _trained(trainer, asked, seed, policy, interrupt)
            files.write_json(path, [dataclasses.asdict(point) for point in points])
            trained += 1
            minutes = (time.monotonic() - start) / trained * (len(left) - trained) / 60
            print(
                f"seed {seed}, {policy}: debiased W1 {points[-1].w1_debiased:.4g} after "
                f"{points[-1].rounds:,} rounds; {trained} of {len(left)}, about {minutes:.0f} min "
                "left",
                file=sys.stderr,
            )
        found[policy].append([Point(**values) for values in files.read_json(path)])
    return found


def _file(folder: Path, seed: int, policy: str) -> Path:
    return folder / f"seed_{seed}_{policy}.json"


def _trained(trainer, asked: Asked, seed: int, policy: str, interrupt: Interrupt) -> list[Point]:
    parts = [asked.rounds * trainer.cost[FIRST] / asked.looks] * asked.looks
    fixed = policy != CHOSEN
    choose = (lambda n, *_: n) if fixed else critic_steps.following
    points = []
    for point in trainer.points(seed, choose, int(policy) if fixed else FIRST, parts):
        points.append(point)
        if interrupt.signal is not None:
            raise Interrupted(interrupt.signal)
    return points


def ends(found: Found) -> dict[str, np.ndarray]:
    """By policy the last debiased W1 of every seed."""
    return {
        policy: np.array([points[-1].w1_debiased for points in runs])
        for policy, runs in found.items()
    }


def against(found: Found, policy: str) -> tuple[float, tuple[float, float], int]:
    """How much more debiased W1 a policy has than the certificate with the same seed: mean, its
    95 % interval (Student 1908), and in how many seeds it is more."""
    last = ends(found)
    more = last[policy] - last[CHOSEN]
    reach = stats.t.ppf(0.975, len(more) - 1) * stats.sem(more)
    return float(more.mean()), (more.mean() - reach, more.mean() + reach), int((more > 0).sum())


def summarize(
    asked: Asked, found: Found, sizes: Mapping[str, int], workdir: str, command: str
) -> str:
    """Write critic_steps.md, critic_steps.json and critic_steps.png; returns the text.

    Args:
        asked: what was trained.
        found: of `run`.
        sizes: of gan.referee.players.compared.
        workdir: where they go.
        command: that made them.
    """
    folder = Path(workdir)
    points = {p: [[dataclasses.asdict(x) for x in run] for run in found[p]] for p in POLICIES}
    files.write_json(folder / "critic_steps.json", points)
    picture(str(folder / "critic_steps.png"), found)
    text = page(asked, found, sizes, command)
    files.write_atomically(folder / "critic_steps.md", text)
    return text


def page(asked: Asked, found: Found, sizes: Mapping[str, int], command: str) -> str:
    """The tables, in Markdown."""
    last, spent = ends(found), found[CHOSEN][0][-1].gflop
    lines = [
        f"# Critic steps of a round: {asked.config.data.name}",
        "",
        f"`{command}`",
        "",
        f"{asked.seeds} seeds, {spent:,.0f} GFLOP each, as {asked.rounds:,} rounds with {FIRST} "
        f"critic steps take; {asked.looks} certificates along a training, n = "
        f"{sizes['validation']} of the validation split, which are not counted. Debiased W1 of the "
        f"moving average, n = {sizes['test']} of the test split. {datetime.date.today()}.",
        "",
        "| critic steps | rounds, mean | debiased W1, mean | sd | least | most |",
        "|---|---|---|---|---|---|",
    ]
    for policy in POLICIES:
        rounds = np.mean([points[-1].rounds for points in found[policy]])
        w1 = last[policy]
        lines.append(
            f"| {policy} | {rounds:,.0f} | {w1.mean():.4f} | {w1.std(ddof=1):.4f} | "
            f"{w1.min():.4f} | {w1.max():.4f} |"
        )
    lines += [
        "",
        "Against the certificate, with the same seed:",
        "",
        "| critic steps | more debiased W1, mean | 95 % interval | seeds in which it is more |",
        "|---|---|---|---|",
    ]
    for policy in POLICIES[:-1]:
        mean, (low, high), count = against(found, policy)
        lines.append(
            f"| {policy} | {mean:+.4f} | {low:+.4f} to {high:+.4f} | {count} of {asked.seeds} |"
        )
    lines += ["", "What the certificate chose, share of its looks:", ""]
    lines += ["| critic steps | share |", "|---|---|"]
    steps = np.array([[point.n_critic for point in points] for points in found[CHOSEN]])
    lines += [f"| {n} | {np.mean(steps == n):.2f} |" for n in STEPS]
    return "\n".join(lines) + "\n"


def picture(path: str, found: Found) -> None:
    """Debiased W1 along the arithmetic, and the critic steps that the certificate chose."""
    figure, (curves, steps) = drawing.stack(6.4, 5.2, (3, 1))
    for policy, color in zip(POLICIES, ("C1", "C2", "C4", drawing.SOURCE), strict=True):
        gflop = np.mean([[p.gflop for p in run] for run in found[policy]], axis=0)
        values = np.array([[p.w1_debiased for p in run] for run in found[policy]])
        curves.plot(gflop, values.mean(axis=0), color=color, lw=1.6, label=policy)
        curves.fill_between(gflop, values.min(0), values.max(0), color=color, alpha=0.15, lw=0)
    curves.set(ylabel="debiased W1, test", yscale="log")
    curves.legend(title="critic steps", fontsize=8)
    chosen = np.array([[p.n_critic for p in run] for run in found[CHOSEN]])
    steps.step(gflop, chosen.T, where="pre", color=drawing.SOURCE, alpha=0.4, lw=1)
    steps.set(xlabel="GFLOP", ylabel="chosen", yticks=STEPS)
    drawing.save(figure, path, dpi=130)
