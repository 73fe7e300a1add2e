"""A run directory may have any name that the file system allows."""

import os
import string

import numpy as np
import pytest

from gan import runs
from gan.config import Config
from gan.errors import StorageError
from gan.runs import sealed
from gan.runs.checkpoints import WritableCheckpoints
from tests.runs.states import assert_is, state

CONFIG = Config(steps=100)
PRINTABLE = [f"a{c}b{c}" for c in string.printable if c != "/"]
"""A folder name with each printable ASCII character, blanks and line breaks among them."""
STRANGE = [
    "lr[1]",
    "[!a]",
    "*",
    "{a,b}",
    "back\\slash",
    "%2F%00%",
    "gs:",
    "file:",
    "~",
    "~nobody",
    "$HOME",
    "-x",
    "a b ",
    ".hidden",
    "ünï",
    "日本語",
    "\x01\x7f",
    os.fsdecode(b"\xff\xfe"),
    "x" * 255,
]


def check(path):
    """Save, continue, read: through every door of a run directory."""
    with runs.open(path, CONFIG) as run:
        run.checkpoints.save(1, state(1), score=2.0)
        run.log({"step": 1, "w1": 0.5})
    with runs.open(path, CONFIG) as run:
        assert run.resume(state(0))[0] == 1
        run.checkpoints.save(2, state(2), score=1.0)
        assert_is(2, run.checkpoints.restore(state(0))[1])
    looking = runs.read(path)
    assert looking.checkpoints.steps() == [1, 2] and looking.metrics() == [{"step": 1, "w1": 0.5}]
    assert looking.read_step("best")[0] == 2
    assert runs.tree_hash(looking.read_step(1)[1]) == runs.tree_hash(state(1))


def test_every_printable_character_may_be_in_a_path(tmp_path):
    assert len(PRINTABLE) == 99
    check(tmp_path.joinpath(*PRINTABLE))


@pytest.mark.parametrize("name", STRANGE, ids=range(len(STRANGE)))
def test_strange_names_hold_a_run(tmp_path, name):
    check(tmp_path / name)


def test_a_name_that_looks_like_a_pattern_does_not_touch_its_neighbour(tmp_path):
    check(tmp_path / "lr1")
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "lr1").rglob("*")}
    check(tmp_path / "lr?")
    assert before == {p: p.stat().st_mtime_ns for p in (tmp_path / "lr1").rglob("*")}


@pytest.mark.parametrize("fault", ["other bits", "lost files"])
def test_what_cannot_be_read_back_is_not_saved_and_replaces_nothing(tmp_path, monkeypatch, fault):
    checkpoints = WritableCheckpoints(tmp_path / "checkpoints", keep=1)
    checkpoints.save(10, state(10))
    restored = sealed._restored

    def faulty(checkpointer, path, expected):
        if fault == "lost files":
            os.unlink(path / "manifest.ocdbt")
        found = restored(checkpointer, path, expected)
        if fault == "other bits":
            found["half"] = found["half"].copy()
            found["half"].view(np.uint8)[0] ^= 1
        return found

    monkeypatch.setattr(sealed, "_restored", faulty)
    with pytest.raises(StorageError, match="cannot write checkpoint .*checkpoints/20: ") as caught:
        checkpoints.save(20, state(20))
    assert "\n" not in str(caught.value)
    monkeypatch.undo()
    assert os.listdir(checkpoints.path) == ["10"]
    assert_is(10, checkpoints.restore(state(0))[1])


def test_without_a_name_through_a_descriptor_a_lost_checkpoint_is_an_error(tmp_path, monkeypatch):
    """As on systems without /proc: the library that merges files finds none to merge."""
    monkeypatch.setattr(sealed, "DESCRIPTORS", "/nonexistent")
    checkpoints = WritableCheckpoints(tmp_path / "plain", keep=1)
    checkpoints.save(10, state(10))
    assert_is(10, checkpoints.restore(state(0))[1])
    (tmp_path / "lr[1]").mkdir()
    checkpoints = WritableCheckpoints(tmp_path / "lr[1]" / "checkpoints", keep=1)
    with pytest.raises(StorageError, match="cannot write checkpoint"):
        checkpoints.save(10, state(10))
    assert os.listdir(tmp_path / "lr[1]") == []
