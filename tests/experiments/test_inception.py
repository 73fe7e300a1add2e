"""Inception-v3's weights made ready, and a run scored in its features, end to end in miniature."""

import hashlib
import json

import numpy as np
import pytest
from PIL import Image

from gan.networks import inception as network
from gan.scores import inception, reference_statistics, requirements
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
    assert (status, err) == (0, "")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert f"SHA-256 {sha256}: NOT the published ones" in out
    assert inception.read(str(tmp_path / "out" / "kept.npz")).sha256 == sha256


@pytest.mark.slow
def test_reference_statistics_of_a_set_are_kept(tmp_path, kept):
    images = np.random.default_rng(0).integers(0, 256, (5, 9, 9, 3), dtype=np.uint8)
    np.save(tmp_path / "set.npy", images)
    flags = ["--weights", kept, "--statistics", tmp_path / "set.npy"]
    status, out, err = call("inception", *flags, "--output", tmp_path / "statistics.npz")
    assert status == 0 and "5 images" in out and "ab" * 32 in out, err
    found = reference_statistics.read(str(tmp_path / "statistics.npz"))
    features = inception.read(str(kept)).features(images)
    np.testing.assert_allclose(found.mean, features.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(found.covariance, np.cov(features.T), rtol=1e-4, atol=1e-8)


def test_mistakes_end_with_a_line_and_leave_nothing(tmp_path, kept):
    np.save(tmp_path / "points.npy", np.zeros((5, 2)))
    np.save(tmp_path / "one.npy", np.zeros((1, 4, 4), np.uint8)[..., None])
    (tmp_path / "text.pth").write_text("weights")
    output = ["--output", tmp_path / "new" / "x.npz"]
    for flags, hint in (
        (["--weights", kept], "--output"),
        (["--weights", tmp_path / "none.pth", *output], "none.pth"),
        (["--weights", tmp_path / "text.pth", *output], "no weights of Inception-v3"),
        (["--weights", kept, "--output", kept], "would be lost"),
        (["--weights", kept, "--output", tmp_path / "x.pth"], "must end in .npz"),
        (["--weights", kept, "--statistics", "digitz:test", *output], "digits"),
        (["--weights", kept, "--statistics", tmp_path / "points.npy", *output], "(5, 2)"),
        (["--weights", kept, "--statistics", tmp_path / "one.npy", *output], "at least 2"),
    ):
        status, out, err = call("inception", *flags)
        assert status == 2 and hint in err and out == "" and len(err.splitlines()) <= 3, err
    assert not (tmp_path / "new").exists()


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
    assert "its features are Inception-v3's: give --features inception:FILE" in out
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
        assert scores[name]["features"] in out
        assert "10 generated, not the 50,000" in scores[name]["features"]
    assert scores["fid"]["value"] > 0 and network.CLASSES >= scores["inception_score"]["value"] >= 1
    assert "<code>fid</code>" in (tmp_path / "run" / "report.html").read_text()
