"""Several runs read side by side: what they scored, how they differ, what can be compared.

Two numbers can be compared where they depend on the same: the data set (by its fingerprint), the
split, the number of examples n, and the features. Of numbers that can, one is called best only if
its interval lies beyond those of all others.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gan import config as configs
from gan import files, runs
from gan.errors import GanError, UserError
from gan.registries import METRICS
from gan.reports import scores as tables
from gan.runs import listing
from gan.runs.failure import failure

ENDINGS = ("_low", "_high", "_spread", "_floor", "_real")
"""Of the names of numbers that belong to another number."""


class Cell(NamedTuple):
    """One score of one run.

    Attributes:
        value: of the generated examples.
        interval: 95 %; None without one.
        real: what real examples get; None where that is unknown.
        rests_on: what must be the same for two such numbers to be comparable.
    """

    value: float
    interval: tuple[float, float] | None
    real: float | None
    rests_on: tuple[Hashable, ...]


@dataclasses.dataclass(frozen=True)
class Compared:
    """A run that could be read.

    Attributes:
        name: short, different for every run.
        path: of its directory.
        config: every field by its path.
        records: of its log.
        data: as data.json describes the data set; {} if that is unknown.
        scores: as evaluation.json holds them; {} if there are none.
        remarks: what is wrong or unfinished.
    """

    name: str
    path: Path
    config: dict[str, Any]
    records: list[dict[str, Any]]
    data: dict[str, Any]
    scores: dict[str, Any]
    remarks: tuple[str, ...]

    @property
    def step(self) -> int:
        """The last that was logged; that of the evaluation where there is no log."""
        return self.records[-1]["step"] if self.records else self.scores.get("step", 0)

    @property
    def cells(self) -> dict[str, Cell]:
        """Every score of the evaluation."""
        return cells(self.scores, self.data.get("fingerprint"))


class Comparison(NamedTuple):
    """Runs, and by path of those that could not be read the reason."""

    runs: list[Compared]
    unread: dict[str, str]


def read(paths: Sequence[str | os.PathLike[str]]) -> Comparison:
    """The runs that the paths stand for; see gan.runs.listing.

    Raises:
        UserError: none of them can be read.
    """
    good: dict[Path, Compared] = {}
    unread: dict[str, str] = {}
    found: dict[Path, None] = {}
    for path in paths:
        try:
            found |= dict.fromkeys(listing.directories(files.usable(path)))
        except UserError as error:
            unread[files.shortened(path)] = str(error)
    for path in found:
        try:
            good[path] = _one(path)
        except GanError as error:
            unread[files.shortened(path)] = str(error).splitlines()[0]
    if not good:
        first, *others = unread.values()
        more = f" (and {len(others)} more that cannot be read)" if others else ""
        raise UserError(f"nothing to compare: {first}{more}")
    names = listing.names(list(good))
    named = [dataclasses.replace(r, name=n) for r, n in zip(good.values(), names, strict=True)]
    return Comparison(named, unread)


def _one(path: Path) -> Compared:
    """The run in a directory.

    Raises:
        GanError: its config or its log cannot be read, or it has neither scores nor a log.
    """
    run = runs.read(path)
    records, remarks = run.metrics(), []
    scores, data = {}, {}
    if os.path.lexists(path / "evaluation.json"):
        try:
            scores = _checked(run.evaluation(), path)
        except GanError as error:
            remarks.append(str(error))
    try:
        data = run.data()
    except GanError as error:
        remarks.append(f"its data set is unknown: {error}")
    if not records and not scores:
        raise UserError(f"{path} has no line of a log and no evaluation yet")
    reached, end = records[-1]["step"] if records else 0, run.config.steps
    ended = failure(path)
    if ended is not None:
        remarks.append(f"diverged: {ended}")
    elif records and reached < end:
        remarks.append(f"unfinished: step {reached} of {end}")
    if scores and records and scores["step"] != reached:
        remarks.append(f"evaluated at step {scores['step']}, not at its last, {reached}")
    return Compared(
        path.name, path, configs.flatten(run.config), records, data, scores, tuple(remarks)
    )


def _checked(scores: dict[str, Any], path: Path) -> dict[str, Any]:
    if type(scores.get("step")) is not int or type(scores.get("n", 0)) is not int:
        raise UserError(f"{path / 'evaluation.json'} holds no evaluation: it has no step")
    return scores


def cells(scores: dict[str, Any], fingerprint: str | None) -> dict[str, Cell]:
    """The scores of an evaluation by name, each with its interval and what real examples get."""
    common = (fingerprint, scores.get("split"))
    found = {}
    plain = {name: value for name, value, _ in tables.plain(scores) if _is_number(value)}
    for name, value in plain.items():
        base = next((name.removesuffix(e) for e in ENDINGS if name.endswith(e)), "")
        if name in ("step", "n") or base in plain:
            continue
        ends = plain.get(f"{name}_low"), plain.get(f"{name}_high")
        real = plain.get(f"{name}_floor", plain.get(f"{name}_real"))
        interval = None if None in ends else ends
        found[name] = Cell(value, interval, real, (*common, scores.get("n")))
    for name, entry in tables.detailed(scores).items():
        interval = tuple(entry["interval"]) if "interval" in entry else None
        rests_on = (*common, entry.get("n"), entry.get("features"))
        found[name] = Cell(entry["value"], interval, entry.get("real"), rests_on)
    for name, value, _ in tables.flows(scores):
        entry = scores["proportions"]
        interval = entry.get(f"{name}_interval")
        rests_on = (*common, entry.get("n"), entry.get("labels"))
        found[name] = Cell(
            value, tuple(interval) if interval else None, entry["real"].get(name), rests_on
        )
    return found


def last(run: Compared) -> dict[str, float]:
    """The latest value in the log, on the validation split, of the metrics that have a direction or
    a column in tables over runs."""
    names = [name for name, metric in METRICS.items() if metric.column or metric.better]
    found = {name: [r[name] for r in run.records if name in r] for name in names}
    return {name: values[-1] for name, values in found.items() if values}


def comparable(of: Sequence[Cell]) -> bool:
    """Whether numbers rest on the same data, split, n and features, all of them known."""
    return len({cell.rests_on for cell in of}) == 1 and None not in of[0].rests_on


def best(name: str, of: dict[str, Cell]) -> str | None:
    """Which of several runs is best by a score; None unless that can be said.

    Args:
        name: of the score.
        of: that score by run.

    Returns:
        The run whose interval lies beyond the intervals of all others; None if there is none, if
        the numbers cannot be compared, one of them has no interval, or neither direction is better.
    """
    direction = tables.better(name)
    if direction is None or len(of) < 2 or not comparable(list(of.values())):
        return None
    if any(cell.interval is None for cell in of.values()):
        return None
    sign = 1 if direction == "lower" else -1
    ends = {run: sorted(sign * end for end in cell.interval) for run, cell in of.items()}
    first, *others = sorted(ends, key=lambda run: ends[run][1])
    beyond = all(ends[first][1] < ends[other][0] for other in others)
    return first if beyond else None


def differences(of: Sequence[Compared]) -> dict[str, list[Any]]:
    """The values, run by run, of every field of the configs in which not all runs agree."""
    fields = dict.fromkeys(path for run in of for path in run.config)
    found = {path: [run.config.get(path) for run in of] for path in fields}
    return {path: values for path, values in found.items() if any(v != values[0] for v in values)}


def warnings(of: Sequence[Compared]) -> list[str]:
    """Why scores of some of the runs cannot be compared, in sentences."""
    found = []
    data = _groups(of, lambda run: run.data.get("fingerprint"))
    if len(data) > 1 or None in data:
        what = "; ".join(
            f"{_data_set(members[0])}: {listed([run.name for run in members])}"
            for members in data.values()
        )
        found.append(f"Not comparable, since they learned from different data: {what}.")
    scored = [run for run in of if run.scores]
    sizes = _groups(scored, lambda run: (run.scores.get("split"), run.scores.get("n")))
    if len(sizes) > 1:
        what = "; ".join(
            f"n = {n} of {split}: {listed([run.name for run in members])}"
            for (split, n), members in sizes.items()
        )
        found.append(f"Not comparable, since they were evaluated on different sets: {what}.")
    without = [run.name for run in of if not run.scores]
    if without:
        found.append(
            f"Not evaluated, hence without intervals: {listed(without)}. "
            "python -m experiments.evaluate --workdir DIR evaluates the run in DIR."
        )
    return found


def listed(names: Sequence[str], most: int = 8) -> str:
    """The first names, and how many more there are."""
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


def _groups(of: Sequence[Compared], key) -> dict[Any, list[Compared]]:
    found: dict[Any, list[Compared]] = {}
    for run in of:
        found.setdefault(key(run), []).append(run)
    return found


def _data_set(run: Compared) -> str:
    if not run.data:
        return "unknown data"
    return f"{run.data['name']} {run.data.get('fingerprint', 'without fingerprint')}"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
