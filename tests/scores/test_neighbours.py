"""Neighbours by blocks against all distances at once."""

import tracemalloc

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from gan.scores import moments, neighbours
from gan.scores.kernel import kernel_distance
from gan.scores.manifolds import coverage, density, precision, recall
from gan.scores.pair import Pair
from gan.scores.two_sample import nearest_neighbour_accuracy, permutation_p_value


def normal(n, k, seed=0, shift=0.0, scale=1.0):
    return shift + scale * np.random.default_rng(seed).normal(size=(n, k))


def clusters(n, seed):
    """Points in groups of radius 0.001 at distances of a million."""
    draw = np.random.default_rng(seed)
    return 1e6 * draw.integers(0, 3, (n, 1)) + 1e-3 * draw.normal(size=(n, 4))


def outlier(n, seed):
    x = normal(n, 3, seed)
    x[0] = 1e7
    return x


def whole(n, k, high, seed=0, step=1.0):
    return step * np.random.default_rng(seed).integers(0, high, (n, k))


LAWS = {
    "line": (normal(50, 1), normal(40, 1, 1)),
    "many features": (normal(60, 300), normal(70, 300, 1)),
    "narrow": (normal(90, 5, scale=0.3), normal(70, 5, 1)),
    "far from 0, float32": tuple(normal(80, 4, s, 1000).astype(np.float32) for s in (0, 1)),
    "lattice": (whole(90, 2, 8), whole(60, 2, 8, 1)),
    "lattice of tenths": (whole(90, 2, 8, 0, 0.1), whole(60, 2, 8, 1, 0.1)),
    "hypercube": (whole(70, 9, 2), whole(70, 9, 2, 1)),
    "one-hot": (np.eye(10)[whole(60, 1, 10)[:, 0].astype(int)], np.eye(10)[:7]),
    "simplex": (np.eye(40)[:25], np.eye(40)[20:]),
    "all equal": (np.ones((9, 2)), np.ones((5, 2))),
    "one point against many": (np.zeros((40, 2)), whole(30, 2, 4)),
    "shared": (normal(50, 3), np.concatenate([normal(50, 3)[:20], normal(30, 3, 1)])),
    "the same": (normal(50, 3), normal(50, 3)),
    "signed zeros": (np.array([[0.0], [1.0], [3.0]]), np.array([[-0.0], [1.0]])),
    "clusters": (clusters(70, 0), clusters(60, 1)),
    "outliers": (outlier(60, 0), outlier(50, 1)),
    "interleaved": (np.array([[0.0], [1.0], [0.0], [3.0], [7.0]]), np.array([[1.0], [3.0]])),
    "huge": (normal(30, 3, scale=1e150), normal(30, 3, 1, scale=1e150)),
    "tiny": (normal(30, 3, scale=1e-22), normal(30, 3, 1, scale=1e-22)),
    "tiny and large": (
        np.concatenate([normal(30, 2, scale=1e-20), [[1.0, 0.0], [-1.0, 0.0]]]),
        np.concatenate([normal(30, 2, 1, scale=1e-20), [[2.0, 0.0], [-2.0, 0.0]]]),
    ),
    "two against two": (normal(2, 2), normal(2, 2, 1)),
}


def all_at_once(x, y, ks=(1, 3, 5)):
    """The scores from matrices of all distances."""
    x, y = np.asarray(x, float), np.asarray(y, float)
    both = np.concatenate([x, y])
    distances = cdist(both, both)
    np.fill_diagonal(distances, np.inf)
    n = len(x)
    between = cdist(x, y)
    found = {}
    for k in ks:
        reach = [
            np.sort(part, axis=1)[:, min(k, len(part) - 1) - 1] * (1 + 1e-12)
            for part in (distances[:n, :n], distances[n:, n:])
        ]
        inside = between <= reach[1]
        found[f"precision {k}"] = inside.any(axis=1).mean()
        found[f"recall {k}"] = (between.T <= reach[0]).any(axis=1).mean()
        found[f"density {k}"] = inside.sum() / (min(k, len(y) - 1) * n)
        found[f"coverage {k}"] = inside.any(axis=0).mean()
    nearest = distances <= distances.min(axis=1, keepdims=True) * (1 + 1e-12)
    labels = np.arange(len(both)) < n
    same = labels[:, None] == labels
    found["accuracy"] = ((nearest & same).sum(axis=1) / nearest.sum(axis=1)).mean()
    return found


