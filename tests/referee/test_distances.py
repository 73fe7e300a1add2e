import numpy as np
import ot
import pytest
from scipy import spatial, stats

from gan.referee import distances, resampling


def sets(count, n=64, shape=(2,), seed=0):
    return list(np.random.default_rng(seed).normal(size=(count, n, *shape)))


def test_w1_on_the_line_is_that_of_the_quantiles():
    x, y = sets(2, shape=(1,))
    expected = stats.wasserstein_distance(x.ravel(), y.ravel())
    assert distances.w1(x, y) == pytest.approx(expected, rel=1e-12)


def test_w1_of_images_flattens_them():
    (x,) = sets(1, shape=(4, 4, 1))
    assert distances.w1(x, x + 0.25) == pytest.approx(1.0, rel=1e-6)  # 0.25 on each of 16 pixels


def test_identical_sets_are_at_distance_zero_and_a_shift_at_its_length():
    (x,) = sets(1)
    assert distances.w1(x, x[::-1]) == pytest.approx(0, abs=1e-12)
    assert distances.w1(x, x + np.array([3.0, 4.0])) == pytest.approx(5.0, rel=1e-9)


def plain(generated, real, others, **options):
    options = {"resamples": 0, "permutations": 0} | options
    return distances.distance(generated, distances.reference(real, others), **options)


def test_real_against_real_has_a_debiased_value_near_zero_and_a_collapsed_one_does_not():
    generated, real, others = sets(4, 200, (16,)), sets(1, 200, (16,), 1)[0], sets(4, 200, (16,), 2)
    perfect = plain(generated, real, others)
    assert perfect.n == 200
    assert perfect.value == pytest.approx(perfect.floor, rel=0.03)
    assert abs(perfect.debiased) < 0.1
    collapsed = plain([np.zeros((200, 16))] * 4, real, others)
    # The trap: the raw value of a collapsed generator is not much above the floor.
    assert collapsed.value < 1.3 * perfect.value
    assert collapsed.debiased > 1.0
    assert collapsed.spread == 0 and perfect.spread > 0 and perfect.floor_spread > 0
    assert perfect.interval is perfect.debiased_interval is perfect.p_value is None


def test_every_part_of_a_distance_is_what_its_definition_says():
    a, b, real, other = sets(4)
    found = plain([a, b], real, [other])
    values = [distances.w1(a, real), distances.w1(b, real)]
    floor, within = distances.w1(other, real), distances.w1(a, b)
    assert found.value == pytest.approx(np.mean(values), rel=1e-12)
    assert found.floor == pytest.approx(floor, rel=1e-12)
    expected = np.mean(values) - floor / 2 - within / 2
    assert found.debiased == pytest.approx(expected, rel=1e-12)
    known = plain([a, b], real, [other], values=[1.0, 2.0])
    assert known.value == 1.5 and known.debiased == pytest.approx(1.5 - floor / 2 - within / 2)


@pytest.mark.parametrize("metric", sorted(distances.DISTANCES))
def test_a_metric_between_subsets_is_its_value_there(metric):
    x, y = sets(2, 20, (3,))
    rows, columns = np.arange(0, 20, 2), np.arange(10)
    found = distances.DISTANCES[metric].between(x, y)(rows, columns)
    assert found == pytest.approx(distances.DISTANCES[metric].value(x[rows], y[columns]), rel=1e-12)


def test_sliced_w1_of_a_shift_is_its_mean_projection_and_it_is_below_w1():
    (x,) = sets(1, 300)
    assert distances.sliced(x, x + np.array([3.0, 4.0])) == pytest.approx(10 / np.pi, rel=0.05)
    assert distances.sliced(x, x[::-1]) == 0
    x, y = sets(2, 100, (8,))
    assert 0 < distances.sliced(x, y) < distances.w1(x, y)
    assert distances.sliced(x[:, :1], y[:, :1]) == pytest.approx(distances.w1(x[:, :1], y[:, :1]))


def test_w1_and_sliced_w1_agree_with_pot():
    x, y = sets(2, 90, (5,))
    costs = spatial.distance.cdist(x, y)
    uniform = np.full(90, 1 / 90)
    assert distances.w1(x, y) == pytest.approx(ot.emd2(uniform, uniform, costs), rel=1e-12)
    directions = distances._directions(5)
    expected = ot.sliced_wasserstein_distance(x, y, projections=directions, p=1)
    assert distances.sliced(x, y) == pytest.approx(expected, rel=1e-12)


def test_features_replace_the_examples():
    generated, (real, other) = sets(2), sets(2, seed=1)

    def half(x):
        return x[:, :1] / 2

    featured = distances.reference(real, [other], features=half)
    by_hand = distances.reference(half(real), [half(other)])
    options = {"resamples": 3, "permutations": 9}
    found = distances.distance(generated, featured, **options)
    assert found == distances.distance([half(x) for x in generated], by_hand, **options)
    assert found.value != plain(generated, real, [other]).value


