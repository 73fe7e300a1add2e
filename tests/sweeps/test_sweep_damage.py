"""A sweep whose database or trials are damaged, locked or deleted ends with the same table."""

import contextlib
import os
import random
import resource
import shutil
import sqlite3
from pathlib import Path

import pytest

from gan import config, files, runs
from gan.errors import LockedError, StorageError
from gan.runner import pauses
from gan.signals import Interrupt
from gan.sweeps import ledger as ledgers
from gan.sweeps import outcomes
from gan.sweeps import space as spaces
from gan.sweeps.ledger import FAILED, FINISHED, UNFINISHED, Ledger, Row
from gan.sweeps.trials import run_job
from tests.experiments.fuzz_sweeps import fuzz
from tests.sweeps.makers import Scores, distance, drive, table

SPACE = spaces.parse({"penalty_weight": {"log": [0.1, 100]}, "seed": [0, 1]})
ROWS = [
    Row(0, {"penalty_weight": 0.25, "seed": 0}, FINISHED, {"state": FINISHED, "w1": 1 / 3}),
    Row(1, {"penalty_weight": 0.25, "seed": 1}, FAILED, {"state": FAILED, "reason": "step 3"}),
    Row(2, {"penalty_weight": 7.5, "seed": 0}, UNFINISHED, {}),
]


def opened(path):
    return Ledger(path, SPACE.distributions(), "w1", True)


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """A database of ROWS, as bytes."""
    path = tmp_path_factory.mktemp("database") / "sweep.db"
    ledger = opened(path)
    for row in ROWS:
        ledger.begin(row.number, row.values)
        if row.state != UNFINISHED:
            ledger.end(row.number, row.result)
    assert ledger.rows == ROWS and os.listdir(path.parent) == ["sweep.db"]
    return path.read_bytes()


@pytest.fixture
def path(database, tmp_path):
    """A database of ROWS."""
    (tmp_path / "sweep.db").write_bytes(database)
    return tmp_path / "sweep.db"


def bad(path):
    return sorted(p.name for p in path.parent.iterdir() if ".bad" in p.name)


def test_rows_are_read_back_as_they_were_written(path):
    assert opened(path).rows == ROWS and os.listdir(path.parent) == ["sweep.db"]


@pytest.mark.parametrize("seed", range(10))
def test_damage_is_found_wherever_it_is(path, capsys, seed):
    dice = random.Random(seed)
    content = bytearray(path.read_bytes())
    # Half of the tries hit what is written, the others anything.
    where = [i for i, byte in enumerate(content) if byte] if seed % 2 else range(len(content))
    for place in dice.sample(where, dice.choice([1, 8, 64])):
        content[place] ^= dice.randrange(1, 256)
    path.write_bytes(content)
    rows = opened(path).rows
    said = capsys.readouterr().err
    if bad(path):
        assert rows == [] and bad(path) == ["sweep.db.bad"]
        assert "is unusable" in said and "sweep.db.bad; rebuilding it from the trials" in said
        assert (path.parent / "sweep.db.bad").stat().st_size == len(content)
    else:
        assert rows == ROWS and said == ""


def alter(path, statement, *values):
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute(statement, values)
        database.commit()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE trial_user_attributes SET value_json = replace(value_json, '333', '334')",
        "UPDATE trial_params SET param_value = 0.26 WHERE param_value = 0.25",
        "UPDATE trials SET state = 'FAIL' WHERE number = 0",
        "DELETE FROM trials WHERE number = 1",
        "DELETE FROM trial_user_attributes",
        "DELETE FROM studies",
    ],
)
def test_what_sqlite_accepts_and_nobody_wrote_is_not_believed(path, statement):
    alter(path, statement)
    assert opened(path).rows == [] and bad(path) == ["sweep.db.bad"]


