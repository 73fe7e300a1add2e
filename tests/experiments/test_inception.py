"""Inception-v3's weights made ready, and a run scored in its features, end to end in miniature."""

import hashlib
import json

import numpy as np
import pytest
from PIL import Image

from gan.networks import inception as network
from gan.runner import refereeing
from gan.scores import inception, reference_statistics, requirements
from gan.scores import published as formulas
from tests.experiments.commands import TINY, call
from tests.scores import inception_weights as weights


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A .npz file of random weights."""
    path = tmp_path_factory.mktemp("weights") / "random.npz"
    inception.write(str(path), inception.Inception("ab" * 32, weights.leaves(), batch=4))
    return path


def test_weights_are_converted_and_their_hash_is_printed(tmp_path):
    path = weights.save(tmp_path / "random.pth", weights.tensors())
    flags = ["--weights", path, "--output", tmp_path / "out" / "kept.npz"]
    status, out, err = call("inception", *flags)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert status == 0 and f"SHA-256 {sha256}: NOT the published ones" in err
    assert sha256 in out
    assert inception.read(str(tmp_path / "out" / "kept.npz")).sha256 == sha256


@pytest.fixture
def published(monkeypatch):
    """Takes those random weights for the published ones."""
    monkeypatch.setattr(inception, "BATCH", {"cpu": 4})
    for module in (requirements, inception):
        monkeypatch.setattr(module, "INCEPTION_SHA256", "ab" * 32)


def test_features_that_are_no_file_of_matrices_are_left_to_their_own_reader(tmp_path, kept):
    for text in (f"inception:{kept}", "tests.experiments.features:never", str(kept)):
        assert refereeing.read_features(text) is None


@pytest.mark.slow
def test_images_are_scored_against_a_set_and_against_its_statistics(tmp_path, kept, published):
    draw = np.random.default_rng(0)
    sets = [draw.integers(low, 256, (n, 9, 9, 3), dtype=np.uint8) for n, low in ((10, 99), (12, 0))]
    for name, images in zip(("fake.npy", "real.npy"), sets, strict=True):
        np.save(tmp_path / name, images)
    real, known = tmp_path / "real.npy", tmp_path / "known.npz"
    common = ["--weights", kept]
    status, out, err = call("inception", *common, "--statistics", real, "--output", known)
    assert status == 0 and "12 images" in out, err
    generated, expected = map(inception.read(str(kept)).features, sets)
    found = reference_statistics.read(str(known))
    assert found.count == 12 and reference_statistics.weights(str(known)) == "ab" * 32
    np.testing.assert_allclose(found.mean, expected.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(found.covariance, np.cov(expected.T), rtol=1e-4, atol=1e-8)
    fid = formulas.fid(generated, expected)
    for reference, said in ((real, "all 12 of"), (known, "the statistics of 12 images in")):
        flags = ["--samples", tmp_path / "fake.npy", "--reference", reference]
        status, out, err = call("inception", *common, *flags)
        assert status == 0 and f"FID against {said} {reference}" in " ".join(out.split()), err
        values = {line.split()[0]: line.split()[1] for line in out.splitlines()}
        assert float(values["fid"]) == pytest.approx(fid, rel=1e-2) and fid > 1
        assert ("kid" in values) == ("inception_recall" in values) == (reference == real)
        assert 1 <= float(values["inception_score"]) <= network.CLASSES


def ramp(count):
    """Grey pictures, uint8 [count, 4, 4, 1]."""
    return (np.arange(16 * count) % 256).astype(np.uint8).reshape(count, 4, 4, 1)


def test_mistakes_end_with_a_line_and_leave_nothing(tmp_path, kept):
    np.save(tmp_path / "points.npy", np.zeros((5, 2)))
    for name, count in (("one", 1), ("ten", 10)):
        np.save(tmp_path / f"{name}.npy", ramp(count))
    (tmp_path / "text.pth").write_text("weights")
    output = ["--output", tmp_path / "new" / "x.npz"]
    ten = tmp_path / "ten.npy"
    for flags, hint in (
        (["--weights", kept], "give --output FILE.npz to write, or --samples"),
        (["--weights", kept, "--samples", ten], "go together"),
        (["--weights", kept, "--samples", ten, "--reference", ten, *output], "give --output"),
        (["--weights", kept, "--samples", ten, "--reference", ten], "SHA-256 abababab..., those"),
        (["--weights", tmp_path / "none.pth", *output], "none.pth"),
        (["--weights", tmp_path / "text.pth", *output], "no weights of Inception-v3"),
        (["--weights", kept, "--output", kept], "would be lost"),
        (["--weights", kept, "--output", tmp_path / "x.pth"], "must end in .npz"),
        (["--weights", kept, "--statistics", "digitz:test", *output], "digits"),
        (["--weights", kept, "--statistics", tmp_path / "points.npy", *output], "(5, 2)"),
        (["--weights", kept, "--statistics", tmp_path / "one.npy", *output], "holds one example"),
    ):
        status, out, err = call("inception", *flags)
        assert status == 2 and hint in err and out == "", err
        assert hint in err.splitlines()[-1] and len(err.splitlines()) <= 4
    assert not (tmp_path / "new").exists()


def test_what_cannot_be_scored_is_refused_before_the_network_runs(tmp_path, kept, published):
    mean, covariance = np.zeros(2048), np.eye(2048)
    np.savez(tmp_path / "few.npz", mu=mean[:3], sigma=covariance[:3, :3])
    np.savez(tmp_path / "other.npz", mu=mean, sigma=covariance, inception=np.array("cd" * 32))
    for name, count in (("nine", 9), ("ten", 10)):
        np.save(tmp_path / f"{name}.npy", ramp(count))
    for samples, reference, hint in (
        ("ten.npy", "few.npz", "statistics of 3 features, Inception-v3 has 2048"),
        ("ten.npy", "other.npz", "made with other weights, SHA-256 cdcdcdcd..."),
        ("nine.npy", "ten.npy", "10 images are needed, samples has 9"),
        ("ten.npy", "nine.npy", "nine.npy has 9"),
        ("ten.npy", "none.npz", "none.npz"),
    ):
        flags = ["--samples", tmp_path / samples, "--reference", tmp_path / reference]
        status, out, err = call("inception", "--weights", kept, *flags)
        assert status == 2 and hint in err and out == "", err
        assert hint in err.splitlines()[-1] and len(err.splitlines()) <= 4


@pytest.mark.slow
def test_a_run_is_scored_by_published_names_with_the_published_weights_only(
    tmp_path, kept, monkeypatch
):
    draw = np.random.default_rng(0)
    (tmp_path / "pictures").mkdir()
    for k in range(30):
        pixels = draw.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "pictures" / f"{k}.png")
    names = ["w1", "fid", "kid", "inception_score", "inception_recall"]
    monkeypatch.setattr(inception, "BATCH", {"cpu": 4})
    flags = ["--data.name", "folder", "--data.folder", tmp_path / "pictures", *TINY, "--steps", 1]
    run = ["--workdir", tmp_path / "run"]
    status, out, err = call("train", *run, *flags, "--data.image_size", 8, "--metrics", *names)
    assert status == 0, err
    said = "its features are Inception-v3's: give --features inception:FILE"
    assert said in " ".join(out.split())
    again = ["evaluate", *run, "--samples", 10, "--features", f"inception:{kept}"]
    status, out, err = call(*again)
    assert status == 0, err
    scores = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    assert set(scores["skipped_scores"]) == {"fid", "kid", "inception_score", "inception_recall"}
    assert "SHA-256 abababab..." in scores["skipped_scores"]["fid"]
    for module in (requirements, inception):
        monkeypatch.setattr(module, "INCEPTION_SHA256", "ab" * 32)
    status, out, err = call(*again)
    assert status == 0, err
    scores = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    assert scores["skipped_scores"] == {} and set(names) <= set(scores)
    for name in ("fid", "kid", "inception_score", "inception_recall"):
        assert scores[name]["n"] == 10 and np.isfinite(scores[name]["value"])
        assert "(the published ones)" in scores[name]["features"]
        assert scores[name]["features"] in " ".join(out.split())
        assert "10 generated, not the 50,000" in scores[name]["features"]
    assert scores["fid"]["value"] > 0 and network.CLASSES >= scores["inception_score"]["value"] >= 1
    assert "<code>fid</code>" in (tmp_path / "run" / "report.html").read_text()


@pytest.mark.slow
def test_the_referee_takes_inception_and_shows_published_scores(tmp_path, kept, published):
    np.save(tmp_path / "fake.npy", ramp(10))
    np.save(tmp_path / "real.npy", ramp(24)[:, ::-1])
    sets = ["--fake", tmp_path / "fake.npy", "--real", tmp_path / "real.npy"]
    flags = ["--features", f"inception:{kept}", "--scores", "fid", "--samples", 10]
    status, out, err = call("referee", *sets, *flags, "--workdir", tmp_path / "verdict")
    assert status == 0, err
    found = json.loads((tmp_path / "verdict" / "referee.json").read_text())["generators"][0]
    assert "FID against all 24 of the real set" in found["scores"]["fid"]["features"]
    shown = {line.split()[0]: line.split()[1] for line in out.splitlines() if len(line.split()) > 1}
    assert float(shown["fid"]) == pytest.approx(found["scores"]["fid"]["value"], rel=1e-2)