def by_blocks(x, y, ks=(1, 3, 5)):
    pair = Pair.of(x, y)
    scores = {"precision": precision, "recall": recall, "density": density, "coverage": coverage}
    found = {f"{name} {k}": score(pair, k) for name, score in scores.items() for k in ks}
    return found | {"accuracy": nearest_neighbour_accuracy(pair)}


@pytest.mark.parametrize("many", [0, 1 / 16, 1])
@pytest.mark.parametrize(("rows", "entries"), [(512, 1 << 23), (7, 50)])
@pytest.mark.parametrize("law", LAWS)
def test_blocks_give_what_all_distances_give(monkeypatch, law, rows, entries, many):
    """Whether distances are settled at once (many 0), where there is doubt, or pair by pair (1)."""
    monkeypatch.setattr(neighbours, "ROWS", rows)
    monkeypatch.setattr(moments, "BLOCK_ENTRIES", entries)
    monkeypatch.setattr(neighbours, "MANY", many)
    assert by_blocks(*LAWS[law]) == pytest.approx(all_at_once(*LAWS[law]), rel=1e-12)


def test_random_sets_give_what_all_distances_give():
    draw = np.random.default_rng(0)
    for _ in range(200):
        n, m, k = draw.integers(2, 60, 2).tolist() + [int(draw.integers(1, 6))]
        x, y = draw.normal(size=(n, k)), draw.normal(0.3, 1.2, size=(m, k))
        x[draw.integers(n)] = x[0]
        y[draw.integers(m)] = x[draw.integers(n)]
        if draw.integers(2):
            x, y = np.round(2 * x), np.round(2 * y)
        assert by_blocks(x, y) == pytest.approx(all_at_once(x, y), rel=1e-12)


@pytest.mark.parametrize("law", LAWS)
def test_balls_are_those_of_all_distances(law):
    x, y = (np.asarray(part, float) for part in LAWS[law])
    pair = Pair.of(*LAWS[law])
    for side, own, others in (("generated", x, y), ("real", y, x)):
        balls = pair.balls(side, 3)
        distances = cdist(own, own)
        np.fill_diagonal(distances, np.inf)
        radii = np.sort(distances, axis=1)[:, min(3, len(own) - 1) - 1]
        np.testing.assert_allclose(balls.radii, radii, rtol=1e-13)
        inside = cdist(own, others) <= radii[:, None] * (1 + 1e-12)
        np.testing.assert_array_equal(balls.inside, inside.sum(axis=1))
        np.testing.assert_array_equal(balls.covered, inside.any(axis=0))
        touching = inside & (cdist(own, others) >= radii[:, None] * (1 - 1e-12))
        np.testing.assert_array_equal(balls.touching, touching.sum(axis=1))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("k", [1, 50, 2048])
def test_the_product_errs_by_no_more_than_its_bound(dtype, k):
    x, y = normal(40, k, scale=3), normal(50, k, 1, 0.5)
    y[:20] = x[:20] * (1 + 1e-6)
    exact = cdist(x, y, "sqeuclidean")
    squares = [np.sum(part**2, axis=1) for part in (x, y)]
    product = (-2 * x).astype(dtype) @ y.astype(dtype).T
    found = product + squares[0].astype(dtype)[:, None] + squares[1].astype(dtype)
    bound = [neighbours.slack(part, k, dtype) for part in squares]
    error = np.abs(found - exact)
    assert (error <= bound[0][:, None] + bound[1]).all() and error.max() > 0


@pytest.mark.parametrize("law", ["lattice", "lattice of tenths", "hypercube", "simplex", "shared"])
def test_exchanging_the_sides_changes_no_bit_of_the_accuracy(law):
    x, y = LAWS[law]
    forth = nearest_neighbour_accuracy(Pair.of(x, y))
    assert forth == nearest_neighbour_accuracy(Pair.of(y, x))
    order = np.random.default_rng(0).permutation
    shuffled = Pair.of(x[order(len(x))], y[order(len(y))])
    assert nearest_neighbour_accuracy(shuffled) == forth


