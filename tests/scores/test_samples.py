import dataclasses
import types

import jax
import numpy as np
import pytest
from PIL import Image

from gan import config, data, presets
from gan.errors import UserError
from gan.networks import Network
from gan.referee.probe import Probe
from gan.registries import METRICS
from gan.scores import evaluation, neighbours
from gan.scores.evidence import Evidence
from gan.scores.pair import Pair
from gan.scores.space import Features, space


def real_ones(dataset, split="validation", seed=0):
    """A 'generator' that returns examples of the data set."""

    def sample(count):
        rows = np.random.default_rng(seed).integers(0, dataset.size(split), count)
        return dataset.examples(split, rows)[0]

    return sample


def evaluate(dataset, sample, where, split, count=1000, given=None):
    """The sample scores of what a function makes, as evaluation.json holds them."""
    players = types.SimpleNamespace(dataset=dataset, split=split)
    probe = types.SimpleNamespace(n=2, players=players)
    look = types.SimpleNamespace(sample=sample, probe=probe)
    evidence = Evidence(look, given=given, count=count, space=where)
    names, skipped = evaluation.possible((), evidence.situation)
    chosen = [
        name
        for name in names
        if METRICS.get(name).of_features
        or METRICS.get(name).within
        or name in ("mode_count", "mode_kl")
    ]
    found = evaluation.evaluate(chosen, evidence)
    plain = evaluation.to_json(dataclasses.replace(found, skipped=skipped))
    return types.SimpleNamespace(
        scores={name: value for name, value in plain.items() if name in METRICS},
        skipped=plain["skipped_scores"],
        proportions=plain.get("proportions"),
        missed=found.proportions and found.proportions.missed,
        everything=plain,
    )


@pytest.fixture(scope="module")
def where(digits):
    return space(digits)


def test_real_digits_are_scored_like_real_digits(digits, where):
    found = evaluate(digits, real_ones(digits, "train"), where, "test")
    assert found.skipped == {}
    for name, entry in found.scores.items():
        low, high = entry["interval"]
        assert low <= entry["value"] <= high
        assert entry["n"] == 198  # the validation split has no more to be scored alike
        assert where.classifier.description == entry["features"]
        if name != "nearest_neighbour_accuracy":  # which memorising the training set may lower
            assert low - (high - low) / 2 <= entry["real"] <= high + (high - low) / 2, name
    assert found.scores["mode_count"]["value"] == found.scores["mode_count"]["total"] == 10
    assert found.proportions["least_change"] < 0.25 and found.proportions["missed_share"] < 0.2
    assert len(found.missed) == round(198 * found.proportions["missed_share"])


def test_a_collapsed_generator_is_seen_by_every_score(digits, where):
    one = digits.examples("train", np.array([5]))[0]
    found = evaluate(digits, lambda count: one.repeat(count, axis=0), where, "test", 60)
    scores = {name: entry["value"] for name, entry in found.scores.items()}
    real = {name: entry["real"] for name, entry in found.scores.items()}
    assert scores["frechet_classifier_distance"] > 5 * real["frechet_classifier_distance"]
    assert scores["kernel_distance"] > 5 * abs(real["kernel_distance"])
    assert scores["inception_type_score"] == pytest.approx(1) and real["inception_type_score"] > 7
    assert scores["recall"] < 0.1 < 0.7 < real["recall"]
    assert scores["coverage"] < 0.3 < 0.7 < real["coverage"]
    assert scores["nearest_neighbour_accuracy"] > 0.9
    assert found.scores["nearest_neighbour_accuracy"]["p_value"] == 1 / 1000
    assert scores["mode_count"] == 1 and scores["mode_kl"] == pytest.approx(np.log(10))
    assert found.proportions["least_change"] > 0.7 and found.proportions["missed_share"] > 0.8
    assert max(found.proportions["generated_shares"]) == pytest.approx(1)


def test_the_same_samples_give_the_same_report(digits, where):
    first, again = (
        evaluate(digits, real_ones(digits), where, "test", 40).everything for _ in range(2)
    )
    assert first == again
    other = evaluate(digits, real_ones(digits, seed=1), where, "test", 40).everything
    assert other["precision"]["interval"] != first["precision"]["interval"]


def test_given_features_are_used_and_named(digits):
    given = Features(lambda x: x.reshape(len(x), -1)[:, 20:23], "three pixels")
    where = space(digits, given)
    found = evaluate(digits, real_ones(digits), where, "test", 30, given=given)
    assert "frechet_classifier_distance" not in found.scores
    assert found.scores["frechet_distance"]["features"] == "three pixels"
    assert "classifier" in found.scores["inception_type_score"]["features"]
    for wrong in (
        lambda x: x,
        lambda x: x.reshape(len(x), -1) * np.nan,
        lambda x: np.zeros((1, 2)),
    ):
        with pytest.raises(UserError, match="three pixels must give finite features"):
            evaluate(
                digits,
                real_ones(digits),
                space(digits, given._replace(apply=wrong)),
                "test",
            )


