"""Runs side by side: what may be called best, what cannot be compared, what is named."""

import itertools
import re

import numpy as np
import pytest
from PIL import Image

from gan import config, files, presets
from gan.errors import UserError
from gan.reports import compare_curves, compare_page, comparison, figures
from gan.reports.comparison import Cell
from gan.runs import listing, metrics
from tests.experiments.commands import call

DATA = {"name": "digits", "shape": [8, 8, 1], "class_names": [], "fingerprint": "f00d"}
SCORES = {
    "step": 20,
    "split": "test",
    "n": 40,
    "w1": 3.0,
    "w1_low": 2.9,
    "w1_high": 3.1,
    "w1_floor": 2.8,
    "w1_spread": 0.1,
    "p_value": 0.5,
    "recall": {"value": 0.5, "interval": [0.4, 0.6], "real": 0.9, "n": 40, "features": "pixels"},
    "skipped_scores": {},
}


def made(path, changes=None, scores=SCORES, data=DATA, steps=20, level=1.0):
    """A run directory without checkpoints, of a run of 20 steps."""
    path.mkdir(parents=True)
    chosen = config.replace(presets.get("digits"), {"steps": 20} | (changes or {}))
    files.write_json(path / "config.json", config.to_dict(chosen))
    for step in range(4, steps + 1, 4):
        metrics.append(
            path / "metrics.jsonl",
            {"step": step, "critic_loss": level / step, "n": 40}
            | ({"w1": level + 1 / step, "w1_floor": 0.5} if step % 8 == 4 else {}),
        )
    if scores is not None:
        files.write_json(path / "evaluation.json", files.seal(scores))
    if data is not None:
        files.write_json(path / "data.json", files.seal(data))
    (path / "samples").mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 1), dtype=np.uint8)
    figures.save_image(str(path / "samples" / "step_00000020.png"), pixels)
    return path


def scored(value, half=0.05, n=40):
    ends = {"w1_low": value - half, "w1_high": value + half}
    return SCORES | {"w1": value, "n": n} | ends


def cell(value, low, high, rests_on=("data", "test", 40)):
    return Cell(value, None if low is None else (low, high), None, rests_on)


CASES = {
    "apart, lower is better": ("w1", [(1, 0.9, 1.1), (2, 1.9, 2.1)], "a"),
    "apart, higher is better": ("recall", [(0.1, 0, 0.2), (0.5, 0.4, 0.6)], "b"),
    "intervals overlap": ("w1", [(1, 0.5, 1.5), (2, 1.4, 2.5)], None),
    "intervals touch": ("w1", [(1, 0.5, 1.5), (2, 1.5, 2.5)], None),
    "no interval": ("w1", [(1, None, None), (2, 1.9, 2.1)], None),
    "no direction": ("p_value", [(0.1, 0.1, 0.1), (0.5, 0.5, 0.5)], None),
    "unknown name": ("no_such_package.metrics:x", [(1, 0.9, 1.1), (2, 1.9, 2.1)], None),
    "one run": ("w1", [(1, 0.9, 1.1)], None),
    "two of three overlap": ("w1", [(1, 0.9, 1.1), (1.1, 1, 1.2), (2, 1.9, 2.1)], None),
    "best of three": ("w1", [(1, 0.9, 1.1), (1.4, 1.2, 1.5), (1.3, 1.15, 2.1)], "a"),
    "infinite interval": ("w1", [(1, 0.9, 1.1), (2, -np.inf, np.inf)], None),
}


@pytest.mark.parametrize("case", CASES)
def test_best_is_beyond_all_others_whatever_their_order(case):
    name, found, expected = CASES[case]
    of = {run: cell(*values) for run, values in zip("abc", found, strict=False)}
    for order in itertools.permutations(of):
        assert comparison.best(name, {run: of[run] for run in order}) == expected


@pytest.mark.parametrize("other", [("else", "test", 40), ("data", "test", 41), (None, "test", 40)])
def test_nothing_is_best_among_what_cannot_be_compared(other):
    of = {"a": cell(1, 0.9, 1.1), "b": cell(2, 1.9, 2.1)}
    assert comparison.best("w1", of) == "a"
    assert comparison.best("w1", of | {"b": of["b"]._replace(rests_on=other)}) is None


def test_unknown_data_is_comparable_with_nothing():
    of = [cell(1, 0.9, 1.1, (None, "test", 40))] * 2
    assert not comparison.comparable(of)


