import numpy as np
import pytest
from scipy import spatial, stats

from gan.evaluation import distances


def sets(count, n=64, shape=(2,), seed=0):
    return list(np.random.default_rng(seed).normal(size=(count, n, *shape)))


def test_w1_on_the_line_is_that_of_the_quantiles():
    x, y = sets(2, shape=(1,))
    expected = stats.wasserstein_distance(x.ravel(), y.ravel())
    assert distances.w1(x, y) == pytest.approx(expected, rel=1e-12)


def test_w1_of_images_flattens_them():
    (x,) = sets(1, shape=(4, 4, 1))
    assert distances.w1(x, x + 0.25) == pytest.approx(1.0, rel=1e-6)  # .25 on each of 16 pixels


def test_identical_sets_are_at_distance_zero_and_a_shift_at_its_length():
    (x,) = sets(1)
    assert distances.w1(x, x[::-1]) == pytest.approx(0, abs=1e-12)
    assert distances.w1(x, x + np.array([3.0, 4.0])) == pytest.approx(5.0, rel=1e-9)


def test_real_against_real_has_a_debiased_value_near_zero_and_a_collapsed_one_does_not():
    generated, real, others = sets(4, 200, (16,)), sets(1, 200, (16,), 1)[0], sets(4, 200, (16,), 2)
    floors = distances.floors(real, others)
    perfect = distances.distance(generated, real, floors)
    assert perfect.n == 200
    assert perfect.value == pytest.approx(perfect.floor, rel=0.03)
    assert abs(perfect.debiased) < 0.1
    collapsed = distances.distance([np.zeros((200, 16))] * 4, real, floors)
    # The trap: the raw value of a collapsed generator is not much above the floor.
    assert collapsed.value < 1.3 * perfect.value
    assert collapsed.debiased > 1.0
    assert collapsed.spread == 0 and perfect.spread > 0 and perfect.floor_spread > 0


def test_too_few_sets_are_refused():
    x, y = sets(2)
    with pytest.raises(ValueError, match="two generated sets"):
        distances.distance([x], y, [1.0])
    with pytest.raises(ValueError, match="one floor"):
        distances.distance([x, x], y, [])


def test_nearest_agrees_with_a_tree():
    queries, references = sets(1, 50, (3,))[0], sets(1, 70, (3,), 1)[0]
    found, indices = distances.nearest(queries, references, 4, block=7)
    expected, expected_indices = spatial.cKDTree(references).query(queries, 4)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    np.testing.assert_array_equal(indices, expected_indices)
    assert distances.nearest(references, references)[0].max() == 0
