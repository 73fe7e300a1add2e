"""What is below a folder: links, loops, hidden files, and files that must never be opened."""

import os
import socket

import pytest

from gan.data import tree
from gan.data.regular import open_regular, shown
from gan.errors import UserError


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")


def names(listing):
    return [("/".join(parts), os.path.basename(path)) for parts, path in listing.pictures]


def walk(root):
    return tree.walk(str(root), (".png",))


def test_linked_folders_and_files_are_followed(tmp_path):
    touch(tmp_path / "elsewhere" / "dog" / "deep" / "d.png")
    touch(tmp_path / "elsewhere" / "one.png")
    touch(tmp_path / "root" / "cat" / "c.png")
    (tmp_path / "root" / "dog").symlink_to(tmp_path / "elsewhere" / "dog")
    (tmp_path / "root" / "cat" / "one.png").symlink_to(tmp_path / "elsewhere" / "one.png")
    listing = walk(tmp_path / "root")
    assert names(listing) == [("cat", "c.png"), ("cat", "one.png"), ("dog/deep", "d.png")]
    assert not list(listing.notes())


def test_a_linked_root_is_a_root(tmp_path):
    touch(tmp_path / "real" / "a" / "x.png")
    (tmp_path / "link").symlink_to("real")
    assert names(walk(tmp_path / "link")) == [("a", "x.png")]


@pytest.mark.parametrize("goal", [".", "..", "../..", "../loop", "../b"])
def test_loops_of_links_end_and_are_said(tmp_path, goal):
    root = tmp_path / "root"
    touch(root / "a" / "x.png")
    touch(root / "b" / "y.png")
    (root / "a" / "loop").symlink_to(goal)
    listing = walk(root)
    assert sorted(names(listing))[:2] == [("a", "x.png"), ("b", "y.png")]
    if goal == "../loop":
        assert listing.left_out == {"broken link": 1}
    elif goal != "../..":
        assert listing.repeated == [str(root / "a" / "loop")]
        assert "1 links lead to folders that are loaded once already" in "".join(listing.notes())
    assert len(listing.pictures) == 2


def test_a_folder_reached_twice_is_listed_where_it_really_is(tmp_path):
    touch(tmp_path / "zebra" / "stripes" / "x.png")
    (tmp_path / "ant").symlink_to("zebra")
    (tmp_path / "bee").symlink_to("zebra/stripes")
    listing = walk(tmp_path)
    assert names(listing) == [("zebra/stripes", "x.png")]
    assert listing.repeated == [str(tmp_path / "ant"), str(tmp_path / "bee")]


def test_two_links_to_one_folder_give_it_the_first_name(tmp_path):
    touch(tmp_path / "far" / "x.png")
    (tmp_path / "root").mkdir()
    for name in ("b", "a"):
        (tmp_path / "root" / name).symlink_to("../far")
    listing = walk(tmp_path / "root")
    assert names(listing) == [("a", "x.png")] and len(listing.repeated) == 1


def test_everything_else_is_counted_by_kind(tmp_path):
    for name in (
        "a.png",
        "b.PNG",
        "c.txt",
        "d.txt",
        "e",
        "new\nline.x\ny",
        ".DS_Store",
        "Thumbs.db",
    ):
        touch(tmp_path / name)
    touch(tmp_path / ".git" / "z.png")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "to_pipe.png").symlink_to("pipe.png")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    (tmp_path / "lost.png").symlink_to("nowhere")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s.png"))
        listing = walk(tmp_path)
    assert [name for _, name in names(listing)] == ["a.png", "b.PNG"]
    assert listing.left_out == {
        ".txt": 2,
        "without an ending": 1,
        r".x\ny": 1,
        "named pipe": 2,
        "device": 1,
        "broken link": 1,
        "socket": 1,
    }
    assert listing.hidden == 3
    (note,) = listing.notes()
    assert note.startswith("9 of 11 files were left out: 2 .txt, 2 named pipe, ")
    assert note.endswith(", ..., beside 3 hidden ones")


def test_hidden_files_alone_are_no_news(tmp_path):
    touch(tmp_path / "a.png")
    touch(tmp_path / ".DS_Store")
    assert not list(walk(tmp_path).notes())


def test_a_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    touch(tmp_path / "a" / "x.png")

    def refuse(path):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(UserError, match=f"{tmp_path} cannot be read: Permission denied"):
        walk(tmp_path)


def test_only_regular_files_are_opened(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "to_pipe").symlink_to("pipe")
    (tmp_path / "null").symlink_to("/dev/null")
    touch(tmp_path / "x")
    with open_regular(tmp_path / "x") as file:
        assert file.read() == b"x"
    opened = []
    monkeypatch.setattr(os, "open", lambda *a: opened.append(a))
    for name, kind in [
        ("pipe", "named pipe"),
        ("to_pipe", "named pipe"),
        ("null", "device"),
        (".", "folder"),
    ]:
        with pytest.raises(OSError, match=f"it is a {kind}"):
            open_regular(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "nowhere")
    assert not opened  # opening a device can have effects of its own


def test_a_pipe_put_in_the_place_of_a_file_does_not_block(tmp_path, monkeypatch):
    touch(tmp_path / "x")
    os.mkfifo(tmp_path / "pipe")
    before = os.stat(tmp_path / "x")
    with monkeypatch.context() as patch, pytest.raises(OSError, match="it is a named pipe"):
        patch.setattr(os, "stat", lambda path: before)
        open_regular(tmp_path / "pipe")


@pytest.mark.parametrize(
    "name, text",
    [("été 漢字 $x^", "été 漢字 $x^"), ("\udce9t", r"\udce9t"), ("a\nb\x1b[1m", r"a\nb\x1b[1m")],
)
def test_names_are_shown_in_printable_text(name, text):
    assert shown(name) == text
    shown(name).encode()
