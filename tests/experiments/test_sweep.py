"""Sweeps: spaces, proposals, the driver with made-up workers, and a real one in miniature."""

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest

from gan import config, presets, runs
from gan.errors import GanError
from gan.sweeps import outcomes, tables
from gan.sweeps import space as spaces
from gan.sweeps.driver import MOST_DEATHS, Driver, Plan
from gan.sweeps.ledger import FAILED, FINISHED, UNFINISHED, Ledger, Row
from gan.sweeps.local import Event, LocalPool
from gan.sweeps.proposals import Tried, propose
from tests.experiments.commands import TINY, call

EXAMPLE = {"penalty_weight": {"log": [0.1, 100]}, "n_critic": [1, 5], "seed": [0, 1, 2]}

# Spaces


def test_the_axes_of_a_space():
    space = spaces.parse(EXAMPLE | {"penalty_every": {"uniform": [1, 4], "points": 3}})
    assert space.fields == ("penalty_weight", "n_critic", "seed", "penalty_every")
    assert space.seeds == (0, 1, 2) and space.repeats == 3
    weight, critics, every = space.axes
    assert (weight.low, weight.high, weight.log, weight.integer) == (0.1, 100, True, False)
    assert critics.choices == (1, 5) and not space.listed
    assert every.values() == (1, 2, 4) and every.integer
    assert space.size is None
    values = space.values({"penalty_weight": 2.0, "n_critic": 1, "penalty_every": 3}, 4)
    assert values == {"penalty_weight": 2.0, "n_critic": 1, "seed": 1, "penalty_every": 3}
    assert list(values) == list(space.fields)


def test_a_grid_has_every_setting_once_and_the_last_axis_fastest():
    space = spaces.parse({"beta1": {"log": [0.1, 0.4], "points": 3}, "n_critic": [1, 5]})
    grid = [space.setting(i) for i in range(space.size)]
    assert [s["n_critic"] for s in grid] == [1, 5] * 3
    np.testing.assert_allclose([s["beta1"] for s in grid[::2]], [0.1, 0.2, 0.4])
    assert grid[0]["beta1"] == 0.1 and grid[-1]["beta1"] == 0.4
    assert spaces.parse({"seed": [4, 2]}).setting(0) == {}


@pytest.mark.parametrize("name", spaces.NAMED)
def test_named_spaces_are_spaces_with_grids(name):
    assert spaces.load(name).size >= 4 and spaces.load(name).repeats >= 2


def test_the_space_of_objectives_holds_every_loss():
    assert spaces.NAMED["objectives"]["loss"] == sorted(spaces.names("loss"))


BAD_SPACES = {
    '{"penalty_wieght": [1]}': "did you mean 'penalty_weight'",
    '{"critic.with": [1]}': "did you mean 'critic.width'",
    '{"log_every": [1, 2]}': "log_every cannot be swept: it does not change",
    '{"evaluation_size": [10]}': "cannot be swept",
    '{"n_critic": []}': "the list is empty",
    '{"n_critic": [1, 1]}': "names a value twice",
    '{"n_critic": [0, 1]}': "n_critic must be in 1 .. 1,000",
    '{"n_critic": [1.5]}': "n_critic must be int, got 1.5",
    '{"n_critic": 5}': "an axis is a list",
    '{"loss": ["wasserstien"]}': "did you mean 'wasserstein'",
    '{"loss": {"log": [1, 2]}}': "only numbers have ranges",
    '{"generator.activation": ["gelu"]}': "leaky_relu",
    '{"penalty_weight": {"logarithm": [1, 2]}}': "allowed: log, points, uniform",
    '{"penalty_weight": {"log": [0, 2]}}': "must be above 0",
    '{"penalty_weight": {"log": [2, 1]}}': "low must be below high",
    '{"penalty_weight": {"log": [1]}}': "two numbers",
    '{"penalty_weight": {"log": [1, 2], "uniform": [1, 2]}}': "one of them only",
    '{"penalty_weight": {"log": [1, 2], "points": 1}}': "whole number in 2 .. 10,000",
    '{"penalty_weight": {"uniform": [-1, 2]}}': "penalty_weight must be in 0 .. 1e+12",
    '{"beta1": {"uniform": [0, 1]}}': "beta1 must be in 0 .. 0.99999994",
    '{"penalty_weight": [1], "penalty_weight": [2]}': "appears twice",
    '{"penalty_weight": [NaN]}': "NaN",
    '{"generator": [{"width": 3}]}': "unknown field 'generator'",
    "{}": "one or more",
    "[1]": "JSON object",
    "{": "not valid JSON",
}


