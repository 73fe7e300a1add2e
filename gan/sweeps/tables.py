"""The table of a sweep: one line per trial as CSV, and settings ranked over their seeds."""

import csv
import io
import statistics
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

from gan.config import Config
from gan.errors import UserError
from gan.registries import METRICS
from gan.scores import classifier, requirements
from gan.scores.requirements import Situation
from gan.sweeps.ledger import FAILED, FINISHED, Row
from gan.sweeps.space import Space

MORE = ("w1", "w1_floor", "w1_debiased", "w1_estimate", "critic_share")
"""Scores that a line has beside the one it ranks by, where the trial was evaluated by them."""


def lower_is_better(score: str) -> bool:
    """Whether trials with a lower value of a metric are better.

    Raises:
        UserError: for an unknown metric, or one that neither is better by.
    """
    better = METRICS.get(score).better
    if better is None:
        known = [name for name, metric in METRICS.items() if metric.better]
        raise UserError(
            f"{score} has no direction, so trials cannot be ranked by it; take one of "
            f"{', '.join(sorted(known))}"
        )
    return better == "lower"


def check_score(score: str, base: Config, dataset) -> None:
    """Raises UserError unless trials of this config on this data set can be ranked by a metric;
    trains the classifier that it rests on, if it rests on one."""
    lower_is_better(score)
    situation = Situation(dataset, base.conditional)
    missing = requirements.unmet(score, situation)
    if missing is None and requirements.unmet(score, situation._replace(accuracy=0.0)):
        found = classifier.load_or_train(dataset, say=lambda line: print(line, file=sys.stderr))
        situation = situation._replace(accuracy=found.accuracy)
        missing = requirements.unmet(score, situation)
    if missing is not None:
        raise UserError(f"--rank_by {score}: {missing.reason(situation)}")


class Setting(NamedTuple):
    """Trials that differ in their seed alone.

    `scores` by trial number of those that finished, `failed` the numbers of those that did not;
    `mean` is None unless all trials of the setting that were begun have finished.
    """

    values: dict[str, Any]
    scores: dict[int, float]
    failed: tuple[int, ...]
    mean: float | None

    @property
    def spread(self) -> float | None:
        """Standard deviation over seeds; None for fewer than two."""
        scores = list(self.scores.values())
        return statistics.stdev(scores) if len(scores) > 1 else None


def directory(number: int) -> str:
    """A trial's run directory, relative to that of the sweep."""
    return f"trials/{number}"


def to_csv(space: Space, rows: Sequence[Row], score: str) -> str:
    """results.csv: number, every swept field, state, score, directory, and what else is known."""
    columns = ["number", *space.fields, "state", "score", "directory", "step", *MORE]
    columns += ["state_sha256", "seconds", "reason"]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        line = {"number": row.number, "state": row.state, "directory": directory(row.number)}
        if row.state == FINISHED:
            line["score"] = row.result[score]
        writer.writerow(row.result | row.values | line)
    return text.getvalue()


def settings(space: Space, rows: Sequence[Row], score: str) -> list[Setting]:
    """Settings in the order in which they were proposed."""
    found = []
    for first in range(0, len(rows), space.repeats):
        group = rows[first : first + space.repeats]
        values = {path: v for path, v in group[0].values.items() if path != "seed"}
        if space.seeds is None:
            values = dict(group[0].values)
        scores = {row.number: row.result[score] for row in group if row.state == FINISHED}
        failed = tuple(row.number for row in group if row.state == FAILED)
        whole = len(scores) == len(group)
        found.append(
            Setting(values, scores, failed, statistics.mean(scores.values()) if whole else None)
        )
    return found


def ranked(found: Sequence[Setting], score: str) -> list[Setting]:
    """Best first; equals in the order of their proposal, settings with failures at the end."""
    sign = 1 if lower_is_better(score) else -1
    return sorted(found, key=lambda s: (s.mean is None, sign * s.mean if s.mean is not None else 0))


def best(rows: Sequence[Row], score: str) -> Row | None:
    """The finished trial with the best score, the first of equals; None if there is none."""
    sign = 1 if lower_is_better(score) else -1
    finished = [row for row in rows if row.state == FINISHED]
    return min(finished, key=lambda row: sign * row.result[score], default=None)


def markdown(space: Space, found: Sequence[Setting], score: str, most: int = 10) -> str:
    """The best settings as a table: rank, values, mean and deviation over seeds, trials."""
    best = ranked(found, score)[:most]
    paths = [path for path in space.fields if path != "seed" or space.seeds is None]
    lines = [f"| rank | {' | '.join([*paths, score, 'sd', 'trials'])} |"]
    lines.append("|---|" + "---|" * (len(paths) + 3))
    for rank, setting in enumerate(best, 1):
        lines.append(f"| {rank} | {' | '.join(cells(paths, setting))} |")
    if len(found) > len(best):
        lines.append(f"\nand {len(found) - len(best)} more settings.")
    return "\n".join(lines) + "\n"


def cells(paths: Sequence[str], setting: Setting) -> list[str]:
    """A setting as texts: its values at `paths`, mean, deviation, and the numbers of its trials."""
    mean = "failed" if setting.failed else "unfinished"
    if setting.mean is not None:
        mean = f"{setting.mean:.4g}"
    spread = "" if setting.spread is None else f"{setting.spread:.2g}"
    numbers = ", ".join(str(n) for n in sorted([*setting.scores, *setting.failed]))
    return [*(shown(setting.values[path]) for path in paths), mean, spread, numbers]


def shown(value: Any) -> str:
    """A swept value for people: four digits of a float."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
