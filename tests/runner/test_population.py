"""Runs trained together leave what runs trained alone leave."""

import json
import random
import signal

import pytest

from gan import config, runs
from gan.errors import LockedError, UserError
from gan.runner import train
from gan.runner.training import train_together
from gan.signals import Interrupt
from tests.experiments.commands import TINY, call, finish, kill, saved, start

EXPLOSION = {"generator_learning_rate": 1e30, "critic_learning_rate": 1e30}


def members(tiny):
    changes = [{"seed": 0}, {"seed": 1, "penalty_weight": 1.0}, EXPLOSION]
    return [config.replace(tiny, change) for change in changes]


@pytest.fixture(scope="module")
def together(tiny, tmp_path_factory):
    """(directories, results) of three members, of which the last diverges."""
    folders = [str(tmp_path_factory.mktemp("population") / str(i)) for i in range(3)]
    return folders, train_together(members(tiny), folders, devices=1)


def test_a_member_leaves_the_run_directory_of_its_solo_run(together, tiny, tmp_path):
    folders, results = together
    solo = train(members(tiny)[1], str(tmp_path / "solo"), devices=1)
    assert results[1] == solo != results[0]
    ours, alone = runs.read(folders[1]), runs.read(tmp_path / "solo")
    assert ours.config == alone.config and ours.metrics() == alone.metrics()
    assert ours.checkpoints.steps() == alone.checkpoints.steps() == [6, 12]
    assert ours.checkpoints.best() == alone.checkpoints.best()
    assert ours.evaluation() == alone.evaluation()
    names = [sorted(p.name for p in run.path.glob("**/*.png")) for run in (ours, alone)]
    assert names[0] == names[1] and len(names[0]) >= 5


def test_a_diverged_member_says_so_and_is_not_tried_again(together, tiny, capfd):
    folders, results = together
    assert set(results[2]) == {"failure"} and "critic_loss" in results[2]["failure"]
    assert runs.read(folders[2]).checkpoints.steps() == []
    capfd.readouterr()
    assert train_together(members(tiny), folders, devices=1) == results
    assert "compiled" not in capfd.readouterr().err


def test_a_population_continues_runs_that_others_began(together, tiny, tmp_path):
    folders = [str(tmp_path / str(i)) for i in range(3)]
    configs = members(tiny)
    train(config.replace(configs[1], {"steps": 5}), folders[1], devices=1)
    stopped = Interrupt()
    stopped.signal = signal.SIGTERM
    assert train_together(configs, folders, interrupt=stopped, devices=1) is None
    assert train_together(configs, folders, devices=1) == together[1]
    logged = [[record["step"] for record in runs.read(f).metrics()] for f in folders[:2]]
    assert logged == [[4, 6, 8, 12], [4, 5, 6, 8, 12]]


def test_a_directory_has_one_writer_and_one_member(tiny, tmp_path):
    configs = members(tiny)[:2]
    with pytest.raises(UserError, match="2 members need as many different run directories"):
        train_together(configs, [str(tmp_path), str(tmp_path / ".." / tmp_path.name)])
    with runs.open(tmp_path / "1", configs[1]), pytest.raises(LockedError, match="in use"):
        train_together(configs, [str(tmp_path / "0"), str(tmp_path / "1")])


RUN = ["--preset", "digits", *TINY, "--steps", 12, "--log_every", 4, "--sample_every", 6]
RUN += ["--evaluate_every", 6, "--checkpoint_every", 6, "--together"]


@pytest.mark.slow
def test_seeds_together_are_tabulated(tmp_path):
    status, out, err = call("seeds", "--workdir", tmp_path, "--seeds", 2, *RUN)
    assert status == 0 and "2 members, each" in err, err
    rows = json.loads((tmp_path / "seeds.json").read_text())
    assert [row["seed"] for row in rows] == [0, 1] and rows[0]["w1"] != rows[1]["w1"]
    flags = ["--generator_learning_rate", 1e30, "--critic_learning_rate", 1e30]
    status, out, err = call("seeds", "--workdir", tmp_path / "bad", "--seeds", 1, *RUN, *flags)
    assert status == 0 and "Seed 0 diverged: step " in out, err


@pytest.mark.slow
def test_a_population_killed_twice_ends_with_the_same_bits(tmp_path):
    flags = ["--preset", "digits", "--seeds", 3, "--together", "--evaluate_every", 150]
    flags += ["--steps", 300, "--checkpoint_every", 20, "--evaluation_size", 50]

    def hashes(name):
        status, _, err = finish(start("seeds", "--workdir", tmp_path / name, *flags))
        assert status == 0, err
        rows = json.loads((tmp_path / name / "seeds.json").read_text())
        return [row["state_sha256"] for row in rows]

    expected = hashes("whole")
    assert len(set(expected)) == 3
    moments, first = random.Random(0), tmp_path / "killed" / "seed_0"
    for step in (20, 160):
        process = start("seeds", "--workdir", tmp_path / "killed", *flags)
        kill(process, lambda step=step: saved(first) >= step, moments.uniform(0, 0.3))
    assert 160 <= saved(first) < 300
    assert hashes("killed") == expected