@pytest.mark.parametrize(("text", "hint"), BAD_SPACES.items(), ids=BAD_SPACES)
def test_a_bad_space_is_refused_in_a_line_that_says_what_is_allowed(tmp_path, text, hint):
    path = tmp_path / "space.json"
    path.write_text(text)
    flags = ["--space", path, "--trials", 3, "--workdir", tmp_path / "run"]
    status, out, err = call("sweep", *flags)
    assert status == 2 and out == "" and err.startswith("error: ") and hint in err, err
    assert len(err.splitlines()) <= 3 and not (tmp_path / "run").exists()


# Proposals


def test_random_proposals_follow_the_axes_and_the_seed():
    space = spaces.parse(EXAMPLE)
    drawn = [propose(space, "random", 0, i) for i in range(60)]
    logs = np.log10([s["penalty_weight"] for s in drawn])
    assert logs.min() > -1 and logs.max() < 2 and 20 < (logs < 0.5).sum() < 40
    assert 15 < sum(s["n_critic"] == 1 for s in drawn) < 45
    assert propose(space, "random", 0, 7) == drawn[7] != propose(space, "random", 1, 7)


def test_random_draws_a_space_of_lists_without_repeats():
    space = spaces.parse({"n_critic": [1, 2, 5], "loss": ["wasserstein", "hinge"]})
    drawn = [propose(space, "random", 0, i) for i in range(6)]
    grid = [space.setting(i) for i in range(6)]
    assert sorted(map(str, drawn)) == sorted(map(str, grid)) and drawn != grid


def test_tpe_moves_to_where_scores_are_good():
    space = spaces.parse({"penalty_weight": {"log": [0.01, 100]}, "beta1": {"uniform": [0, 0.9]}})

    def median(sampler):
        """Of the distance in log10 to the best weight, after the start at random."""
        found = []
        for seed in range(2):
            tried = []
            for index in range(30):
                setting = propose(space, sampler, seed, index, tried)
                score = abs(math.log10(setting["penalty_weight"]) - 1)
                tried.append(Tried(setting, score if index % 9 else None))
                found += [score] if index >= 10 else []
        return np.median(found)

    assert median("tpe") < 0.7 * median("random")


# The driver


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


def table(folder):
    return list(csv.DictReader((folder / "results.csv").open()))


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_the_table_does_not_depend_on_the_workers(tmp_path, sampler):
    source = EXAMPLE | {"seed": [0, 1]}
    one, complete = drive(tmp_path / "one", Scores(distance), source, sampler, 28)
    many = Scores(distance, 4, last_first=True)
    assert complete and drive(tmp_path / "many", many, source, sampler, 28) == (one, True)
    assert table(tmp_path / "one") == table(tmp_path / "many")
    assert [row.number for row in one] == list(range(28))
    assert [row.values["seed"] for row in one] == [0, 1] * 14
    assert len({row.values["penalty_weight"] for row in one}) == 14
    for row in one:
        assert row.result["w1_debiased"] == distance(row.values)


def test_a_trial_whose_process_keeps_dying_fails_alone(tmp_path):
    def outcome(values):
        return None if values["seed"] == 1 else distance(values)

    pool = Scores(outcome, together := 3)
    rows, complete = drive(tmp_path / "run", pool, trials=3, together=together)
    assert complete and [row.state for row in rows] == [FINISHED, FAILED, FINISHED]
    assert f"died {MOST_DEATHS} times: signal 9" in rows[1].result["reason"]
    assert sum(numbers == [1] for numbers in pool.sent) >= MOST_DEATHS - 1


