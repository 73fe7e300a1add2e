"""A conditional run in miniature, and what is drawn, sampled and said of it."""

import json

import numpy as np
import pytest
from PIL import Image, ImageSequence

from experiments import interpolate
from gan import runs
from gan.runner.sampling import Sampler
from tests.experiments.commands import TINY, call, done

RUN = ["--preset", "digits_conditional", *TINY, "--steps", 12, "--sample_every", 6]
RUN += ["--evaluate_every", 6, "--checkpoint_every", 6, "--log_every", 4]
TILE = 48 + 4


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    """A finished conditional run."""
    folder = tmp_path_factory.mktemp("conditional") / "run"
    status, out, err = call("train", "--workdir", folder, *RUN)
    assert status == 0 and done(out)[0] == 12, err
    return folder


@pytest.fixture(scope="module")
def unconditional(tmp_path_factory):
    """A finished run without labels."""
    folder = tmp_path_factory.mktemp("unconditional") / "run"
    flags = [*RUN, "--conditional", "false", "--steps", 1]
    status, _, err = call("train", "--workdir", folder, *flags)
    assert status == 0, err
    return folder


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_pictures_of_a_conditional_run_are_class_sorted(workdir):
    picture = np.asarray(Image.open(workdir / "samples" / "step_00000012.png"))
    assert picture.shape == (10 * TILE + 4, 10 * TILE + 4)
    for name in ("generated", "real"):
        assert (workdir / "figures" / f"{name}.png").stat().st_size > 0
    assert runs.read(workdir).config.conditional


def test_everything_is_drawn_and_the_run_is_left_as_it_was(workdir, tmp_path):
    before = contents(workdir)
    flags = ["--rows", 2, "--length", 4, "--classes", 3, 8, 5]
    status, out, err = call(
        "interpolate", "--workdir", workdir, "--output", tmp_path / "paths", *flags
    )
    assert status == 0, err
    names = ["classes.png", "classes.gif", "latents.png", "latents.gif"]
    names += ["grid.png", "truncation.png"]
    assert out.split() == [str(tmp_path / "paths" / name) for name in names]
    assert contents(workdir) == before
    pictures = {name: Image.open(tmp_path / "paths" / name) for name in names}
    assert pictures["classes.png"].size == (4 * TILE + 4, 3 * TILE + 4)
    assert pictures["latents.png"].size == (4 * TILE + 4, 2 * TILE + 4)
    assert pictures["grid.png"].size == (4 * TILE + 4, 3 * TILE + 4)
    assert pictures["truncation.png"].size == (6 * TILE + 4, len(interpolate.BOUNDS) * TILE + 4)
    for name, frames in (("classes.gif", 3), ("latents.gif", 2)):
        assert pictures[name].size == (2 * TILE + 4, TILE + 4)
        shown = [np.asarray(f.convert("L")) for f in ImageSequence.Iterator(pictures[name])]
        assert len(shown) == frames * interpolate.ANIMATED
        assert np.ptp(np.stack(shown), axis=0).max() > 0 and pictures[name].info["loop"] == 0
    # At bound 0 both latents of a class are the mean latent; without a bound they differ.
    rows = np.asarray(pictures["truncation.png"])[4:].reshape(len(interpolate.BOUNDS), TILE, -1)
    first, last = rows[0][:48], rows[-1][:48]
    np.testing.assert_array_equal(first[:, 4:52], first[:, 4 + TILE : 52 + TILE])
    assert not np.array_equal(last[:, 4:52], last[:, 4 + TILE : 52 + TILE])


def test_paths_between_classes_start_and_end_at_the_classes(workdir):
    sampler = Sampler(workdir)
    latents = sampler.latents(3, 2)
    images = interpolate.between_classes(sampler, latents, [4, 9, 0], 5)
    assert images.shape == (2, 9, 8, 8, 1)
    for column, label in ((0, 4), (4, 9), (8, 0)):
        direct = sampler(latents, np.full(2, label, np.int32))
        np.testing.assert_allclose(images[:, column], direct, rtol=1e-4, atol=1e-5)
    flat = images.reshape(2, 9, -1)
    steps = np.linalg.norm(np.diff(flat[:, :5], axis=1), axis=2)
    assert np.all(steps > 0)
    assert np.all(steps.max(axis=1) < np.linalg.norm(flat[:, 4] - flat[:, 0], axis=1))


