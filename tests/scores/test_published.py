"""Published scores against the code that published values come from, on equal features."""

import types

import numpy as np
import prdc
import pytest
from scipy import linalg

from gan.errors import UserError
from gan.scores import frechet, neighbours, published, published_sets, reference_statistics
from gan.scores.moments import moments
from gan.scores.space import Features
from tests.scores import inception_weights


def pair(n=300, m=400, k=24, seed=0):
    """Features that are correlated, far from 0 and of different laws, float32."""
    draw = np.random.default_rng(seed)
    mix = draw.normal(size=(k, k))
    x, y = draw.normal(size=(n, k)) @ mix + 3, draw.normal(size=(m, k)) @ mix * 1.1 + 2.5
    return x.astype(np.float32), y.astype(np.float32)


@pytest.fixture(scope="module")
def fidelity():
    return inception_weights.fidelity()


def tensors(*arrays):
    torch = pytest.importorskip("torch")
    return [torch.from_numpy(np.array(array, np.float64)) for array in arrays]


def test_fid_is_that_of_torch_fidelity_and_of_the_matrix_root(fidelity):
    x, y = pair()
    module = fidelity.metric_fid
    sides = [module.fid_features_to_statistics(side) for side in tensors(x, y)]
    expected = module.fid_statistics_to_metric(*sides, verbose=False)
    assert published.fid(x, y) == pytest.approx(expected[module.KEY_METRIC_FID], rel=1e-6)


def test_fid_is_that_of_the_matrix_root():
    x, y = (side.astype(np.float64) for side in pair())
    root = linalg.sqrtm(np.cov(x.T) @ np.cov(y.T)).real
    gap = np.sum((x.mean(axis=0) - y.mean(axis=0)) ** 2)
    expected = gap + np.trace(np.cov(x.T) + np.cov(y.T) - 2 * root)
    assert published.fid(x, y) == pytest.approx(expected, rel=1e-9)
    assert published.fid(x, y) == pytest.approx(published.fid(y, x), rel=1e-9)


def test_fid_of_fewer_examples_than_features_is_exact():
    x = np.random.default_rng(0).normal(size=(10, 50))
    assert published.fid(x, x) == pytest.approx(0, abs=1e-9)
    assert published.fid(x, x + 2) == pytest.approx(50 * 4, rel=1e-9)
    assert published.fid(x, 3 * x) == pytest.approx(
        4 * np.sum(x.mean(axis=0) ** 2) + 4 * np.trace(np.cov(x.T)), rel=1e-9
    )


def test_kid_is_that_of_torch_fidelity_on_the_same_subsets(fidelity):
    x, y = pair()
    module = fidelity.metric_kid
    found = module.kid_features_to_metric(
        *tensors(x, y), kid_subsets=7, kid_subset_size=50, rng_seed=5, verbose=False
    )
    draw = np.random.RandomState(5)  # as theirs
    picks = [[draw.choice(n, 50, replace=False) for n in (300, 400)] for _ in range(7)]
    mean, deviation = published.kid(x, y, picks)
    assert mean == pytest.approx(found[module.KEY_METRIC_KID_MEAN], rel=1e-6)
    assert deviation == pytest.approx(found[module.KEY_METRIC_KID_STD], rel=1e-6)


def test_kid_has_the_published_settings():
    picks = list(published.subsets((1000, 1200)))
    assert len(picks) == 100
    for rows, columns in picks[:3]:
        assert len(set(rows.tolist())) == len(set(columns.tolist())) == 1000
    assert set(picks[0][1].tolist()) != set(picks[1][1].tolist())
    with pytest.raises(ValueError, match="subsets of 1000"):
        next(published.subsets((999, 1200)))
    ones = np.ones((1000, 2))
    quick = published.subsets((1000, 1000), count=2)
    assert published.kid(0 * ones, ones, quick) == pytest.approx((1 + 8 - 2, 0))


def test_the_inception_score_is_that_of_torch_fidelity(fidelity):
    logits = np.random.default_rng(0).normal(0, 3, (203, 17)).astype(np.float32)
    module = fidelity.metric_isc
    found = module.isc_features_to_metric(*tensors(logits), splits=10, shuffle=False)
    mean, deviation = published.inception_score(logits)
    assert mean == pytest.approx(found[module.KEY_METRIC_ISC_MEAN], rel=1e-6)
    assert deviation == pytest.approx(found[module.KEY_METRIC_ISC_STD], rel=1e-6)


