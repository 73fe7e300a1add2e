"""What several tests of sweeps start from: a space, made-up workers, the table read back."""

import csv
import math
from pathlib import Path

from gan import config, presets
from gan.sweeps import outcomes
from gan.sweeps import space as spaces
from gan.sweeps.driver import Driver, Plan
from gan.sweeps.ledger import FAILED, FINISHED, Ledger
from gan.sweeps.local import Event

EXAMPLE = {"penalty_weight": {"log": [0.1, 100]}, "n_critic": [1, 5], "seed": [0, 1, 2]}


def table(folder):
    """The lines of a sweep's results.csv."""
    return list(csv.DictReader((folder / "results.csv").open()))


class Scores:
    """A pool of workers that give a score at once, in an order of their own.

    `outcome` of a trial's values: a score, a reason to fail, or None for a process that dies.
    """

    backend = "cpu"

    def __init__(self, outcome, size=1, last_first=False):
        self.outcome, self.size, self.last_first = outcome, size, last_first
        self.jobs, self.sent = [], []

    def free(self):
        return self.size - len(self.jobs)

    def submit(self, job):
        self.jobs.append(job)
        self.sent.append([trial["number"] for trial in job["trials"]])

    def events(self, timeout):
        if not self.jobs:
            return []
        job = self.jobs.pop(-1 if self.last_first else 0)
        results = []
        for trial in job["trials"]:
            given = self.outcome(config.flatten(config.from_dict(trial["config"])))
            if given is None:
                return [Event(job, None, "signal 9")]
            if isinstance(given, str):
                results.append({"state": FAILED, "seconds": 1.0, "reason": given})
            else:
                results.append({"state": FINISHED, "seconds": 1.0, "step": 9, "w1_debiased": given})
            outcomes.keep(Path(trial["directory"]), results[-1])
        return [Event(job, results)]


def drive(folder, pool, source=EXAMPLE, sampler="random", trials=9, seconds=math.inf, **options):
    """(rows, whether complete) of a sweep of such workers."""
    folder.mkdir(exist_ok=True)
    space = spaces.parse(source)
    plan = Plan(presets.get("digits"), space, sampler, 0, 2, "w1_debiased", trials)
    ledger = Ledger(folder / "sweep.db", space.distributions(), plan.score, True)
    driver = Driver(plan, ledger, folder, check=lambda config: None, **options)
    complete = driver.run(pool, lambda: False, seconds, lambda driver: None)
    assert Ledger(ledger.path, space.distributions(), plan.score, True).rows == driver.rows
    return driver.rows, complete


def distance(values):
    return abs(math.log10(values["penalty_weight"]) - 1) + 0.1 * values["seed"]