def test_a_database_of_another_program_is_set_aside_as_it_is(tmp_path):
    path = tmp_path / "sweep.db"
    alter(path, "CREATE TABLE precious (entry TEXT)")
    content = path.read_bytes()
    (tmp_path / "sweep.db.bad").write_text("an earlier one")
    assert opened(path).rows == []
    assert (tmp_path / "sweep.db.bad").read_text() == "an earlier one"
    assert (tmp_path / "sweep.db.bad.1").read_bytes() == content


def test_what_is_no_file_is_set_aside(tmp_path):
    path = tmp_path / "sweep.db"
    for plant in (path.mkdir, lambda: os.mkfifo(path), lambda: path.symlink_to("elsewhere")):
        plant()
        ledger = opened(path)
        ledger.begin(0, ROWS[0].values)
        assert path.is_file() and not path.is_symlink() and len(opened(path).rows) == 1
        path.unlink()
    assert len(bad(path)) == 3 and not (tmp_path / "elsewhere").exists()


def test_the_journal_of_a_deleted_database_is_not_applied_to_the_next(path):
    journal = path.with_name("sweep.db-journal")
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA cache_size = 1")
        database.execute("UPDATE trials SET state = 'FAIL'")
        database.execute("CREATE TABLE filler AS SELECT randomblob(100000)")
        shutil.copy(journal, path.with_name("kept"))
    path.unlink()
    path.with_name("kept").rename(journal)
    ledger = opened(path)
    ledger.begin(0, ROWS[0].values)
    assert len(opened(path).rows) == 1 and bad(path) == ["sweep.db-journal.bad"]


def test_a_database_that_another_process_keeps_locked_is_said_and_stays(path, monkeypatch):
    monkeypatch.setattr(ledgers, "PATIENCE", 0.1)
    ledger = opened(path)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LockedError, match="sweep.db is locked"):
            opened(path)
        with pytest.raises(LockedError, match="sweep.db is locked"):
            ledger.end(2, {"state": FAILED, "reason": "x"})
    assert bad(path) == [] and opened(path).rows == ROWS


@pytest.mark.parametrize("how", ["deleted", "damaged", "replaced"])
def test_a_database_lost_while_the_sweep_runs_is_made_again(path, how, capsys):
    ledger = opened(path)
    path.rename(path.with_name("old"))
    if how == "damaged":
        path.write_bytes(b"noise")
    if how == "replaced":
        opened(path)
    result = {"state": FINISHED, "w1": 2.5}
    ledger.end(2, result)
    ledger.begin(3, ROWS[0].values)
    expected = [*ROWS[:2], Row(2, ROWS[2].values, FINISHED, result)]
    expected.append(Row(3, ROWS[0].values, UNFINISHED, {}))
    assert ledger.rows == opened(path).rows == expected
    assert "making it again" in capsys.readouterr().err


