"""Generators known by their examples: distances, scores, critics, ranking."""

import numpy as np
import pytest

import gan
from gan.errors import UserError
from gan.referee import distances
from gan.scores import judging
from gan.scores.given import Sample

DRAW = np.random.default_rng(0)
REAL, TRAIN, NEAR, FAR = (DRAW.normal(size=(n, 2)) for n in (200, 400, 200, 200))
FAR = FAR + 2


def sets(train=TRAIN):
    return judging.real_examples(Sample(REAL), None if train is None else Sample(train))


def test_judge_is_part_of_the_referee():
    assert gan.referee.judge is judging.judge


def test_distances_are_those_of_the_referee():
    found = gan.referee.judge(FAR, REAL, TRAIN, scores=("recall",))
    assert found.n == 100
    look = found.look
    against = distances.reference(look.probe.real, look.probe.others)
    expected = distances.distance(look.fakes, against, resamples=0, permutations=0)
    assert found.distance.value == expected.value
    assert 2 < found.distance.debiased < 8**0.5
    assert list(found.scores) == ["recall"]
    assert found.verdict.startswith("Can be told from real examples")


def test_the_floor_comes_from_training_examples_or_from_halves():
    with_train, without = (gan.referee.judge(NEAR, REAL, part) for part in (TRAIN, None))
    rows = {row.tobytes() for row in TRAIN.astype(np.float32)}
    assert all(row.tobytes() in rows for other in with_train.look.probe.others for row in other)
    halves = {row.tobytes() for row in REAL.astype(np.float32)}
    assert all(row.tobytes() in halves for other in without.look.probe.others for row in other)
    assert "no training examples" in without.skipped["nearest_train"]
    assert with_train.scores["copied_share"].interval is not None


def test_no_generated_nor_real_example_is_on_two_sides():
    look = gan.referee.judge(NEAR, REAL, scores=("recall",)).look
    every = [row.tobytes() for part in (*look.fakes, look.probe.real, *look.probe.others)
             for row in part]  # fmt: skip
    assert len(set(every)) == len(every)


def test_scores_have_intervals_and_what_real_examples_get():
    found = gan.referee.judge(FAR, REAL, scores=("precision", "kernel_distance"))
    for score in found.scores.values():
        low, high = score.interval
        assert low <= score.value <= high
        assert score.real is not None
    assert found.scores["precision"].value < found.scores["precision"].real


def test_features_are_used():
    calls = []

    def first(points):
        calls.append(len(points))
        return points[:, :1] * 10

    found = gan.referee.judge(FAR, REAL, scores=("feature_w1",), features=first)
    assert calls
    assert found.scores["feature_w1"].value == pytest.approx(20, abs=3)
    assert found.scores["feature_w1"].features == "given function"


def test_several_generators_are_ranked_on_the_same_real_examples():
    fakes = {"far": FAR.astype(np.float32), "near": NEAR.astype(np.float32)}
    wanted = judging.Wanted(names=("recall",))
    report = judging.judge_all(fakes, sets(), wanted)
    assert report.ranking == ["near", "far"]
    assert report.comparisons[0].told_apart
    far, near = (report.judgements[name].look for name in fakes)
    assert far.probe is near.probe


def linear_critic(scale: float):
    """x -> -scale (x_1 + x_2), the optimal direction, with its gradients."""
    slope = np.array([-scale, -scale])
    return judging.Critic(REAL @ slope, FAR @ slope, np.tile(slope, (len(FAR), 1)))


def certified(critic, given=None):
    report = judging.judge_all(
        {"far": FAR.astype(np.float32)},
        sets() if given is None else given,
        judging.Wanted(names=("recall",)),
        {"far": critic},
    )
    return report.judgements["far"].critic


@pytest.mark.parametrize("scale", [0.01, 1.0, 50.0])
def test_a_critic_is_certified_whatever_its_scale(scale):
    report = certified(linear_critic(scale))
    proof = report.certificate
    # Not 1: a linear critic does not see how the samples scatter.
    assert 0.9 < proof.share <= 1
    assert proof.lipschitz == pytest.approx(scale * 2**0.5, rel=1e-3)
    assert proof.gradient_cosine > 0.9
    assert report.verdict.startswith("Yes")


def test_a_critic_of_other_units_has_its_own_slope():
    """One that reads examples at half the size is twice as steep there."""
    critic = linear_critic(1.0)
    whole = certified(critic).certificate
    half = certified(judging.Critic(critic.real, critic.fake, None, scale=0.5)).certificate
    assert half.lipschitz == pytest.approx(2 * whole.lipschitz)
    assert half.share == pytest.approx(whole.share)
    assert half.gradient_cosine is None


def test_scores_of_the_critic_follow_the_order_of_the_examples():
    """Real examples are cut into halves in random order; scores go with them."""
    assert certified(linear_critic(1.0), sets(None)).certificate.share > 0.9


@pytest.mark.parametrize(
    ("fake", "real", "more", "reason"),
    [
        (FAR[:, :1], REAL, {}, "one shape"),
        (FAR[:5], REAL, {}, "5 generated"),
        (FAR, REAL[:3], {}, "real ones"),
        (FAR, REAL, {"scores": ("recal",)}, "recall"),
        (FAR, REAL, {"scores": ("nearest_train",)}, "nearest_train: no training examples"),
        (FAR, REAL, {"scores": ("recall", "lipschitz")}, "lipschitz: .* not networks"),
        (np.where(FAR > 3, np.nan, FAR), REAL, {}, "NaN"),
        (FAR, REAL, {"features": lambda x: x[:-1]}, "finite features"),
    ],
)
def test_mistakes_are_told_in_a_line(fake, real, more, reason):
    with pytest.raises(UserError, match=reason):
        gan.referee.judge(fake, real, **more)


def test_certify_critic_takes_plain_arrays():
    slope = np.array([-1.0, -1.0])
    proof = gan.referee.certify_critic(REAL, FAR, REAL @ slope, (FAR @ slope)[:, None])
    assert 0.9 < proof.share <= 1
    assert proof.gradient_cosine is None
    longer = np.concatenate([REAL, TRAIN])
    again = gan.referee.certify_critic(longer, FAR, longer @ slope, FAR @ slope)
    assert again == proof


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"f_real": REAL[:7, 0]}, "7 scores"),
        ({"f_fake": np.where(FAR[:, 0] > 3, np.nan, 1.0)}, "NaN"),
        ({"fake": FAR[:, :1]}, "real"),
        ({"gradients": FAR[:9]}, "gradients"),
        ({"f_real": np.array(["a"] * 200)}, "scores"),
    ],
)
def test_mismatched_critics_are_refused(changed, reason):
    given = {"real": REAL, "fake": FAR, "f_real": REAL[:, 0], "f_fake": FAR[:, 0]} | changed
    with pytest.raises(UserError, match=reason):
        gan.referee.certify_critic(**given)