def test_a_failed_trial_is_listed_and_its_setting_ranks_last(tmp_path):
    def outcome(values):
        bad = values["n_critic"] == 5 and values["seed"] == 2
        return "step 3: critic_loss = nan" if bad else distance(values)

    source = {"n_critic": [1, 5], "penalty_weight": [1.0, 10.0], "seed": [0, 2]}
    rows, complete = drive(tmp_path / "run", Scores(outcome), source, "grid", 8)
    assert complete
    failed = [line for line in table(tmp_path / "run") if line["state"] == FAILED]
    assert len(failed) == 2 and {line["reason"] for line in failed} == {"step 3: critic_loss = nan"}
    assert {line["score"] for line in failed} == {""}
    space = spaces.parse(source)
    found = tables.ranked(tables.settings(space, rows, "w1_debiased"), "w1_debiased")
    assert [setting.values["n_critic"] for setting in found] == [1, 1, 5, 5]
    assert [setting.mean for setting in found] == [
        pytest.approx(0.1),
        pytest.approx(1.1),
        None,
        None,
    ]
    assert found[0].spread == pytest.approx(0.2 / math.sqrt(2))
    assert "| 1 | 1 | 10 | 0.1 | 0.14 | 2, 3 |" in tables.markdown(space, found, "w1_debiased")


def test_shapes_that_agree_go_together_and_others_do_not(tmp_path):
    source = {"n_critic": [1, 5], "penalty_weight": [1.0, 10.0], "seed": [0, 2]}
    pool = Scores(distance)
    drive(tmp_path / "run", pool, source, "grid", 8, together=3)
    assert pool.sent == [[0, 1, 2], [3], [4, 5, 6], [7]]
    pool = Scores(distance)
    pool.backend = "gpu"
    drive(tmp_path / "gpu", pool, source, "grid", 8)
    assert pool.sent == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_time_that_is_up_starts_no_trial_and_the_sweep_goes_on_later(tmp_path):
    rows, complete = drive(tmp_path / "run", Scores(distance), seconds=0)
    assert not complete and sum(row.state == FINISHED for row in rows) < 9
    rows, complete = drive(tmp_path / "run", Scores(distance), seconds=60)
    assert complete and drive(tmp_path / "whole", Scores(distance)) == (rows, True)
    longer, complete = drive(tmp_path / "run", Scores(distance), trials=12)
    assert complete and longer[:9] == rows and len(longer) == 12


def test_impossible_pairs_fail_and_say_why(tmp_path):
    source = {"penalty": ["none", "r1"], "critic.normalization": ["none", "batch"]}
    rows, complete = drive(tmp_path / "run", Scores(lambda values: 1.0), source, "grid", 4)
    assert complete and [row.state for row in rows] == [FINISHED, FINISHED, FINISHED, FAILED]
    assert "penalty none only" in rows[3].result["reason"]


def test_the_best_trial_of_a_score_where_more_is_better():
    rows = [Row(i, {}, FINISHED, {"modes": m, "w1": m}) for i, m in enumerate([3, 5, 5, 1])]
    rows.append(Row(4, {}, UNFINISHED, {}))
    assert tables.best(rows, "modes").number == 1 and tables.best(rows, "w1").number == 3
    assert tables.best(rows[4:], "w1") is None


# Workers


class Process:
    """Stands for a worker's process that never ends by itself."""

    returncode = None

    def poll(self):
        return self.returncode

    def kill(self):
        self.returncode = -9

    def wait(self):
        pass


@pytest.mark.parametrize(
    ("backend", "found", "asked", "each", "expected"),
    [
        ("cpu", 1, 3, 1, [None] * 3),
        ("gpu", 4, 0, 1, ["0", "1", "2", "3"]),
        ("gpu", 4, 0, 2, ["0,1", "2,3"]),
        ("gpu", 1, 0, 1, [None]),
        ("tpu", 4, 0, 1, [None]),
    ],
)
def test_workers_share_out_what_jax_finds(
    tmp_path, monkeypatch, backend, found, asked, each, expected
):
    class Started:
        def __init__(self, number, flags, log, inbox):
            self.number, self.job, self.ready, self.process = number, None, False, Process()
            self.gpus = flags[flags.index("--gpus") + 1] if "--gpus" in flags else None
            inbox.put((self, {"ready": [backend, found]}))

    monkeypatch.setattr("gan.sweeps.local._Worker", Started)
    pool = LocalPool(asked, tmp_path, each)
    while pool.events(0.01) or pool.free() < len(expected):
        pass
    assert [pool._workers[n].gpus for n in range(pool.size)] == expected
    assert pool.backend == backend and pool.free() == pool.size


