"""A run directory that version 0.1 has written can be opened, sampled, evaluated and continued."""

import json
import shutil

import numpy as np
import pytest

from gan import config, runner, runs
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
