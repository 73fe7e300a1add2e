"""Tables are made of evaluations as files hold them, whichever version wrote these."""

import pytest

from gan.registries import METRICS
from gan.reports import page, run_page
from gan.reports import scores as tables

OF_OTHERS = "no_such_package.metrics:sharpness"
SCORES = {
    "step": 7,
    "split": "test",
    "n": 20,
    "w1": 3.0,
    "modes": 2,
    "recall": {"value": 0.5, "interval": [0.4, 0.6], "real": 0.9, "n": 40, "features": "pixels"},
    "p_values_of_an_earlier_version": 0.5,
    OF_OTHERS: 1.5,
    "skipped_scores": {"mode_kl": "there are no classes"},
    "crc32": 1234,
}


def test_numbers_are_explained_and_others_left_out():
    plain = {name: (value, text) for name, value, text in tables.plain(SCORES)}
    assert list(plain) == ["step", "split", "n", "w1", "modes", OF_OTHERS]
    assert plain["w1"] == (3.0, METRICS.get("w1").meaning) and plain[OF_OTHERS] == (1.5, "")
    assert list(tables.detailed(SCORES)) == ["recall"]
    assert tables.features_used(SCORES, ["w1", "recall"]) == ["pixels"]


def test_a_number_without_interval_or_real_examples_is_shown_as_it_is():
    entry = {"value": 0.5, "n": 40, "features": "pixels"}
    (grid, *_) = tables.sample_scores({"recall": entry})
    assert "<td>recall</td><td class=number>0.5</td><td class=number></td>" in grid


def test_ratios_stand_in_units_of_floors():
    scores = {"w1": 3.0, "w1_floor": 2.0, "nearest_train": 1.0, "nearest_train_real": 0.0}
    assert tables.ratios(scores) == {"w1_ratio": 1.5, "nearest_ratio": float("inf")}
    assert tables.ratios({"w1": 3.0}) == {}
    headings = list(tables.columns(scores).values())
    assert headings[:3] == ["W1", "floor", "W1 / floor"] and len(set(headings)) == len(headings)


@pytest.mark.parametrize(
    ("names", "said", "unsaid"),
    [
        (("w1",), "at exact distance 3", "critic"),
        (("modes",), "At step 7.", "modes are covered"),
        ((), "At step 7.", "distance"),
    ],
)
def test_the_verdict_speaks_of_what_there_is(names, said, unsaid):
    text = run_page.verdict({name: SCORES[name] for name in ("step", "n", *names)})
    assert said in text and unsaid not in text


def test_what_is_folded_is_there_and_nothing_is_folded_to_nothing():
    part = page.folded("All <of> them", page.table([("w1", 3.0, "a distance")]))
    assert part.startswith("<details><summary>All &lt;of&gt; them</summary>") and "<td>" in part
    assert page.folded("Nothing", "", "") == ""
