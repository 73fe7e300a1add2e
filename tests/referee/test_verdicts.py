import pytest

from gan.referee import faults, verdicts
from gan.referee.distances import Distance, Interval

SCORES = {
    "n": 398,
    "critic_share": 0.3,
    "reference_share": 0.2,
    "w1_debiased": 0.4,
    "w1_debiased_low": 0.3,
    "w1_debiased_high": 0.5,
}


@pytest.mark.parametrize(
    ("changes", "answer", "blamed"),
    [
        ({}, "Yes", "is the generator"),
        ({"critic_share": 0.1}, "No", "train the critic first"),
        ({"critic_share": -0.1, "reference_share": -0.2}, "No", "train the critic first"),
        ({"w1_debiased": 0.1, "w1_debiased_low": -0.1}, "Nothing to see", "cannot be told"),
        ({"critic_share": 0.1, "w1_debiased_low": -0.1}, "Nothing to see", "cannot be told"),
    ],
)
def test_a_weak_critic_is_told_from_a_weak_generator(changes, answer, blamed):
    text = verdicts.critic(SCORES | changes)
    assert text.startswith((answer + ".", answer + ":")) and blamed in text
    assert "0.3 to 0.5" in text or changes.get("w1_debiased_low")


def test_a_critic_that_prefers_generated_examples_is_asked_for_its_sign():
    text = verdicts.critic(SCORES | {"critic_share": -0.2})
    assert "is the sign reversed?" in text and "-20.0 %" in text
    assert "sign" not in verdicts.critic(SCORES | {"critic_share": 0.1})
    assert "-0.0 %" not in verdicts.critic(SCORES | {"critic_share": -1e-5})


@pytest.mark.parametrize(
    ("share", "error", "nearest", "copies", "said"),
    [
        (0.9, 0.05, 0.1, True, "Yes."),
        (0.9, 0.05, 2.1, False, "too far away to be called copies"),
        (0.2, 0.01, 1.9, False, "too few"),
        (0.3, 0.1, 1.9, False, "too few"),
        (0.1, 0.1, 1.9, False, "The interval holds 0"),
        (-1.4, 1.5, 1.9, False, "The interval holds 0"),
    ],
)
def test_copies_are_many_and_no_farther_than_real_examples(share, error, nearest, copies, said):
    assert faults.copying(share, error, nearest, 2.0) == copies
    interval = share - 1.96 * error, min(1.0, share + 1.96 * error)
    text = verdicts.copying(copies, share, interval, nearest, 2.0)
    assert said in text and f"{share:.2g}" in text and f"{nearest:.3g} away" in text


def test_a_distance_that_is_far_off_is_told_in_few_digits():
    far = Distance(50, 1e30, 0, 0.5, 0, 1e30, Interval(1e29, 2e30), Interval(1e29, 2e30), 0.005)
    assert "lies 2e+30 times as far" in verdicts.generator(far, [])
