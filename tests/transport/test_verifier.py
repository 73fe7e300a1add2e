"""Every term of the verifier's proof, against exact fractions: each test fails without its term."""

import math
from fractions import Fraction

import numpy as np
import pytest

from gan import transport
from gan.errors import UserError
from gan.transport import certificates
from gan.transport.certificates import costs, points, verifier, weights


def exact(p, q, cost):
    """A cost as a fraction; the square of a Euclidean one."""
    differences = [Fraction(s) - Fraction(t) for s, t in zip(p.tolist(), q.tolist(), strict=True)]
    if cost == "cityblock":
        return sum(map(abs, differences))
    return sum(d * d for d in differences)


@pytest.mark.parametrize("cost", costs.NAMES)
@pytest.mark.parametrize("d", [1, 3, 7, 40])
@pytest.mark.parametrize("near", [False, True])
def test_lower_costs_are_at_most_the_costs_and_arcs_within_their_error(cost, d, near):
    """Steps 4 and 5, entry by entry; without the terms about half of the entries are above."""
    draw = np.random.default_rng(d)
    x = draw.normal(size=(12, d)) + 3
    y = x + 1e-3 * draw.normal(size=x.shape) if near else draw.normal(size=(12, d))
    x, y, exponent, integer, largest = points.prepared(x, y, cost, False)
    i, j = np.divmod(np.arange(144), 12)
    pricer = costs.Named(x, y, cost, i, j, integer)
    block, arcs = pricer.lower(slice(0, 12), slice(0, 12)), pricer.of_arcs()
    for k in range(144):
        truth = exact(x[i[k]], y[j[k]], cost)
        low = Fraction(block[i[k], j[k]])
        wide = Fraction(arcs[k]) * (1 + Fraction(pricer.relative))
        narrow = Fraction(arcs[k]) * (1 - Fraction(pricer.relative))
        if cost == "euclidean":
            low, wide, narrow = low * abs(low), wide * wide, narrow * narrow
        assert low <= truth and narrow <= truth <= wide
        assert truth <= Fraction(largest) ** (2 if cost == "euclidean" else 1)
        assert low >= truth * (1 - Fraction(1, 10**11))


def test_minima_lie_below_the_exact_ones():
    """Step 5: c - v rounds to nearest, so every other minimum is too high by half a unit."""
    draw = np.random.default_rng(0)

    class Given(costs.Costs):
        def lower(self, rows, columns):
            return block[rows, columns].copy()

        def of_nearest(self, nearest, u, v):
            return u

    block, v = draw.random((300, 20)), 3 * draw.random(20)
    u, nearest = verifier._minima(Given(), 300, v, None)
    for i, row in enumerate(block.tolist()):
        reached = [Fraction(c) - Fraction(w) for c, w in zip(row, v.tolist(), strict=True)]
        assert Fraction(np.nextafter(u[i], -np.inf)) <= min(reached)
        assert reached[nearest[i]] == min(reached)


def test_a_minimum_that_rounds_up_proves_no_more():
    """Step 5: 1.2e-16 + 1 rounds to 1 + 2.2e-16, and less 1 that is above the cost."""
    block, v = np.array([[1.2e-16]]), np.array([-1.0])

    class Given(costs.Costs):
        def lower(self, rows, columns):
            return block.copy()

        def of_nearest(self, nearest, u, v):
            return u

    u, nearest = verifier._minima(Given(), 1, v, None)
    shares = weights.Marginals(np.ones(1), np.ones(1), np.ones(1), 1.0, True)
    lower, closer = verifier._lower(Given(), shares, u, nearest, v)
    assert lower <= 1.2e-16 < closer


@pytest.mark.parametrize("even", [True, False])
def test_dual_values_are_rounded_downwards(even):
    draw = np.random.default_rng(1)
    for trial in range(200):
        n = int(draw.integers(2, 9))
        u, v = draw.normal(size=(2, n)) * 10.0 ** draw.integers(-3, 4, (2, n))
        whole = [[1] * n] * 2 if even else draw.integers(1, 10, (2, n)).tolist()
        a, b = ([Fraction(w, sum(side)) for w in side] for side in whole)
        rounded = (np.array([float(w) for w in side]) for side in (a, b))
        shares = weights.Marginals(*rounded, np.ones(1), 1.0, even)
        truth = sum(w * Fraction(t) for w, t in zip(a + b, [*u, *v], strict=True))
        value = verifier._dual(shares, u, v)
        assert Fraction(value) <= truth, trial
        assert value >= verifier._dual(shares, u, v, rounded=False) - 1e-11


def test_costs_of_plans_are_rounded_upwards():
    draw = np.random.default_rng(2)
    for trial in range(200):
        k = int(draw.integers(1, 8))
        arcs, whole = draw.random(k), draw.integers(1, 10, k).tolist()

        class Given(costs.Costs):
            def of_arcs(self):
                return arcs  # noqa: B023

        mass = [Fraction(w, sum(whole)) for w in whole]
        shares = weights.Marginals(
            np.ones(1), np.ones(1), np.array([float(w) for w in mass]), 1.0, False
        )
        upper, _ = verifier._upper(Given(), shares)
        assert sum(w * Fraction(c) for w, c in zip(mass, arcs.tolist(), strict=True)) <= upper, (
            trial
        )


