"""Whoever writes at once, whatever is planted: the old or the new file, whole."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gan import files
from gan.errors import StorageError, UserError
from tests.conftest import ROOT


def names(folder):
    return sorted(os.listdir(folder))


def test_the_new_content_takes_the_place_of_the_old_at_the_end(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"old")
    with files.replacing(path) as file:
        file.write(b"new")
        file.seek(0)
        assert file.read() == b"new"
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new" and names(tmp_path) == ["x"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_block_that_raises_leaves_the_old_content_and_nothing_else(tmp_path, error):
    path = tmp_path / "x"
    path.write_bytes(b"old")
    with pytest.raises(error), files.replacing(path) as file:
        file.write(b"new")
        raise error
    assert path.read_bytes() == b"old" and names(tmp_path) == ["x"]


def test_a_full_disk_is_an_error_in_words_and_leaves_nothing(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="x: No space left"), files.replacing(tmp_path / "x"):
        pass
    assert names(tmp_path) == []


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    with files.replacing(tmp_path / "x") as first, files.replacing(tmp_path / "x") as second:
        first.write(b"first")
        second.write(b"second")
    assert (tmp_path / "x").read_bytes() == b"first" and names(tmp_path) == ["x"]


def test_a_link_at_the_final_name_is_replaced_and_not_followed(tmp_path):
    (tmp_path / "outside").write_bytes(b"precious")
    for target in ("outside", "missing"):
        (tmp_path / "x").symlink_to(target)
        files.write_atomically(tmp_path / "x", "new")
        assert not (tmp_path / "x").is_symlink() and (tmp_path / "x").read_text() == "new"
        (tmp_path / "x").unlink()
    assert (tmp_path / "outside").read_bytes() == b"precious" and names(tmp_path) == ["outside"]


def test_a_link_at_the_temporary_name_is_not_followed(tmp_path, monkeypatch):
    (tmp_path / "outside").write_bytes(b"precious")
    monkeypatch.setattr(files.secrets, "token_hex", lambda n: "0" * 16)
    planted = tmp_path / f".{'0' * 16}.new"
    for target in ("outside", "missing"):
        planted.symlink_to(target)
        with pytest.raises(StorageError, match="exists"):
            files.write_atomically(tmp_path / "x", "new")
        assert planted.is_symlink()
        planted.unlink()
    assert (tmp_path / "outside").read_bytes() == b"precious" and names(tmp_path) == ["outside"]


def test_what_is_no_regular_file_is_never_replaced(tmp_path):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/null")
    (tmp_path / "loop").symlink_to("loop")
    before = names(tmp_path)
    for name in before:
        with pytest.raises(StorageError, match=f"cannot write .*{name}"):
            files.write_atomically(tmp_path / name, "new")
    with pytest.raises(StorageError, match="cannot write .*missing"):
        files.write_atomically(tmp_path / "missing" / "x", "new")
    assert names(tmp_path) == before


@pytest.mark.parametrize("name", ["n" * 255, os.fsdecode(b"\xff\xfe"), "a[1]\\%2F?*#\n b", "ü"])
def test_every_name_can_be_written(tmp_path, name):
    files.write_json(tmp_path / name, {"name": name})
    assert files.read_json(tmp_path / name) == {"name": name} and names(tmp_path) == [name]


def test_a_name_that_is_no_text_keeps_its_bytes(tmp_path):
    files.write_atomically(tmp_path / "x", os.fsdecode(b"run \xff"))
    assert (tmp_path / "x").read_bytes() == b"run \xff"


def test_the_mode_is_that_of_any_new_file(tmp_path):
    (tmp_path / "plain").write_text("")
    files.write_atomically(tmp_path / "x", "")
    assert (tmp_path / "x").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_json_that_cannot_be_read_is_an_error_in_words(tmp_path):
    for content in (b"{", b"\xff", b"[" * 100_000):
        (tmp_path / "x").write_bytes(content)
        with pytest.raises(UserError, match="x is not valid JSON"):
            files.read_json(tmp_path / "x")


WRITER = """
import sys
from gan import files
print("ready", flush=True)
sys.stdin.readline()
for number in range(200):
    files.write_json(sys.argv[1], [int(sys.argv[2])] * 2000)
"""


def test_processes_that_write_one_file_at_once_never_fail_nor_mix(tmp_path):
    path = tmp_path / "x.json"
    command = [sys.executable, "-c", WRITER, str(path)]
    writers = [
        subprocess.Popen(
            [*command, str(i)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for i in range(3)
    ]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    files.write_json(path, [0] * 2000)
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    seen = 0
    while any(writer.poll() is None for writer in writers):
        value = files.read_json(path)
        assert len(value) == 2000 and len(set(value)) == 1
        seen += 1
    assert seen > 10
    assert [(writer.wait(), writer.stderr.read()) for writer in writers] == [(0, "")] * 3
    assert names(tmp_path) == ["x.json"]


def test_what_a_killed_writer_left_is_removed_when_nobody_writes_it_any_more(tmp_path):
    code = "import os, sys; from gan import files\n"
    code += "with files.replacing(sys.argv[1]) as f: f.write(b'half'); f.flush(); os.kill(0, 9)\n"
    command = [sys.executable, "-c", code, str(tmp_path / "x")]
    done = subprocess.run(command, cwd=ROOT, start_new_session=True)
    assert done.returncode == -signal.SIGKILL
    (left,) = names(tmp_path)
    assert re.fullmatch(r"\.[0-9a-f]{16}\.new", left)
    (tmp_path / ".mine.new").write_text("")
    files.tidy(tmp_path)
    assert left in names(tmp_path)
    for name in (left, ".mine.new"):
        os.utime(tmp_path / name, (0, 0))
    files.tidy(tmp_path)
    assert names(tmp_path) == [".mine.new"]


WRITERS = re.compile(
    r"""open\([^)]*["'](w|wb|x|xb|w\+|a)["']|\.write_(text|bytes)\(|"""
    r"""np\.save(z|z_compressed)?\((?!file\b)|\.savefig\((?!file\b)|Image\S*\.save\((?!file\b)|"""
    r"""mkstemp|NamedTemporaryFile|["'.]\.?(tmp|new)["']"""
)
ELSEWHERE = {
    "gan/files.py",
    "gan/sweeps/ledger.py",
    "gan/sweeps/worker.py",
    "experiments/wgan_gp.py",
}
"""The writer; a database, which its own library writes; a pipe; what imports nothing of ours."""


def test_nothing_else_in_the_project_writes_files():
    found = {
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for room in ("gan", "experiments")
        for path in sorted(Path(ROOT, room).rglob("*.py"))
        if str(path.relative_to(ROOT)) not in ELSEWHERE
        for line in path.read_text().splitlines()
        if WRITERS.search(line)
    }
    assert found == set()