def test_a_disk_that_is_full_leaves_the_database_as_it_was(path):
    ledger = opened(path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(StorageError, match="cannot write .*sweep.db"):
            ledger.end(2, {"state": FAILED, "reason": "x"})
        with pytest.raises(StorageError, match="cannot write .*other.db"):
            opened(path.with_name("other.db"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert opened(path).rows == ROWS and os.listdir(path.parent) == ["sweep.db"]


# The trials


def test_trials_deleted_or_altered_since_are_said_and_made_again(tmp_path, capsys):
    folder = tmp_path / "run"
    rows, _ = drive(folder, Scores(distance), trials=4)
    before = table(folder)
    shutil.rmtree(folder / "trials" / "1")
    (folder / "trials" / "2" / "metrics.jsonl").write_text("appended")
    (folder / "trials" / "3" / "trial.json").write_text("{}")
    again, complete = drive(folder, pool := Scores(distance), trials=4)
    assert complete and again == rows and table(folder) == before
    assert sorted(sum(pool.sent, [])) == [1, 2, 3]
    said = capsys.readouterr().err
    assert said.count("is made again") == 3 and "nothing is left of it" in said
    assert sorted(os.listdir(folder / "trials.bad")) == ["2", "3"]


def test_a_lost_database_is_rebuilt_from_the_trials_without_training(tmp_path):
    folder = tmp_path / "run"
    rows, _ = drive(folder, Scores(distance), trials=4)
    (folder / "sweep.db").unlink()
    again, complete = drive(folder, pool := Scores(distance), trials=4)
    assert complete and again == rows and pool.sent == []


def test_a_trial_that_is_lost_again_and_again_has_failed(tmp_path):
    class Forgetful(Scores):
        def events(self, timeout):
            found = super().events(timeout)
            for event in found:
                shutil.rmtree(event.job["trials"][0]["directory"])
            return found

    rows, complete = drive(tmp_path / "run", Forgetful(distance), trials=1)
    assert complete and rows[0].state == FAILED and "was lost" in rows[0].result["reason"]


@pytest.fixture
def job(tiny, tmp_path):
    member = config.replace(tiny, {"penalty": "none"})
    trial = {
        "number": 0,
        "config": config.to_dict(member),
        "directory": str(tmp_path / "trials" / "0"),
    }
    return {"trials": [trial], "data_dir": None, "devices": 1, "score": "w1_debiased"}


def the_result(job):
    """What run_job says of its trial, but for the time, and why it was made again."""
    (result,) = run_job(job, Interrupt())
    return {n: v for n, v in result.items() if n not in ("seconds", "remade")}, result.get("remade")


def test_a_trial_survives_what_happens_to_its_directory(job, tmp_path, monkeypatch):
    directory = Path(job["trials"][0]["directory"])
    member = config.from_dict(job["trials"][0]["config"])
    expected, remade = the_result(job)
    assert remade is None and expected["state"] == FINISHED
    read = outcomes.read(directory, member)
    assert {n: v for n, v in read.items() if n != "seconds"} == expected

    (directory / "config.json").write_text("{")
    (directory / "trial.json").unlink()
    found, remade = the_result(job)
    assert found == expected and "config.json" in remade and "trials.bad/0" in remade
    assert (tmp_path / "trials.bad" / "0" / "config.json").read_text() == "{"

    shutil.rmtree(directory)
    real, deleted = pauses.Recorder.record, []

    def record(recorder, *arguments):
        if not deleted:
            deleted.append(shutil.rmtree(recorder.run.path))
        return real(recorder, *arguments)

    monkeypatch.setattr(pauses.Recorder, "record", record)
    found, remade = the_result(job)
    assert found == expected and "while it was trained" in remade
    assert runs.read(directory).read_step()[0] == found["step"]


DAMAGE = {
    "config.json": lambda p: p.write_text(p.read_text().replace("12", "13", 1)),
    "metrics.jsonl": lambda p: p.write_bytes(p.read_bytes()[:-1]),
    "trial.json": lambda p: p.write_text(p.read_text().replace("finished", "failed")),
    "data.json": lambda p: p.unlink(),
    "failure.json": lambda p: p.write_text("{}"),
    "checkpoints": shutil.rmtree,
}


def test_no_damage_to_an_ended_trial_goes_unnoticed(job):
    directory = Path(job["trials"][0]["directory"])
    member = config.from_dict(job["trials"][0]["config"])
    the_result(job)
    for name, change in DAMAGE.items():
        copy = directory.with_name(name)
        shutil.copytree(directory, copy)
        change(copy / name)
        with pytest.raises(ValueError, match=name):
            outcomes.read(copy, member)
    files.write_json(copy / "trial.json", files.seal({"another": "sealed file"}))
    with pytest.raises(ValueError, match="trial.json is damaged"):
        outcomes.read(copy, member)
    with pytest.raises(ValueError, match="not the config of this trial"):
        outcomes.read(directory, config.replace(member, {"seed": 5}))


def test_a_full_disk_is_no_fault_of_the_trial(job):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(StorageError, match="File too large"):
            run_job(job, Interrupt())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.slow
def test_damaged_sweeps_end_with_the_same_table():
    said = []
    assert fuzz(2, 1, said.append) == 0, said
