"""What exact transport must satisfy, whatever the solver: invariances and inequalities."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from gan import transport
from gan.transport import closed_forms, costs, solve


@pytest.fixture
def sets():
    rng = np.random.default_rng(0)
    return rng.normal(size=(80, 3)), 0.7 * rng.normal(size=(80, 3)) + 0.5


def test_distances_are_symmetric_and_obey_the_triangle_inequality(sets):
    x, y = sets
    z = np.random.default_rng(1).normal(size=(60, 3))
    for p in (1, 2, 3.5):
        w = transport.wasserstein
        np.testing.assert_allclose(w(x, y, p), w(y, x, p), rtol=1e-12)
        assert w(x, y, p) <= w(x, z, p) + w(z, y, p)


def test_w1_is_at_most_w2_and_w3(sets):
    w1, w2, w3 = (transport.wasserstein(*sets, p=p) for p in (1, 2, 3))
    assert 0 < w1 < w2 < w3


def test_permuting_a_set_permutes_the_permutation(sets):
    x, y = sets
    order = np.random.default_rng(2).permutation(80)
    r, s = transport.assignment(x, y), transport.assignment(x[order], y)
    np.testing.assert_array_equal(s.permutation, r.permutation[order])
    np.testing.assert_allclose(s.value, r.value, rtol=1e-14)


def test_isometries_keep_the_value_and_scalings_scale_it(sets):
    x, y = sets
    q = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    value = transport.wasserstein(x, y)
    np.testing.assert_allclose(transport.wasserstein(x @ q + 5, y @ q + 5), value, rtol=1e-12)
    np.testing.assert_allclose(transport.wasserstein(-3 * x, -3 * y), 3 * value, rtol=1e-12)


@pytest.mark.parametrize("p", [1, 2])
def test_a_translated_set_is_as_far_as_the_translation(sets, p):
    x, shift = sets[0], np.array([3.0, -4.0, 12.0])
    np.testing.assert_allclose(transport.wasserstein(x, x + shift, p), 13, rtol=1e-12)
    assert closed_forms.translation(shift) == 13


def test_identical_sets_are_at_distance_zero(sets):
    r = transport.assignment(sets[0], sets[0][::-1])
    assert r.value == 0
    assert r.gap <= 1e-15
    np.testing.assert_array_equal(r.permutation, np.arange(80)[::-1])


def test_distance_to_a_dirac_is_the_mean_distance(sets):
    x = sets[0]
    point = np.array([[1.0, 2.0, 3.0]])
    expected = np.linalg.norm(x - point, axis=1).mean()
    np.testing.assert_allclose(transport.wasserstein(x, point), expected, rtol=1e-12)
    np.testing.assert_allclose(
        transport.assignment(x, np.repeat(point, 80, axis=0)).value, expected, rtol=1e-12
    )


def test_common_mass_cancels_for_p_1(sets):
    x, y = sets
    common = np.random.default_rng(4).normal(size=(40, 3))
    both = transport.wasserstein(np.concatenate([x, common]), np.concatenate([y, common]))
    np.testing.assert_allclose(both * 120, transport.wasserstein(x, y) * 80, rtol=1e-12)


def test_optimal_segments_in_the_plane_do_not_cross():
    rng = np.random.default_rng(5)
    x, y = rng.random((60, 2)), rng.random((60, 2))
    s = transport.assignment(x, y).permutation
    other = y[s]

    def side(p, q, r):
        return np.sign((q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]))

    def crossings(ends):
        return sum(
            side(x[i], ends[i], x[j]) != side(x[i], ends[i], ends[j])
            and side(x[j], ends[j], x[i]) != side(x[j], ends[j], ends[i])
            for i in range(60)
            for j in range(i)
        )

    assert crossings(y) > 0
    assert crossings(other) == 0


@pytest.mark.parametrize("cost", costs.NAMES)
def test_optimal_pairs_are_cyclically_monotone(sets, cost):
    x, y = sets
    other = y[transport.assignment(x, y, cost).permutation]
    matched, before = cdist(x, other, cost), cdist(x, y, cost)
    rng = np.random.default_rng(6)
    lowered = 0
    for _ in range(300):
        cycle = rng.permutation(80)[: rng.integers(2, 8)]
        turned = np.roll(cycle, 1)
        assert matched[cycle, cycle].sum() <= matched[turned, cycle].sum() + 1e-12
        lowered += before[cycle, cycle].sum() > before[turned, cycle].sum() + 1e-12
    assert lowered > 50  # what is not optimal fails


def test_every_1_lipschitz_critic_is_below_w1(sets):
    x, y = sets
    value = transport.wasserstein(x, y)
    rng = np.random.default_rng(7)
    for _ in range(100):
        anchors, offsets = rng.normal(size=(8, 3)), 0.3 * rng.normal(size=8)

        def critic(z, anchors=anchors, offsets=offsets):
            return (np.linalg.norm(z[:, None] - anchors, axis=2) + offsets).min(axis=1)

        assert critic(x).mean() - critic(y).mean() <= value
    # The optimal potential is a critic that attains it.
    u, _ = transport.assignment(x, y).potentials
    extended = (u[:, None] + -np.linalg.norm(x[:, None] - y, axis=2)).max(axis=0)
    np.testing.assert_allclose(u.mean() - extended.mean(), value, rtol=1e-12)


def test_gradients_of_convex_functions_are_optimal_for_p_2():
    rng = np.random.default_rng(8)
    root = rng.normal(size=(6, 6))
    x = rng.normal(size=(300, 6))
    y = x @ (root @ root.T)
    r = transport.assignment(x, y, "sqeuclidean")
    np.testing.assert_array_equal(r.permutation, np.arange(300))


def test_a_blurred_image_belongs_to_its_original(digits, monkeypatch):
    """A circular Gaussian blur is symmetric and positive, hence the gradient of a convex function;
    the sets are large enough for column generation."""
    images = np.unique(digits.examples("train")[0].astype(np.float64).reshape(-1, 8, 8), axis=0)
    assert len(images) > 1100
    distance = np.minimum(np.arange(8), 8 - np.arange(8))
    kernel = np.exp(-(distance**2) / 2 / 0.9**2)
    response = np.fft.fft2(np.outer(kernel, kernel)).real / kernel.sum() ** 2
    assert 0 < response.min() < 0.2 and response.max() == pytest.approx(1)
    blurred = np.fft.ifft2(np.fft.fft2(images) * response).real
    order = np.random.default_rng(10).permutation(len(images))
    monkeypatch.setattr(solve, "SMALL", 0)
    r = transport.assignment(images, blurred[order], "sqeuclidean")
    assert r.report["solver"] == "column generation"
    np.testing.assert_array_equal(order[r.permutation], np.arange(len(images)))
    moved = ((images - blurred) ** 2).sum(axis=(1, 2)).mean()
    np.testing.assert_allclose(r.value, moved, rtol=1e-12)
    assert r.gap <= 1e-12 * r.value


def test_funnel_rays_are_optimal_for_p_1():
    """Points moved along the rays of u(x) = min_n |x - a_n| + b_n: Korotin et al. 2022."""
    rng = np.random.default_rng(9)
    anchors, offsets = rng.uniform(-2.5, 2.5, (4, 8)), 0.1 * rng.normal(size=4)
    x = rng.uniform(-2.5, 2.5, (200, 8))

    def distances(z):
        return np.linalg.norm(z[:, None] - anchors, axis=2) + offsets

    low = anchors[distances(x).argmin(axis=1)]
    y = low + rng.random((200, 1)) * (x - low)
    value = (distances(x).min(axis=1) - distances(y).min(axis=1)).mean()
    np.testing.assert_allclose(value, np.linalg.norm(x - y, axis=1).mean(), rtol=1e-13)
    np.testing.assert_allclose(transport.wasserstein(x, y), value, rtol=1e-13)


def test_features_are_a_change_of_the_sets(sets):
    x, y = sets

    def features(z):
        return z @ np.diag([1.0, 10.0, 0.1])

    cost = transport.FeatureCost(features, "cityblock", "stretched")
    r = transport.assignment(x, y, cost)
    assert r.value == transport.assignment(features(x), features(y), "cityblock").value
    assert transport.verify(r.certificate, x, y, cost=cost).gap <= 1e-12


def test_a_callable_cost_is_the_named_one(sets):
    def squares(x, y):
        return ((x[:, None] - y) ** 2).sum(axis=2)

    r = transport.assignment(*sets, squares)
    np.testing.assert_allclose(r.value, transport.assignment(*sets, "sqeuclidean").value)
    assert transport.verify(r.certificate, *sets, cost=squares).gap <= 1e-12


def test_points_of_any_shape_and_dtype_are_vectors(sets):
    x, y = (np.float32(s).reshape(80, 3, 1) for s in sets)
    flat = transport.assignment(x.reshape(80, 3).astype(np.float64), y.reshape(80, 3))
    assert transport.assignment(x, y).value == flat.value
    assert transport.assignment(x[:, 0, 0], y[:, 0, 0]).value > 0


def test_one_point():
    r = transport.assignment(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]]))
    assert (r.value, r.gap, r.permutation.tolist()) == (5.0, 0.0, [0])
