"""A folder of the user's own images.

Immediate sub-folders, searched to any depth, are classes in alphabetical order; a folder without
them is one class. A file's split follows from its content: distinct contents are ordered by their
SHA-256 and cut 80 : 10 : 10, so copies of a file never straddle splits and names do not matter.
Turned photographs are set upright, transparent pixels are laid over white, the first frame of an
animation counts, and colours are converted to RGB unless every image is grey.
"""

import hashlib
import io
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageOps

from gan.data import pictures
from gan.data.dataset import SPLITS, Source
from gan.errors import UserError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif")
"""Endings of the names that count as images, in either case."""

SMALLEST = 10
"""Fewest distinct images: one tenth of them is one."""

_GREY = ("1", "L", "LA")
_DEEP = ("I", "F")
_ORIENTATION = 0x0112
_TURNED = (5, 6, 7, 8)


class _File(NamedTuple):
    sha256: str
    label: int
    path: Path
    mode: str
    size: tuple[int, int]


def load(folder: str | None, image_size: int) -> Source:
    """The images below `folder`; see gan.data.load.

    Args:
        folder: path of the folder.
        image_size: side of the images; 0 needs images that all have the same size.

    Raises:
        UserError: for a missing folder, too few images, an unreadable one, or differing sizes.
    """
    if folder is None:
        raise UserError("data.name 'folder' needs data.folder, the path of a folder of images")
    root = Path(folder).expanduser()
    classes = _classes(root)
    labelled = [(path, label) for label, name in enumerate(classes) for path in classes[name]]
    # By content, so that names of files do not matter.
    files = sorted(_in_parallel(_describe, labelled))
    splits = _split(root, files)
    channels = 1 if all(file.mode in _GREY for file in files) else 3
    shape = pictures.target_shape(f"{root}", (*_common_size(files), channels), image_size)

    def read(split: str, rows: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        chosen = splits[split] if rows is None else [splits[split][row] for row in rows]
        images = np.empty((len(chosen), *shape), np.uint8)

        def fill(row: int, file: _File) -> None:
            images[row] = pictures.fit(_pixels(file, channels), shape)

        _in_parallel(fill, enumerate(chosen))
        return images, np.array([file.label for file in chosen], np.int32)

    return Source(
        name="folder",
        shape=shape,
        levels=256,
        class_names=tuple(classes),
        sizes={split: len(splits[split]) for split in SPLITS},
        identity=" ".join(f"{file.sha256} {file.label}" for s in SPLITS for file in splits[s]),
        read=read,
    )


def _classes(root: Path) -> dict[str, list[Path]]:
    if not root.is_dir():
        raise UserError(f"data.folder {root} is not a folder")

    def fail(error: OSError) -> None:
        raise UserError(f"data.folder {root} cannot be read: {error}") from error

    found: dict[str, list[Path]] = {}
    for directory, folders, names in os.walk(root, onerror=fail):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        images = sorted(name for name in names if _is_image(name))
        parts = Path(directory).relative_to(root).parts
        if images:
            paths = [Path(directory, name) for name in images]
            found.setdefault(parts[0] if parts else "", []).extend(paths)
    if list(found) == [""]:
        return {"all": found[""]}
    if "" in found:
        raise UserError(
            f"data.folder {root} has images beside its sub-folders of images; sub-folders are "
            "classes: put every image into one of them, or none"
        )
    return dict(sorted(found.items()))


def _is_image(name: str) -> bool:
    return name.lower().endswith(SUFFIXES) and not name.startswith(".")


def _split(root: Path, files: list[_File]) -> dict[str, list[_File]]:
    distinct = sorted({file.sha256 for file in files})
    count = len(distinct)
    if count < SMALLEST:
        raise UserError(
            f"data.folder {root} has too few images: {count} different ones of the types "
            f"{', '.join(SUFFIXES)}; at least {SMALLEST} are needed"
        )
    held_out = max(1, count // 10)
    rank = {sha256: row for row, sha256 in enumerate(distinct)}
    bounds = {
        "train": (0, count - 2 * held_out),
        "validation": (count - 2 * held_out, count - held_out),
        "test": (count - held_out, count),
    }
    return {
        split: [file for file in files if low <= rank[file.sha256] < high]
        for split, (low, high) in bounds.items()
    }


def _common_size(files: list[_File]) -> tuple[int, int] | tuple[None, None]:
    sizes = {file.size for file in files}
    return sizes.pop() if len(sizes) == 1 else (None, None)


def _describe(path: Path, label: int) -> _File:
    def describe(image: Image.Image) -> tuple[str, tuple[int, int]]:
        width, height = image.size
        turned = image.getexif().get(_ORIENTATION) in _TURNED
        return image.mode, (width, height) if turned else (height, width)

    content = _content(path)
    mode, size = _opened(path, content, describe)
    if mode.startswith(_DEEP):
        raise UserError(f"{path} has more than 8 bits per channel (mode {mode}): convert it first")
    return _File(hashlib.sha256(content).hexdigest(), label, path, mode, size)


def _pixels(file: _File, channels: int) -> np.ndarray:
    def upright(image: Image.Image) -> np.ndarray:
        image = ImageOps.exif_transpose(image)
        if image.has_transparency_data:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
        return pixels.reshape(*pixels.shape[:2], channels)

    content = _content(file.path)
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise UserError(f"{file.path} has changed since the data set was opened")
    return _opened(file.path, content, upright)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error


def _opened(path: Path, content: bytes, use: Callable[[Image.Image], Any]) -> Any:
    try:
        with Image.open(io.BytesIO(content)) as image:
            return use(image)
    except (MemoryError, Warning):
        raise
    except Exception as error:  # Pillow's decoders raise many kinds
        raise UserError(f"{path} is not a readable image: {error}") from error


def _in_parallel(function: Callable[..., Any], arguments: Iterable[tuple]) -> list[Any]:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(lambda each: function(*each), arguments))
