"""Generators are ranked, and a difference is claimed only where there is one."""

import numpy as np
import pytest

from gan.referee import distances, ranking

REAL, OTHER = np.random.default_rng(0).normal(size=(2, 120, 2))
REFERENCE = distances.reference(REAL, [OTHER])


def found(shift: float, seed: int, n: int = 120) -> distances.Distance:
    sets = np.random.default_rng(seed).normal(size=(2, n, 2)) + shift
    return distances.distance(list(sets), REFERENCE, resamples=40, permutations=0)


def test_the_better_generator_comes_first_and_surely():
    several = {"far": found(1.0, 1), "near": found(0.3, 2), "farther": found(3.0, 3)}
    assert ranking.ranked(several) == ["near", "far", "farther"]
    pairs = {(c.nearer, c.farther): c for c in ranking.comparisons(several)}
    assert set(pairs) == {("near", "far"), ("near", "farther"), ("far", "farther")}
    for compared in pairs.values():
        assert compared.told_apart
        assert compared.probability > 0.999
        assert compared.interval.low < compared.difference < compared.interval.high
    truth = (1.0 - 0.3) * 2**0.5
    assert pairs["near", "far"].difference == pytest.approx(truth, abs=0.35)


def test_two_samples_of_one_law_are_rarely_told_apart():
    told = sum(
        ranking.comparisons({"a": found(0.5, 10 + k), "b": found(0.5, 100 + k)})[0].told_apart
        for k in range(30)
    )
    assert told <= 5


def test_a_generator_is_not_told_from_itself():
    same = found(0.5, 1)
    (compared,) = ranking.comparisons({"a": same, "b": same})
    assert (compared.difference, compared.told_apart, compared.probability) == (0, False, 0.5)


def test_distances_at_several_n_are_refused():
    with pytest.raises(ValueError, match="several n"):
        ranking.comparisons({"a": found(0, 1), "b": found(0, 2)._replace(n=60)})


def test_a_comparison_needs_resamples():
    bare = found(0, 1)._replace(debiased_on_halves=None)
    with pytest.raises(ValueError, match="resamples"):
        ranking.comparisons({"a": bare, "b": bare})
