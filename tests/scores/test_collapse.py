"""What a generator would get that repeats one example, against sets that do repeat it."""

import numpy as np
import pytest

from gan.referee import distances
from gan.registries import METRICS
from gan.scores import cases, collapse
from gan.scores.judging import judge


def test_the_distances_are_those_of_sets_that_hold_one_example_only():
    draw = np.random.default_rng(0)
    real, train = draw.normal(size=(40, 3)), draw.normal(size=(80, 3))
    found = judge(draw.normal(size=(80, 3)), real, train, scores=("w1", "w1_train", "recall"))
    look = found.look
    copies = np.repeat(collapse.central(look.probe.others[0]), found.n, axis=0)
    expected = distances.distance(
        [copies, copies], look.probe.reference, resamples=0, permutations=0
    )
    assert found.collapsed["w1"] == pytest.approx(expected.value, rel=1e-9)
    assert found.collapsed["w1_debiased"] == pytest.approx(expected.debiased, rel=1e-9)
    to_train = [distances.w1(copies, part) for part in look.probe.others]
    assert found.collapsed["w1_train"] == pytest.approx(np.mean(to_train), rel=1e-9)
    assert found.collapsed["recall"] <= 1 / 20 < found.scores["recall"].value


def test_the_example_is_the_one_nearest_to_the_others():
    points = np.float32([[9, 9], [1, 0], [0, 0], [0, 1], [-1, 0]])
    np.testing.assert_array_equal(collapse.central(points), [[0, 0]])
    far = np.concatenate([points, np.full((collapse.CANDIDATES, 2), 50, np.float32)])
    assert collapse.central(far)[0, 0] == 50  # most of the candidates are there
    images = points.reshape(5, 1, 2, 1)
    assert collapse.central(images).shape == (1, 1, 2, 1)


def test_a_component_of_a_mixture_is_covered_and_no_other():
    found = collapse.scores(["modes", "high_quality", "reverse_kl"], cases.mixture(4))
    assert found == {"modes": 1, "high_quality": 1, "reverse_kl": pytest.approx(np.log(4))}


def test_of_two_classes_that_are_asked_for_one_is_made():
    evidence = cases.conditional((0, 0))  # whatever it is asked for it makes class 0
    expected = METRICS.get("class_share").compute(evidence)
    assert collapse.scores(["class_share", "n"][:1], evidence)["class_share"] == expected == 0.5


def test_every_score_whose_answer_is_known_is_a_metric_with_a_direction_or_a_distance():
    assert {name for name in collapse.KNOWN if not METRICS.get(name).better} == {"w1_train"}
