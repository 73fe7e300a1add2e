"""Where a command writes is checked before its work, and a system that takes nothing is said."""

import contextlib
import errno
import os
import resource
import shutil
import subprocess
import sys

import pytest

from gan import outputs
from gan.errors import StorageError, UserError
from tests.conftest import ROOT
from tests.experiments.commands import TINY, call


def test_a_folder_is_made_and_nothing_is_left_in_it(tmp_path):
    assert outputs.folder(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert os.listdir(tmp_path / "a" / "b") == []
    assert outputs.file(tmp_path / "c" / "x.PNG", (".png",)) == tmp_path / "c" / "x.PNG"
    assert os.listdir(tmp_path / "c") == []


MISTAKES = {
    "": "must not be empty",
    "{}/x.txt": "must end in .npz or .png, got",
    "{}/x": "must end in",
    "{}/folder.npz": "no regular file",
    "{}/device.npz": "no regular file",
    "{}/file/x.npz": "is no folder",
    "{}/input.npz": "is an input",
    "{}/link.npz": "is an input",
    "{}/" + 256 * "n" + ".npz": "too long",
    "{}/a\0b.npz": "cannot be a path",
}


@pytest.mark.parametrize(("path", "hint"), MISTAKES.items(), ids=[repr(m[-12:]) for m in MISTAKES])
def test_an_output_that_cannot_be_meant_is_refused(tmp_path, path, hint):
    (tmp_path / "folder.npz").mkdir()
    (tmp_path / "device.npz").symlink_to("/dev/full")
    (tmp_path / "file").write_text("")
    (tmp_path / "input.npz").write_text("precious")
    (tmp_path / "link.npz").symlink_to("input.npz")
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(UserError, match=hint):
        outputs.file(
            path.format(tmp_path), (".npz", ".png"), ["digits:test", tmp_path / "input.npz"]
        )
    assert sorted(os.listdir(tmp_path)) == before


def test_a_folder_that_takes_no_file_is_a_storage_error():
    with pytest.raises(StorageError, match="cannot write /proc/here"):
        outputs.folder("/proc/here")


@contextlib.contextmanager
def largest_file(size):
    """No file of this process grows beyond `size` bytes, as on a disk that is full then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_found_before_the_work(tmp_path):
    with largest_file(0), pytest.raises(StorageError, match="cannot write"):
        outputs.file(tmp_path / "x.npz", (".npz",))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["train", "certify", "sweep", "article", "benchmark"])
def test_every_command_refuses_a_place_that_it_cannot_write_to(tmp_path, name):
    """A file stands where the folder should be; nothing is begun, and the file stays."""
    (tmp_path / "file").write_text("precious")
    place = tmp_path / "file" / "inside"
    arguments = {
        "train": ("--preset", "digits", "--workdir", place),
        "sweep": ("--preset", "digits", "--space", "penalty", "--workdir", place),
        "article": ("--workdir", place),
        "benchmark": ("--workload", "mlp64", "--output", place.with_suffix(".json")),
        "certify": (
            *("--source", "digits:train:20", "--target", "digits:test:20"),
            *("--cost", "euclidean", "--output", place.with_suffix(".npz")),
        ),
    }[name]
    status, out, err = call(name, *arguments)
    assert status in (2, 6) and str(tmp_path / "file") in err and len(err.splitlines()) <= 3
    assert out == "" and (tmp_path / "file").read_text() == "precious"


def help_of_verify(output, unbuffered):
    command = [sys.executable, "-m", "experiments.verify", "--help"]
    return subprocess.run(
        command,
        cwd=ROOT,
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
    )


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_standard_output_is_a_storage_error(unbuffered):
    with open("/dev/full", "w") as full:
        ended = help_of_verify(full, unbuffered)
    assert ended.returncode == 6
    assert ended.stderr == "error: cannot write the standard output: No space left on device\n"


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_who_has_gone_ends_a_command_in_silence(unbuffered):
    read, write = os.pipe()
    os.close(read)
    with open(write, "w") as pipe:
        ended = help_of_verify(pipe, unbuffered)
    assert (ended.returncode, ended.stderr) == (141, "")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A small finished run."""
    path = tmp_path_factory.mktemp("trained") / "run"
    status, _, err = call("train", "--workdir", path, "--preset", "digits", *TINY, "--steps", 4)
    assert status == 0, err
    return path


def evaluated(folder, k):
    """(exit status, stderr, writes tried) of an evaluation whose k-th write is refused at its end,
    when the new file is to take its name."""
    real, calls = os.replace, []

    def refusing(*arguments, **options):
        calls.append(arguments)
        if len(calls) == k:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(*arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "replace", refusing)
        status, _, err = call("evaluate", "--workdir", folder)
    return status, err, len(calls)


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.slow
def test_a_disk_that_fills_at_any_write_of_an_evaluation_is_said(trained, tmp_path):
    k, seen = 0, set()
    while True:
        k += 1
        folder = tmp_path / str(k)
        shutil.copytree(trained, folder)
        status, err, calls = evaluated(folder, k)
        if calls < k:
            break
        assert status == 6 and "Traceback" not in err, err
        (line,) = [line for line in err.splitlines() if line.startswith("error: ")]
        assert line.startswith(f"error: cannot write {folder}") and "No space left" in line
        assert names(folder) == names(trained)
        seen.add(line)
    assert status == 0 and len({line.split("/")[-1] for line in seen}) >= 8
