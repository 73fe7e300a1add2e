"""The conformance command, end to end."""

import json

import pytest

from gan.scores.conformance import SCORES
from tests.experiments.commands import call


def test_a_right_scorer_ends_with_status_0_and_a_report(tmp_path):
    path = tmp_path / "report.json"
    flags = ["--scorer", "tests.plugin.scorers:recall", "--score", "recall", "--output", path]
    status, out, err = call("conformance", *flags)
    assert (status, err) == (0, "")
    *lines, empty, last = out.splitlines()
    assert lines[0].split() == ["case", "expected", "got", "verdict", "why"] and empty == ""
    assert last.startswith("tests.plugin.scorers:recall as recall: ") and last.endswith("0 wrong")
    report = json.loads(path.read_text())
    assert report["scorer"] == flags[1] and report["wrong"] == 0
    assert len(report["cases"]) == len(lines) - 1
    assert report["cases"][0].keys() == {"case", "expected", "got", "verdict", "why"}


def test_a_wrong_one_ends_with_status_1_and_what_it_prints_on_stderr():
    flags = ["--scorer", "tests.plugin.scorers:deaf", "--score", "frechet_distance"]
    status, out, err = call("conformance", *flags)
    assert status == 1 and "a scorer that prints" in err and "prints" not in out
    wrong = [line for line in out.splitlines() if "  wrong  " in line]
    assert len(wrong) == 2 and all(line.startswith("a NaN") for line in wrong)
    assert out.splitlines()[-1].endswith("2 wrong")


@pytest.mark.parametrize(
    ("flags", "hint"),
    [
        ([], "missing: --scorer, --score"),
        (["--score", "recall"], "missing: --scorer"),
        (["--scorer", "no.where:x", "--score", "recall"], "No module named 'no'"),
        (["--scorer", "recall", "--score", "recall"], "--scorer must be MODULE:FUNCTION"),
        (["--scorer", "tests.plugin.scorers:value", "--score", "w1"], "not a function"),
        (["--scorer", "tests.plugin.scorers:w1", "--score", "fid"], "frechet_distance"),
        (["--scorer", "a:b", "--score", "w1", "--output", "x.txt"], ".json"),
    ],
)
def test_bad_input_ends_with_status_2_and_a_line(flags, hint):
    status, out, err = call("conformance", *flags)
    assert status == 2 and out == "" and len(err.splitlines()) <= 2
    assert hint in err


def test_the_cases_are_listed():
    status, out, err = call("conformance", "--list", "--score", "w1")
    assert (status, err) == (0, "") and out.splitlines()[0].startswith("w1: ")
    assert "identical sets" in out and "a NaN among the real" in out and "no number" in out
    assert len(call("conformance", "--list")[1].splitlines()) > 20 * len(SCORES) // 2
