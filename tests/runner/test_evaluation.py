"""A run is evaluated with the metrics that its config names, or with others."""

import json

import pytest

import gan
from gan.errors import UserError
from tests.experiments.commands import TINY, call

FOREIGN = "tests.plugin.metrics:mean_norm"
NAMED = ["w1", "w1_floor"]


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    path = tmp_path_factory.mktemp("evaluated") / "run"
    flags = ["--preset", "digits", *TINY, "--steps", 2, "--metrics", *NAMED]
    status, _, err = call("train", "--workdir", path, *flags)
    assert status == 0, err
    return path


def kept(workdir):
    """The numbers of evaluation.json by name."""
    found = json.loads((workdir / "evaluation.json").read_text())
    return {k: v for k, v in found.items() if k not in ("step", "split", "n", "crc32", "collapsed")}


def test_other_metrics_than_the_config_names(workdir):
    config, before = (workdir / "config.json").read_bytes(), kept(workdir)
    assert set(before) == {*NAMED, "skipped_scores"}
    flags = ["--workdir", workdir, "--metrics", "w1", "w1_debiased,modes", FOREIGN]
    status, out, err = call("evaluate", *flags)
    assert status == 0, err
    found = kept(workdir)
    assert set(found) == {"w1", "w1_debiased", FOREIGN, "skipped_scores"}
    assert found["w1"] == before["w1"] and found[FOREIGN] > 0
    assert list(found["skipped_scores"]) == ["modes"]
    assert "w1_debiased" in out and FOREIGN in out and "w1_floor" not in out
    assert (workdir / "config.json").read_bytes() == config

    status, out, err = call("evaluate", "--workdir", workdir)
    assert status == 0, err
    assert kept(workdir) == before and FOREIGN not in out


@pytest.mark.parametrize(
    ("names", "hint"),
    [
        (["recal"], "did you mean 'recall'"),
        (["w1", "tests.plugin.metrics:mean_nrm"], "did you mean 'mean_norm'"),
        (["tests.plugin.metrics:gap"], "must be a Metric"),
        (["nowhere.metrics:gap"], "No module named 'nowhere'"),
        (["w1", "recall", "w1"], "names one twice"),
    ],
)
def test_wrong_names_are_refused_and_nothing_is_written(workdir, names, hint):
    before = (workdir / "evaluation.json").read_bytes()
    status, out, err = call("evaluate", "--workdir", workdir, "--metrics", *names)
    assert (status, out) == (2, "") and hint in err and len(err.splitlines()) == 1
    assert (workdir / "evaluation.json").read_bytes() == before


def test_names_are_looked_at_before_the_checkpoint(workdir):
    with pytest.raises(UserError, match="did you mean 'recall'"):
        gan.evaluate(str(workdir), 99, metrics=["recal"])
    with pytest.raises(UserError, match="list of names, got 'w1'"):
        gan.evaluate(str(workdir), metrics="w1")
    with pytest.raises(UserError, match="a number, 'best' or None, got 'last'"):
        gan.evaluate(str(workdir), "last")


@pytest.mark.slow
def test_an_empty_list_stands_for_every_standard_metric(workdir):
    found = gan.evaluate(str(workdir), 2, metrics=())
    assert {"w1", "recall", "critic_share", "proportions"} <= set(found)
    assert "modes" not in found and found["skipped_scores"] == {}
