"""Folders and zip files of pictures as one array."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from gan.data import album
from gan.errors import UserError

PICTURES = np.random.default_rng(0).integers(0, 256, (5, 6, 8, 3)).astype(np.uint8)


def png(pixels) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def folder(tmp_path):
    for i, pixels in enumerate(PICTURES):
        place = tmp_path / "album" / "ab"[i % 2]
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{i}.png").write_bytes(png(pixels))
    (tmp_path / "album" / "notes.txt").write_text("x")
    return tmp_path / "album"


ORDER = [0, 2, 4, 1, 3]


def test_a_folder_is_read_in_the_order_of_names(folder):
    array, notes = album.read(str(folder))
    np.testing.assert_array_equal(array, PICTURES[ORDER])
    assert "1 of 6 files were left out: 1 .txt" in notes[0]


def test_a_zip_file_gives_the_same(folder, tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
        archive.writestr("__MACOSX/a/._0.png", b"x")
    array, notes = album.read(str(tmp_path / "all.zip"))
    np.testing.assert_array_equal(array, PICTURES[ORDER])
    assert "1 of 6 files were left out" in notes[0]


def test_grey_pictures_have_one_channel_and_join_coloured_ones(tmp_path):
    (tmp_path / "a.png").write_bytes(png(PICTURES[0, ..., 0]))
    array, _ = album.read(str(tmp_path))
    np.testing.assert_array_equal(array, PICTURES[:1, ..., :1])
    (tmp_path / "b.png").write_bytes(png(PICTURES[1]))
    array, _ = album.read(str(tmp_path))
    np.testing.assert_array_equal(array[0], PICTURES[0, ..., :1].repeat(3, axis=2))


def test_different_sizes_need_a_size(folder):
    (folder / "odd.png").write_bytes(png(PICTURES[0, :5]))
    with pytest.raises(UserError, match="2 sizes .*--size"):
        album.read(str(folder))
    assert album.read(str(folder), 4)[0].shape == (6, 4, 4, 3)


def test_damaged_files_are_named_in_a_line(folder, tmp_path):
    (folder / "a" / "0.png").write_bytes(png(PICTURES[0])[:60])
    (folder / "a" / "2.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"2 of 5 pictures .*0\.png.*2\.png .*empty"):
        album.read(str(folder))
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04 no zip")
    with pytest.raises(UserError, match="no readable zip"):
        album.read(str(tmp_path / "bad.zip"))


def test_a_member_that_fails_its_checksum_is_named(tmp_path):
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("0.png", png(PICTURES[0]))
    content = bytearray(path.read_bytes())
    content[120] ^= 255
    path.write_bytes(bytes(content))
    with pytest.raises(UserError, match=r"0\.png cannot be read"):
        album.read(str(path))


def test_nothing_to_read_is_a_mistake(tmp_path):
    with pytest.raises(UserError, match="holds no pictures"):
        album.read(str(tmp_path))
