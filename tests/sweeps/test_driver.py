"""The driver with made-up workers, and the processes of the real ones."""

import math

import pytest

from gan.errors import GanError
from gan.sweeps import space as spaces
from gan.sweeps import tables
from gan.sweeps.driver import MOST_DEATHS
from gan.sweeps.ledger import FAILED, FINISHED, UNFINISHED, Row
from gan.sweeps.local import LocalPool
from tests.sweeps.makers import EXAMPLE, Scores, distance, drive, table


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
