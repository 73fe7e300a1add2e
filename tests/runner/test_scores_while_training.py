"""All metrics, in features that the config names, while training: on a schedule."""

import numpy as np
import pytest

import gan
from gan import config, runs
from gan.errors import UserError

SMALL = {
    "steps": 6,
    "batch_size": 8,
    "n_critic": 1,
    "evaluation_size": 16,
    "evaluation_repeats": 2,
    "evaluate_every": 2,
    "score_every": 3,
    "metrics": ("w1", "recall", "kernel_distance"),
    "features": "tests.runner.test_scores_while_training:first_rows",
    "generator.width": 8,
    "critic.width": 8,
}


def first_rows(examples):
    return examples[:, :2].reshape(len(examples), -1)


def test_scores_are_in_the_log_when_they_are_due(tmp_path):
    chosen = config.replace(gan.presets.get("digits"), SMALL)
    found = gan.train(chosen, tmp_path / "run")
    records = {record["step"]: record for record in runs.read(tmp_path / "run").metrics()}
    assert [step for step in records if "w1" in records[step]] == [2, 3, 4, 6]
    assert [step for step in records if "recall" in records[step]] == [3, 6]
    assert np.isfinite(records[3]["kernel_distance"])
    assert found["recall"]["features"].endswith("first_rows")
    assert found["recall"]["n"] == 32


def test_without_a_schedule_only_cheap_ones_are_in_the_log(tmp_path):
    chosen = config.replace(gan.presets.get("digits"), {**SMALL, "score_every": 0})
    gan.train(chosen, tmp_path / "run")
    assert not any("recall" in record for record in runs.read(tmp_path / "run").metrics())


def test_features_that_are_none_are_refused_before_training(tmp_path):
    chosen = config.replace(gan.presets.get("digits"), {**SMALL, "features": "nowhere:none"})
    with pytest.raises(UserError, match="nowhere"):
        gan.train(chosen, tmp_path / "run")
    assert not (tmp_path / "run").exists()