def test_scores_stand_with_their_interval_and_what_real_examples_get():
    found = comparison.cells(SCORES, "f00d")
    assert list(found) == ["w1", "p_value", "recall"]
    assert found["w1"] == Cell(3.0, (2.9, 3.1), 2.8, ("f00d", "test", 40))
    assert found["p_value"][:3] == (0.5, None, None)
    assert found["recall"] == Cell(0.5, (0.4, 0.6), 0.9, ("f00d", "test", 40, "pixels"))


def test_a_path_stands_for_its_runs_in_the_order_of_numbers(tmp_path):
    for number in (10, 9, 0):
        made(tmp_path / "sweep" / "trials" / str(number))
    files.write_json(tmp_path / "sweep" / "config.json", {})
    (tmp_path / "sweep" / "sweep.json").write_text("{}")
    trials = [tmp_path / "sweep" / "trials" / str(number) for number in (0, 9, 10)]
    assert listing.directories(tmp_path / "sweep") == trials
    assert listing.directories(tmp_path / "sweep" / "trials") == trials
    assert listing.directories(trials[1]) == [trials[1]]
    assert listing.directories(tmp_path / "nothing") == [tmp_path / "nothing"]
    assert listing.names(trials) == ["trials/0", "trials/9", "trials/10"]
    assert listing.names([tmp_path / "a" / "x", tmp_path / "b" / "x"]) == ["a/x", "b/x"]
    assert listing.names([tmp_path / "a" / "x"]) == ["x"]


def test_configs_differ_in_what_is_listed_and_in_nothing_else(tmp_path):
    made(tmp_path / "a", {"seed": 1, "critic.width": 8})
    made(tmp_path / "b", {"seed": 2, "critic.width": 8})
    made(tmp_path / "c", {"seed": 2, "critic.width": 9})
    found = comparison.read([tmp_path]).runs
    assert comparison.differences(found) == {"seed": [1, 2, 2], "critic.width": [8, 8, 9]}
    assert comparison.differences(found[:1]) == {} and comparison.warnings(found) == []


def test_the_unreadable_and_the_unfinished_are_named(tmp_path):
    made(tmp_path / "good")
    made(tmp_path / "half", steps=12, scores=None)
    made(tmp_path / "diverged", steps=8)
    files.write_json(tmp_path / "diverged" / "failure.json", {"message": "step 9: critic_loss"})
    made(tmp_path / "altered")
    files.write_json(tmp_path / "altered" / "evaluation.json", files.seal(SCORES) | {"w1": 1.0})
    made(tmp_path / "empty", steps=0, scores=None)
    made(tmp_path / "broken")
    (tmp_path / "broken" / "config.json").write_text("{")
    found = comparison.read([tmp_path, tmp_path / "missing"])
    remarks = {run.name: " ".join(run.remarks) for run in found.runs}
    assert list(remarks) == ["altered", "diverged", "good", "half"] and remarks["good"] == ""
    assert remarks["half"] == "unfinished: step 12 of 20"
    (warning,) = comparison.warnings(found.runs)
    assert warning.startswith("Not evaluated, hence without intervals: altered, half. ")
    assert "diverged: step 9" in remarks["diverged"] and "altered" in remarks["altered"]
    unread = {path.rpartition("/")[2]: reason for path, reason in found.unread.items()}
    assert unread.keys() == {"empty", "broken", "missing"}
    assert "not valid JSON" in unread["broken"] and "no line of a log" in unread["empty"]
    assert "no run directory" in unread["missing"]


def test_nothing_to_read_is_a_mistake_in_a_line(tmp_path):
    status, out, err = call("compare", tmp_path / "no", tmp_path / "o", "--output", "x.html")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("error: nothing to compare: ") and "(and 1 more" in err
    status, _, err = call("compare", "--output", tmp_path / "x.html")
    assert status == 2 and err == "error: missing: --runs; see --help\n"
    made(tmp_path / "run")
    status, _, err = call("compare", tmp_path / "run", "--output", tmp_path / "x.txt")
    assert status == 2 and ".html" in err and "Traceback" not in err


def text_of(path):
    """The page without its pictures."""
    return re.sub(r"base64,[^\"]*", "", path.read_text())


