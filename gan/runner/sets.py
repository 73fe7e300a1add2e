"""Sets of examples as a command line names them.

A SET is a .npy or .npz file, a folder or .zip file of pictures, `DATASET:SPLIT[:COUNT]`, or
`run:DIRECTORY[@STEP][:COUNT]` for samples of a trained generator; NAME=SET gives it a name.
"""

import dataclasses
import os
import re
from pathlib import Path

import numpy as np

from gan import arrays, config, data, registries
from gan.data import album
from gan.errors import UserError
from gan.inputs import shown
from gan.runner.sampling import Sampler

SAMPLES = 1000
"""Samples of a run, where no number is given."""

KNOWN = ("images", "points", "arr_0")
"""Names of the array of examples in a .npz file that holds several."""

LABELS = ("labels", "arr_1")
"""Names of their labels there."""

FORMS = (
    ".npy, .npz or .zip file, a folder of pictures, DATASET:SPLIT[:COUNT] or "
    "run:DIRECTORY[@STEP][:COUNT]"
)
"""What a set may be, for messages and help texts."""

_NAME = re.compile(r"([A-Za-z][\w.+-]*)=(.+)", re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Set:
    """Examples with where they come from.

    Attributes:
        name: given, or the last part of where they come from.
        text: as the set was named.
        array: as read, [n, ...]; pictures of folders, data sets and runs as uint8 [n, h, w, c].
        labels: int [n]; None where nothing was said.
        split: (data set, split) that they are part of; None for anything else.
        notes: what was left out or converted, a line each.
    """

    name: str
    text: str
    array: np.ndarray
    labels: np.ndarray | None = None
    split: tuple[str, str] | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.array)

    def examples(self, span: str | None = None) -> arrays.Examples:
        """The examples recognised, see gan.arrays.

        Args:
            span: of arrays of pictures whose range is not plain; others have their own.
        """
        if not self.is_file:
            span = "0,255"
        elif self.array.dtype.kind in "iu" and self.array.size and self.array.max() > 1:
            span = None  # levels are plain, or wrong
        return arrays.examples(self.array, span, self.name)

    @property
    def is_file(self) -> bool:
        """Whether this is a .npy or .npz file."""
        return _is_array(self.text)

    @property
    def is_album(self) -> bool:
        """Whether this is a folder or .zip file of pictures."""
        return is_album(self.text)


def named(text: str) -> tuple[str | None, str]:
    """The name, if there is one, and the set of NAME=SET."""
    found = None if os.path.exists(text) else _NAME.fullmatch(text)
    return (found[1], found[2]) if found else (None, text)


def read(text: str, data_dir: str | None, side: int = 0) -> Set:
    """The set that `text` names.

    Args:
        text: see the module.
        data_dir: where data sets are, see gan.data.load.
        side: that pictures of a folder or zip file are resized to, see gan.data.album.

    Raises:
        UserError: if there is no such file, folder, data set, split or run directory, it cannot be
            read, or holds fewer examples than asked for.
    """
    name, place = named(text)
    if not place:
        raise UserError(f"an empty text is no set of examples: give a {FORMS}")
    if name:
        return dataclasses.replace(read(place, data_dir, side), name=name, text=place)
    if is_album(place):
        array, notes = album.read(os.path.expanduser(place), side)
        return Set(_called(place), place, array, notes=notes)
    if _is_array(place):
        array, labels = _file(os.path.expanduser(place))
        return Set(_called(place), place, array, labels)
    run = _run(place)
    if run is not None:
        return run
    return _of_data_set(place, data_dir)


def others(target: str, source: str, count: int, data_dir: str | None) -> np.ndarray | None:
    """`count` random examples of the data set that `target` names, none of them in either set: from
    the target's split, then from the other ones. None if it names no data set, or has too few."""
    name, split, _ = _part(target)
    if split is None:
        return None
    law = data.load(config.Data(name=name), data_dir)
    draw = np.random.default_rng(0)
    found = []
    for part in [split, *(other for other in data.SPLITS if other != split)]:
        taken = 0
        for text in (target, source):
            if _part(text)[:2] == (name, part):
                taken = max(taken, _part(text)[2] or law.size(part))
        rows = draw.permutation(np.arange(taken, law.size(part)))[:count]
        if len(rows):
            found.append(_examples(law, part, np.sort(rows))[0])
            count -= len(rows)
    return None if count else np.concatenate(found)


