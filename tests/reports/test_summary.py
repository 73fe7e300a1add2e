"""What a command prints of an evaluation fits a screen and says what it means."""

import pytest

from gan.reports import summary
from tests.reports.test_scores import OF_OTHERS, SCORES

FULL = {
    "step": 7,
    "split": "test",
    "n": 40,
    "w1": 3.0,
    "w1_floor": 2.5,
    "w1_low": 2.9,
    "w1_high": 3.1,
    "w1_debiased": 0.4,
    "w1_debiased_low": 0.3,
    "w1_debiased_high": 0.5,
    "critic_share": 0.1,
    "reference_share": 0.05,
    "w1_train": 2.0,
    "w1_train_floor": 1.9,
    **{f"slope_{k}": 1.0 for k in (5, 50, 95)},
    "recall": SCORES["recall"],
}


def said(scores, capsys) -> list[str]:
    summary.show(scores, "runs/x/report.html")
    return capsys.readouterr().out.splitlines()


def test_few_numbers_are_all_shown(capsys):
    lines = said(SCORES, capsys)
    assert lines[0] == "Step 7, 20 generated examples against the test split:"
    assert "  Left out: mode_kl: there are no classes" in lines
    shown = {line.split()[0]: line.split()[1:] for line in lines if line}
    assert shown["w1"] == ["3"] and shown[OF_OTHERS] == ["1.5"]
    assert shown["recall"] == ["0.5", "0.9", "0.4", "to", "0.6"]
    assert "by pixels" in lines and lines[-1] == "report runs/x/report.html"
    assert lines[-2] == "What they mean, with pictures:"


def test_of_many_numbers_those_that_matter_are_shown_beside_real_examples(capsys):
    lines = said(FULL, capsys)
    shown = {line.split()[0]: line.split()[1:] for line in lines if line}
    assert shown["w1"] == ["3", "2.5", "2.9", "to", "3.1"]
    assert shown["w1_debiased"] == ["0.4", "0", "0.3", "to", "0.5"]
    assert shown["w1_train"] == ["2", "1.9"] and "slope_5" not in shown
    assert "11 more numbers, and what all of them mean, with pictures:" in lines
    assert len(lines) <= 24 and max(map(len, lines)) <= 100


def test_six_numbers_are_shown_whatever_there_is_and_fit_a_screen(capsys):
    def entry(name):
        said = f"{name} against all 60,000 of train, not the 50,000 of published values; Inception"
        return SCORES["recall"] | {"features": f"{said}, weights of a very long name {'x' * 30}"}

    scores = FULL | {name: entry(name) for name in summary.CHOSEN[3:]}
    scores["skipped_scores"] = {f"score_{k}": "there are no classes in this data" for k in range(9)}
    lines = said(scores, capsys)
    assert len(lines) <= 24 and max(map(len, lines)) <= 100
    table = lines[lines.index("") + 2 :]
    assert [line.split()[0] for line in table[: summary.FEW]] == list(summary.CHOSEN[:6])
    assert table[summary.FEW].startswith("by ")


def test_a_number_of_somebodys_own_is_among_those_that_are_shown(capsys):
    assert any(line.startswith(OF_OTHERS) for line in said(FULL | {OF_OTHERS: 2.0}, capsys))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "can be told from real ones at n = 40: debiased distance 0.4, 95 % interval 0.3"),
        ({"w1_debiased_low": -0.1}, "cannot be told from real ones"),
        ({}, "The critic is trained enough: it proves 10.0 %"),
        ({"critic_share": 0.05}, "The critic is not trained enough"),
        ({"critic_share": -0.1, "reference_share": -0.2}, "The critic is not trained enough"),
        ({"w1_train": 1.8}, "look for copies"),
    ],
)
def test_a_sentence_says_what_the_numbers_do(changes, words):
    assert words in " ".join(summary.sentences(FULL | changes))


def test_no_sentence_speaks_of_what_is_not_there():
    assert summary.sentences(SCORES) == []
    assert "copies" not in " ".join(summary.sentences(FULL))


def test_proportions_are_shown_where_they_are_asked_for(capsys):
    found = {"missed_share": 0.1, "least_change": 0.2, "plan_change": 0.3, "labels": "classes"}
    scores = {"step": 1, "split": "test", "n": 9, "proportions": found | {"real": found, "n": 9}}
    lines = said(scores, capsys)
    assert any(line.split() == ["missed_share", "0.1", "0.1"] for line in lines)
    assert "by classes" in lines
