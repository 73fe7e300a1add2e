"""The page on games in miniature: claims of its parts, and the page that quotes its numbers."""

import html
import json
import re

import numpy as np
import pytest

from experiments.games import dirac_gan, gap, study
from experiments.games.study import PARTS
from gan.reports.story import quotations
from tests.experiments.commands import call

TRAINED = gap.PART.sizes["common"] | {
    "steps": 6,
    "batch_size": 16,
    "generator.width": 8,
    "critic.width": 8,
    "n_critic": 2,
}
SIZES = {
    1: dirac_gan.PART.sizes
    | {
        "methods": ["non-saturating", "Wasserstein, two-sided GP", "non-saturating, R1"],
        "weights": [0.0, 1.0, 2.0],
    },
    2: {"steps": 400, "random": [[3, 2], [7, 7]]},
    3: {
        "n": 40,
        "every": 3,
        "common": TRAINED,
        "runs": {"swiss": {"preset": "swiss_roll"}},
    },
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """All parts in miniature: (directory, results)."""
    workdir = tmp_path_factory.mktemp("games")
    return workdir, study.run(str(workdir), 0, sizes=SIZES)


def test_the_page_holds_every_number_and_picture(written):
    workdir, results = written
    page = (workdir / "games.html").read_text()
    for number, part in PARTS.items():
        numbers = results[number]["numbers"]
        assert part.title in page
        found = quotations(part, numbers)
        assert len(found) > 10
        assert all(text in page for text in found)
    assert page.count("data:image/png;base64,") == 5
    text = re.sub(r"base64,[^\"]*", "", page.split("</style>")[1])
    assert not any(sign in text for sign in ("<script", "http", "{"))
    saved = json.loads((workdir / "games.json").read_text())
    assert saved["parts"]["2"]["numbers"] == results[2]["numbers"]


def test_methods_do_what_theory_says(written):
    numbers = written[1][1]["numbers"]
    rows = {row["name"]: row for row in numbers["rows"]}
    assert numbers["agreements"] == numbers["count"] == 3
    assert 0 <= numbers["largest_error"] < 1e-6
    assert rows["non-saturating"]["arrived"] == "no / no"
    assert rows["non-saturating, R1"]["arrived"] == "yes / yes"
    assert rows["Wasserstein, two-sided GP"]["error"] is None
    assert html.escape(rows["non-saturating"]["theory"]) == "± 0.5i"


def test_values_agree_with_the_linear_program(written):
    numbers = written[1][2]["numbers"]
    assert numbers["games"] == 5 and numbers["enumerated"] == 4
    assert max(numbers["largest_proof"], numbers["largest_supports"]) < 1e-9
    assert numbers["largest_outside"] < 1e-9


def test_both_halves_of_the_gap_are_gains(written):
    numbers = written[1][3]["numbers"]
    assert set(numbers["curves"]) == {"swiss"}
    for curve in numbers["curves"].values():
        assert curve["step"] == [0, 3, 6]
        assert min(curve["critic"]) >= 0 and min(curve["generator"]) >= 0
        shares = 1 - np.array(curve["critic"]) / curve["w1"]
        np.testing.assert_allclose(shares, curve["share"], atol=1e-9)


def test_finished_parts_are_not_computed_again(written, capsys):
    workdir, results = written
    assert study.run(str(workdir), 0, sizes=SIZES) == results
    assert capsys.readouterr().err.count("already here") == 3


def test_a_bad_seed_is_a_mistake_of_the_user(tmp_path):
    for seed in ("-1", "4294967296", "one"):
        status, out, err = call("games", "--workdir", tmp_path, "--seed", seed)
        assert status == 2 and "seed" in err and len(err.splitlines()) <= 3 and out == ""
