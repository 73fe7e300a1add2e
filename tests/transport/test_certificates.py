"""Certificates: saved, loaded, verified; and whatever is tampered with is caught."""

import dataclasses
from fractions import Fraction

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from gan import transport
from gan.errors import UserError


@pytest.fixture(scope="module")
def problem():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(150, 12)), rng.normal(size=(150, 12)) + 0.4
    return x, y, transport.assignment(x, y)


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(1)
    x, y = (rng.integers(256, size=(90, 5, 5), dtype=np.uint8) for _ in range(2))
    return x, y, transport.assignment(x, y, "sqeuclidean")


def test_a_certificate_survives_its_file(problem, tmp_path):
    x, y, r = problem
    r.certificate.save(tmp_path / "c.npz")
    loaded = transport.load(tmp_path / "c.npz")
    assert loaded.header == r.certificate.header
    assert transport.verify(loaded, x, y) == transport.verify(r.certificate, x, y)
    plan = transport.plan(x, y[:70], cost="cityblock")
    plan.certificate.save(tmp_path / "p.npz")
    assert transport.verify(transport.load(tmp_path / "p.npz"), x, y[:70]).gap <= 1e-12


def test_an_assignment_costs_twelve_bytes_a_point(problem, tmp_path):
    _, _, r = problem
    r.certificate.save(tmp_path / "c.npz")
    assert (tmp_path / "c.npz").stat().st_size < 12 * 150 + 3500


def test_a_swapped_permutation_shows_its_exact_larger_gap(problem):
    x, y, r = problem
    columns = r.certificate.columns.copy()
    columns[[3, 7]] = columns[[7, 3]]
    matrix = cdist(x, y)
    worse = matrix[np.arange(150), columns].mean() - r.value
    bounds = transport.verify(dataclasses.replace(r.certificate, columns=columns), x, y)
    assert worse > 1e-4
    np.testing.assert_allclose(bounds.gap, worse, rtol=1e-9)


def test_a_changed_potential_shows_its_exact_larger_gap(problem):
    x, y, r = problem
    v = r.certificate.v.copy()
    v[5] += 0.5
    lower = (cdist(x, y) - v).min(axis=1).mean() + v.mean()
    bounds = transport.verify(dataclasses.replace(r.certificate, v=v), x, y)
    assert bounds.gap > 1e-4
    np.testing.assert_allclose(bounds.lower, lower, rtol=1e-12)
    assert bounds.upper == pytest.approx(r.value, rel=1e-13)


def test_integers_show_a_gap_of_one_unit(images):
    x, y, r = images
    bounds = transport.verify(r.certificate, x, y)
    assert (bounds.gap, bounds.rounding, bounds.integer) == (0.0, 0.0, True)
    v = r.certificate.v.copy()
    v[0] -= 1
    tampered = dataclasses.replace(r.certificate, v=v)
    assert 0 < transport.verify(tampered, x, y).gap <= 1
    matrix = cdist(x.reshape(90, -1), y.reshape(90, -1), "sqeuclidean")
    u = (matrix - v).min(axis=1)
    exact, lower = Fraction(int(u.sum() + v.sum()), 90), transport.verify(tampered, x, y).lower
    assert Fraction(lower) <= exact < Fraction(np.nextafter(lower, np.inf))


def test_random_potentials_and_plans_still_give_true_bounds(problem):
    x, y, r = problem
    rng = np.random.default_rng(2)
    certificate = dataclasses.replace(
        r.certificate, columns=rng.permutation(150).astype(np.int32), v=rng.normal(size=150)
    )
    bounds = transport.verify(certificate, x, y)
    assert bounds.lower < r.value < bounds.upper


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda c: {"columns": np.zeros_like(c.columns)}, "carries"),
        (lambda c: {"columns": c.columns + 1}, "outside"),
        (lambda c: {"columns": c.columns[:-1]}, "same length"),
        (lambda c: {"mass": -c.mass}, "not negative"),
        (lambda c: {"mass": c.mass * 2}, "carries"),
        (lambda c: {"v": np.full(len(c.v), np.nan)}, "finite"),
        (lambda c: {"v": c.v[:-1]}, "150 finite"),
        (lambda c: {"header": c.header | {"total": 75}}, "total mass"),
        (lambda c: {"header": c.header | {"cost": "mystery"}}, "not a named one"),
    ],
)
def test_broken_certificates_are_refused(problem, change, message):
    x, y, r = problem
    broken = dataclasses.replace(r.certificate, **change(r.certificate))
    with pytest.raises(UserError, match=message):
        transport.verify(broken, x, y)


