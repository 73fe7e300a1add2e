"""The study of critic steps in miniature: the rule, equal arithmetic, kept trainings."""

import json

import numpy as np
import pytest

from experiments.critic_steps import study
from gan import presets
from gan.benchmarks import critic_steps
from gan.benchmarks.critic_steps import Point
from tests.experiments.commands import call

SMALL = "--seeds 2 --rounds 12 --looks 3 --n 20".split()


def test_mistakes_end_before_any_training(tmp_path):
    for flags, text in [
        (["--preset", "stacked_digits"], "take a preset with schedule constant, not linear"),
        (["--looks", "1"], "--looks"),
        (["--preset", "digit"], "did you mean"),
    ]:
        status, _, err = call("critic_steps", "--workdir", tmp_path / "none", *flags)
        assert status == 2 and text in err, err
    assert not (tmp_path / "none").exists()


def runs_of(ends):
    return [[Point(1.0, 10, 2, 0.1, 0.2, end)] for end in ends]


def test_ways_are_compared_seed_by_seed():
    fixed = {name: runs_of([0.5, 0.7, 0.9]) for name in study.POLICIES[:-1]}
    found = fixed | {study.CHOSEN: runs_of([0.4, 0.5, 0.95])}
    mean, (low, high), more = study.against(found, "1")
    differences = np.array([0.1, 0.2, -0.05])
    assert mean == pytest.approx(differences.mean()) and more == 2
    reach = 4.302653 * differences.std(ddof=1) / 3**0.5  # Student's, two degrees of freedom
    assert (low, high) == pytest.approx((mean - reach, mean + reach), rel=1e-5)


def test_a_round_with_more_critic_steps_costs_as_much_more(digits):
    trainer = critic_steps.Trainer(
        study.base(presets.get("digits"), {"evaluation_size": 20}), digits
    )
    one, two, five = (trainer.cost[n] for n in critic_steps.STEPS)
    assert five - two == pytest.approx(3 * (two - one)) and two > one > 0
    chosen = iter([5, 1])
    points = list(trainer.points(0, lambda *_: next(chosen), 2, [4 * two, 2 * five, 3 * one][:2]))
    assert [point.n_critic for point in points] == [2, 5]
    assert [point.rounds for point in points] == [4, 6]
    assert points[-1].gflop == pytest.approx(4 * two + 2 * five)
    again = list(trainer.points(0, lambda n, *_: n, 2, [4 * two]))
    other = list(trainer.points(1, lambda n, *_: n, 2, [4 * two]))
    assert again == points[:1] and other[0].w1_debiased != again[0].w1_debiased


@pytest.mark.slow
def test_trainings_are_kept_and_tabulated(tmp_path):
    status, out, err = call("critic_steps", "--workdir", tmp_path, *SMALL)
    assert status == 0, err
    assert (tmp_path / "critic_steps.md").read_text() in out + "\n"
    assert "n = 20 of the validation split" in out and "n = 20 of the test split" in out
    assert (tmp_path / "critic_steps.png").stat().st_size > 10_000
    found = json.loads((tmp_path / "critic_steps.json").read_text())
    assert list(found) == ["1", "2", "5", "certificate"]
    for policy, runs in found.items():
        assert [len(points) for points in runs] == [3, 3]
        fixed = {point["n_critic"] for points in runs for point in points}
        assert policy == "certificate" or fixed == {int(policy)}
    spent = [points[-1]["gflop"] for runs in found.values() for points in runs]
    assert max(spent) / min(spent) < 1.3  # a round of five steps is not divided
    for points in found["certificate"]:
        for before, after in zip(points, points[1:], strict=False):
            wanted = critic_steps.following(
                before["n_critic"], before["share"], before["reference"]
            )
            assert after["n_critic"] == wanted
    (tmp_path / "seed_1_5.json").unlink()
    status, again, err = call("critic_steps", "--workdir", tmp_path, *SMALL)
    assert status == 0 and again == out and err.count("debiased W1") == 1
    status, _, err = call("critic_steps", "--workdir", tmp_path, *SMALL[:-1], "24")
    assert status == 2 and "evaluation_size: 20 -> 24" in err
