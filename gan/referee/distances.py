"""Distances between samples, none without the floor that sampling alone produces.

Two independent samples of one law are not at distance zero: in 64 dimensions and n = 398 they are
about as far apart as a good generator is from its data. So `distance`, the only function whose
values are reported, gives for a generated set G and a real set R

- its floor: the same distance from other real sets R' of the same size to R;
- its debiased value: W(G, R) - W(R, R') / 2 - W(G, G') / 2, near 0 for a perfect generator and
  positive for a collapsed one, which the raw value can rank first;
- intervals over resamples, and the p-value of a permutation test (see `resampling`).

The distance itself is exact W1, or sliced W1, between examples or between features of them.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from gan import transport
from gan.inputs import unknown
from gan.referee import resampling
from gan.transport import closed_forms

DIRECTIONS = 256

_KEPT = 2**24
"""Distances that are kept while subsets are compared; above that they are computed anew."""


class Interval(NamedTuple):
    """A 95 % interval."""

    low: float
    high: float


class Distance(NamedTuple):
    """Means over pairs of sets, in units of the data (of the features, if there are any).

    Attributes:
        n: examples in every set.
        value: from generated to real.
        spread: standard deviation of the value over generated sets.
        floor: from other real sets to the same real set.
        floor_spread: standard deviation of the floor over the other real sets; 0 for one.
        debiased: value less half the mean distances within real and within generated sets.
        interval, debiased_interval: what other samples of the same size would give; None without
            resamples.
        p_value: probability of a debiased value as high, were generated and real sets of one law;
            None without permutations.
        debiased_on_halves: the debiased value on half-samples [resamples], of which the spread
            counts; None without resamples.
    """

    n: int
    value: float
    spread: float
    floor: float
    floor_spread: float
    debiased: float
    interval: Interval | None
    debiased_interval: Interval | None
    p_value: float | None
    debiased_on_halves: tuple[float, ...] | None = None


class Reference(NamedTuple):
    """The real side of a comparison, measured once: see `reference`."""

    real: np.ndarray
    others: list[np.ndarray]
    floors: list[float]
    metric: str
    features: Callable
    gap: float

    def value(self, x: np.ndarray, y: np.ndarray) -> float:
        """The distance of two sets [n, d]."""
        if self.gap and self.metric == "w1":
            return w1(x, y, self.gap)
        return DISTANCES[self.metric].value(x, y)


def reference(
    real: np.ndarray,
    others: Sequence[np.ndarray],
    *,
    metric: str = "w1",
    features: Callable = lambda examples: examples,
    gap: float = 0.0,
) -> Reference:
    """Measure the floor of a real set.

    Args:
        real: the real set [n, *shape] that generated sets will be compared with.
        others: at least one real set [n, *shape], independent of `real` and of each other.
        metric: "w1" (exact) or "sliced".
        features: [n, *shape] -> [n, k]; the distance is taken between features.
        gap: relative gap of w1 that is good enough, for sets of ten thousands; 0 is exact.

    Raises:
        ValueError: for an unknown metric, without other sets, or if the sizes of the sets differ.
    """
    if metric not in DISTANCES:
        raise ValueError(unknown("metric", metric, DISTANCES))
    if not others or {len(other) for other in others} != {len(real)}:
        raise ValueError(f"need at least one other real set, each of {len(real)} examples")
    real, *others = (_points(features(part)) for part in (real, *others))
    found = Reference(real, others, [], metric, features, gap)
    found.floors.extend(found.value(other, real) for other in others)
    return found


def distance(
    generated: Sequence[np.ndarray],
    against: Reference,
    *,
    resamples: int,
    permutations: int,
    values: Sequence[float] | None = None,
) -> Distance:
    """The distance of generated sets to a real one, with floor, debiased value and uncertainty.

    Args:
        generated: at least two independent generated sets [n, *shape], of the real set's size n.
        against: from `reference`.
        resamples: half-samples that the intervals are computed from (40 give their width to a
            tenth); 0 leaves the intervals out.
        permutations: relabellings of the permutation test; the p-value is at least
            1 / (1 + permutations). 0 leaves it out.
        values: the distance of each generated set to the real one, where already known.

    Raises:
        ValueError: if there are fewer than two generated sets, or their sizes differ from n.
    """
    metric = DISTANCES[against.metric]
    n = len(against.real)
    if len(generated) < 2 or {len(fake) for fake in generated} != {n}:
        raise ValueError(f"need at least two generated sets, each of {n} examples")
    fakes = [_points(against.features(fake)) for fake in generated]
    if values is None:
        values = [against.value(fake, against.real) for fake in fakes]
    within = [against.value(a, b) for a, b in itertools.pairwise(fakes)]
    interval = debiased_interval = p_value = half_debiased = None
    value = float(np.mean(values))
    debiased = _debiased(values, against.floors, within)
    if resamples:
        half_values, half_debiased = _resampled(metric, fakes, against, resamples)
        interval = Interval(*resampling.interval(value, half_values))
        debiased_interval = Interval(*resampling.interval(debiased, half_debiased))
    if permutations:
        real = against.real, against.others[0]
        p_value = resampling.p_value((fakes[0], fakes[1]), real, metric.between, permutations)
    return Distance(
        n=n,
        value=value,
        spread=float(np.std(values, ddof=1)),
        floor=float(np.mean(against.floors)),
        floor_spread=float(np.std(against.floors, ddof=1)) if len(against.floors) > 1 else 0.0,
        debiased=debiased,
        interval=interval,
        debiased_interval=debiased_interval,
        p_value=p_value,
        debiased_on_halves=half_debiased,
    )


def w1(x: np.ndarray, y: np.ndarray, gap: float = 0.0) -> float:
    """Exact W1 between two sets, with Euclidean distances (Kantorovich 1942).

    Args:
        x, y: sets [n, *shape] and [m, *shape]; flattened.
        gap: 0 is exact. Otherwise the result may be too large by that share of itself, and the sets
            have equal sizes.

    Returns:
        A number >= 0 in units of the data; |s| between a set and itself shifted by s.

    >>> w1(np.zeros((4, 2)), np.full((4, 2), 3.0)) / 18**0.5
    1.0
    """
    if gap:
        return transport.assignment(_points(x), _points(y), gap=gap).value
    return transport.wasserstein(_points(x), _points(y), p=1)


def sliced(x: np.ndarray, y: np.ndarray) -> float:
    """Sliced W1: the mean, over 256 fixed directions, of W1 between the projections on the line.

    The directions are uniform on the sphere and depend on the dimension only (Rabin et al. 2012).
    Between a set and itself shifted by s in dimension d it is about |s| E|theta_1|, which is
    2 |s| / pi in the plane and falls like |s| sqrt(2 / (pi d)).

    Args:
        x, y: sets [n, *shape] and [m, *shape]; flattened.

    Returns:
        A number >= 0 in units of the data; on the line, d = 1, it is W1.

    >>> sliced(np.zeros((4, 1)), np.full((4, 1), 3.0))
    3.0
    """
    x, y = _points(x), _points(y)
    directions = _directions(x.shape[1])
    pairs = zip((x @ directions).T, (y @ directions).T, strict=True)
    return float(np.mean([closed_forms.line(a, b) for a, b in pairs]))


class SetDistance(NamedTuple):
    """A distance between sets, twice.

    Attributes:
        value: (x [n, d], y [m, d]) -> its value.
        between: (x [n, d], y [m, d]) -> a function (rows, columns) -> the value between those
            subsets of equal size, which repeats as little work as possible.
    """

    value: Callable
    between: Callable


def _subsets_w1(x, y):
    costs = cdist(x, y) if len(x) * len(y) <= _KEPT else None

    def value(rows, columns):
        part = cdist(x[rows], y[columns]) if costs is None else costs[np.ix_(rows, columns)]
        return float(part[linear_sum_assignment(part)].mean())

    return value


def _subsets_sliced(x, y):
    directions = _directions(x.shape[1])
    x, y = x @ directions, y @ directions

    def value(rows, columns):
        return float(np.abs(np.sort(x[rows], axis=0) - np.sort(y[columns], axis=0)).mean())

    return value


DISTANCES = {
    "w1": SetDistance(w1, _subsets_w1),
    "sliced": SetDistance(sliced, _subsets_sliced),
}
"""Distances by name."""


def _resampled(metric, fakes, against, count) -> tuple[tuple[float, ...], ...]:
    """Value and debiased value on `count` half-samples of every set, [count] each."""
    sets = [against.real, *against.others, *fakes]
    others = range(1, 1 + len(against.others))
    generated = range(1 + len(against.others), len(sets))
    values = [metric.between(sets[k], sets[0]) for k in generated]
    floors = [metric.between(sets[k], sets[0]) for k in others]
    within = [metric.between(sets[k], sets[k + 1]) for k in generated[:-1]]
    found = []
    n = len(against.real)
    for rows in resampling.halves([n] * len(sets), count, most=resampling.MOST_HALF):
        value = [f(rows[k], rows[0]) for f, k in zip(values, generated, strict=True)]
        floor = [f(rows[k], rows[0]) for f, k in zip(floors, others, strict=True)]
        inner = [f(rows[k], rows[k + 1]) for f, k in zip(within, generated[:-1], strict=True)]
        found.append((np.mean(value), _debiased(value, floor, inner)))
    factor = resampling.scale([n], resampling.MOST_HALF)
    return tuple(tuple(resampling.widened(part, factor).tolist()) for part in np.array(found).T)


def _debiased(values, floors, within) -> float:
    return float(np.mean(values) - np.mean(floors) / 2 - np.mean(within) / 2)


def nearest(
    queries: np.ndarray, references: np.ndarray, count: int = 1, block: int = 1024
) -> tuple[np.ndarray, np.ndarray]:
    """The `count` nearest references of each query, in Euclidean distance on flattened examples.

    Args:
        queries: [q, *shape].
        references: [r, *shape].
        count: at most r.
        block: queries that are computed at a time.

    Returns:
        (distances, indices), each [q, count], sorted by distance.

    >>> nearest(np.array([[0.0]]), np.array([[3.0], [1.0]]))
    (array([[1.]]), array([[1]]))
    """
    x, y = _points(queries), _points(references)
    squares = np.sum(y**2, axis=1)
    distances, indices = [], []
    for start in range(0, len(x), block):
        part = x[start : start + block]
        rough = squares - 2 * part @ y.T
        near = np.argpartition(rough, min(count, len(y) - 1), axis=1)[:, :count]
        exact = np.linalg.norm(part[:, None] - y[near], axis=2)
        order = np.argsort(exact, axis=1)
        distances.append(np.take_along_axis(exact, order, 1))
        indices.append(np.take_along_axis(near, order, 1))
    return np.concatenate(distances), np.concatenate(indices)


def nearest_one(queries: np.ndarray, references: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance to the nearest reference of every query, and its row, [q] each; see `nearest`."""
    found, rows = nearest(queries, references)
    return found[:, 0], rows[:, 0]


def _directions(dimension: int) -> np.ndarray:
    directions = np.random.default_rng(0).normal(size=(dimension, DIRECTIONS))
    return directions / np.linalg.norm(directions, axis=0)


def _points(x: np.ndarray) -> np.ndarray:
    return np.asarray(x, np.float64).reshape(len(x), -1)
