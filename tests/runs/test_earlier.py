"""A run directory that version 0.1 has written can be opened, sampled, evaluated and continued."""

import json
import shutil

import numpy as np
import pytest

from gan import config, files, runner, runs
from gan import earlier as names
from gan.errors import UserError
from gan.registries import METRICS
from gan.reports import run_page
from gan.sweeps import binding, ledger, outcomes
from tests.conftest import ROOT

KEPT = ROOT / "tests" / "runs" / "of_0_1"
HASH = "c8e9eb56989610f49ec91d3411a52659e922cd0e2970e0a5f2098f33efe365f3"
"""Of the state after 4 steps, as its command printed it."""


@pytest.fixture
def earlier(tmp_path):
    return shutil.copytree(KEPT, tmp_path / "run")


def test_its_config_is_read_and_its_state_has_its_bits(earlier):
    run = runs.read(earlier)
    assert run.config.steps == 4 and run.config.critic.width == 4
    step, state = run.read_step()
    assert step == 4 and runs.tree_hash(state) == HASH
    assert run.metrics()[-1]["step"] == 4


def test_it_is_sampled(earlier):
    images = runner.load(str(earlier)).sample(5, seed=1)
    assert images.shape == (5, 8, 8, 1) and np.abs(images).max() <= 1 and images.std() > 0


def test_it_is_evaluated_to_the_same_numbers(earlier):
    before = json.loads((earlier / "evaluation.json").read_text())
    after = runner.evaluate(str(earlier))
    for name in ("w1", "w1_floor", "w1_debiased", "critic_share", "nearest_train", "sliced_w1"):
        assert after[name] == pytest.approx(before[name], rel=1e-4), name
    assert (earlier / "report.html").exists()


def test_it_is_continued(earlier):
    longer = config.replace(runs.read(earlier).config, {"steps": 6})
    result = runner.train(longer, str(earlier), evaluated=False)
    assert result["step"] == 6 and runs.read(earlier).read_step()[0] == 6
    assert [record["step"] for record in runs.read(earlier).metrics()][-2:] == [4, 6]


def test_numbers_are_read_under_their_present_names(earlier):
    run = runs.read(earlier)
    written = json.loads((earlier / "evaluation.json").read_text())
    last = json.loads((earlier / "metrics.jsonl").read_text().splitlines()[-1])
    found = run.evaluation()
    assert found["reference_share"] == written["yardstick_share"]
    assert found["proportions"]["missed_share"] == written["proportions"]["unserved"] == 0.375
    assert found["proportions"]["real"]["missed_share"] == 0.0625
    assert run.metrics()[-1]["reference_share"] == last["yardstick_share"]
    assert not names.RENAMED.keys() & {*found, *found["proportions"], *run.metrics()[-1]}


def test_its_report_shows_them(earlier):
    run_page.write(earlier)
    page = (earlier / "report.html").read_text()
    assert "reference_share" in page and "missed_share" in page and "yardstick" not in page


def test_a_config_that_names_them_names_the_present_metrics(earlier):
    path = earlier / "config.json"
    values = json.loads(path.read_text()) | {"metrics": ["w1", "yardstick_share"]}
    path.write_text(json.dumps(values))
    assert runs.read(earlier).config.metrics == ("w1", "reference_share")
    scores = runner.evaluate(str(earlier), metrics=["yardstick_share"])
    assert "reference_share" in scores and "yardstick_share" not in scores
    with pytest.raises(UserError, match="names one twice"):
        config.replace(config.Config(), {"metrics": ["unserved", "missed_share"]})


def test_who_asks_for_an_earlier_name_elsewhere_is_told_the_present_one():
    for before, now in names.RENAMED.items():
        with pytest.raises(UserError, match=f"did you mean '{now}'"):
            METRICS.get(before)


def test_a_sweep_that_ranks_by_one_goes_on(tmp_path):
    settings = dict.fromkeys(binding.SETTINGS, 0)
    settings |= {"rank_by": "unserved", "base": {"metrics": ["w1", "unserved"]}}
    files.write_json(tmp_path / "sweep.json", files.seal(settings))
    found = binding.load(tmp_path)
    assert found["rank_by"] == "missed_share" and found["base"]["metrics"] == ["w1", "missed_share"]
    outcomes.keep(tmp_path / "0", {"state": "finished", "unserved": 0.25})
    assert outcomes.read(tmp_path / "0", None) == {"state": "finished", "missed_share": 0.25}
    study = ledger.Ledger(tmp_path / "sweep.db", {}, "unserved", True)
    study.begin(0, {})
    study.end(0, {"state": "finished", "unserved": 0.25})
    rows = ledger.Ledger(tmp_path / "sweep.db", {}, "missed_share", True).rows
    assert rows[0].result == {"state": "finished", "missed_share": 0.25}
