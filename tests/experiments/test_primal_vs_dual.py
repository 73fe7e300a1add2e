"""The comparison in miniature: tables, pictures, nothing trained twice, mistakes named."""

import dataclasses
import json

import jax
import numpy as np
import pytest
from PIL import Image

from gan import networks
from gan.primal import comparisons, scoring
from gan.scores.classifier import Classifier
from tests.experiments.commands import call

SMALL = (
    "--steps 2 --seconds 0.05 --seeds 2 --size 24 --n 12 --samples 24 --costs pixels "
    "--sets gaussians25 digits --methods minibatch:8 fixed_codes:2"
).split()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("primal")
    status, out, err = call("primal_vs_dual", "--workdir", folder, *SMALL)
    assert status == 0, err
    return folder, out


def test_tables_hold_what_the_runs_scored(finished):
    folder, out = finished
    for name in ("gaussians25", "digits"):
        text = (folder / f"{name}.md").read_text()
        rows = json.loads((folder / f"{name}.json").read_text())
        assert text in out
        by = {(row["method"], row["budget"]): row["scores"] for row in rows}
        assert set(by) == {(line, "none") for line in scoring.LINES} | {
            (method, budget)
            for method in ("minibatch:8", "fixed_codes:2")
            for budget in ("steps", "seconds")
        }
        for (method, budget), scores in by.items():
            assert len(scores) == 2 and scores[0] != scores[1]
            assert all(score["gap"] < 1e-12 for score in scores)
            mean = np.mean([score["w1"] for score in scores])
            (line,) = {
                line
                for part in text.split("## After")[1:]
                for line in part.splitlines()
                if line.startswith(f"| {method} |") and f" {mean:.4g} ±" in line
            } or {None}
            assert line is not None, (method, budget)
            if budget == "steps":
                assert {score["step"] for score in scores} == {2}
        with Image.open(folder / f"{name}.png") as picture:
            assert min(picture.size) > 100


def test_the_score_of_a_kept_run_is_that_of_its_samples(finished):
    folder, _ = finished
    comparison = comparisons.COMPARISONS["digits"]
    path = folder / "digits" / "minibatch_8-pixels-1"
    scores = json.loads((path / "scores.json").read_text())
    with np.load(path / "samples.npz") as samples:
        assert samples["steps"].shape == (24, 8, 8, 1)
        assert np.abs(samples["steps"]).max() <= 1
        small = dataclasses.replace(comparison, size=24, n=12, samples=24)
        scorer = scoring.Scorer(small, comparisons.load(small, None))
        assert scorer(samples["steps"]) == pytest.approx(scores["steps"])


def test_sample_scores_tell_collapse_and_blur_from_real_examples():
    comparison = dataclasses.replace(comparisons.COMPARISONS["digits"], size=300, n=150)
    sets = comparisons.load(comparison, None)
    scorer = scoring.Scorer(comparison, sets)
    itself = scorer(np.tile(sets.test, (2, 1, 1, 1)) * 0.9999)
    assert itself["precision"] == itself["recall"] == 1
    assert itself["frechet_classifier_distance"] == pytest.approx(0, abs=1e-3)
    collapsed = scorer(np.repeat(sets.test[:1], 300, axis=0))
    assert collapsed["precision"] == 1 and collapsed["recall"] < 0.05
    assert collapsed["frechet_classifier_distance"] > itself["frechet_classifier_distance"] + 1
    blurred = scorer(np.repeat(sets.test.mean(axis=0)[None], 300, axis=0))
    assert blurred["recall"] < 0.05

    comparison = comparisons.COMPARISONS["gaussians25"]
    sets = comparisons.load(comparison, None)
    scorer = scoring.Scorer(comparison, sets)
    real = scorer(sets.train)
    assert real["modes"] == 25 and real["high_quality"] > 0.97 and real["reverse_kl"] < 0.03
    center = np.tile(sets.dataset.modes.centers[:1], (1024, 1))
    collapsed = scorer(center)
    assert (collapsed["modes"], collapsed["high_quality"]) == (1, 1)
    assert collapsed["reverse_kl"] == pytest.approx(np.log(25))


def test_nothing_is_trained_twice_and_other_budgets_are_refused(finished):
    folder, out = finished
    status, again, err = call("primal_vs_dual", "--workdir", folder, *SMALL)
    assert status == 0, err
    assert "min left" in out and "min left" not in again
    status, out, err = call("primal_vs_dual", "--workdir", folder, *SMALL, "--steps", "3")
    assert status == 2 and "other settings" in err and "Traceback" not in err


def test_real_sets_share_no_example():
    comparison = comparisons.COMPARISONS["digits"]
    sets = comparisons.load(comparison, None)
    parts = [sets.train, sets.test, *sets.others]
    assert [len(part) for part in parts] == [1024, 375, 375]
    keys = [{image.tobytes() for image in part} for part in parts]
    for k, mine in enumerate(keys):
        for other in keys[:k]:
            assert not mine & other


def test_feature_costs_have_the_spread_of_the_pixels():
    sets = comparisons.load(comparisons.COMPARISONS["digits"], None)
    network = networks.classifier(sets.dataset.shape, 10)
    untrained = Classifier(
        name="digits",
        shape=sets.dataset.shape,
        num_classes=10,
        split="train",
        test_size=1,
        accuracy=0.1,
        sha256="0" * 64,
        params={"network": network.init(jax.random.key(0)), "scale": np.float32(2)},
    )
    mapped = {
        cost: np.asarray(comparisons.feature_function(sets, cost, lambda: untrained)(sets.train))
        for cost in comparisons.COSTS
    }
    spreads = {cost: np.linalg.norm(x.std(axis=0)) for cost, x in mapped.items()}
    assert len(spreads) == 3
    for spread in spreads.values():
        assert spread == pytest.approx(spreads["pixels"], rel=1e-4)
    both = np.concatenate([mapped["pixels"], mapped["features"]], axis=1) / np.sqrt(2)
    np.testing.assert_allclose(mapped["both"], both, rtol=1e-6)


@pytest.mark.parametrize(
    ("flags", "hint"),
    [
        (["--sets", "digitz"], "did you mean 'digits'"),
        (["--methods", "wgan"], "did you mean 'wgan_gp'"),
        (["--methods", "minibatch:0"], "positive integer"),
        (["--costs", "pixel"], "did you mean 'pixels'"),
        (["--sets", "gaussians25", "--costs", "features"], "their own features"),
        (["--seeds", "0"], "seeds: must be in 1 .. 10,000"),
        (["--steps", "many"], "--steps"),
        (["--seconds", "-1"], "seconds: must be in 1e-09 .. "),
        (["--n", "600"], "at most half"),
        (["--sets", "digits", "--size", "1201", "--n", "300"], "too few examples"),
        (["--stepz", "3"], "--stepz"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_named(tmp_path, flags, hint):
    status, out, err = call("primal_vs_dual", "--workdir", tmp_path / "run", *flags)
    assert status == 2, err
    assert hint in err and "Traceback" not in err
    assert 1 <= len(err.strip().splitlines()) <= 3