def test_other_data_and_other_costs_are_refused(problem):
    x, y, r = problem
    for pair in ((y, x), (x + 1e-16, np.nextafter(y, 9)), (x[:-1], y), (np.float32(x), y)):
        with pytest.raises(UserError, match="is not the point set"):
            transport.verify(r.certificate, *pair)
    with pytest.raises(UserError, match="about the cost 'euclidean', got 'sqeuclidean'"):
        transport.verify(r.certificate, x, y, cost="sqeuclidean")
    with pytest.raises(UserError, match="about the cost"):
        transport.verify(r.certificate, x, y, cost=lambda s, t: 0 * cdist(s, t))


def test_a_relabelled_cost_shows_the_gap_under_that_cost(problem):
    x, y, r = problem
    header = r.certificate.header | {"cost": "sqeuclidean"}
    bounds = transport.verify(dataclasses.replace(r.certificate, header=header), x, y)
    best = transport.assignment(x, y, "sqeuclidean").value
    assert bounds.lower < best <= bounds.upper
    assert bounds.gap > 0.1


def test_costs_that_are_not_numbers_prove_nothing(problem):
    x, y, _ = problem

    def distance(s, t):
        return cdist(s, t)

    r = transport.assignment(x, y, distance)

    def broken(s, t):
        return np.full((len(s), len(t)), np.nan)

    broken.__name__ = "distance"
    assert transport.verify(r.certificate, x, y, cost=distance).gap <= 1e-12
    with pytest.raises(UserError, match="not finite"):
        transport.verify(r.certificate, x, y, cost=broken)


def test_weights_of_a_plan_are_checked(problem):
    x, y, _ = problem
    rng = np.random.default_rng(3)
    a, b = rng.dirichlet(np.ones(150)), rng.dirichlet(np.ones(150))
    r = transport.plan(x, y, a, b, cost="euclidean")
    assert transport.verify(r.certificate, x, y, a, b).gap <= 1e-12
    with pytest.raises(UserError, match="misses the weights of x"):
        transport.verify(r.certificate, x, y, b, a)
    with pytest.raises(UserError, match="misses the weights of x"):
        transport.verify(r.certificate, x, y)


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04broken"])
def test_files_that_are_no_certificates_are_refused(tmp_path, content):
    path = tmp_path / "c.npz"
    path.write_bytes(content)
    with pytest.raises(UserError, match="certificate"):
        transport.load(path)
    with pytest.raises(UserError, match="cannot read"):
        transport.load(tmp_path / "missing.npz")
    np.savez(path, other=np.ones(3))
    with pytest.raises(UserError, match="is not a certificate"):
        transport.load(path)


def test_near_points_keep_their_distance_in_the_verifier():
    """The expansion of the square alone would be off by 1e-7 here."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=(60, 20))
    y = x[::-1] + 1e-9 * rng.normal(size=x.shape)
    r = transport.assignment(x, y)
    bounds = transport.verify(r.certificate, x, y)
    assert 1e-9 < r.value < 1e-8
    assert bounds.gap <= 1e-6 * r.value
    np.testing.assert_array_equal(r.permutation, np.arange(60)[::-1])


def test_progress_reaches_one(problem):
    x, y, r = problem
    seen = []
    transport.verify(r.certificate, x, y, progress=seen.append)
    assert seen[-1] == 1
