"""Point sets as a command line names them: files, splits of data sets, samples of runs."""

import os
import zipfile

import numpy as np

from gan import config, data
from gan.errors import UserError
from gan.runner.sampling import Sampler

SAMPLES = 1000
"""Samples of a run, where no number is given."""


def read(text: str, data_dir: str | None) -> np.ndarray:
    """The points [n, ...] that a --source or --target names; images as uint8.

    Raises:
        UserError: if there is no such file, data set, split or run directory, or a bad count.
    """
    ending = os.path.splitext(text)[1].lower()
    if ending in (".npy", ".npz"):
        return _file(text)
    place, _, count = text.rpartition(":")
    if os.path.isdir(text) or (count.isdigit() and os.path.isdir(place)):
        folder = text if os.path.isdir(text) else place
        examples = Sampler(folder).sample(SAMPLES if folder == text else _count(count))
        return _levels(examples) if examples.ndim == 4 else examples
    name, *rest = text.split(":")
    if not 1 <= len(rest) <= 2:
        raise UserError(
            f"{text!r} is no point set: give a .npy or .npz file, DATASET:SPLIT[:COUNT] or a run "
            "directory"
        )
    source = data.load(config.Data(name=name), data_dir)
    size = source.size(rest[0])
    wanted = _count(rest[1]) if len(rest) == 2 else size
    if wanted > size:
        raise UserError(f"{name} has {size} examples in {rest[0]}, {wanted} were asked for")
    return _examples(source, rest[0], np.arange(wanted))


def others(target: str, source: str, count: int, data_dir: str | None) -> np.ndarray | None:
    """`count` random examples of the data set that `target` names, none of them in either set: from
    the target's split, then from the other ones. None if it names no data set, or has too few."""
    name, split, _ = _named(target)
    if split is None:
        return None
    law = data.load(config.Data(name=name), data_dir)
    draw = np.random.default_rng(0)
    found = []
    for part in [split, *(other for other in data.SPLITS if other != split)]:
        taken = 0
        for text in (target, source):
            if _named(text)[:2] == (name, part):
                taken = max(taken, _named(text)[2] or law.size(part))
        rows = draw.permutation(np.arange(taken, law.size(part)))[:count]
        if len(rows):
            found.append(_examples(law, part, np.sort(rows)))
            count -= len(rows)
    return None if count else np.concatenate(found)


def _named(text):
    """Data set, split and count (None: all of it) of DATASET:SPLIT[:COUNT]; else Nones."""
    name, _, rest = text.partition(":")
    split, _, count = rest.partition(":")
    if os.path.exists(text) or split not in data.SPLITS:
        return None, None, None
    return name, split, int(count) if count else None


def _examples(source, split, rows):
    examples, _ = source.examples(split, rows)
    return source.to_uint8(examples) if isinstance(source, data.Dataset) else np.asarray(examples)


def _file(path):
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        names = loaded.files
        known = [name for name in ("images", "points") if name in names]
        if len(names) != 1 and len(known) != 1:
            raise UserError(
                f"{path} must hold one array, or one called images or points; it holds "
                f"{', '.join(names) or 'nothing'}"
            )
        return loaded[known[0] if known else names[0]]
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path} is not a file of numbers: {error}") from error


def _count(text):
    if not text.isdigit() or int(text) < 1:
        raise UserError(f"the count of a point set must be a positive integer, got {text!r}")
    return int(text)


def _levels(images):
    return np.rint((np.clip(images, -1, 1) + 1) * 127.5).astype(np.uint8)
