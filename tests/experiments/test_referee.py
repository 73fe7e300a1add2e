"""Generators that were trained anywhere, from files to a verdict."""

import json
import os
import zipfile

import numpy as np
import pytest
from PIL import Image

from gan import config, data
from tests.experiments.commands import call

SCORES = ("--scores", "recall", "precision")


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """Digits as people keep generated pictures: levels, floats, channels first, a folder, a zip."""
    folder = tmp_path_factory.mktemp("digits")
    source = data.load(config.Data(name="digits"))
    pictures, _ = source.examples("validation")
    training, _ = source.examples("train")
    levels = source.to_uint8(pictures)
    np.savez(folder / "good.npz", arr_0=levels, arr_1=np.zeros(len(levels), np.int64))
    np.save(folder / "shifted.npy", np.roll(pictures, 1, axis=2).transpose(0, 3, 1, 2))
    np.save(folder / "copies.npy", (training[:200] + 1) / 2)
    (folder / "album").mkdir()
    for i, image in enumerate(levels):
        Image.fromarray(image[..., 0]).save(folder / "album" / f"{i:03d}.png")
    with zipfile.ZipFile(folder / "album.zip", "w") as archive:
        for path in sorted((folder / "album").iterdir()):
            archive.write(path, path.name)
    return folder


def referee(*arguments, workdir):
    status, out, err = call("referee", *arguments, "--workdir", workdir)
    assert status == 0, err
    return json.loads((workdir / "referee.json").read_text()), out, err


def test_generators_are_judged_and_ranked(digits, tmp_path):
    fakes = [f"{name}={digits / file}" for name, file in (
        ("moved", "shifted.npy"), ("good", "good.npz"), ("copier", "copies.npy"))]  # fmt: skip
    found, out, err = referee(
        "--fake", *fakes, "--real", "digits:test", *SCORES, workdir=tmp_path / "v"
    )
    moved, good, copier = found["generators"]
    assert [part["name"] for part in found["generators"]] == ["moved", "good", "copier"]
    assert found["ranking"][-1] == "moved"
    for part in found["generators"]:
        low, high = part["w1_debiased_interval"]
        assert low < part["w1_debiased"] < high
        assert part["n"] == 99
        assert part["w1_floor"] == good["w1_floor"]
        assert set(part["scores"]["recall"]) >= {"value", "interval", "real", "n", "features"}
    assert moved["p_value"] == 0.005
    assert moved["w1_debiased_interval"][0] > 1 > good["w1_debiased"]
    assert good["faults"] == []
    assert [fault["name"] for fault in copier["faults"]] == ["copies"]
    assert "shift" in [fault["name"] for fault in moved["faults"]]
    apart = {(c["nearer"], c["farther"]): c["told_apart"] for c in found["comparisons"]}
    assert apart["good", "moved"]
    assert "1 pixel right" in out
    assert "95 % interval" in out
    assert "channels come first" in err
    page = (tmp_path / "v" / "report.html").read_text()
    for text in ("Shifted: pictures lie 1 pixel right", "It copies", "Which is nearest?"):
        assert text in page
    assert page.count("data:image/png") == 1 + 3 * 3
    assert "Not drawn" not in page


def test_every_form_of_the_same_pictures_gives_the_same_numbers(digits, tmp_path):
    numbers = set()
    for i, file in enumerate(("good.npz", "album", "album.zip")):
        found, *_ = referee(
            "--fake", digits / file, "--real", "digits:test", *SCORES, workdir=tmp_path / str(i)
        )
        numbers.add((found["generators"][0]["w1"], found["generators"][0]["w1_debiased"]))
    assert len(numbers) == 1


def test_files_alone_do(digits, tmp_path):
    """No data set is known: the real side is cut into halves, scores look at pixels."""
    found, out, _ = referee(
        *("--fake", digits / "copies.npy", "--real", digits / "album"),
        *("--train", digits / "copies.npy", "--n", 50),
        workdir=tmp_path,
    )
    (generator,) = found["generators"]
    assert generator["n"] == 50
    assert generator["scores"]["recall"]["features"].startswith("pixels")
    assert "copies" in [fault["name"] for fault in generator["faults"]]
    assert "95 % interval" in out


