"""Metrics that a config names: computed, kept, shown, and ranked by."""

import csv
import json
import shutil
import types

import pytest

from experiments import seeds
from gan import config, data
from gan.errors import UserError
from gan.registries import METRICS
from gan.reports import scores as tables
from gan.scores import evaluation, requirements
from gan.scores.requirements import Situation
from gan.sweeps.tables import check_score
from tests.experiments.commands import TINY, call

FULL, CHEAP = "tests.plugin.metrics:mean_gap", "tests.plugin.metrics:mean_norm"
CHOSEN = ["w1", "w1_floor", "recall", FULL, CHEAP]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("chosen") / "run"
    flags = ["--preset", "digits", *TINY, "--steps", 3, "--metrics", *CHOSEN]
    status, out, err = call("train", "--workdir", workdir, *flags)
    assert status == 0, err
    return workdir, out


def test_an_evaluation_holds_what_is_asked_for_and_no_more(finished):
    workdir, out = finished
    scores = json.loads((workdir / "evaluation.json").read_text())
    assert set(scores) == {"step", "split", "n", *CHOSEN, "skipped_scores", "collapsed", "crc32"}
    assert scores["skipped_scores"] == {} and scores[CHEAP] > 0
    assert scores[FULL]["interval"][0] < scores[FULL]["value"] and scores[FULL]["real"] >= 0
    report = (workdir / "report.html").read_text()
    for name in CHOSEN:
        assert name in out and f"<code>{name}</code>" in report
        assert METRICS.get(name).meaning.split("'")[0] in report
    assert "w1_debiased" not in out and "At step 3, 20 generated examples are at" in report


def test_cheap_ones_are_computed_while_training(finished):
    workdir, _ = finished
    last = json.loads((workdir / "metrics.jsonl").read_text().splitlines()[-1])
    assert {"w1", "w1_floor", CHEAP} <= set(last)
    assert not {"recall", FULL, "w1_debiased"} & set(last)


def test_the_choice_may_change_when_a_run_is_evaluated_again(finished, tmp_path):
    workdir = shutil.copytree(finished[0], tmp_path / "run")
    status, out, err = call("train", "--workdir", workdir, "--metrics", "critic_share")
    assert status == 0, err
    assert "critic_share" in out and FULL not in out


def test_tables_over_runs_have_a_column_for_them(finished):
    workdir, _ = finished
    scores = {"w1": 2.0, "w1_floor": 1.0, FULL: {"value": 3.0}, CHEAP: 4.0}
    rows = [{"seed": seed} | tables.ratios(scores) | scores for seed in (0, 1)]
    heading, _, first, *_ = seeds.table(rows).splitlines()
    assert heading == f"| seed | W1 | floor | W1 / floor | {FULL} | {CHEAP} |"
    assert first == "| 0 | 2 | 1 | 2 | 3 | 4 |"


def test_unknown_metrics_are_refused_before_anything_is_made(tmp_path):
    flags = ["--preset", "digits", *TINY, "--metrics"]
    for name, hint in (("recal", "did you mean 'recall'"), ("tests.plugin.metrics:gap", "Metric")):
        status, _, err = call("train", "--workdir", tmp_path / "run", *flags, name)
        assert status == 2 and hint in err and not (tmp_path / "run").exists()


def test_what_the_data_do_not_allow_is_left_out_and_said_if_it_was_asked_for(digits):
    found, skipped = evaluation.possible((), Situation(digits))
    assert not {"modes", "frechet_distance", "class_share"} & set(found) and skipped == {}
    found, skipped = evaluation.possible(["w1", "modes"], Situation(digits))
    assert found == ["w1"] and "digits is no mixture" in skipped["modes"]
    moons = data.load(config.Data(name="two_moons"))
    _, skipped = evaluation.possible((), Situation(moons))
    assert set(skipped) == {"inception_type_score", "mode_count", "mode_kl", "proportions"}
    assert requirements.unmet("frechet_distance", Situation(digits, features_given=True)) is None


@pytest.mark.parametrize(
    ("score", "hint"),
    [
        ("kernel_distanse", "did you mean 'kernel_distance'"),
        ("lipschitz", "lipschitz has no direction"),
        ("modes", "digits is no mixture"),
        ("frechet_distance", "take frechet_classifier_distance"),
        ("tests.plugin.metrics:mean_norm", "has no direction"),
    ],
)
def test_trials_cannot_be_ranked_by_just_anything(digits, score, hint):
    with pytest.raises(UserError) as caught:
        check_score(score, config.Config(), digits)
    assert hint in str(caught.value)


def test_trials_are_not_ranked_by_what_rests_on_a_poor_classifier(digits, monkeypatch):
    poor = types.SimpleNamespace(accuracy_per_image=0.5)
    monkeypatch.setattr("gan.scores.classifier.load_or_train", lambda dataset, say: poor)
    for score in ("recall", "mode_count", FULL):
        with pytest.raises(UserError, match=f"{score}: the classifier of digits is right on 50.0"):
            check_score(score, config.Config(), digits)
    check_score("w1", config.Config(), digits)
    poor.accuracy_per_image = 0.9
    check_score("recall", config.Config(), digits)


def test_a_sweep_is_ranked_by_a_metric_of_somebodys_own(tmp_path):
    (tmp_path / "space.json").write_text(json.dumps({"seed": [0, 1]}))
    flags = ["--preset", "digits", *TINY, "--steps", 2, "--workers", 1, "--rank_by", FULL]
    flags += ["--space", tmp_path / "space.json", "--workdir", tmp_path / "sweep"]
    status, out, err = call("sweep", *flags)
    assert status == 0, err
    with (tmp_path / "sweep" / "results.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert all(float(line["score"]) > 0 for line in lines) and len(lines) == 2
    log = tmp_path / "sweep" / "trials" / "0" / "metrics.jsonl"
    assert json.loads(log.read_text().splitlines()[-1])[FULL] == float(lines[0]["score"])
    assert f"{FULL} 0." in out or f"{FULL} " in out
    assert (
        "lower is better: How far the mean features"
        in (tmp_path / "sweep" / "report.html").read_text()
    )