def test_the_intervals_are_as_wide_as_values_of_other_samples_scatter():
    found = []
    for seed in range(60):
        generated, real, others = (
            sets(2, 40, (2,), seed),
            *np.split(np.array(sets(3, 40, (2,), 1000 + seed)) * 1.5 + 1, [1]),
        )
        found.append(plain(generated, real[0], list(others), resamples=20))
    assert len(found) == 60
    for name in ("value", "debiased"):
        values = np.array([getattr(f, name) for f in found])
        spans = np.array([f.interval if name == "value" else f.debiased_interval for f in found])
        np.testing.assert_allclose(spans.mean(axis=1), values)
        covered = (spans[:, 0] <= values.mean()) & (values.mean() <= spans[:, 1])
        assert 0.85 <= covered.mean() <= 1
        assert np.mean(spans[:, 1] - spans[:, 0]) < 6 * values.std()


@pytest.mark.parametrize("metric", sorted(distances.DISTANCES))
def test_p_values_of_equal_laws_are_uniform_and_of_others_as_small_as_they_can_be(metric):
    draw = np.random.default_rng(0)
    between = distances.DISTANCES[metric].between

    def p_value(sets, permutations):
        return resampling.p_value(tuple(sets[:2]), tuple(sets[2:]), between, permutations)

    equal = np.array([p_value(draw.normal(size=(4, 6, 3)), 9) for _ in range(400)])
    assert set(np.round(equal * 10).astype(int)) == set(range(1, 11))
    for level in (0.1, 0.5):  # three standard errors
        assert abs(np.mean(equal <= level + 1e-9) - level) < 0.075
    sets = draw.normal(size=(4, 40, 3))
    assert p_value([*sets[:2] + 2, *sets[2:]], 99) == 1 / 100
    assert p_value([*sets[:2] * 3, *sets[2:]], 99) == 1 / 100
    # Collapsed, which the raw value of exact W1 would rank above a perfect generator.
    assert p_value([*sets[:2] * 0, *sets[2:]], 99) == 1 / 100


def test_the_p_value_counts_relabellings_of_the_debiased_distance():
    sets_of_four = sets(4, 8, (2,), 5)
    g, h, r, q = sets_of_four
    observed = distances.w1(g, r) - distances.w1(r, q) / 2 - distances.w1(g, h) / 2
    draw = np.random.default_rng(0)
    pooled, extreme = np.concatenate(sets_of_four), 0
    for _ in range(30):
        g, h, r, q = np.split(pooled[draw.permutation(32)], 4)
        extreme += distances.w1(g, r) - distances.w1(r, q) / 2 - distances.w1(g, h) / 2 >= observed
    assert 0 < extreme < 30
    found = plain(sets_of_four[:2], sets_of_four[2], sets_of_four[3:], permutations=30)
    assert found.p_value == (1 + extreme) / 31


def test_half_samples_are_halves_without_repetition():
    rows = list(resampling.halves([11] * 3, 4))
    assert len(rows) == 4 and all(len(sides) == 3 for sides in rows)
    for sides in rows:
        assert all(len(set(side)) == len(side) == 5 and max(side) < 11 for side in sides)
    assert not np.array_equal(rows[0][0], rows[0][1]) and not np.array_equal(*rows[0][::2])


def test_smaller_subsets_have_fewer_rows_and_the_same_ones_where_a_half_is_small():
    few = list(resampling.halves([11, 100], 3, most=5))
    assert [len(side) for side in few[0]] == [5, 5]
    halves = list(resampling.halves([11, 100], 3))
    for some, half in zip(few, halves, strict=True):
        np.testing.assert_array_equal(some[0], half[0])
        np.testing.assert_array_equal(some[1], half[1][:5])
    assert resampling.scale([11, 10], 5) == 1
    assert resampling.scale([100, 11], 5) == 1  # the wider of both
    assert resampling.scale([100, 90], 10) == pytest.approx((10 / 80) ** 0.5)


def test_intervals_from_small_subsets_cover_a_known_mean():
    """Mean of 1,000 exponential numbers from subsets of 60: the interval holds the true mean, 1, in
    95 % of 400 trials (three standard errors: 3.3 %), and is as wide as 2 * 1.96 / root 1,000."""
    draw, held, widths = np.random.default_rng(0), [], []
    scale = resampling.scale([1000], 60)
    for trial in range(400):
        x = draw.exponential(size=1000)
        found = [x[rows].mean() for (rows,) in resampling.halves([1000], 50, trial, most=60)]
        low, high = resampling.interval(x.mean(), found, scale)
        held.append(low <= 1 <= high)
        widths.append(high - low)
    assert abs(np.mean(held) - 0.95) < 0.033
    assert np.mean(widths) == pytest.approx(2 * 1.96 / 1000**0.5, rel=0.06)


def test_sets_that_cannot_be_compared_are_refused():
    x, y = sets(2)
    with pytest.raises(ValueError, match="two generated sets"):
        plain([x], y, [x])
    with pytest.raises(ValueError, match="two generated sets"):
        plain([x, x[:5]], y, [x])
    with pytest.raises(ValueError, match="one other real set"):
        distances.reference(x, [])
    with pytest.raises(ValueError, match="each of 64"):
        distances.reference(x, [y[:5]])
    with pytest.raises(ValueError, match="sliced"):
        distances.reference(x, [y], metric="slcied")


def test_nearest_agrees_with_a_tree():
    queries, references = sets(1, 50, (3,))[0], sets(1, 70, (3,), 1)[0]
    found, indices = distances.nearest(queries, references, 4, block=7)
    expected, expected_indices = spatial.cKDTree(references).query(queries, 4)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    np.testing.assert_array_equal(indices, expected_indices)
    assert distances.nearest(references, references)[0].max() == 0
