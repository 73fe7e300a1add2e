"""A sweep in miniature: its table, its report, what it refuses."""

import json

import pytest

from gan import config, runs
from gan.sweeps.ledger import FAILED, FINISHED
from tests.experiments.commands import TINY, call
from tests.sweeps.makers import table

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


def test_a_bad_space_is_refused_before_anything_is_made(tmp_path):
    path = tmp_path / "space.json"
    path.write_text('{"n_critic": []}')
    status, out, err = call("sweep", "--space", path, "--workdir", tmp_path / "run")
    assert (status, out, err) == (2, "", "error: n_critic: the list is empty\n")
    assert not (tmp_path / "run").exists()
