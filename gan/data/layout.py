"""What the sub-folders of a folder of pictures mean, and which picture belongs to which split.

Sub-folders are classes, except where their names say that they are the official splits and nothing
else: every one of them is called after a split (see NAMES; case does not matter), and there are
train and one more. With --data.splits a user settles it either way.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, cast

from gan.data.dataset import SPLITS
from gan.data.regular import shown
from gan.data.tree import Listing
from gan.errors import UserError

NAMES = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
"""Split of each folder name, in lower case."""


class Item(NamedTuple):
    """A picture file."""

    path: str
    label: int
    split: str | None
    """Its official split; None where there are none."""


class Arrangement(NamedTuple):
    """The pictures of a folder, by class and official split."""

    items: list[Item]
    class_names: tuple[str, ...]
    notes: list[str]


def arrange(root: str, listing: Listing, wanted: str) -> Arrangement:
    """Class and official split of every picture listed below `root`.

    Args:
        root: the folder, for messages.
        listing: its pictures.
        wanted: "folders" (sub-folders are splits), "content" (they are classes) or "auto".

    Raises:
        UserError: pictures lie beside sub-folders of pictures, or the sub-folders are not splits
            where they must be.
    """
    tops = sorted({parts[0] if parts else "" for parts, _ in listing.pictures})
    splits = _official(root, tops, wanted)
    depth = 1 if splits else 0
    classes: dict[str, set[str]] = {}  # by top folder, or "" without splits
    for parts, _ in listing.pictures:
        name = parts[depth] if len(parts) > depth else ""
        classes.setdefault(parts[0] if splits else "", set()).add(name)
    names = sorted(set().union(*classes.values()))
    if "" in names and len(names) > 1:
        where = ", ".join(shown(top) for top, present in classes.items() if "" in present)
        raise UserError(
            f"data.folder {shown(root)} has images{f' in {where}' if splits else ''} beside "
            "sub-folders of images; sub-folders are classes: put every image into one of them, or "
            "none"
        )
    label = {name: row for row, name in enumerate(names)}
    items = [
        Item(path, label[parts[depth] if len(parts) > depth else ""], splits.get((*parts, "")[0]))
        for parts, path in listing.pictures
    ]
    notes = _notes(splits, classes, names)
    return Arrangement(items, tuple(names) if names != [""] else ("all",), notes)


def _official(root: str, tops: Sequence[str], wanted: str) -> dict[str, str]:
    """Split of each immediate sub-folder; {} where they are classes."""
    found = {name: NAMES.get(name.lower(), "") for name in tops}
    kinds = set(found.values())
    are_splits = "" not in kinds and "train" in kinds and len(kinds) > 1
    if wanted == "content" or (wanted == "auto" and not are_splits):
        return {}
    if not are_splits:
        raise UserError(
            "data.splits 'folders' needs pictures in the sub-folders train and test (or val) and "
            f"in no others; {shown(root)} has them in {', '.join(map(shown, tops)) or 'none'}"
        )
    if len(kinds) < len(tops):
        raise UserError(
            f"data.folder {shown(root)} has two sub-folders for one split: {', '.join(tops)}\n"
            "rename one of them, or make them classes with --data.splits content"
        )
    if "test" not in kinds:
        return {name: split.replace("validation", "test") for name, split in found.items()}
    return found


def _notes(
    splits: Mapping[str, str], classes: Mapping[str, set[str]], names: Sequence[str]
) -> list[str]:
    if not splits:
        return []
    used = ", ".join(f"{top} ({split})" for top, split in splits.items())
    cut = "" if "validation" in splits.values() else "; validation is cut from train"
    notes = [
        f"sub-folders are the official splits: {used}{cut} (--data.splits content makes them "
        "classes)"
    ]
    for top, present in classes.items():
        missing = [shown(name) for name in names if name not in present]
        if missing:
            notes.append(f"{top} has no pictures of {len(missing)} classes: {', '.join(missing)}")
    return notes


def places(groups: Mapping[str, Iterable[str | None]]) -> dict[str, str]:
    """The split of every distinct picture, a function of its key and official splits alone.

    Without official splits the keys are cut 80 : 10 : 10 in their order. A picture of several
    official splits goes to the last of train, validation and test. Where no picture has the
    official split validation, a tenth of train is cut off for it.

    Args:
        groups: by key, the official splits of a picture's copies; None where there are none.
    """
    order = sorted(groups)
    if any(None in each for each in groups.values()):
        held_out = max(1, len(order) // 10)
        middle, last = len(order) - 2 * held_out, len(order) - held_out
        return {key: SPLITS[(row >= middle) + (row >= last)] for row, key in enumerate(order)}
    official = {split for each in groups.values() for split in each}
    found = {key: cast(str, official_split(groups[key])) for key in order}
    if "validation" not in official:
        train = [key for key in order if found[key] == "train"]
        found |= dict.fromkeys(train[-max(1, len(train) // 10) :], "validation")
    return found


def official_split(splits: Iterable[str | None]) -> str | None:
    """The official split of a picture whose copies are in `splits`: the last of SPLITS."""
    return max(splits, key=lambda split: SPLITS.index(split) if split else -1)