def is_album(text: str) -> bool:
    """Whether the set that `text` names is a folder or .zip file of pictures."""
    _, place = named(text)
    return place.lower().endswith(".zip") or _is_folder(place)


def _is_array(place: str) -> bool:
    return os.path.splitext(place)[1].lower() in (".npy", ".npz")


def _is_folder(place: str) -> bool:
    """Whether this is a folder that is no run directory."""
    path = Path(os.path.expanduser(place))
    return path.is_dir() and not _is_run(path)


def _is_run(path: Path) -> bool:
    return (path / "config.json").is_file() or (path / "checkpoints").is_dir()


def _called(place: str) -> str:
    return os.path.splitext(os.path.basename(os.path.normpath(place)))[0] or place


def _run(place: str) -> Set | None:
    """Samples of the run that `place` names; None where it names none."""
    asked = place.startswith("run:")
    rest = os.path.expanduser(place.removeprefix("run:"))
    folder, step, count = rest, None, SAMPLES
    if not os.path.isdir(rest):
        before, _, last = rest.rpartition(":")
        if last.isdigit() and before:
            folder, count = before, _count(last)
    if not os.path.isdir(folder) and "@" in folder:
        folder, _, named_step = folder.rpartition("@")
        step = _step(named_step)
    if not os.path.isdir(folder):
        if asked:
            raise UserError(f"{shown(folder)} is no run directory")
        return None
    array = Sampler(folder, step).sample(count)
    if array.ndim == 4:
        array = arrays.levels(array)
    return Set(_called(folder), place, array)


def _step(text: str) -> int | str | None:
    if text.isdigit():
        return int(text)
    if text in ("best", "last"):
        return text if text == "best" else None
    raise UserError(f"the step of a run must be a number, best or last; got {text!r}")


def _of_data_set(place: str, data_dir: str | None) -> Set:
    name, *rest = place.split(":")
    if not 1 <= len(rest) <= 2 or (name not in registries.SOURCES and os.sep in place):
        raise UserError(f"{shown(place)} is no set of examples: give a {FORMS}")
    law = data.load(config.Data(name=name), data_dir)
    size = law.size(rest[0])
    wanted = _count(rest[1]) if len(rest) == 2 else size
    if wanted > size:
        raise UserError(f"{name} has {size} examples in {rest[0]}, {wanted} were asked for")
    array, labels = _examples(law, rest[0], np.arange(wanted))
    return Set(name, place, array, labels, (name, rest[0]), tuple(getattr(law, "notes", ())))


def _part(text):
    """Data set, split and count (None: all of it) of DATASET:SPLIT[:COUNT]; else Nones."""
    _, place = named(text)
    name, _, rest = place.partition(":")
    split, _, count = rest.partition(":")
    if os.path.exists(place) or split not in data.SPLITS:
        return None, None, None
    return name, split, int(count) if count else None


def _examples(law, split: str, rows) -> tuple[np.ndarray, np.ndarray]:
    """Examples, pictures as uint8, and their labels."""
    examples, labels = law.examples(split, rows)
    if isinstance(law, data.Dataset):
        examples = law.to_uint8(examples)
    return np.asarray(examples), labels


def _file(path: str) -> tuple[np.ndarray, np.ndarray | None]:
    """The array of examples in a file, and their labels if it holds any."""
    with arrays.opened(path) as loaded:
        if isinstance(loaded, np.ndarray):
            return loaded, None
        names = loaded.files
        known = [name for name in KNOWN if name in names]
        if len(names) != 1 and len(known) != 1:
            raise UserError(
                f"{path} must hold one array, or one called {', '.join(KNOWN[:-1])} or "
                f"{KNOWN[-1]}; it holds {', '.join(names) or 'nothing'}"
            )
        array = loaded[known[0] if known else names[0]]
        labels = next((loaded[name] for name in LABELS if name in names), None)
    fits = labels is not None and labels.shape == (len(array),) and labels.dtype.kind in "iu"
    return array, labels if fits else None


def _count(text):
    if not text.isdigit() or int(text) < 1:
        raise UserError(f"the count of a set must be a positive integer, got {text!r}")
    return int(text)
