"""Folders of pictures and arrays of levels, read back as programs for scores read them."""

import os
import pathlib
import re
import signal
import zipfile

import numpy as np
import pytest
from PIL import Image

from gan import config, files
from gan.arrays import levels
from gan.errors import NonFiniteError, StorageError, UserError
from gan.runner import sample_files
from gan.runner.sampling import BATCH, Sampler
from gan.signals import Interrupted
from tests.experiments.commands import call, kill, start
from tests.runner.makers import drawn


def images(count, shape=(6, 4, 3), seed=0):
    """Random images in [-1, 1], a little beyond at some pixels."""
    return np.random.default_rng(seed).uniform(-1.1, 1.1, (count, *shape)).astype(np.float32)


def parts(examples, size=30):
    return (examples[i : i + size] for i in range(0, len(examples), size))


def found_by_walking(folder):
    """As torch-fidelity looks: a folder and none below it, by endings in small letters."""
    found = []
    for place, _, names in os.walk(folder):
        if os.path.realpath(place) == os.path.realpath(folder):
            found += [os.path.join(place, n) for n in names if n.lower().endswith(".png")]
    return sorted(found)


def found_by_globbing(folder):
    """As pytorch-fid (the folder alone) and clean-fid (whatever is below it as well) look."""
    flat = sorted(map(str, pathlib.Path(folder).glob("*.png")))
    assert flat == sorted(map(str, pathlib.Path(folder).glob("**/*.png")))
    return flat


