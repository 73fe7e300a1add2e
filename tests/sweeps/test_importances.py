"""Importances of swept fields: closed forms, and what is said of too few trials."""

import math

import optuna
import pytest

from gan.sweeps import ledger
from gan.sweeps import space as spaces
from gan.sweeps.importances import FEW, LEAST, importances
from gan.sweeps.ledger import FAILED, FINISHED, Row
from tests.sweeps.makers import EXAMPLE, Scores, distance, drive

GRID = {"n_critic": list(range(1, 9)), "seed": list(range(8))}


def rows_of(source, outcome):
    """A trial for every setting of a grid; outcome(values) is its score, None a failure."""
    space = spaces.parse(source)
    rows = []
    for number in range(space.size * space.repeats):
        values = space.values(space.setting(number // space.repeats), number)
        score = outcome(values)
        state = FAILED if score is None else FINISHED
        result = {"state": state} | ({} if score is None else {"w1_debiased": score})
        rows.append(Row(number, values, state, result))
    return space, rows


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0, 2.0])
def test_shares_of_a_sum_are_those_of_the_variances(weight):
    """y = critic + weight * seed on a grid of 8 x 8: variances 1 : weight^2."""
    space, rows = rows_of(GRID, lambda v: v["n_critic"] - 1 + weight * v["seed"])
    found = importances(space, rows, "w1_debiased")
    assert sum(found.shares.values()) == pytest.approx(1)
    assert found.shares["seed"] == pytest.approx(weight**2 / (1 + weight**2), abs=0.1)
    assert list(found.shares.values()) == sorted(found.shares.values(), reverse=True)
    assert found.caution() == ""


def test_adding_a_constant_or_a_scale_changes_nothing_nor_does_asking_again():
    space, rows = rows_of(GRID, lambda v: v["n_critic"] + 0.3 * v["seed"])
    _, other = rows_of(GRID, lambda v: 40 - 8 * (v["n_critic"] + 0.3 * v["seed"]))
    first, second = (importances(space, r, "w1_debiased").shares for r in (rows, other))
    assert first == pytest.approx(second, abs=0.02)
    assert importances(space, rows, "w1_debiased").shares == first


def test_few_or_failed_trials_are_said():
    space, rows = rows_of(GRID, lambda v: None if v["n_critic"] > 1 else float(v["seed"] % 3))
    found = importances(space, rows, "w1_debiased")
    assert found.why_not == "only one field was varied in the finished trials"
    space, rows = rows_of(
        {"n_critic": [1, 2], "seed": [0, 1, 2]},
        lambda v: None if v == {"n_critic": 2, "seed": 2} else v["n_critic"] + 0.1 * v["seed"],
    )
    found = importances(space, rows, "w1_debiased")
    assert found.trials == 5 < FEW and found.failed == 1
    assert (
        "Fewer than 10 finished trials" in found.sentence()
        and "made 1 trials fail" in found.sentence()
    )
    assert "n_critic 0." in found.sentence()


def test_there_is_nothing_to_learn_from_too_few_or_equal_scores():
    space, rows = rows_of(GRID, lambda v: 1.0)
    assert importances(space, rows, "w1_debiased").shares == {}
    assert "the same score" in importances(space, rows, "w1_debiased").sentence()
    few = importances(space, rows[: LEAST - 1], "w1_debiased")
    assert few.shares == {} and "3 finished trials are too few" in few.sentence()
    assert importances(space, [], "w1_debiased").shares == {}


def test_the_storage_that_is_named_is_what_optuna_loads(tmp_path):
    folder = tmp_path / "a sweep {of} 100%"
    rows, complete = drive(folder, Scores(distance), EXAMPLE, trials=9)
    assert complete
    study = optuna.load_study(study_name=ledger.NAME, storage=ledger.url(folder / "sweep.db"))
    assert [t.params for t in study.trials] == [row.values for row in rows]
    assert [t.value for t in study.trials] == [row.result["w1_debiased"] for row in rows]
    assert math.isfinite(study.best_value)