@pytest.mark.parametrize("step", [1.0, 0.1, 1 / 3])
def test_ties_on_a_lattice_favour_nobody(step):
    """Mean over random labels of a lattice, where every point has two to four nearest: the chance
    (n - 1) / (2 n - 1) that another example has the own label, whatever the spacing."""
    points = step * np.stack(np.meshgrid(np.arange(8), np.arange(8)), -1).reshape(-1, 2)
    draw, found = np.random.default_rng(0), []
    for _ in range(300):
        order = draw.permutation(64)
        found.append(nearest_neighbour_accuracy(Pair.of(points[order[:32]], points[order[32:]])))
    assert np.mean(found) == pytest.approx(31 / 63, abs=4 * np.std(found) / 300**0.5)
    whole = nearest_neighbour_accuracy(Pair.of(points[::2], points[1::2]))
    # Columns by turns: of the neighbours of a point those above and below are of its side.
    inner, edge, corner = 36 * 2 / 4, 12 * 2 / 3 + 12 * 1 / 3, 4 * 1 / 2
    assert whole == pytest.approx((inner + edge + corner) / 64, rel=1e-12)


def test_a_point_at_the_radius_is_inside():
    """Generated 0 and 6; real 1, 2, 3, 4 with third neighbours 3, 2, 2 and 3 away: 0 is at the
    radius of 2."""
    pair = Pair.of([[0.0], [6.0]], [[1.0], [2.0], [3.0], [4.0]])
    assert precision(pair, 1) == 0.5 and precision(pair, 3) == 1
    np.testing.assert_array_equal(pair.balls("real", 1).inside, [1, 0, 0, 0])
    np.testing.assert_array_equal(pair.balls("real", 3).inside, [1, 1, 0, 1])
    # A set against itself: each of its balls holds k others and its own centre.
    x = normal(30, 2)
    assert density(Pair.of(x, x), 3) == pytest.approx(4 / 3)
    assert density(Pair.of(x, x), 5) == pytest.approx(6 / 5)
    # In tenths the radius 0.3 - 0 and the distance 0.6 - 0.3 differ by rounding, no more.
    tenths = Pair.of([[0.6], [7.0]], [[0.0], [0.3]])
    assert tenths.balls("real", 1).inside.tolist() == [0, 1]


def test_permutations_give_what_all_distances_give():
    x, y = whole(30, 2, 5), whole(20, 2, 5, 1)
    both, labels = np.concatenate([x, y]), np.repeat([1.0, 0.0], [30, 20])
    distances = cdist(both, both)
    np.fill_diagonal(distances, np.inf)
    nearest = (distances == distances.min(axis=1, keepdims=True)).astype(float)
    nearest /= nearest.sum(axis=1, keepdims=True)

    def accuracies(columns):
        share = nearest @ columns
        return np.mean(columns * share + (1 - columns) * (1 - share), axis=0)

    draws = np.random.default_rng(3).permuted(np.repeat(labels[:, None], 199, axis=1), axis=0)
    reached = np.sum(accuracies(draws) >= accuracies(labels[:, None]) - 1e-12)
    assert permutation_p_value(Pair.of(x, y), 3, 199) == (1 + reached) / 200


def test_kernel_sums_by_blocks(monkeypatch):
    x, y = normal(50, 4, shift=2), normal(37, 4, 1)
    whole = kernel_distance(x, y)
    monkeypatch.setattr("gan.scores.kernel.BLOCK", 8)
    assert kernel_distance(x, y) == pytest.approx(whole, rel=1e-11)
    narrow = kernel_distance(x.astype(np.float32), y.astype(np.float32))
    assert narrow == pytest.approx(whole, rel=1e-4) and narrow != whole


def test_no_matrix_of_all_distances_is_held():
    n = 3000
    x, y = (normal(n, 3, seed).astype(np.float32) for seed in (0, 1))
    tracemalloc.start()
    pair = Pair.of(x, y)
    values = [score(pair) for score in (precision, recall, density, coverage)]
    values += [nearest_neighbour_accuracy(pair), kernel_distance(x, y)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.isfinite(values).all()
    assert peak < 8 * n * n and peak < neighbours.needed(n, n)


def test_neighbours_are_found_once(monkeypatch):
    passes = []
    around = neighbours.around
    monkeypatch.setattr(neighbours, "around", lambda *a: passes.append(a[1]) or around(*a))
    pair = Pair.of(normal(20, 2), normal(20, 2, 1))
    for score in (precision, recall, density, coverage, nearest_neighbour_accuracy):
        score(pair)
    assert passes == [1, 0]