@pytest.mark.slow
def test_workers_that_cannot_start_end_the_sweep(tmp_path, monkeypatch):
    monkeypatch.setenv("JAX_PLATFORMS", "abacus")
    pool = LocalPool(1, tmp_path)
    with pytest.raises(GanError, match="before they are ready.*worker_0.log"):
        while True:
            pool.events(1)
    pool.close()
    assert "abacus" in (tmp_path / "worker_0.log").read_text()


# The command


FLAGS = ["--preset", "digits", *TINY, "--penalty", "none", "--steps", 12, "--log_every", 6]
SPACE = {"critic_learning_rate": {"log": [1e-3, 1e30], "points": 2}, "seed": [0, 1]}


def check_lines(folder):
    lines = table(folder)
    assert list(lines[0])[:6] == ["number", *SPACE, "state", "score", "directory"]
    assert [int(line["number"]) for line in lines] == list(range(4))
    assert [line["state"] for line in lines] == [FINISHED] * 2 + [FAILED] * 2
    assert len({line["score"] for line in lines[:2]}) == 2
    for line in lines:
        run = runs.read(folder / line["directory"])
        flat = config.flatten(run.config)
        assert [float(line[field]) for field in SPACE] == [flat[field] for field in SPACE]
        assert (flat["steps"], flat["n_critic"], flat["batch_size"]) == (12, 2, 8)
    for line in lines[:2]:
        run = runs.read(folder / line["directory"])
        record = run.metrics()[-1]
        assert record["step"] == int(line["step"]) == 12
        assert record["w1_debiased"] == float(line["score"])
        step, state = run.read_step()
        assert step == 12 and runs.tree_hash(state) == line["state_sha256"]
        assert state["critic_optimizer"]["count"] == 24
    assert all("critic_loss" in line["reason"] for line in lines[2:])


def check_report(folder, out):
    best = min(table(folder)[:2], key=lambda line: float(line["score"]))
    assert "2 of 4 trials finished, 2 failed." in out and "trial 2 failed: step 1" in out
    page = (folder / "report.html").read_text()
    for name in ("parallel", "slices"):
        assert (folder / "figures" / f"{name}.png").stat().st_size > 5000
    assert page.count("<img") == 3 and "<script" not in page and "http" not in page
    assert f"Trial {best['number']} at its last step" in page
    assert all(f"trial {number}</code>" in page for number in (2, 3))
    assert out.splitlines()[-1].startswith("done trials=4 ")


def check_again(folder, out):
    before = (folder / "results.csv").read_bytes()
    status, again, err = call("sweep", "--workdir", folder)
    assert status == 0 and again == out and "step/s" not in err
    assert (folder / "results.csv").read_bytes() == before


def check_refusals(folder):
    status, _, err = call("sweep", "--workdir", folder, "--batch_size", 9)
    assert status == 2 and "another sweep" in err and "batch_size: 8 -> 9" in err
    status, _, err = call("sweep", "--workdir", folder, "--space", "noise")
    assert status == 2 and "space: " in err
    status, _, err = call("sweep", "--workdir", folder / "trials" / "0", "--space", "noise")
    assert status == 2 and "is a run directory" in err


def test_a_sweep_in_miniature(tmp_path):
    folder, path = tmp_path / "run", tmp_path / "space.json"
    path.write_text(json.dumps(SPACE))
    flags = ["--workdir", folder, "--space", path, "--trials", 4, "--workers", 2]
    status, out, err = call("sweep", *flags, *FLAGS)
    assert status == 0 and "4/4" in err, err
    check_lines(folder)
    check_report(folder, out)
    check_again(folder, out)
    check_refusals(folder)


@pytest.mark.slow
def test_no_trial_finished_is_a_failure(tmp_path):
    path = tmp_path / "space.json"
    path.write_text('{"critic_learning_rate": [1e30]}')
    flags = ["--workdir", tmp_path / "run", "--space", path, "--workers", 1, *FLAGS]
    status, out, err = call("sweep", *flags)
    assert status == 1 and "no trial finished; the first: step" in err
    assert "0 of 1 trials finished, 1 failed. No setting has a score." in out