def test_scaling_back_goes_outwards():
    draw = np.random.default_rng(3)
    for trial in range(300):
        value, weight = draw.random(2) + 0.1
        power = int(draw.choice([0, 5, -1040, -1060]))
        exact_value = Fraction(value) * Fraction(weight) * Fraction(2) ** power
        lower, upper = verifier._scaled(value, value, power, weight)
        assert Fraction(lower) <= exact_value <= Fraction(upper), trial
        assert lower == pytest.approx(upper, rel=1e-14, abs=1e-322)


def test_integers_are_rounded_outwards_once():
    for exact_value in (Fraction(1, 3), Fraction(2, 3), Fraction(-7, 11), Fraction(5, 4)):
        below, above = (verifier._directed(exact_value, t) for t in (-math.inf, math.inf))
        assert Fraction(below) <= exact_value <= Fraction(above) <= math.nextafter(below, math.inf)
    assert below == above == 1.25


@pytest.mark.parametrize("cost, power", [("euclidean", 1), ("sqeuclidean", 2)])
def test_what_underflows_is_in_the_interval(cost, power):
    """Step 4: the square of 1e-200 is 0 in float64, and the plan is not for nothing."""
    x, y = np.array([[0.0], [1.0]]), np.array([[1e-200], [1.0]])
    certificate = _plan(x, y, cost, [0, 1], [0, 1], np.ones(2, np.int64), 2)
    bounds = transport.verify(certificate, x, y)
    assert Fraction(1e-200) ** power / 2 <= Fraction(bounds.upper)
    x[1] = y[1] = 1e200  # and 0 it is under this scale
    certificate = _plan(x, y, cost, [0, 1], [0, 1], np.ones(2, np.int64), 2)
    assert Fraction(1e-200) ** power / 2 <= Fraction(transport.verify(certificate, x, y).upper)


def test_what_a_plan_misses_is_paid_for():
    """Step 7: nothing is carried to a far point of small weight, at a cost of a half."""
    x, y = np.zeros((1, 1)), np.array([[0.0], [1e9]])
    small = 2.0**-31
    a, b = np.ones(1), np.array([1 - small, small])
    certificate = _plan(x, y, "euclidean", [0], [0], np.array([1 - small]), 1.0)
    bounds = transport.verify(certificate, x, y, a, b)
    assert bounds.lower <= small * 1e9 <= bounds.upper <= 4 * small * 1e9
    flipped = _plan(y, x, "euclidean", [0], [0], np.array([1 - small]), 1.0)
    assert transport.verify(flipped, y, x, b, a).upper >= small * 1e9


def test_what_a_plan_carries_too_much_is_paid_for():
    """Step 7: the far point of y wants more than the far point of x has, so the rest comes from
    afar; the plan carries it all the same."""
    x = y = np.array([[1e9], *[[0.0]] * 5])
    b = np.full(6, 5.0)
    small = 2.0**-30
    a = b + small * np.array([-5.0, 1, 1, 1, 1, 1])
    for sides in ((a, b), (b, a)):
        certificate = _plan(x, y, "euclidean", range(6), range(6), b, 1.0)
        bounds = transport.verify(certificate, x, y, *sides)
        assert bounds.lower <= 5 * small * 1e9 <= bounds.upper <= 60 * small * 1e9


def test_mass_that_is_cut_from_gainful_arcs_is_paid_for():
    """Step 7 with negative costs: less of a gain is a cost."""

    def product(s, t):
        return -s @ t.T

    x = y = np.array([[1e5], [1e-5]])
    small = 2.0**-30
    a = np.array([1 - small, 1 + small])
    certificate = _plan(x, y, product, [0, 1], [0, 1], np.ones(2), 1.0)
    bounds = transport.verify(certificate, x, y, a, a, product)
    truth = -(1 - small) * 1e10 - (1 + small) * 1e-10
    assert bounds.lower <= truth <= bounds.upper and bounds.rounding >= 0


def test_potentials_are_centred_and_clipped():
    """Step 2, in integers of every type and in floats beyond every range."""
    for dtype in (np.int8, np.int64, np.uint64, np.uint8):
        ends = np.iinfo(dtype)
        v = np.array([ends.min, ends.max, ends.max, ends.max - 3], dtype)
        small = verifier._small_integers(v, 50)
        assert small.tolist()[1:] == [0, 0, -3] and small[0] == -50
    v = np.array([-1.7e308, 1.7e308, 1.7e308, 0.0])
    assert verifier._small(v, 0, 4.0).tolist() == [-4, 4, 4, 0] or (
        np.abs(verifier._small(v, 0, 4.0)).max() == 4
    )
    assert np.isfinite(verifier._small(v, -1000, 4.0)).all()


def test_uneven_sums_of_weights_are_refused():
    x = y = np.arange(2.0)[:, None]
    certificate = _plan(x, y, "euclidean", [0, 1], [0, 1], np.ones(2), 1.0)
    with pytest.raises(UserError, match="equal positive sums"):
        transport.verify(certificate, x, y, np.ones(2), np.full(2, 1 + 1e-6))
    single = np.full(10, 0.1, np.float32)  # of sum 1 + 1.5e-8
    x = y = np.arange(10.0)[:, None]
    certificate = _plan(x, y, "euclidean", range(10), range(10), single.astype(np.float64), 1.0)
    bounds = transport.verify(certificate, x, y, single, None)
    assert bounds.lower <= 0 <= bounds.upper < 1e-15


def _plan(x, y, cost, rows, columns, mass, total):
    name = cost if isinstance(cost, str) else cost.__name__
    return certificates.issue(
        x, y, name, list(rows), list(columns), mass, total, np.zeros(len(y)), (0.0, 0.0), "plan"
    )
