"""Proposals: what the samplers draw."""

import math

import numpy as np

from gan.sweeps import space as spaces
from gan.sweeps.proposals import Tried, propose
from tests.sweeps.makers import EXAMPLE


def test_random_proposals_follow_the_axes_and_the_seed():
    space = spaces.parse(EXAMPLE)
    drawn = [propose(space, "random", 0, i) for i in range(60)]
    logs = np.log10([s["penalty_weight"] for s in drawn])
    assert logs.min() > -1 and logs.max() < 2 and 20 < (logs < 0.5).sum() < 40
    assert 15 < sum(s["n_critic"] == 1 for s in drawn) < 45
    assert propose(space, "random", 0, 7) == drawn[7] != propose(space, "random", 1, 7)


def test_random_draws_a_space_of_lists_without_repeats():
    space = spaces.parse({"n_critic": [1, 2, 5], "loss": ["wasserstein", "hinge"]})
    drawn = [propose(space, "random", 0, i) for i in range(6)]
    grid = [space.setting(i) for i in range(6)]
    assert sorted(map(str, drawn)) == sorted(map(str, grid)) and drawn != grid


def test_tpe_moves_to_where_scores_are_good():
    space = spaces.parse({"penalty_weight": {"log": [0.01, 100]}, "beta1": {"uniform": [0, 0.9]}})

    def median(sampler):
        """Of the distance in log10 to the best weight, after the start at random."""
        found = []
        for seed in range(2):
            tried = []
            for index in range(30):
                setting = propose(space, sampler, seed, index, tried)
                score = abs(math.log10(setting["penalty_weight"]) - 1)
                tried.append(Tried(setting, score if index % 9 else None))
                found += [score] if index >= 10 else []
        return np.median(found)

    assert median("tpe") < 0.7 * median("random")
