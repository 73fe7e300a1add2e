"""All pictures below a folder, or in a zip file, as one array: no classes, no splits.

For folders that are data sets to learn from, see gan.data.folder.
"""

import io
import os
import zipfile
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO

import numpy as np

from gan import config
from gan.data import pictures, tree
from gan.data.regular import open_regular, shown
from gan.errors import UserError

LARGEST_MEMBER = 2**30
"""Bytes of a picture in a zip file, unpacked."""

_NAMED = 5


def read(path: str, side: int = 0) -> tuple[np.ndarray, tuple[str, ...]]:
    """The pictures below the folder, or in the zip file, `path`, in the order of their names.

    Args:
        path: of a folder or a .zip file.
        side: of the square that pictures are resized to cover and cropped to (bicubic with
            antialiasing); 0 keeps them, and then all must have one size.

    Returns:
        uint8 [n, h, w, 1] if all are grey, else [n, h, w, 3]; and notes on what was left out or
        converted.

    Raises:
        UserError: if there are none, some cannot be read, or their sizes differ.
    """
    items, notes = _zipped(path) if os.path.isfile(path) else _below(path)
    if not items:
        raise UserError(
            f"{shown(path)} holds no pictures of the types {', '.join(pictures.readable())}"
        )
    limit = config.Data().largest_megapixels

    def one(item) -> np.ndarray | str:
        name, opener = item
        try:
            with opener() as file:
                ending = os.path.splitext(name)[1].lower()
                return pictures.decode(file, ending, side, limit).pixels
        except pictures.Unreadable as error:
            return f"{shown(name)} {error}"
        except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError) as error:
            return f"{shown(name)} cannot be read: {error}"

    with ThreadPoolExecutor(min(32, os.cpu_count() or 1)) as pool:
        found = list(pool.map(one, items))
    bad = [reason for reason in found if isinstance(reason, str)]
    pixels = [each for each in found if not isinstance(each, str)]
    if bad:
        more = f"; and {len(bad) - _NAMED} more" if len(bad) > _NAMED else ""
        raise UserError(
            f"{len(bad)} of {len(items)} pictures of {shown(path)} cannot be used: "
            f"{'; '.join(bad[:_NAMED])}{more}"
        )
    return _stacked(path, items, pixels), tuple(f"{shown(path)}: {note}" for note in notes)


def _stacked(path: str, items, found: list[np.ndarray]) -> np.ndarray:
    """Pictures [h, w, 1 or 3] of one size as one array."""
    sizes: dict[tuple[int, int], str] = {}
    for (name, _), pixels in zip(items, found, strict=True):
        sizes.setdefault(pixels.shape[:2], name)
    if len(sizes) > 1:
        (one, first), (other, second) = list(sizes.items())[:2]
        raise UserError(
            f"the pictures of {shown(path)} have {len(sizes)} sizes ({shown(first)} is "
            f"{one[1]} x {one[0]}, {shown(second)} {other[1]} x {other[0]}): --size N resizes all"
        )
    channels = max(pixels.shape[2] for pixels in found)
    return np.stack([np.broadcast_to(p, (*p.shape[:2], channels)) for p in found])


def _below(path: str) -> tuple[list, list[str]]:
    """(name, opener) of every picture below a folder, and notes."""
    listing = tree.walk(path, pictures.readable())
    files = sorted(file for _, file in listing.pictures)
    return [(file, _opener(file)) for file in files], list(listing.notes())


def _opener(path: str):
    return lambda: open_regular(path)


def _zipped(path: str) -> tuple[list, list[str]]:
    """The same of a zip file."""
    try:
        archive = zipfile.ZipFile(open_regular(path))
    except (OSError, zipfile.BadZipFile) as error:
        raise UserError(f"{shown(path)} is no readable zip file: {error}") from error
    members = sorted(_members(archive), key=lambda member: member.filename)
    known = [m for m in members if os.path.splitext(m.filename)[1].lower() in pictures.readable()]
    large = [m.filename for m in known if m.file_size > LARGEST_MEMBER]
    if large:
        raise UserError(f"{shown(path)}: {shown(large[0])} is over {LARGEST_MEMBER:,} bytes")

    def opener(member):
        return lambda: _unpacked(archive, member)

    left_out = len(members) - len(known)
    notes = [f"{left_out} of {len(members)} files were left out"] if left_out else []
    return [(member.filename, opener(member)) for member in known], notes


def _members(archive: zipfile.ZipFile) -> Iterator[zipfile.ZipInfo]:
    for member in archive.infolist():
        parts = member.filename.lower().split("/")
        hidden = any(part.startswith(".") or part in tree.LITTER for part in parts)
        if not member.is_dir() and not hidden:
            yield member


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> BinaryIO:
    with archive.open(member) as file:
        return io.BytesIO(file.read(member.file_size + 1))
