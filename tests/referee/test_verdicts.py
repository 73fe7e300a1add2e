import pytest

from gan.referee import verdicts
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


def test_a_distance_that_is_far_off_is_told_in_few_digits():
    far = Distance(50, 1e30, 0, 0.5, 0, 1e30, Interval(1e29, 2e30), Interval(1e29, 2e30), 0.005)
    assert "lies 2e+30 times as far" in verdicts.generator(far, [])
