import numpy as np

from gan.evaluation.modes import count_modes

CENTERS = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])


def test_one_point_on_every_centre_covers_all_evenly():
    found = count_modes(CENTERS, CENTERS, 0.1)
    assert found == (4, 4, 1.0, 0.0)


def test_a_collapsed_set_covers_one():
    found = count_modes(np.zeros((50, 2)), CENTERS, 0.1)
    assert found.covered == 1 and found.high_quality == 1
    np.testing.assert_allclose(found.reverse_kl, np.log(4))


def test_quality_ends_at_three_standard_deviations():
    points = CENTERS[[0, 0, 1, 1]] + np.array([[0.29, 0], [0.31, 0], [0, 0.29], [0.3, 0.3]])
    found = count_modes(points, CENTERS, 0.1)
    assert found.covered == 2 and found.high_quality == 0.5
    np.testing.assert_allclose(found.reverse_kl, np.log(2))


def test_points_far_from_everything_cover_nothing():
    found = count_modes(np.full((5, 2), 5.0), CENTERS, 0.1)
    assert found.covered == 0 and found.high_quality == 0
    np.testing.assert_allclose(found.reverse_kl, np.log(4))
