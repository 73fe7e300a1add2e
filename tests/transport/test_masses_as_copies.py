"""Plans of whole masses against another solver of another problem: each point as often as its mass,
matched one to one by SciPy. Same value, no code in common."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from gan import transport

TOTAL = 900


@pytest.mark.parametrize("cost", ["euclidean", "sqeuclidean", "cityblock"])
def test_a_plan_costs_what_the_matching_of_copies_costs(cost):
    draw = np.random.default_rng(len(cost))
    x, y = draw.normal(size=(250, 4)), draw.normal(size=(400, 4)) + 0.5
    masses = [1 + draw.multinomial(TOTAL - len(p), np.full(len(p), 1 / len(p))) for p in (x, y)]
    found = transport.plan(x, y, masses[0] / TOTAL, masses[1] / TOTAL, cost=cost)
    copies = [part.repeat(mass, axis=0) for part, mass in zip((x, y), masses, strict=True)]
    costs = cdist(*copies, cost)
    expected = costs[linear_sum_assignment(costs)].mean()
    assert found.value == pytest.approx(expected, rel=1e-12)