@pytest.mark.parametrize("channels", [1, 3])
def test_readers_find_the_pictures_in_order_with_their_levels(tmp_path, channels):
    examples = images(101, (6, 4, channels))
    sample_files.write_folder(parts(examples), tmp_path / "new" / "samples", 101)
    folder = tmp_path / "new" / "samples"
    assert sorted(os.listdir(folder)) == [f"{i:05d}.png" for i in range(101)]
    assert os.listdir(folder.parent) == ["samples"]
    found = found_by_walking(folder)
    assert found == found_by_globbing(folder)
    pictures = [Image.open(path) for path in found]
    assert {(p.format, p.mode, p.size) for p in pictures} == {
        ("PNG", "L" if channels == 1 else "RGB", (4, 6))
    }
    colours = np.stack([np.asarray(p.convert("RGB")) for p in pictures])
    assert colours.dtype == np.uint8
    np.testing.assert_array_equal(colours, levels(examples).repeat(3 // channels, axis=3))


def test_levels_are_the_nearest_ones():
    every = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(levels(every.astype(np.float32) / 127.5 - 1), every)
    exact = np.float64([-1, -1 + 1.9 / 255, 0.999, 1, 7])
    np.testing.assert_array_equal(levels(exact), [0, 1, 255, 255, 255])


@pytest.mark.parametrize("channels", [1, 3])
def test_an_array_is_what_evaluators_of_diffusion_codes_read(tmp_path, channels):
    examples, labels = images(70, (5, 5, channels)), np.arange(70, dtype=np.int32) % 7
    path = tmp_path / "x.npz"
    sample_files.write_array(parts(examples), path, examples.shape, labels)
    found = np.load(path, allow_pickle=False)
    assert found.files == ["arr_0", "arr_1"]
    assert found["arr_0"].dtype == np.uint8 and found["arr_0"].shape == (70, 5, 5, 3)
    np.testing.assert_array_equal(found["arr_0"], levels(examples).repeat(3 // channels, axis=3))
    assert found["arr_1"].dtype == np.int64
    np.testing.assert_array_equal(found["arr_1"], labels)
    with zipfile.ZipFile(path) as archive, archive.open("arr_0.npy") as member:
        assert np.lib.format.read_magic(member) == (1, 0)  # their readers take no other
        assert np.lib.format.read_array_header_1_0(member) == ((70, 5, 5, 3), False, np.uint8)
    sample_files.write_array(parts(examples), path, examples.shape)
    assert np.load(path).files == ["arr_0"]


def test_a_folder_that_holds_something_is_refused_and_left(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "precious").write_text("x")
    (tmp_path / "file").write_text("x")
    untouched = iter(())
    with pytest.raises(UserError, match="holds something .1 entries.: name a new or an empty one"):
        sample_files.write_folder(untouched, tmp_path / "full", 1)
    with pytest.raises(UserError, match="is no folder"):
        sample_files.write_folder(untouched, tmp_path / "file", 1)
    assert sorted(os.listdir(tmp_path)) == ["file", "full"]
    assert os.listdir(tmp_path / "full") == ["precious"]
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to("empty")
    sample_files.write_folder(parts(images(3)), tmp_path / "link", 3)
    assert len(os.listdir(tmp_path / "empty")) == 3 and (tmp_path / "link").is_symlink()


def failing(fault):
    yield images(40)
    yield images(40, seed=1)
    raise fault


FAULTS = [Interrupted(2), StorageError("full"), ValueError("broken")]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_what_is_interrupted_leaves_nothing_that_looks_whole(tmp_path, fault):
    with pytest.raises(type(fault)):
        sample_files.write_folder(failing(fault), tmp_path / "samples", 120)
    assert sorted(tmp_path.rglob("*")) == [tmp_path / "samples"]  # empty
    with pytest.raises(type(fault)):
        sample_files.write_array(failing(fault), tmp_path / "x.npz", (120, 6, 4, 3))
    assert sorted(tmp_path.rglob("*")) == [tmp_path / "samples"]


def test_too_few_images_are_not_passed_off_as_all(tmp_path):
    with pytest.raises(ValueError, match="10 images were promised, 9 came"):
        sample_files.write_folder(parts(images(9)), tmp_path / "samples", 10)
    with pytest.raises(ValueError, match="10 images were promised, 9 came"):
        sample_files.write_array(parts(images(9)), tmp_path / "x.npz", (10, 6, 4, 3))
    assert sorted(tmp_path.rglob("*")) == [tmp_path / "samples"]


def test_pixels_that_are_no_numbers_are_an_error(tmp_path):
    bad = images(5)
    bad[3, 0, 0, 0] = np.nan
    with pytest.raises(NonFiniteError, match="NaN or infinite"):
        sample_files.write_folder(parts(bad), tmp_path / "samples", 5)
    with pytest.raises(NonFiniteError, match="NaN or infinite"):
        sample_files.write_array(parts(bad), tmp_path / "x.npz", bad.shape)


def test_a_folder_that_cannot_take_the_name_is_found_before_the_work(tmp_path, monkeypatch):
    real = os.replace

    def refuse(source, target):
        if str(target).endswith("samples"):
            raise OSError(16, os.strerror(16))
        return real(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(StorageError, match="cannot write .*samples: Device or resource busy"):
        sample_files.write_folder(iter([1 / 0] for _ in [0]), tmp_path / "samples", 1)
    assert os.listdir(tmp_path) == []


def test_abandoned_folders_are_removed(tmp_path):
    old, new = tmp_path / f".{'a' * 16}.new", tmp_path / f".{'b' * 16}.new"
    for folder in (old, new):
        folder.mkdir()
        (folder / "00000.png").write_text("half")
    os.utime(old, (0, 0))
    files.tidy(tmp_path)
    assert os.listdir(tmp_path) == [new.name]


@pytest.fixture(scope="module")
def runs_of(tiny, tmp_path_factory):
    """Directories of runs without and with labels, and of one on points."""
    changes = {
        "plain": {},
        "conditional": {"conditional": True},
        "points": {"data.name": "gaussians8"},
    }
    return {
        kind: drawn(tmp_path_factory.mktemp(kind) / "run", config.replace(tiny, change))
        for kind, change in changes.items()
    }


def test_a_stream_has_the_examples_of_a_sample(runs_of):
    sampler = Sampler(runs_of["plain"])
    count = BATCH + 6
    batches, labels = sampler.stream(count, seed=3)
    found = list(batches)
    assert labels is None and [len(batch) for batch in found] == [BATCH, 6]
    np.testing.assert_array_equal(np.concatenate(found), sampler.sample(count, seed=3))
    batches, labels = Sampler(runs_of["conditional"]).stream(25, seed=3)
    np.testing.assert_array_equal(labels, [*range(10), *range(10), *range(5)])
    sampler = Sampler(runs_of["conditional"])
    expected = sampler(sampler.latents(3, 25), labels)
    np.testing.assert_array_equal(np.concatenate(list(batches)), expected)
    with pytest.raises(UserError, match="count must be at least 1"):
        sampler.stream(0)


def test_the_command_writes_both(runs_of, tmp_path):
    how = ["--workdir", runs_of["conditional"], "--count", 33, "--seed", 5]
    status, out, err = call("sample", *how, "--output", tmp_path / "samples")
    assert status == 0 and out == f"33 images of 8 x 8 pixels in {tmp_path / 'samples'}\n", err
    status, _, err = call("sample", *how, "--output", tmp_path / "x.npz", "--uint8")
    assert status == 0, err
    array = np.load(tmp_path / "x.npz")
    np.testing.assert_array_equal(array["arr_1"], np.arange(33) % 10)
    read = [
        np.asarray(Image.open(p).convert("RGB")) for p in found_by_walking(tmp_path / "samples")
    ]
    np.testing.assert_array_equal(np.stack(read), array["arr_0"])
    status, _, err = call("sample", *how, "--output", tmp_path / "y.npz", "--uint8", "--label", 7)
    assert status == 0 and set(np.load(tmp_path / "y.npz")["arr_1"]) == {7}, err


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_command_that_is_ended_leaves_an_empty_folder(runs_of, tmp_path, number):
    flags = ["--count", 10**6, "--output", tmp_path / "samples"]
    process = start("sample", "--workdir", runs_of["plain"], *flags)
    kill(process, lambda: len(list(tmp_path.glob(".*.new/*.png"))) > 2000, number=number)
    assert process.returncode == (-number if number == signal.SIGKILL else 128 + number)
    assert os.listdir(tmp_path / "samples") == []
    left = sorted(set(os.listdir(tmp_path)) - {"samples"})
    assert len(left) == (number == signal.SIGKILL)  # hidden, and removed from a run directory later
    assert all(re.fullmatch(r"\.[0-9a-f]{16}\.new", name) for name in left)


@pytest.mark.parametrize(
    ("kind", "flags", "hint"),
    [
        ("plain", ["--output", "{}/x.png", "--uint8"], "--uint8 goes with an --output that ends"),
        ("plain", ["--output", "{}/x", "--uint8"], "--uint8 goes with an --output that ends"),
        ("plain", ["--output", "{}/x", "--interpolate", 4], "--interpolate goes with a .png"),
        ("plain", ["--output", "{}/full"], "holds something"),
        ("plain", ["--output", "{}/full/file/x"], "is no folder"),
        ("plain", ["--output", "{}/x", "--label", "3"], "unconditional"),
        ("points", ["--output", "{}/x"], "learns points of the plane: give --output FILE.npz"),
        ("points", ["--output", "{}/x.npz", "--uint8"], "learns points of the plane"),
    ],
)
def test_what_cannot_be_meant_is_refused(runs_of, tmp_path, kind, flags, hint):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("x")
    flags = [str(flag).format(tmp_path) for flag in flags]
    status, out, err = call("sample", "--workdir", runs_of[kind], *flags)
    assert status == 2 and hint in err and out == "" and len(err.splitlines()) == 1
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["file", "full"]