def test_a_critic_is_certified(digits, tmp_path):
    fake = np.load(digits / "copies.npy")
    real = np.load(digits / "good.npz")["arr_0"] / 255
    where = fake.reshape(len(fake), -1)
    np.savez(
        tmp_path / "critic.npz",
        real=real.reshape(len(real), -1).mean(axis=1) * 3,
        fake=where.mean(axis=1) * 3,
        gradients=np.full_like(fake, 3 / where.shape[1]),
    )
    found, out, _ = referee(
        *("--fake", digits / "copies.npy", "--real", digits / "good.npz"),
        *("--critic", tmp_path / "critic.npz", *SCORES),
        workdir=tmp_path / "v",
    )
    critic = found["generators"][0]["critic"]
    # Scores are those of a linear function of slope 3 / 8 in the units of the files, 0 to 1.
    assert 0 < critic["lipschitz"] <= 3 / 8 + 1e-6
    assert critic["share"] < 0.5
    assert critic["duality_gap"] > 0
    assert -1 <= critic["gradient_cosine"] <= 1
    assert critic["c_transform_bound"] <= critic["w1"]
    assert critic["verdict"].startswith("Nothing to see")
    assert "critic: Nothing" in out


def test_given_features_are_looked_at(digits, tmp_path):
    rows = {"real": 198, "good": 198}
    draw = np.random.default_rng(0)
    np.savez(tmp_path / "f.npz", **{name: draw.normal(size=(n, 3)) for name, n in rows.items()})
    found, *_ = referee(
        *("--fake", digits / "good.npz", "--real", digits / "album"),
        *("--features", tmp_path / "f.npz", *SCORES),
        workdir=tmp_path / "v",
    )
    recall = found["generators"][0]["scores"]["recall"]
    assert recall["features"] == "given features"
    assert recall["value"] > 0.9


def test_other_sizes_and_channels_are_fitted_and_said(digits, tmp_path):
    large = np.load(digits / "good.npz")["arr_0"].repeat(2, axis=1).repeat(2, axis=2)
    np.save(tmp_path / "large.npy", large.repeat(3, axis=3))
    found, _, err = referee(
        *("--fake", tmp_path / "large.npy", "--real", "digits:test", *SCORES),
        workdir=tmp_path / "v",
    )
    assert "one of three equal channels kept; resized to cover 8 x 8" in err
    assert found["generators"][0]["w1_debiased"] < 0.3


def test_two_runs_write_the_same_bytes(digits, tmp_path):
    written = []
    for name in ("a", "b"):
        referee(
            *("--fake", digits / "good.npz", "--real", digits / "album", "--n", 20, *SCORES),
            workdir=tmp_path / name,
        )
        written.append((tmp_path / name / "referee.json").read_bytes())
    assert written[0] == written[1]
    assert b"transport" not in written[0]  # the time that it takes is not the same


def test_a_gap_is_told(digits, tmp_path):
    found, *_ = referee(
        *("--fake", digits / "good.npz", "--real", digits / "album", "--gap", "0.25", *SCORES),
        workdir=tmp_path,
    )
    assert "distances may be too large by a share of 0.25, as --gap allows" in found["notes"]
    page = (tmp_path / "report.html").read_text()
    assert "too large by a share of 0.25 at most" in page
    assert "), exact," not in page


def test_points_of_any_dimension_are_drawn(tmp_path):
    draw = np.random.default_rng(0)
    for d in (1, 2, 7):
        np.save(tmp_path / "fake.npy", draw.normal(size=(60, d)))
        np.save(tmp_path / "real.npy", draw.normal(size=(60, d)))
        found, _, err = referee(
            *("--fake", tmp_path / "fake.npy", "--real", tmp_path / "real.npy", *SCORES),
            workdir=tmp_path / "v",
        )
        assert found["generators"][0]["faults"] == []
        assert "not drawn" not in err
        assert (tmp_path / "v" / "report.html").read_text().count("data:image/png") == 2


def test_examples_that_stand_in_two_sets_are_told(digits, tmp_path):
    found, _, err = referee(
        *(
            "--fake",
            digits / "good.npz",
            "--real",
            digits / "album",
            "--train",
            "digits:validation",
        ),
        *SCORES,
        workdir=tmp_path / "v",
    )
    assert "good: 198 of 198 examples are also in real" in err
    assert "real: 198 of 198 examples are also in train" in found["notes"]
    assert "good: the labels in the file are not used" in found["notes"]


def test_a_range_is_for_the_arrays_that_need_one(digits, tmp_path):
    """Levels are plain; dark pictures of a tanh generator are not."""
    dark = np.load(digits / "copies.npy")
    np.save(tmp_path / "dark.npy", dark)
    found, _, err = referee(
        *("--fake", tmp_path / "dark.npy", "--real", digits / "good.npz", "--range=-1,1", *SCORES),
        workdir=tmp_path / "v",
    )
    assert "dark: 200 pictures of 8 x 8 grey pixels, float32 values from -1 to 1" in err
    assert "real: 198 pictures of 8 x 8 grey pixels, uint8 values from 0 to 255" in err
    assert "brightness" in [fault["name"] for fault in found["generators"][0]["faults"]]


