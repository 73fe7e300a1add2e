"""Samples as the files that programs for scores read: a folder of pictures, or one array of levels.

Pixels in [-1, 1] become levels 0 .. 255, the nearest ones (gan.arrays.levels).

- A folder holds 00000.png, 00001.png, ..., grey or RGB as the images are. pytorch-fid, clean-fid
  and torch-fidelity read every picture of a folder as RGB, so grey ones need no third channel.
- An array is `arr_0`, uint8 [n, h, w, 3], of an .npz file, with `arr_1`, int64 [n], the labels of
  a conditional run: what the samplers of diffusion codes write and their evaluators read
  (Dhariwal and Nichol 2021). Those take three channels, so a grey image is there three times.

Examples are taken batch by batch, and no more than two batches are held.
"""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from gan import files, outputs
from gan.arrays import levels
from gan.errors import NonFiniteError, UserError

DIGITS = 5
"""Least number of digits in the name of a picture."""

LEVEL = 1
"""Of zlib's compression, 0 .. 9: the fastest that compresses. Readers do not see the difference."""

MOST_THREADS = 8
"""Writing is mostly Python's own work, of which more threads do no more."""

PART = 64
"""Pictures that a thread writes before it asks for more."""

PATIENCE = 2
"""Seconds of writing before progress is shown."""


def write_folder(batches: Iterable[np.ndarray], folder: str | os.PathLike[str], count: int) -> None:
    """Writes images as the pictures of a new folder, which appears when all are written.

    Args:
        batches: of images [m, h, w, c] in [-1, 1], c being 1 or 3.
        folder: missing or empty; made if it is missing.
        count: images in all.

    Raises:
        UserError: the folder holds something, or the examples are no images.
        NonFiniteError: a pixel is NaN or infinite.
        StorageError: the folder cannot be written.
    """
    folder = outputs.new_folder(folder)
    digits = max(DIGITS, len(str(count - 1)))
    threads = min(MOST_THREADS, os.cpu_count() or 1)
    with files.filling(folder) as place, ThreadPoolExecutor(threads) as pool:
        written: list[Future] = []
        for first, levels in _levels(batches, count):
            _finish(written)
            written = [
                pool.submit(_write_pictures, place, first + i, levels[i : i + PART], digits)
                for i in range(0, len(levels), PART)
            ]
        _finish(written)
        os.sync()


def write_array(
    batches: Iterable[np.ndarray],
    path: str | os.PathLike[str],
    shape: tuple[int, ...],
    labels: np.ndarray | None = None,
) -> None:
    """Writes images as the array `arr_0` of an .npz file, which is not compressed.

    Args:
        batches: as of `write_folder`.
        path: of the file.
        shape: (n, h, w, c) of all images together.
        labels: [n] integers, written as `arr_1`.

    Raises:
        UserError: the examples are no images.
        NonFiniteError: a pixel is NaN or infinite.
        StorageError: the file cannot be written.
    """
    if len(shape) != 4:
        raise UserError(f"levels are for images, got examples of shape {shape[1:]}")
    header = {"descr": "|u1", "fortran_order": False, "shape": (*shape[:3], 3)}
    with files.replacing(path) as file, zipfile.ZipFile(file, "w") as archive:
        with _member(archive, "arr_0.npy") as member:
            np.lib.format.write_array_header_1_0(member, header)
            for _, levels in _levels(batches, shape[0]):
                colours = np.broadcast_to(levels, (*levels.shape[:3], 3))
                member.write(np.ascontiguousarray(colours).data)
        if labels is not None:
            with _member(archive, "arr_1.npy") as member:
                np.lib.format.write_array(member, np.asarray(labels, np.int64))


def _member(archive: zipfile.ZipFile, name: str):
    return archive.open(zipfile.ZipInfo(name), "w", force_zip64=True)


def _levels(batches: Iterable[np.ndarray], count: int) -> Iterator[tuple[int, np.ndarray]]:
    """(number of the first, uint8 [m, h, w, c]) of every batch, with progress on stderr."""
    progress = tqdm(
        total=count,
        desc="sampling",
        unit="image",
        delay=PATIENCE,
        mininterval=0.5 if sys.stderr.isatty() else 10,
        dynamic_ncols=True,
    )
    first = 0
    with progress:
        for images in batches:
            if images.ndim != 4:
                raise UserError(f"pictures are of images, got examples {images.shape[1:]}")
            if not np.isfinite(images).all():
                raise NonFiniteError("the generator makes pixels that are NaN or infinite")
            yield first, levels(images)
            first += len(images)
            progress.update(len(images))
    if first != count:
        raise ValueError(f"{count} images were promised, {first} came")


def _finish(written: list[Future]) -> None:
    for part in written:
        part.result()


def _write_pictures(folder: Path, first: int, levels: np.ndarray, digits: int) -> None:
    """Writes uint8 [m, h, w, c] as the pictures number `first` and following."""
    grey = levels.shape[-1] == 1
    for number, picture in enumerate(levels[..., 0] if grey else levels, first):
        with files.added(folder, f"{number:0{digits}}.png") as file:
            Image.fromarray(picture).save(file, format="PNG", compress_level=LEVEL)
