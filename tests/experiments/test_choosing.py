"""The study of checkpoints in miniature: numbers of the log beside the truth, kept as they come."""

import json

import pytest

from experiments.choosing import study
from gan import config as configs
from gan import data, presets
from gan.referee import players
from tests.experiments.commands import call

SMALL = "--seeds 1 --steps 6 --checkpoints 3 --n 20".split()


def test_numbers_of_batches_are_means_since_the_checkpoint_before():
    config = study.base(presets.get("digits_conditional"), 40, 2, {})
    assert (config.checkpoint_every, config.score_every, config.log_every) == (20, 20, 2)
    records = [
        {"step": s, "critic_loss": float(s), "w1": 1.0 + s, "other": 0.0} for s in range(1, 41)
    ]
    found = study._numbers(records, config)
    assert found == {20: {"critic_loss": 10.5, "w1": 21.0}, 40: {"critic_loss": 30.5, "w1": 41.0}}


def test_mistakes_end_before_any_training(tmp_path):
    for flags, text in [
        (["--preset", "digits"], "conditional"),
        (["--steps", "10", "--checkpoints", "3"], "multiple"),
        (["--preset", "digit_conditional"], "did you mean"),
    ]:
        status, _, err = call("choosing", "--workdir", tmp_path / "none", *flags)
        assert status == 2 and text in err, err
    assert not (tmp_path / "none").exists()


def test_sets_are_no_larger_than_the_splits():
    config = study.base(presets.get("digits_conditional"), 40, 2, {})
    assert config.evaluation_size == 512
    assert players.compared(config, data.load(config.data)) == {"validation": 198, "test": 398}


@pytest.mark.slow
def test_checkpoints_are_scored_once_and_tabulated(tmp_path):
    status, out, err = call("choosing", "--workdir", tmp_path, *SMALL)
    assert status == 0, err
    assert (tmp_path / "choosing.md").read_text() in out + "\n"
    assert "n = 20 of the validation split, 20 of the test split" in out
    assert (tmp_path / "choosing.png").stat().st_size > 10_000
    found = json.loads((tmp_path / "choosing.json").read_text())
    (run,) = found["runs"]
    assert [point["step"] for point in run] == [2, 4, 6]
    log = (tmp_path / "seed_0" / "metrics.jsonl").read_text().splitlines()
    logged = {record["step"]: record for record in map(json.loads, log)}
    for point in run:
        assert point["numbers"]["kernel_distance"] == logged[point["step"]]["kernel_distance"]
        assert set(point["truth"]) >= set(study.TRUTHS)
    rows = found["agreement"]["w1_debiased"]
    assert {"critic_loss", "w1_debiased", "critic_share"} <= set(rows)

    status, again, err = call("choosing", "--workdir", tmp_path, *SMALL)
    assert status == 0 and again == out and "compiled" not in err
    status, _, err = call("choosing", "--workdir", tmp_path, *SMALL[:-1], "24")
    assert status == 2 and "evaluation_size" in err
    assert configs.flatten(study.base(presets.get("digits_conditional"), 6, 3, {}))["steps"] == 6