def test_paths_between_latents_keep_their_class(workdir):
    sampler = Sampler(workdir)
    latents = sampler.latents(3, 4)
    images = interpolate.between_latents(sampler, latents, [7, 2], 3)
    labels = np.array([7, 2], np.int32)
    np.testing.assert_allclose(images[:, 0], sampler(latents[:2], labels), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(images[:, -1], sampler(latents[2:], labels), rtol=1e-4, atol=1e-5)


def test_truncation_bounds_latents_and_0_is_the_mean_latent(workdir):
    sampler = Sampler(workdir)
    assert not sampler.latents(1, 5, 0.0).any()
    z = {bound: sampler.latents(1, 500, bound) for bound in (0.01, 0.5, 1.0, None)}
    for bound in (0.01, 0.5, 1.0):
        assert 0.9 * bound < np.abs(z[bound]).max() <= bound
    assert np.abs(z[None]).max() > 2 and z[None].dtype == z[0.5].dtype == np.float32
    assert np.corrcoef(z[0.5].ravel(), z[None].ravel())[0, 1] > 0.9  # the same draw, squeezed
    means = sampler(sampler.latents(1, 2, 0.0), np.array([3, 3], np.int32))
    np.testing.assert_array_equal(means[0], means[1])


def test_samples_of_a_class_carry_their_labels(workdir, tmp_path):
    flags = ["--workdir", workdir, "--output", tmp_path / "x.npz", "--count", 20]
    assert call("sample", *flags)[0] == 0
    found = dict(np.load(tmp_path / "x.npz"))
    np.testing.assert_array_equal(found["labels"], np.arange(10).repeat(2))
    assert call("sample", *flags, "--label", "7")[0] == 0
    sevens = np.load(tmp_path / "x.npz")
    assert set(sevens["labels"]) == {7}
    np.testing.assert_allclose(sevens["images"][14:16], found["images"][14:16], atol=1e-5)
    assert not np.allclose(sevens["images"][:2], found["images"][:2], atol=1e-5)
    status, _, err = call("sample", *flags, "--label", "seven")
    assert status == 2 and "unknown class 'seven'" in err


def test_an_unconditional_run_has_paths_between_latents_only(unconditional, tmp_path):
    folder = tmp_path / "paths"
    flags = ["--workdir", unconditional, "--output", folder]
    status, out, err = call("interpolate", *flags, "--rows", 2, "--length", 3)
    assert status == 0, err
    assert sorted(path.name for path in folder.iterdir()) == [
        "latents.gif",
        "latents.png",
        "truncation.png",
    ]
    for wrong in (["--kinds", "grid", "classes"], ["--classes", "3"]):
        status, out, err = call("interpolate", *flags, *wrong)
        assert status == 2 and "between latents only" in err and out == ""
    status, _, err = call(
        "sample", "--workdir", unconditional, "--output", tmp_path / "x.png", "--label", "3"
    )
    assert status == 2 and "unconditional" in err


@pytest.mark.parametrize(
    ("flags", "hint"),
    [
        (["--rows", "0"], "rows: must be in 1 .. 1,000"),
        (["--length", "1"], "length: must be in 2 .. 1,000"),
        (["--truncation", "-1"], "truncation: must be in 0 .. 1,000"),
        (["--truncation", "nan"], "truncation: must be in 0 .. 1,000"),
        (["--classes", "3", "ten"], "unknown class 'ten'"),
        (["--classes", "3", "--kinds", "classes"], "needs two of them"),
        (["--step", "7"], "6, 12"),
    ],
)
def test_mistakes_are_named(workdir, tmp_path, flags, hint):
    status, out, err = call("interpolate", "--workdir", workdir, "--output", tmp_path, *flags)
    assert status in (2, 3) and hint in err and out == "" and len(err.splitlines()) <= 3


def test_evaluation_counts_the_asked_classes(workdir):
    scores = json.loads((workdir / "evaluation.json").read_text())
    shares = scores["class_shares"]
    assert list(shares) == [str(k) for k in range(10)]
    assert scores["class_share"] == pytest.approx(
        np.mean([share["generated"] for share in shares.values()])
    )
    assert scores["class_share_real"] > 0.9 > scores["class_share"]
    report = (workdir / "report.html").read_text()
    assert "Does it make what it is asked for?" in report