def test_a_number_of_samples_bounds_every_call_of_the_feature_function(digits, monkeypatch):
    calls = []

    def features(examples):
        calls.append(len(examples))
        return examples.reshape(len(examples), -1)[:, 20:23].astype(np.float32)

    given = Features(features, "three pixels")
    settings = config.replace(
        presets.get("digits"), {"evaluation_size": 60, "evaluation_repeats": 2}
    )
    players = [Network(lambda key: {}, lambda params, z: jax.numpy.zeros((len(z), 8, 8, 1)))] * 2
    look = Probe.of(settings, digits, *players, "test").look({}, {})
    evidence = Evidence(look, given=given, count=30)
    evaluation.evaluate(["feature_w1", "feature_w1_debiased", "recall", "density"], evidence)
    # W1: two generated sets, the held-out one, two others; sample scores: three sets of their own.
    assert calls == [30] * 8
    assert evidence.features(evidence.samples.real) is evidence.features(evidence.samples.real)
    assert evidence.features(evidence.samples.real).dtype == np.float32
    calls.clear()
    monkeypatch.setattr("gan.scores.space.BATCH", 7)
    found = given.checked(evidence.samples.real)
    assert calls == [7, 7, 7, 7, 2]
    np.testing.assert_array_equal(found, evidence.features(evidence.samples.real))


def test_what_does_not_fit_in_memory_is_refused_beforehand(digits, where, monkeypatch):
    passes = []
    monkeypatch.setattr("gan.scores.neighbours.around", lambda *a: passes.append(a))
    sizes = {"sets of 40 examples": 3 * 4 * 40 * 64, "features of 40 examples": 4 * 40 * 64}
    for what, size in sizes.items():
        monkeypatch.setattr("gan.transport.memory.available", lambda size=size: size - 1)
        with pytest.raises(UserError, match=f"{what} needs about"):
            if what.startswith("sets"):
                evaluate(digits, real_ones(digits), where, "test", 40)
            else:
                where.features.checked(digits.examples("test")[0][:40])
    monkeypatch.setattr("gan.transport.memory.available", lambda: neighbours.needed(40, 40) - 1)
    with pytest.raises(UserError, match="neighbours among 40 and 40 examples needs about 0.4 GiB"):
        evaluate(digits, real_ones(digits), where, "test", 40)
    assert not passes


def test_features_that_change_their_number_are_refused(monkeypatch):
    monkeypatch.setattr("gan.scores.space.BATCH", 3)
    given = Features(lambda x: np.zeros((len(x), len(x))), "mine")
    with pytest.raises(UserError, match="as many features of every example, got 3 and 1"):
        given.checked(np.zeros((4, 2)))


def test_what_rests_on_a_poor_classifier_is_left_out_and_that_is_said_first(digits, where):
    names = ["w1", "recall", "feature_w1", "inception_type_score", "mode_count", "plan_change"]
    names += ["frechet_classifier_distance", "tests.plugin.metrics:mean_gap"]
    settings = config.replace(
        presets.get("digits"), {"evaluation_size": 20, "evaluation_repeats": 2}
    )
    players = [Network(lambda key: {}, lambda params, z: jax.numpy.zeros((len(z), 8, 8, 1)))] * 2
    look = Probe.of(settings, digits, *players, "test").look({}, {})

    def found(accuracy, given=None):
        judge = dataclasses.replace(where.classifier, accuracy=accuracy)
        features = given or where.features
        poor = dataclasses.replace(where, classifier=judge, features=features)
        lines = []
        evidence = Evidence(look, given=given, count=20, say=lines.append, space=poor)
        return evaluation.evaluate(names, evidence), lines

    whole, lines = found(0.9)
    assert set(whole.values) == set(names) and not whole.skipped and not lines
    poor, lines = found(0.899)
    assert set(poor.values) == {"w1"}
    assert lines == [
        "the classifier of digits is right on 89.9 % of held-out real images, 90 % are needed: "
        "what rests on it is left out"
    ]
    assert set(poor.skipped) == {*names, "proportions"} - {"w1", "plan_change"}
    assert all("89.9 %" in reason for reason in poor.skipped.values())
    pixels = Features(lambda x: x.reshape(len(x), -1), "pixels")
    poor, lines = found(0.5, pixels)
    kept = {"w1", "recall", "feature_w1", "tests.plugin.metrics:mean_gap"}
    assert set(poor.values) == kept and len(lines) == 1
    evidence = Evidence(look, count=20, say=lines.append, space=None)
    assert set(evaluation.evaluate(["w1"], evidence).values) == {"w1"}
    assert "space" not in vars(evidence)  # nobody was asked who is not needed


