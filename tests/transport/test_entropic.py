"""Entropic transport against the exact value."""

import numpy as np
import pytest

from gan import transport
from gan.errors import UserError
from gan.transport import entropic

pytest.importorskip("ott")


def test_sinkhorn_is_above_the_optimum_and_close_for_small_epsilon():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 4)), rng.normal(size=(60, 4)) + 1
    exact = transport.assignment(x, y, "sqeuclidean").value
    near = entropic.sinkhorn(x, y, 0.05, "sqeuclidean", 5000)
    far = entropic.sinkhorn(x, y, 1.0, "sqeuclidean", 5000)
    assert near["converged"] and far["converged"]
    assert exact * 0.999 < near["primal"] < far["primal"]
    assert near["primal"] < 1.02 * exact
    assert near["potentials"][0].shape == near["potentials"][1].shape == (60,)


@pytest.mark.slow
def test_the_divergence_of_a_set_with_itself_is_zero():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(40, 3))
    assert abs(entropic.sinkhorn_divergence(x, x, 0.5, "sqeuclidean", 2000)) < 1e-5
    assert entropic.sinkhorn_divergence(x, x + 1, 0.5, "sqeuclidean", 2000) > 2.9


@pytest.mark.parametrize(
    "epsilon, cost, message",
    [(0, "euclidean", "epsilon"), (np.nan, "euclidean", "epsilon"), (1, "cityblock", "cost must")],
)
def test_bad_arguments(epsilon, cost, message):
    with pytest.raises(UserError, match=message):
        entropic.sinkhorn(np.ones((2, 2)), np.ones((2, 2)), epsilon, cost, 10)