def bad(digits, folder):
    good = np.load(digits / "good.npz")["arr_0"]
    np.save(folder / "nan.npy", np.full((9, 8, 8, 1), np.nan))
    np.save(folder / "wild.npy", good * 7.0)
    np.save(folder / "one.npy", good[:1])
    np.save(folder / "colour.npy", np.random.default_rng(0).uniform(size=(30, 8, 8, 3)))
    np.savez(folder / "short.npz", real=np.zeros(3), fake=np.zeros(198))
    np.savez(folder / "fits.npz", real=np.zeros(398), fake=np.zeros(198))
    np.savez(folder / "slip.npz", real=np.zeros(398), fake=np.zeros(198), gradient=np.zeros(198))
    np.savez(folder / "nameless.npz", scores=np.zeros(3))
    np.savez(folder / "features.npz", real=np.zeros((3, 2)))
    (folder / "bad.zip").write_bytes(b"PK no")
    (folder / "mixed").mkdir()
    for side in (8, 9):
        Image.fromarray(np.zeros((side, side), np.uint8)).save(folder / "mixed" / f"{side}.png")
    return {"here": folder, "good": digits / "good.npz"}


BAD = {
    "NaN": (["--fake", "{here}/nan.npy"], "NaN"),
    "wrong range": (["--fake", "{here}/wild.npy"], "--range"),
    "one image": (["--fake", "{here}/one.npy"], "one example"),
    "colour": (["--fake", "{here}/colour.npy"], "in colour"),
    "corrupt zip": (["--fake", "{here}/bad.zip"], "no readable zip"),
    "mixed sizes": (["--fake", "{here}/mixed"], "--size"),
    "missing file": (["--fake", "{here}/none.npy"], "No such file"),
    "no set": (["--fake", "{here}/none"], "no set of examples"),
    "no run": (["--fake", "run:{here}/none"], "no run directory"),
    "no data set": (["--fake", "digit:test"], "digits"),
    "critic of other examples": (["--fake", "{good}", "--critic", "{here}/short.npz"], "3 scores"),
    "critic without names": (
        ["--fake", "{good}", "--critic", "{here}/nameless.npz"],
        "real and fake",
    ),
    "critic of nobody": (["--fake", "{good}", "--critic", "x={good}"], "no generator is called x"),
    "critic of whom": (["--fake", "{good}", "{good}", "--critic", "{good}"], "of which generator"),
    "features of others": (["--fake", "{good}", "--features", "{here}/features.npz"], "array good"),
    "no features": (["--fake", "{good}", "--features", "numpy:sin"], "must give finite features"),
    "unknown score": (["--fake", "{good}", "--scores", "recal"], "recall"),
    "too few": (["--fake", "{good}", "--real", "digits:test:3"], "4 examples"),
    "a reserved name": (["--fake", "real={good}"], "cannot be called real"),
    "nothing": ([], "--fake"),
    "an empty name": (["--fake", ""], "an empty text is no set"),
    "size of no folder": (["--fake", "{good}", "--size", "8"], "--size resizes"),
    "range of no array": (["--fake", "{good}", "--range=-1,1"], "in this range"),
    "range of no critic": (["--fake", "{good}", "--critic_range", "0,1"], "--critic_range"),
    "two critics": (["--fake", "{good}", "--critic", "{here}/fits.npz", "{here}/fits.npz"],
                    "one already"),
    "a critic with more": (["--fake", "{good}", "--critic", "{here}/slip.npz"], "gradient is none"),
    "written among pictures": (["--fake", "{here}"], "whose pictures are judged"),
    "a score of networks": (["--fake", "{good}", "--scores", "lipschitz"], "not networks"),
    "no run at home": (["--fake", "run:~/no_run"], os.path.expanduser("~/no_run")),
    "no count": (["--fake", "digits:test:x"], "count of a set"),
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "reason"), BAD.values(), ids=BAD)
def test_mistakes_end_in_a_line_before_any_work(digits, tmp_path, arguments, reason):
    places = bad(digits, tmp_path)
    real = [] if "--real" in arguments else ["--real", "digits:test"]
    arguments = [text.format(**places) for text in arguments]
    status, out, err = call("referee", *arguments, *real, "--workdir", tmp_path / "v")
    assert (status, out) == (2, "")
    assert reason in err
    assert len(err.strip().splitlines()) <= 2, err
    assert not (tmp_path / "v" / "referee.json").exists()