def test_the_page_shows_runs_side_by_side(tmp_path, capsys):
    made(tmp_path / "a", {"penalty_weight": 1.0}, scored(3.0))
    made(tmp_path / "b", {"penalty_weight": 2.0}, scored(2.5), level=2.0)
    figures.save_image(str(tmp_path / "real.png"), np.zeros((2, 2, 1), np.uint8))
    page = tmp_path / "pages" / "page.html"
    status, out, err = call("compare", tmp_path / "a", tmp_path / "b", "--output", page)
    assert status == 0 and err == ""
    text = text_of(page)
    assert "<script" not in text and "http" not in text
    assert text.count("<b>2.5 [2.45, 2.55]</b>") == 1 and "<b>3 [" not in text
    assert "<td>penalty_weight</td><td class=number>1</td><td class=number>2</td>" in text
    assert text.count("<figure>") == text.count("data:image/png;") == 2 + 2  # samples; curves
    assert "<td class=number>2.8</td></tr>" in text and "not comparable" not in text
    assert sorted(p.name for p in page.parent.iterdir()) == ["page.html"]
    lines = out.splitlines()
    assert len(lines) <= 24 and max(map(len, lines)) <= 100
    assert lines[0] == "2 runs, whose configs differ in penalty_weight."
    assert [line.split()[:3] for line in lines[2:4]] == [["a", "20", "3"], ["b", "20", "2.5*"]]
    assert lines[-1] == f"page {page}"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"data": DATA | {"fingerprint": "beef"}}, "learned from different data: digits f00d: a"),
        ({"data": None}, "unknown data: b"),
        ({"scores": scored(2.5, n=20)}, "n = 40 of test: a; n = 20 of test: b"),
    ],
)
def test_what_cannot_be_compared_is_said_and_not_marked(tmp_path, changes, words):
    made(tmp_path / "a", scores=scored(3.0))
    made(tmp_path / "b", **{"scores": scored(2.5)} | changes)
    page = tmp_path / "page.html"
    status, out, _ = call("compare", tmp_path / "a", tmp_path / "b", "--output", page)
    text = text_of(page)
    assert status == 0 and words in out and words in text
    nothing = "No two runs can be compared by these scores" in text
    assert nothing != ("w1 (not comparable)" in text)  # of other examples, features may be the same
    assert nothing == ("scores" not in changes) and "<b>2.5" not in text and "2.5*" not in out


def test_scores_that_cannot_be_compared_are_named_where_others_can_be():
    rests = ("f00d", "test", 40)
    one = Cell(1.0, (0.9, 1.1), None, rests)
    names = ["w1", *(f"score_{k}" for k in range(20))]
    every = {run: dict.fromkeys(names, one) for run in ("a", "b")}
    every["b"]["score_3"] = one._replace(rests_on=(*rests[:2], 50))
    texts = compare_page.side_by_side(names, every)
    assert texts.count("(not comparable)") == 1 and "score_3 (not comparable)" in texts
    assert "No two runs" not in texts


def test_many_runs_stand_below_each_other_and_fit_a_screen(tmp_path):
    for seed in range(35):
        value = 3.0 if seed else 1.0
        made(tmp_path / "runs" / f"seed_{seed}", {"seed": seed}, scored(value, half=1e-3))
    page = tmp_path / "page.html"
    status, out, _ = call("compare", tmp_path / "runs", "--output", page)
    assert status == 0 and len(out.splitlines()) <= 24 and "and 23 more runs" in out
    text = text_of(page)
    assert "<tr><td>seed_34</td>" in text and text.count("<b>1 [0.999, 1.001]</b>") == 1
    assert len({compare_curves.style(number) for number in range(30)}) == 30


def test_single_values_far_out_do_not_hide_the_others(tmp_path):
    steps = list(range(1, 201))
    line = figures.Line(steps, [1.0 + 0.01 * (step % 5) for step in steps], ("#000000", "-"))
    spike = line._replace(values=[*line.values[:-1], 1e6])
    assert not figures.save_lines(str(tmp_path / "a.png"), [line])
    assert figures.save_lines(str(tmp_path / "b.png"), [spike], real=line)
    assert Image.open(tmp_path / "a.png").size == Image.open(tmp_path / "b.png").size


def test_a_sweep_without_evaluations_shows_what_its_logs_hold(tmp_path):
    for number in range(3):
        made(tmp_path / "trials" / str(number), {"seed": number}, None, level=number + 1.0)
    (tmp_path / "sweep.json").write_text("{}")
    page = tmp_path / "page.html"
    status, out, _ = call("compare", tmp_path, "--output", page)
    lines = out.splitlines()
    assert status == 0 and len(lines) <= 24 and "*" not in out
    assert [line.split() for line in lines[1:4]] == [
        ["run", "step", "w1"],
        ["trials/0", "20", "1.05"],
        ["trials/1", "20", "2.05"],
    ]
    assert "Not evaluated, hence without intervals: trials/0, trials/1, trials/2." in out
    assert "<td>w1</td><td class=number>1.05</td><td class=number>2.05</td>" in text_of(page)


def test_a_folder_without_runs_is_refused(tmp_path):
    with pytest.raises(UserError, match="no run directory"):
        comparison.read([tmp_path])
