"""Whatever a verifier is handed ends in bounds or in one line, and is left as it was."""

import collections
import os

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from gan import transport
from gan.errors import UserError
from gan.transport import certificates
from gan.transport.certificates import verifier
from tests.transport import forgery_plans

N = 4
X, Y = np.random.default_rng(0).normal(size=(2, N, 2))


def certificate(x=X, y=Y, name="given", mass=None, total=N, header=()):
    kind = "assignment" if mass is None else "plan"
    mass = np.ones(N, np.int64) if mass is None else mass
    order = np.arange(N)
    found = certificates.issue(x, y, name, order, order, mass, total, np.zeros(N), (0.0, 0.0), kind)
    found.header.update(header)
    return found


def returns(values):
    def given(s, t):
        return values(len(s), len(t))

    return given


@pytest.mark.parametrize(
    "values, message",
    [
        (lambda n, m: np.full((n, m), 1e308), "rescale"),
        (lambda n, m: np.full((n, m), -1e308), "rescale"),
        (lambda n, m: np.full((n, m), np.inf), "not finite"),
        (lambda n, m: np.full((n, m), 1j), "must be real numbers, got dtype complex128"),
        (lambda n, m: np.full((n, m), "a"), "must be real numbers"),
        (lambda n, m: np.ma.masked_array(np.ones((n, m)), True), "masked"),
        (lambda n, m: [[1], [1, 2]], "one array of numbers"),
        (lambda n, m: None, "must be real numbers"),
        (lambda n, m: np.ones((n, m + 1)), "must return shape"),
    ],
)
def test_what_a_callable_must_not_return(values, message):
    with pytest.raises(UserError, match=message):
        transport.verify(certificate(), X, Y, cost=returns(values))


def test_a_callable_that_writes_into_its_arguments_changes_nothing(monkeypatch):
    monkeypatch.setattr(verifier, "_COLUMNS", 2)
    x, y = X.copy(), Y.copy()

    def given(s, t):
        found = cdist(s, t)
        s *= 2
        t += 1
        return found

    bounds = transport.verify(certificate(), x, y, cost=given)
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(y, Y)
    assert bounds.upper == pytest.approx(np.linalg.norm(X - Y, axis=1).mean(), rel=1e-12)


def test_a_callable_is_not_given_rounded_integers():
    large, small = np.full((N, 1), 2**60 + 1), np.ones((N, 1))
    given = returns(lambda n, m: np.ones((n, m)))
    for x, y in ((large, small), (small, large)):
        with pytest.raises(UserError, match="float64 cannot hold exactly"):
            transport.verify(certificate(x, y), x, y, cost=given)


@pytest.mark.parametrize(
    "x, message",
    [
        ([[1], [1, 2]], "one array of numbers"),
        (np.full((N, 2), np.longdouble("1e4000")), "cannot hold exactly"),
        (np.array(["a"] * N), "real numbers"),
        (np.ma.masked_array(X, X > 0), "masked"),
    ],
)
def test_points_that_are_none(x, message):
    made = certificate(X if isinstance(x, list) else np.asarray(x), Y, "euclidean")
    with pytest.raises(UserError, match=message):
        transport.verify(made, x, Y)


def test_a_mask_that_hides_nothing_is_no_mask():
    made = certificate(name="euclidean")
    assert transport.verify(made, np.ma.masked_array(X), Y) == transport.verify(made, X, Y)


@pytest.mark.parametrize("a", [[[1], [1, 2]], np.full(N, 1e308), np.full(N, 1j)])
def test_weights_that_are_none(a):
    with pytest.raises(UserError, match="weights"):
        transport.verify(certificate(name="euclidean", mass=np.ones(N), total=1.0), X, Y, a, a)


def test_claims_beyond_float64_are_refused():
    header = {"claimed": {"lower": 10**400, "upper": 10**400}}
    with pytest.raises(UserError, match="'claimed'"):
        transport.verify(certificate(name="euclidean", header=header), X, Y)


def test_names_of_no_file_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, "/dev/zero", "a\0b"):
        with pytest.raises(UserError, match="cannot read the certificate"):
            transport.load(path)


def test_no_forged_plan_between_uneven_weights_is_believed():
    counts = collections.Counter(
        forgery_plans.attack(np.random.default_rng([0, k])) for k in range(400)
    )
    assert counts["held"] > 100 and counts["refused"] > 30, counts