def test_large_sets_have_intervals_from_few_examples_and_say_how_long_they_take(monkeypatch):
    """The Frechet distance of N(0, 1) and N(1, 1) is 1, of samples of 400 a little more; subsets of
    40 cover that as halves do."""
    monkeypatch.setattr("gan.scores.samples.LARGEST_HALF", 40)
    monkeypatch.setattr("gan.scores.evaluation.LONG", 0)
    draw, held, widths, values, lines = np.random.default_rng(0), [], [], [], []
    for _ in range(100):
        x, y = draw.normal(0, 1, (400, 1)), draw.normal(1, 1, (400, 1))
        evidence = types.SimpleNamespace(
            pair=Pair.of(x, y),
            real_pair=Pair.of(y, x),
            space=types.SimpleNamespace(features=Features(None, "none")),
            say=lines.append,
        )
        (score,) = evaluation._on_features(["frechet_distance"], evidence).values()
        low, high = score.interval
        held.append(low <= 1 <= high)
        widths.append(high - low)
        values.append(score.value)
    assert 0.89 <= np.mean(held) <= 1
    assert np.mean(widths) == pytest.approx(2 * 1.96 * np.std(values), rel=0.25)
    assert "sample scores of 400 examples: at most about" in lines[0] and len(lines) == 100


def test_points_are_their_own_features_and_modes_are_counted():
    dataset = data.load(config.Data(name="gaussians8"))
    where = space(dataset)

    def three_modes(count):
        points, labels = dataset.examples("train", np.arange(4 * count))
        return points[labels < 3][:count]

    found = evaluate(dataset, three_modes, where, "test", 200)
    assert found.scores["mode_count"]["value"] == 3
    assert found.scores["mode_kl"]["value"] == pytest.approx(np.log(8 / 3), abs=0.02)
    assert found.scores["mode_count"]["real"] == 8 and found.scores["mode_count"]["n"] == 2500
    assert found.scores["recall"]["features"] == "coordinates"
    assert set(found.skipped) == {"inception_type_score"}
    assert found.proportions["least_change"] == pytest.approx(5 / 8, abs=0.08)


def test_what_has_no_classes_says_so(tmp_path):
    roll = data.load(config.Data(name="swiss_roll"))
    found = evaluate(roll, real_ones(roll), space(roll), "test", 50)
    skipped = {"inception_type_score", "mode_count", "mode_kl", "proportions"}
    assert set(found.skipped) == skipped and found.proportions is None
    for k in range(60):
        pixels = np.random.default_rng(k).integers(0, 256, (4, 4, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{k}.png")
    folder = data.load(config.Data(name="folder", folder=str(tmp_path), image_size=4))
    where = space(folder)
    assert where.features.description.startswith("pixels")
    size = min(folder.size("test"), folder.size("validation"))
    found = evaluate(folder, real_ones(folder), where, "test")
    assert set(found.skipped) == skipped and found.scores["recall"]["n"] == size


@pytest.mark.parametrize("count", [3, 50_001])
def test_a_number_of_samples_out_of_range_is_refused(digits, where, count):
    with pytest.raises(UserError, match="4 .. 50000"):
        evaluate(digits, real_ones(digits), where, "test", count)


def test_stacked_digits_have_a_thousand_modes(digits):
    stacks = data.load(config.Data(name="stacked_digits"))
    where = space(stacks)

    def few(count):
        rows = np.random.default_rng(0).integers(0, 40, count)
        return stacks.examples("train", rows)[0]

    found = evaluate(stacks, few, where, "test", 50)
    count, divergence = found.scores["mode_count"], found.scores["mode_kl"]
    assert count["n"] == divergence["n"] == 26_000 and count["total"] == 1000
    assert 35 <= count["value"] <= 40 and count["real"] == 1000
    assert divergence["value"] == pytest.approx(np.log(1000 / count["value"]), abs=0.1)
    assert divergence["real"] < 0.1
    assert "1000 classes" in found.skipped["proportions"]


@pytest.mark.slow
def test_intervals_cover_the_mean_of_other_samples(digits, where):
    """Of the intervals of many generated sets, about 95 % hold the mean over such sets."""
    dataset = data.load(config.Data(name="gaussians8"))
    where = space(dataset)
    points, labels = dataset.examples("train")
    points = points[labels < 6]
    found = []
    for k in range(40):
        part = points[k * 1000 : (k + 1) * 1000]

        def sample(count, part=part):
            return np.concatenate([part, part, part])[:count]

        found.append(evaluate(dataset, sample, where, "test", 100).scores)
    for name in ("frechet_distance", "kernel_distance", "recall", "coverage"):
        values = [scores[name]["value"] for scores in found]
        held = [
            scores[name]["interval"][0] <= np.mean(values) <= scores[name]["interval"][1]
            for scores in found
        ]
        assert np.mean(held) > 0.85, name
