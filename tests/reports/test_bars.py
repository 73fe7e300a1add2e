"""Bars between collapse and real examples: where there is one, and where the dot stands."""

import re

import pytest

from gan.reports import bars
from gan.reports.bars import Score

RECALL = Score("recall", 0.6, (0.5, 0.7), real=0.8, collapsed=0.0, better="higher")
LEFT, RIGHT = bars.MARGIN, bars.WIDTH - bars.MARGIN


def dot(score):
    """Where the dot of a score stands; None without a bar."""
    found = re.findall(r'<circle cx="([\d.]+)"', bars.bars([score]))
    return float(found[0]) if found else None


@pytest.mark.parametrize(
    ("score", "place"),
    [
        (RECALL, 0.75),
        (RECALL._replace(value=0.8), 1),
        (RECALL._replace(value=0.0), 0),
        (Score("w1", 3.0, None, real=2.0, collapsed=6.0, better="lower"), 0.75),
    ],
)
def test_the_dot_stands_between_the_ends(score, place):
    assert dot(score) == pytest.approx(LEFT + place * (RIGHT - LEFT), abs=0.1)
    assert f"{place:.0%} of the way" in bars.bars([score])


def test_what_lies_far_beyond_an_end_stays_in_the_picture():
    assert 0 < dot(RECALL._replace(value=-9.0)) < LEFT
    assert RIGHT < dot(RECALL._replace(value=9.0)) < bars.WIDTH


@pytest.mark.parametrize(
    "changes",
    [
        {"collapsed": 0.8},
        {"collapsed": 1.0},
        {"collapsed": None},
        {"real": None},
        {"better": None},
        {"better": "lower"},
        {"real": float("inf")},
    ],
)
def test_there_is_no_bar_without_a_scale_but_the_number_stands(changes):
    score = RECALL._replace(**changes)
    assert dot(score) is None and "<b>0.6</b> (0.5 to 0.7)" in bars.bars([score])


def test_ends_are_named_in_numbers_and_names_are_escaped():
    text = bars.bars([RECALL._replace(name="<b>:x")])
    assert "one repeated: 0</span>" in text and "real: 0.8</span>" in text
    assert "<code>&lt;b&gt;:x</code>" in text and text.count(bars.NOTE) == 1
    assert bars.bars([]) == ""
