"""The one process that proposes trials, hands them out and writes down what became of them."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from gan import config as configs
from gan import files, rules, training
from gan.config import Config
from gan.errors import UserError
from gan.runs import metrics
from gan.sweeps import outcomes, tables
from gan.sweeps.ledger import FAILED, UNFINISHED, Ledger, Row
from gan.sweeps.local import Event
from gan.sweeps.proposals import Tried, propose
from gan.sweeps.space import Space
from gan.sweeps.trials import MOST_REMADE, Job

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
        config = configs.replace(self.base, values)
        rules.check(config)
        return config


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
        self._check = check
        self._together = together
        self._job = {"data_dir": data_dir, "devices": devices, "score": plan.score}
        self._flying: set[int] = set()
        self._deaths: Counter[int] = Counter()
        self._remade: Counter[int] = Counter()
        self._reached: dict[int, int] = {}
        self._alone: set[int] = set()

    @property
    def rows(self) -> list[Row]:
        """Every trial begun, in order."""
        return self.ledger.rows

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
            pool: a LocalPool, RayPool or SlurmPool.
            stopping: polled; True lets workers save and stop.
            seconds: after these no further trial is started; infinity for no limit.
            told: called with the driver again and again, to show how far it is.
        """
        end = time.monotonic() + seconds
        self.write()
        while self.left or self.audit():
            late = time.monotonic() > end
            while not late and pool.free():
                job = self._next(pool)
                if job is None:
                    break
                pool.submit(job)
            told(self)
            if late and not self._flying:
                break
            if not self.left:
                continue
            for event in pool.events(0.2):
                self._take(event)
                told(self)
            if stopping():
                pool.stop(GRACE)
                return False
        return self.left == 0

    def recover(self) -> None:
        """Ends the trials whose directories say how they ended, though the ledger does not."""
        for row in self.rows:
            if row.state == UNFINISHED:
                self._recover(row)
        while os.path.lexists(self._directory(len(self.rows)) / outcomes.NAME):
            if not self._propose():
                break

    def audit(self) -> bool:
        """Whether trials must be made again: those that have ended and whose directories are not
        as they left them are said, set aside and begun anew."""
        lost = []
        for row in self.rows:
            if row.state == UNFINISHED:
                continue
            kept = self._kept(row)
            if isinstance(kept, dict) and kept != row.result:
                kept = f"{self._directory(row.number)} holds another result than the table"
            if isinstance(kept, str):
                self._say_remade(row.number, f"{kept}; {self._set_aside(row.number)}")
                lost.append(row.number)
        if lost:
            self.ledger.reopen(lost)
            self.write()
        self._remade.update(lost)
        for number in lost:
            if self._remade[number] > MOST_REMADE:
                self._fail(number, f"its directory was lost {self._remade[number]} times")
        return bool(lost)

    def write(self) -> None:
        """results.csv, as things stand."""
        text = tables.to_csv(self.plan.space, self.rows, self.plan.score)
        files.write_atomically(self.folder / "results.csv", text)

    def _next(self, pool) -> Job | None:
        """The next trials to train together; None while there are none."""
        most = self._together or (1 if pool.backend in ("cpu", "ray", "slurm") else TOGETHER)
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
                tables.lower_is_better(plan.score),
            )
        values = plan.space.values(setting, number)
        self.ledger.begin(number, values)
        try:
            self._check(plan.config(values))
        except UserError as error:
            self._fail(number, str(error))
        else:
            self._recover(self.rows[number])
        return True

    def _recover(self, row: Row) -> None:
        """End a trial that has just been begun as its directory says that it ended."""
        directory = self._directory(row.number)
        if not os.path.lexists(directory / outcomes.NAME):
            return
        kept = self._kept(row)
        if isinstance(kept, str):
            self._say_remade(row.number, f"{kept}; {self._set_aside(row.number)}")
        else:
            self._end(row.number, kept)

    def _kept(self, row: Row) -> dict[str, Any] | str:
        """The result that a trial's directory vouches for, or what is wrong with the directory."""
        try:
            config = self.plan.config(row.values)
        except UserError:
            config = None
        try:
            return outcomes.read(self._directory(row.number), config)
        except ValueError as error:
            return str(error)

    def _directory(self, number: int) -> Path:
        return self.folder / tables.directory(number)

    def _set_aside(self, number: int) -> str:
        return outcomes.set_aside(self._directory(number))

    def _say_remade(self, number: int, reason: str) -> None:
        tqdm.write(f"trial {number} is made again: {reason}", file=sys.stderr)

    def _take(self, event: Event) -> None:
        numbers = [trial["number"] for trial in event.job["trials"]]
        self._flying -= set(numbers)
        if event.results is not None:
            for number, result in zip(numbers, event.results, strict=True):
                result = dict(result)
                if "remade" in result:
                    self._say_remade(number, result.pop("remade"))
                self._end(number, result)
            return
        self._alone |= set(numbers)
        for number in numbers:
            reached = self._step(number)
            if reached > self._reached.get(number, -1):
                self._reached[number], self._deaths[number] = reached, 0
            self._deaths[number] += 1
            if self._deaths[number] >= MOST_DEATHS:
                self._fail(number, f"its process died {MOST_DEATHS} times: {event.reason}")

    def _step(self, number: int) -> int:
        """The last step in the log of a trial; 0 if there is none, or it is damaged, which is for
        whoever trains to mend."""
        try:
            records = metrics.read(self._directory(number) / "metrics.jsonl")
        except UserError:
            return 0
        return records[-1]["step"] if records else 0

    def _fail(self, number: int, reason: str) -> None:
        result = {"state": FAILED, "seconds": 0.0, "reason": reason}
        outcomes.keep(self._directory(number), result)
        self._end(number, result)

    def _end(self, number: int, result: dict[str, Any]) -> None:
        self.ledger.end(number, result)
        self.write()