def test_the_inception_score_of_certain_labels_is_their_number():
    certain = 1e5 * np.eye(7)[np.arange(140) % 7]
    assert published.inception_score(certain) == pytest.approx((7, 0))
    assert published.inception_score(np.zeros((10, 7))) == pytest.approx((1, 0))
    halves = np.concatenate([certain[:70], np.repeat(certain[:1], 70, axis=0)])
    assert published.inception_score(halves, parts=2) == pytest.approx((4, 3))
    with pytest.raises(ValueError, match="10 parts"):
        published.inception_score(certain[:9])


def test_precision_and_recall_are_those_of_torch_fidelity(fidelity):
    x, y = pair()
    module = fidelity.metric_prc
    found = module.prc_features_to_metric(*tensors(x, y), verbose=False)
    balls = published.balls(x, y)
    assert 0.1 < balls.precision < 0.9 and 0.1 < balls.recall < 0.9
    assert balls.precision == pytest.approx(found[module.KEY_METRIC_PRECISION], abs=1e-6)
    assert balls.recall == pytest.approx(found[module.KEY_METRIC_RECALL], abs=1e-6)


@pytest.mark.parametrize("rows", [1000, 64])
def test_density_and_coverage_are_those_of_their_authors(monkeypatch, rows):
    monkeypatch.setattr(neighbours, "ROWS", rows)
    x, y = pair()
    found = published.balls(x, y)
    theirs = prdc.compute_prdc(y.astype(np.float64), x.astype(np.float64), nearest_k=5)
    assert found.density == pytest.approx(theirs["density"], abs=1e-12)
    assert found.coverage == pytest.approx(theirs["coverage"], abs=1e-12)
    found = published.balls(x, y, near=5)
    assert found.precision == pytest.approx(theirs["precision"], abs=1e-12)
    assert found.recall == pytest.approx(theirs["recall"], abs=1e-12)


def test_ties_are_counted_as_the_authors_of_each_score_do(fidelity):
    """On a lattice many points lie at a radius: inside for precision and recall, and outside for
    density and coverage."""
    draw = np.random.default_rng(0)
    x, y = (draw.integers(0, 3, (60, 3)).astype(np.float64) for _ in range(2))
    found = published.balls(x, y)
    module = fidelity.metric_prc
    closed = module.prc_features_to_metric(*tensors(x, y), verbose=False)
    assert found.precision == pytest.approx(closed[module.KEY_METRIC_PRECISION], abs=1e-6)
    assert found.recall == pytest.approx(closed[module.KEY_METRIC_RECALL], abs=1e-6)
    distances = np.sqrt(((x[:, None] - y[None]) ** 2).sum(axis=2))
    within = np.sqrt(((y[:, None] - y[None]) ** 2).sum(axis=2))
    wide = np.sort(within, axis=1)[:, 5]
    assert found.density == pytest.approx(np.sum(distances < wide) / (5 * 60))
    assert found.coverage == pytest.approx(np.mean(distances.min(axis=0) < wide))
    assert np.sum(distances < wide) < np.sum(distances <= wide)
    apart = pair()[1]
    assert published.balls(apart, apart) == (1, 1, 1, 1)
    alone = np.zeros((60, 3))
    assert published.balls(alone, alone) == (1, 1, 0, 0)


def test_too_few_examples_are_refused():
    x, y = pair(6, 5)
    with pytest.raises(ValueError, match="5 neighbours"):
        published.balls(x, y)
    with pytest.raises(ValueError, match="2 examples"):
        moments(x[:1])


