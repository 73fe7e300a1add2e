"""The one process that proposes trials, hands them out and writes down what became of them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from experiments.sweep_parts import tables
from experiments.sweep_parts.ledger import FAILED, UNFINISHED, Ledger, Row
from experiments.sweep_parts.local import Event
from experiments.sweep_parts.proposals import Tried, propose
from experiments.sweep_parts.space import Space
from experiments.sweep_parts.trials import Job
from gan import config as configs
from gan import training
from gan.config import Config
from gan.errors import UserError
from gan.runs import files, metrics

MOST_DEATHS = 5
"""Processes in a row that may die with a trial that gets no further; then it has failed."""

GRACE = 120
"""Seconds that workers have to save when a signal arrives."""

TOGETHER = 16
"""Members of a population where JAX has an accelerator, if the user does not say."""


class Plan(NamedTuple):
    """What a sweep does, whoever does it: all that its table depends on."""

    base: Config
    space: Space
    sampler: str
    sampler_seed: int
    batch: int
    score: str
    trials: int

    def config(self, values: dict[str, Any]) -> Config:
        """The config of a trial; UserError if its values do not go together."""
        return configs.replace(self.base, values)


class Driver:
    """Runs a plan to its end.

    Args:
        plan: see Plan.
        ledger: of the sweep.
        folder: the sweep's directory, absolute.
        check: of a config: raises UserError if it cannot be trained.
        together: members of a population at most; 0 for one on a CPU and TOGETHER elsewhere.
        data_dir, devices: see experiments.train.
    """

    def __init__(
        self,
        plan: Plan,
        ledger: Ledger,
        folder: Path,
        *,
        check: Callable[[Config], None],
        together: int = 0,
        data_dir: str | None = None,
        devices: int = 1,
    ):
        self.plan, self.ledger, self.folder = plan, ledger, folder
        self.rows: list[Row] = ledger.rows()
        self._check = check
        self._together = together
        self._job = {"data_dir": data_dir, "devices": devices}
        self._flying: set[int] = set()
        self._deaths: Counter[int] = Counter()
        self._reached: dict[int, int] = {}
        self._alone: set[int] = set()

    @property
    def left(self) -> int:
        """Trials that have not ended."""
        ended = sum(row.state != UNFINISHED for row in self.rows)
        return max(len(self.rows), self.plan.trials) - ended

    def steps(self) -> tuple[int, int]:
        """Generator steps behind and in all; a trial that has failed is behind whole."""
        behind, total = 0, 0
        for row in self.rows:
            steps = row.values.get("steps", self.plan.base.steps)
            total += steps
            behind += self._step(row.number) if row.state == UNFINISHED else steps
        return behind, total + (self.plan.trials - len(self.rows)) * self.plan.base.steps

    def run(self, pool, stopping: Callable[[], bool], seconds: float, told: Callable) -> bool:
        """Train until every trial has ended; whether that was reached.

        Args:
            pool: a LocalPool or RayPool.
            stopping: polled; True lets workers save and stop.
            seconds: after these no further trial is started; infinity for no limit.
            told: called with the driver again and again, to show how far it is.
        """
        end = time.monotonic() + seconds
        self.write()
        while self.left:
            late = time.monotonic() > end
            while not late and pool.free():
                job = self._next(pool)
                if job is None:
                    break
                pool.submit(job)
            told(self)
            if late and not self._flying or not self.left:
                break
            for event in pool.events(0.2):
                self._take(event)
                told(self)
            if stopping():
                pool.stop(GRACE)
                return False
        return self.left == 0

    def write(self) -> None:
        """results.csv, as things stand."""
        text = tables.to_csv(self.plan.space, self.rows, self.plan.score)
        files.write_atomically(self.folder / "results.csv", text)

    def _next(self, pool) -> Job | None:
        """The next trials to train together; None while there are none."""
        most = self._together or (1 if pool.backend in ("cpu", "ray") else TOGETHER)
        waiting = self._waiting()
        while len(waiting) < most * pool.free() and self._propose():
            waiting = self._waiting()
        if not waiting:
            return None
        first = waiting[0]
        members = [first]
        if first.number not in self._alone and most > 1:
            shape = training.shape_of(self.plan.config(first.values))
            members = [
                row
                for row in waiting
                if row.number not in self._alone
                and training.shape_of(self.plan.config(row.values)) == shape
            ]
            share = -(-len(members) // pool.size)
            members = members[: min(most, max(1, share))]
        self._flying |= {row.number for row in members}
        return self._job | {
            "trials": [
                {
                    "number": row.number,
                    "config": configs.to_dict(self.plan.config(row.values)),
                    "directory": str(self.folder / tables.directory(row.number)),
                }
                for row in members
            ]
        }

    def _waiting(self) -> list[Row]:
        return [
            row for row in self.rows if row.state == UNFINISHED and row.number not in self._flying
        ]

    def _propose(self) -> bool:
        """Begin one more trial, or say that none can be begun now."""
        plan, number = self.plan, len(self.rows)
        if number >= plan.trials:
            return False
        repeats = plan.space.repeats
        index = number // repeats
        if number % repeats:
            setting = {axis.path: self.rows[-1].values[axis.path] for axis in plan.space.axes}
        else:
            earlier, beside = [], []
            if plan.sampler == "tpe":
                start = index - index % plan.batch
                found = tables.settings(plan.space, self.rows, plan.score)
                if any(row.state == UNFINISHED for row in self.rows[: start * repeats]):
                    return False
                paths = [axis.path for axis in plan.space.axes]
                tried = [
                    Tried({path: self.rows[i * repeats].values[path] for path in paths}, one.mean)
                    for i, one in enumerate(found)
                ]
                earlier, beside = tried[:start], [one.setting for one in tried[start:]]
            setting = propose(
                plan.space,
                plan.sampler,
                plan.sampler_seed,
                index,
                earlier,
                beside,
                tables.SCORES[plan.score],
            )
        values = plan.space.values(setting, number)
        self.ledger.begin(number, values)
        self.rows.append(Row(number, values, UNFINISHED, {}))
        try:
            self._check(plan.config(values))
        except UserError as error:
            self._end(number, {"state": FAILED, "seconds": 0.0, "reason": str(error)})
        return True

    def _take(self, event: Event) -> None:
        numbers = [trial["number"] for trial in event.job["trials"]]
        self._flying -= set(numbers)
        if event.results is not None:
            for number, result in zip(numbers, event.results, strict=True):
                self._end(number, result)
            return
        self._alone |= set(numbers)
        for number in numbers:
            reached = self._step(number)
            if reached > self._reached.get(number, -1):
                self._reached[number], self._deaths[number] = reached, 0
            self._deaths[number] += 1
            if self._deaths[number] >= MOST_DEATHS:
                reason = f"its process died {MOST_DEATHS} times: {event.reason}"
                self._end(number, {"state": FAILED, "seconds": 0.0, "reason": reason})

    def _step(self, number: int) -> int:
        """The last step in the log of a trial; 0 if there is none."""
        records = metrics.read(self.folder / tables.directory(number) / "metrics.jsonl")
        return records[-1]["step"] if records else 0

    def _end(self, number: int, result: dict[str, Any]) -> None:
        self.ledger.end(number, result)
        row = self.rows[number]
        self.rows[number] = row._replace(state=result["state"], result=result)
        self.write()
