"""Known answers for anybody's scores: the answers, what passes, what does not."""

import itertools
from fractions import Fraction

import numpy as np
import ot
import pytest
from prdc import compute_prdc
from scipy import linalg, stats
from scipy.spatial.distance import cdist
from sklearn.metrics.pairwise import polynomial_kernel

from gan.errors import UserError
from gan.registries import METRICS
from gan.scores import conformance
from gan.scores.conformance import exact
from gan.scores.conformance.definitions import DEFINITIONS, SCORES
from gan.scores.conformance.known import known_cases
from tests.plugin import scorers


def draws(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def test_the_scores_are_those_of_the_registry_that_compare_two_sets():
    functions = {}
    for name, metric in METRICS.items():
        if metric.of_features:
            functions.setdefault(metric.of_features, name)
    assert {*functions.values(), "w1"} == set(SCORES) == set(DEFINITIONS)


@pytest.mark.parametrize("score", SCORES)
def test_this_project_has_every_known_answer(score):
    report = conformance.check(getattr(scorers, score), score)
    assert report.wrong == [] and report.convention == ""
    assert {finding.verdict for finding in report.findings} == {"right"}
    assert len(report.findings) > 15


@pytest.mark.parametrize("score", SCORES)
def test_the_cases_are_of_every_kind_and_differ(score):
    cases = known_cases(score)
    names = [case.name for case in cases]
    assert len(set(names)) == len(names)
    registered = [case for case in cases if case.name.startswith("registered")]
    assert [case.answer("") for case in registered] == [c.value for c in METRICS.get(score).cases]
    kinds = ["permuted", "twice", "short", "NaN", "float32", "alike"]
    if score != "inception_type_score":
        kinds[-1:] = ["identical", "collapsed", "swapped", "shifted", "scaled", "fewer", "lattice"]
        kinds += ["unequal", "at 1000"]
        assert any(len(case.arguments[0]) < case.arguments[0].shape[1] for case in cases)
    for kind in kinds:
        assert any(kind in name for name in names), kind
    distinct = {float(case.answer("")) for case in cases if case.answer("") is not None}
    assert len(distinct) > 4


@pytest.mark.parametrize("score", SCORES)
def test_the_exact_definition_gives_the_answers_of_the_registry_and_of_closed_forms(score):
    definition, compared = DEFINITIONS[score], 0
    for case in known_cases(score):
        if case.why.startswith(("closed form", "stands in")):
            try:
                found = definition.answers[""](*case.arguments)
            except ValueError:
                continue
            compared += 1
            assert float(found) == pytest.approx(float(case.answer("")), abs=case.within), case.name
    assert compared or score == "frechet_distance"  # which has a root of more than rank two there


@pytest.mark.parametrize("k", [1, 3, 5])
def test_exact_neighbour_scores_agree_with_the_published_package(k, capsys):
    real, fake = draws(25, 3), draws(30, 3, seed=1) * 0.8 + 0.3
    expected = compute_prdc(real, fake, nearest_k=k)
    for name, value in expected.items():
        for closed in (True, False):
            assert float(getattr(exact, name)(fake, real, k=k, closed=closed)) == pytest.approx(
                value
            )


def test_closed_and_open_balls_of_three_points():
    """Real 0, 1, 3: the nearest others are at 1, 1 and 2. Generated: 2, 5 and 9."""
    real, fake = [[0.0], [1.0], [3.0]], [[2.0], [5.0], [9.0]]
    third = Fraction(1, 3)
    assert exact.precision(fake, real, k=1) == 2 * third and exact.density(fake, real, k=1) == 1
    assert exact.coverage(fake, real, k=1) == 2 * third
    for score in (exact.precision, exact.density, exact.coverage):
        assert score(fake, real, k=1, closed=False) == third
    assert exact.precision(fake, real, k=3, few="refuse") is None
    assert exact.precision(fake, real, k=3) == exact.precision(fake, real, k=2) == 2 * third
    assert exact.density(fake, real, k=3) == exact.density(fake, real, k=2)
    assert exact.density(fake, real, k=3, over="asked") == exact.density(fake, real, k=2) * 2 / 3


def test_exact_nearest_neighbours_and_their_ties():
    """Generated 0 and 0, real 0 and 1: see the scores' own test."""
    sets = [[0.0], [0.0]], [[0.0], [1.0]]
    expected = {"shared": 1 / 3, "generated": 1 / 2, "real": 1 / 4}
    for ties, value in expected.items():
        assert float(exact.nearest_neighbour_accuracy(*sets, ties=ties)) == pytest.approx(value)


def test_exact_kernel_distances_agree_with_scikit_learn():
    x, y = draws(12, 4), draws(12, 4, seed=1) + 0.5
    xx, yy, xy = (polynomial_kernel(a, b, degree=3, coef0=1) for a, b in ((x, x), (y, y), (x, y)))
    off = ~np.eye(12, dtype=bool)
    assert float(exact.kernel_distance(x, y)) == pytest.approx(
        xx[off].mean() + yy[off].mean() - 2 * xy.mean(), rel=1e-12
    )
    assert float(exact.kernel_distance(x, y, diagonals=True)) == pytest.approx(
        xx.mean() + yy.mean() - 2 * xy.mean(), rel=1e-12
    )
    assert float(exact.kernel_distance(x, y, paired=False)) == pytest.approx(
        (xx + yy - 2 * xy)[off].mean(), rel=1e-12
    )
    assert exact.kernel_distance(x[:1], y) is None


@pytest.mark.parametrize("lost", [0, 1])
def test_exact_frechet_distances_agree_with_scipys_root(lost):
    x, y = draws(9, 2), draws(13, 2, seed=1) @ [[2.0, 1.0], [0.0, 0.5]] + 1
    s, t = (np.cov(side.T, ddof=lost) for side in (x, y))
    shift = np.sum((x.mean(axis=0) - y.mean(axis=0)) ** 2)
    expected = shift + np.trace(s + t - 2 * linalg.sqrtm(s @ t).real)
    assert float(exact.frechet_distance(x, y, lost=lost)) == pytest.approx(expected, rel=1e-9)
    with pytest.raises(ValueError, match="in a plane"):
        exact.frechet_distance(draws(9, 3), draws(9, 3, seed=1))


def test_exact_wasserstein_distances_agree_with_pot_and_scipy():
    def pot(x, y):
        weights = (np.full(len(side), 1 / len(side)) for side in (x, y))
        return ot.emd2(*weights, cdist(x, y))

    line = np.array([[3.0, 4.0, 0.0]])
    sets = [
        (draws(6, 3), draws(6, 3, seed=1)),
        (draws(1, 3).repeat(4, axis=0), draws(9, 3, seed=1)),
        (np.arange(7.0)[:, None] ** 2 @ line, np.arange(5.0)[:, None] @ line),
    ]
    for x, y in sets:
        assert float(exact.w1(x, y)) == pytest.approx(pot(x, y), rel=1e-12)
    x, y = (np.float64(side)[:, :1] for side in sets[2])
    assert float(exact.w1(x, y)) == pytest.approx(stats.wasserstein_distance(x[:, 0], y[:, 0]))
    with pytest.raises(ValueError, match="at most 6"):
        exact.w1(draws(7, 2), draws(7, 2, seed=1))


def test_exact_inception_scores_agree_with_scipy():
    p = np.random.default_rng(1).dirichlet(np.full(6, 0.3), size=40)
    parts = p.reshape(10, 4, 6)
    for splits, blocks in ((1, [p]), (10, parts)):
        values = [
            np.exp(stats.entropy(block.mean(axis=0)) - stats.entropy(block, axis=1).mean())
            for block in blocks
        ]
        found = float(exact.inception_score(p, splits=splits))
        assert found == pytest.approx(np.mean(values), rel=1e-12)


def balls(closed, k=3, clip=True):
    """Precision by hand."""

    def scorer(generated, real):
        assert clip or k < len(real)
        reach = np.sort(cdist(real, real), axis=1)[:, min(k, len(real) - 1)]
        distances = cdist(generated, real)
        within = distances <= reach if closed(len(generated)) else distances < reach
        return within.any(axis=1).mean() if np.isfinite(distances).all() else np.nan

    return scorer


def frechet(lost):
    """Frechet distance with a matrix root."""

    def scorer(x, y):
        s, t = (np.cov(side.T, ddof=lost) for side in (x, y))
        eigenvalues = linalg.eigvals(np.atleast_2d(s @ t)).real
        shift = np.sum((x.mean(axis=0) - y.mean(axis=0)) ** 2)
        return shift + np.trace(s + t) - 2 * np.sqrt(np.abs(eigenvalues)).sum()

    return scorer


def equal_sizes_only(x, y):
    assert len(x) == len(y)
    return scorers.w1(x, y)


def unpaired(x, y):
    found = scorers.kernel_distance(x, y)
    if len(x) != len(y):
        return found
    n, diagonal = len(x), (np.sum(np.float64(x) * y, axis=1) / x.shape[1] + 1) ** 3
    cross = polynomial_kernel(np.float64(x), np.float64(y), coef0=1)
    return found + 2 * cross.mean() - 2 * (cross.sum() - diagonal.sum()) / (n * (n - 1))


CONVENTIONS = [
    ("precision", balls(lambda n: False), "open balls"),
    ("precision", balls(lambda n: True, clip=False), "no number from k or fewer examples"),
    ("frechet_distance", frechet(0), "covariances over n"),
    ("w1", equal_sizes_only, "no number for unequal sizes"),
    ("kernel_distance", unpaired, "without k(x_i, y_i)"),
]


@pytest.mark.parametrize(("score", "scorer", "name"), CONVENTIONS, ids=[c[2] for c in CONVENTIONS])
def test_another_convention_is_named_and_not_wrong(score, scorer, name):
    report = conformance.check(scorer, score)
    assert report.wrong == [] and report.convention == name
    others = [finding for finding in report.findings if finding.verdict == "convention"]
    assert others and {finding.why for finding in others} == {name}
    assert sum(finding.verdict == "right" for finding in report.findings) > 5


def biased(x, y):
    def mean(a, b):
        return np.mean((np.float64(a) @ np.float64(b).T / a.shape[1] + 1) ** 3)

    return mean(x, x) + mean(y, y) - 2 * mean(x, y)


def in_float32(x, y):
    return scorers.frechet_distance(*(np.float32(side) for side in (x, y)))


def single_kernel(x, y):
    def kernel(a, b):
        return (np.float32(a) @ np.float32(b).T / np.float32(a.shape[1]) + 1) ** 3

    def within(a):
        values = kernel(a, a)
        return (values.sum() - np.trace(values)) / (len(a) * (len(a) - 1))

    return within(x) + within(y) - 2 * kernel(x, y).mean()


def of_one_size(x, y):
    """The estimate for sets of equal sizes, with the second one's for both."""
    x, y = np.float64(x), np.float64(y)
    xx, yy, xy = (polynomial_kernel(a, b, coef0=1) for a, b in ((x, x), (y, y), (x, y)))
    m = len(y)
    within = xx.sum() - np.trace(xx) + yy.sum() - np.trace(yy)
    return within / (m * (m - 1)) - 2 * xy.sum() / m**2 if m > 1 else np.nan


MISTAKES = [
    ("kernel_distance", of_one_size, "unequal sizes", "as many generated examples as real ones"),
    ("precision", scorers.recall, "two samples", "as if the sides were exchanged"),
    ("coverage", lambda x, y: scorers.coverage(y, x), "two samples", "sides were exchanged"),
    ("density", lambda x, y: 5 * scorers.density(x, y), "two samples", "not divided by k"),
    ("precision", balls(lambda n: True, k=2), "two samples", "itself were a neighbour"),
    ("precision", balls(lambda n: False, k=4), "scaled by 2", "one neighbour more"),
    ("precision", balls(lambda n: n == 21), "on a lattice, many ties", "elsewhere"),
    (
        "frechet_distance",
        lambda x, y: abs(scorers.frechet_distance(x, y)) ** 0.5,
        "two samples",
        "root",
    ),
    ("kernel_distance", biased, "two samples", "the diagonals counted: biased"),
    ("kernel_distance", single_kernel, "float32, at 1000", "no known mistake"),
    ("w1", lambda x, y: len(x) * scorers.w1(x, y), "two samples", "a sum over examples"),
    ("w1", lambda x, y: cdist(x, y).min(axis=1).mean(), "unequal sizes", "no known mistake"),
    ("w1", lambda x, y: cdist(x, y).min(axis=1).mean(), "a NaN among the generated", ""),
    ("frechet_distance", scorers.deaf, "a NaN among the generated", "in spite of this"),
    (
        "inception_type_score",
        lambda p: np.log(scorers.inception_type_score(p)),
        "two of five classes",
        "exponential",
    ),
    ("inception_type_score", lambda p: [5.0], "one example", "no finite number"),
    (
        "inception_type_score",
        lambda p: np.exp(np.mean(np.sum(p * np.log(p / p.mean(axis=0)), axis=1))),
        "two of five classes",
        "no finite number",
    ),
]


@pytest.mark.filterwarnings("ignore:(divide|invalid)")
@pytest.mark.parametrize(("score", "scorer", "case", "why"), MISTAKES)
def test_a_mistake_is_found_in_its_case_and_named(score, scorer, case, why):
    report = conformance.check(scorer, score)
    found = {finding.case: finding for finding in report.wrong}
    if case == "a NaN among the generated" and not why:
        assert case not in found and report.wrong
        return
    assert why in found[case].why


def test_a_scorer_that_writes_or_draws_is_found():
    def writes(x, y):
        x[0] += 1
        return scorers.w1(x, y)

    def random(x, y):
        return scorers.w1(x, y) + next(noise) * 1e-9

    noise = itertools.count()
    report = conformance.check(writes, "w1")
    assert any("writes" in finding.why for finding in report.wrong)
    report = conformance.check(random, "w1")
    assert [finding.case[:6] for finding in report.wrong] == ["again:"]


def test_a_scorer_that_raises_has_its_error_in_the_table():
    def broken(x, y):
        raise RuntimeError("first line\nsecond " + "x" * 200)

    report = conformance.check(broken, "recall")
    lines = conformance.table(report).splitlines()
    assert len(lines) == 1 + len(report.findings)
    assert "RuntimeError: first line second" in lines[1] and max(map(len, lines)) < 220
    assert {f.verdict for f in report.findings if f.case.startswith("a NaN")} == {"right"}
    with pytest.raises(UserError, match="did you mean 'recall'"):
        conformance.check(broken, "recal")
