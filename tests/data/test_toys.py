"""Closed forms of the planar laws."""

import functools
import math

import jax
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from gan import config, data

N = 200_000


@functools.cache
def compiled(name):
    law = data.load(config.Data(name=name))
    return law, jax.jit(law.batch, static_argnums=2)


def points(name, seed=0, count=N):
    law, batch = compiled(name)
    examples, labels = batch(law.arrays, jax.random.key(seed), count)
    return law, np.asarray(examples, np.float64), np.asarray(labels)


@pytest.mark.parametrize(
    "name, k, sigma, second_moment",
    [
        ("gaussians8", 8, 0.02 / 1.414, (2 / 1.414) ** 2),
        ("gaussians25", 25, 0.05 / 2.828, 16 / 2.828**2),
    ],
)
def test_mixtures_have_equal_isotropic_modes_at_their_centres(name, k, sigma, second_moment):
    law, x, labels = points(name)
    assert law.modes.centers.shape == (k, 2) and law.num_classes == k
    assert_allclose(law.modes.sigma, sigma, rtol=1e-12)
    assert_allclose((law.modes.centers**2).sum(1).mean(), second_moment, rtol=1e-6)
    distances = np.linalg.norm(x[:, None] - law.modes.centers[None], axis=2)
    assert_array_equal(distances.argmin(1), labels)
    counts = np.bincount(labels, minlength=k)
    assert ((counts - N / k) ** 2 / (N / k)).sum() < k + 6 * math.sqrt(2 * k)
    residuals = (x - law.modes.centers[labels]) / sigma
    assert_allclose(residuals.mean(0), 0, atol=5 / math.sqrt(N))
    assert_allclose(np.cov(residuals.T), np.eye(2), atol=5 * math.sqrt(2 / N))
    within = (np.linalg.norm(residuals, axis=1) < 3).mean()
    assert_allclose(within, 1 - math.exp(-4.5), atol=5 * math.sqrt(0.011 / N))


def test_gaussians8_lie_on_a_circle_and_gaussians25_on_a_grid():
    eight = data.load(config.Data(name="gaussians8")).modes.centers
    assert_allclose(np.linalg.norm(eight, axis=1), 2 / 1.414, rtol=1e-6)
    gaps = np.linalg.norm(eight - np.roll(eight, 1, axis=0), axis=1)
    assert_allclose(gaps, 2 * 2 / 1.414 * math.sin(math.pi / 8), rtol=1e-5)
    grid = data.load(config.Data(name="gaussians25")).modes.centers * 2.828
    assert sorted(map(tuple, np.rint(grid).astype(int))) == [
        (i, j) for i in (-4, -2, 0, 2, 4) for j in (-4, -2, 0, 2, 4)
    ]
    assert_allclose(grid, np.rint(grid), atol=1e-5)


def test_swiss_roll_radius_and_noise():
    law, x, labels = points("swiss_roll")
    assert law.num_classes == 1 and law.modes is None and not labels.any()
    low, high = 1.5 * math.pi, 4.5 * math.pi
    second = (high**3 - low**3) / 3 / (high - low)
    expected = (second + 2 * 0.25**2) / 7.5**2
    assert_allclose((x**2).sum(1).mean(), expected, rtol=0.01)
    # The spiral is r = angle: away from the ends, radius minus angle is the noise across it.
    radius = np.linalg.norm(x, axis=1) * 7.5
    across = (radius - np.arctan2(x[:, 1], x[:, 0]) + math.pi) % (2 * math.pi) - math.pi
    middle = (radius > low + 1) & (radius < high - 1)
    assert middle.sum() > N / 2
    assert_allclose(across[middle].mean(), 0, atol=0.01)
    assert_allclose(across[middle].std(), 0.25, rtol=0.02)


def test_two_moons_distances_to_their_arcs():
    law, x, labels = points("two_moons")
    assert law.class_names == ("upper", "lower")
    assert_allclose(labels.mean(), 0.5, atol=5 * 0.5 / math.sqrt(N))
    centers = np.array([[0, 0], [1, 0.5]])[labels]
    radius = np.linalg.norm(x - centers, axis=1)
    assert_allclose(radius.std(), 0.1, rtol=0.02)
    assert_allclose(radius.mean(), 1 + 0.1**2 / 2, atol=0.002)
    assert_allclose(x[labels == 0].mean(0), [0, 2 / math.pi], atol=0.01)
    assert_allclose(x[labels == 1].mean(0), [1, 0.5 - 2 / math.pi], atol=0.01)


def test_checkerboard_is_uniform_on_the_dark_squares():
    law, x, labels = points("checkerboard")
    assert x.min() >= -2 and x.max() <= 2
    cells = np.floor(x).astype(int)
    assert (cells.sum(1) % 2 == 0).all()
    squares = {tuple(cell) for cell in cells}
    assert len(squares) == 8 == law.num_classes
    for label in range(8):
        mine = x[labels == label]
        assert len(np.unique(cells[labels == label], axis=0)) == 1
        assert abs(len(mine) - N / 8) < 6 * math.sqrt(N / 8)
        assert_allclose((mine - np.floor(mine)).mean(0), 0.5, atol=0.01)
        assert_allclose((mine - np.floor(mine)).var(0), 1 / 12, rtol=0.03)
