"""Where a command writes is checked before its work, and a system that takes nothing is said."""

import contextlib
import os
import resource

import pytest

from experiments import outputs
from gan.errors import StorageError, UserError


def test_a_folder_is_made_and_nothing_is_left_in_it(tmp_path):
    assert outputs.folder(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert os.listdir(tmp_path / "a" / "b") == []
    assert outputs.file(tmp_path / "c" / "x.PNG", (".png",)) == tmp_path / "c" / "x.PNG"
    assert os.listdir(tmp_path / "c") == []


MISTAKES = {
    "": "is empty",
    "{}/x.txt": "must end in .npz or .png, got",
    "{}/x": "must end in",
    "{}/folder.npz": "no regular file",
    "{}/device.npz": "no regular file",
    "{}/file/x.npz": "is no folder",
    "{}/input.npz": "is an input",
    "{}/link.npz": "is an input",
    "{}/" + 256 * "n" + ".npz": "longer than 255 bytes",
    "{}/a\0b.npz": "null",
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


def test_a_full_disk_is_found_before_the_work():
    pass