def test_a_file_of_statistics_is_read_as_others_write_it(tmp_path):
    x, y = (moments(side) for side in pair())
    reference_statistics.write(tmp_path / "x.npz", x, "some features")
    found = reference_statistics.read(str(tmp_path / "x.npz"))
    assert found.count == 300
    np.testing.assert_array_equal(found.mean, x.mean)
    np.testing.assert_allclose(found.covariance, x.covariance, rtol=1e-12)
    with np.load(tmp_path / "x.npz", allow_pickle=False) as file:
        assert set(file) == {"mu", "sigma", "n", "about"} and str(file["about"]) == "some features"
    single = {"mu": y.mean.astype(np.float32), "sigma": y.covariance.astype(np.float32)}
    np.savez(tmp_path / "y.npz", **single, arr_0=np.zeros(3))
    other = reference_statistics.read(str(tmp_path / "y.npz"))
    assert other.count is None and other.covariance.dtype == np.float64
    expected = frechet.between(x, y)
    assert frechet.between(found, other) == pytest.approx(expected, rel=1e-5)
    reference_statistics.write(tmp_path / "z.npz", other, "again")
    assert reference_statistics.read(str(tmp_path / "z.npz")).count is None
    with pytest.raises(ValueError, match="as many features, got 24 and 3"):
        few = moments(pair()[0][:, :3])
        frechet.between(x, few)


def test_a_file_that_is_no_statistics_is_refused_in_a_line(tmp_path):
    mean, covariance = np.zeros(3), np.eye(3)
    skewed = covariance + np.triu(np.ones((3, 3)), 1)
    (tmp_path / "text.npz").write_text("mu")
    for name, content, reason in (
        ("none", None, "cannot read"),
        ("text", None, "no undamaged .npz"),
        ("lacking", {"mu": mean}, "with mu"),
        ("shape", {"mu": mean, "sigma": np.eye(4)}, r"\(4, 4\)"),
        ("nan", {"mu": mean * np.nan, "sigma": covariance}, "must be finite"),
        ("skewed", {"mu": mean, "sigma": skewed}, "no covariance"),
        ("negative", {"mu": mean, "sigma": -covariance}, "no covariance"),
        ("saddle", {"mu": mean, "sigma": covariance - 0.6}, "no covariance"),
        ("objects", {"mu": np.array([None]), "sigma": covariance}, "no undamaged .npz"),
    ):
        path = tmp_path / f"{name}.npz"
        if content:
            np.savez(path, **content)
        with pytest.raises(UserError, match=reason) as caught:
            reference_statistics.read(str(path))
        assert "\n" not in str(caught.value)


def drawn(train, test, count, say=None):
    """The sets of a data set of such sizes, whose features are its pixels."""
    sizes = {"train": train, "test": test}
    draw = np.random.default_rng(0)
    examples = {split: draw.normal(size=(size, 4)) for split, size in sizes.items()}
    dataset = types.SimpleNamespace(
        size=sizes.get, examples=lambda split, rows: (examples[split][rows], None)
    )
    given = Features(lambda x: x, "given", logits=lambda features: features)
    found = published_sets.draw(
        dataset, lambda n: draw.normal(size=(n, 4)), "test", given, count, say
    )
    return found, examples


def test_sets_are_the_whole_training_set_and_as_many_examples_as_asked_for(monkeypatch):
    monkeypatch.setattr(published_sets, "BLOCK", 32)
    sets, examples = drawn(100, 40, 30)
    np.testing.assert_array_equal(sets.training, examples["train"].astype(np.float32))
    assert len(sets.generated) == len(sets.held_out) == 30
    assert drawn(100, 40, 50)[0].held_out is None
    with pytest.raises(UserError, match="at least 10 samples, got 9"):
        drawn(100, 40, 9)


def test_a_score_says_how_it_was_computed_and_what_real_examples_get():
    sets, _ = drawn(100, 40, 30)
    fid, (kid, spread) = sets.fid, sets.kid
    assert fid.value == pytest.approx(published.fid(sets.generated, sets.training))
    assert fid.real == pytest.approx(published.fid(sets.held_out, sets.training))
    assert fid.n == 30 and "FID against all 100 of train" in fid.features
    assert "30 generated, not the 50,000 of published values: do not compare" in fid.features
    picks = list(published.subsets((30, 100), 30))
    assert kid.value == pytest.approx(published.kid(sets.generated, sets.training, picks).mean)
    assert "100 subsets of 30 in place of 1,000" in kid.features and spread.value > 0
    for score in (fid, kid, spread, *sets.inception_score, *sets.balls.values()):
        assert score.interval is None and score.real is not None and "given" in score.features
    few = sets.balls["recall"]
    assert "against 30 of all 100 of train, k = 3 and 5" in few.features
    alone, _ = drawn(100, 40, 50)
    assert alone.fid.real is None and alone.kid[1].real is None
