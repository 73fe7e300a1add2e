"""A folder of the user's own images.

Immediate sub-folders, searched to any depth, are classes in alphabetical order; a folder without
them is one class. Where the only sub-folders are train and test (or val), they are the official
splits, and the classes are one level below. Everything else is left out, and counted in the notes.

Without official splits, a file's split follows from its content: distinct pictures are ordered by
the SHA-256 of their files and cut 80 : 10 : 10. Pictures with the same pixels (after they are
resized and cropped) are one picture, however they are encoded and named: they stay in one split.
What happens to the pixels is the matter of `gan.data.pictures`.
"""

import collections
import hashlib
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, cast

import jax
import numpy as np
from tqdm import tqdm

from gan import config
from gan.data import dataset, layout, pictures, tree
from gan.data.dataset import SPLITS, RawImages
from gan.data.layout import Item
from gan.data.regular import open_regular, shown
from gan.data.source import IMAGES, Case, Source
from gan.errors import UserError
from gan.files import replacing

SMALLEST = 10
"""Fewest distinct images: one tenth of them is one."""

PATIENCE = 3.0
"""Seconds of reading before its progress is shown."""

_AHEAD = 8
"""Pictures per thread that may wait for an earlier one, which bounds the memory they take."""

_MOST_NAMED = 10


class _Picture(NamedTuple):
    item: Item
    sha256: str
    """Of the file."""
    pixels: str
    """SHA-256 of the pixels, which have one channel if they are grey."""
    decoded: pictures.Decoded
    """Without the pixels."""

    @property
    def path(self) -> str:
        return self.item.path


def load(choice: config.Data, data_dir: str | None = None) -> RawImages:
    """The images below `choice.folder`; see gan.data.load.

    Args:
        choice: the field `data` of a config; image_size 0 needs images that all have one size.
        data_dir: not used.

    Raises:
        UserError: for a missing folder, too few images, unreadable ones, or differing sizes.
    """
    del data_dir
    root = _root(choice.folder)
    listing = tree.walk(root, pictures.readable())
    found = layout.arrange(root, listing, choice.splits)
    limit = {"auto": dataset.DEVICE_LIMIT, "always": 0, "never": float("inf")}[choice.stream]
    with warnings.catch_warnings():
        # Pillow warns of what does not change the pixels, such as damaged EXIF fields.
        warnings.filterwarnings("ignore", module=r"PIL\.")
        taken, kept, bad = _read_all(root, found.items, choice, limit)
    notes = [*listing.notes(), *_missing_plugins(listing), *found.notes]
    if bad:
        notes.append(_refuse_or_count(root, bad, len(found.items), choice.skip_unreadable))
    splits, split_notes = _split(root, taken, notes)
    notes += split_notes
    grey = all(picture.decoded.pixels.shape[2] == 1 for picture in taken)
    sizes = {picture.decoded.size for picture in taken}
    size = sizes.pop() if len(sizes) == 1 else (None, None)
    shape = pictures.target_shape(shown(root), (*size, 1 if grey else 3), choice.image_size)
    notes += _conversions(taken, grey)
    if len(taken) * int(np.prod(shape)) > limit:
        kept.clear()

    def read(split: str, rows: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        chosen = splits[split] if rows is None else [splits[split][row] for row in rows]
        images = np.empty((len(chosen), *shape), np.uint8)

        def fill(row: int, picture: _Picture) -> None:
            # A whole split is asked for once, by whoever keeps it from then on.
            pixels = kept.pop(picture.path, None) if rows is None else kept.get(picture.path)
            images[row] = _again(picture, choice) if pixels is None else pixels

        collections.deque(_in_parallel(fill, list(enumerate(chosen))), 0)
        return images, np.array([picture.item.label for picture in chosen], np.int32)

    return RawImages(
        name="folder",
        shape=shape,
        levels=256,
        class_names=found.class_names,
        sizes={split: len(splits[split]) for split in SPLITS},
        identity=" ".join(f"{p.sha256} {p.item.label}" for s in SPLITS for p in splits[s]),
        read=read,
        notes=tuple(notes),
    )


def _root(folder: str | None) -> str:
    if folder is None:
        raise UserError("data.name 'folder' needs data.folder, the path of a folder of images")
    if not folder:
        raise UserError("data.folder is empty: it must be the path of a folder of images")
    root = os.path.normpath(os.path.expanduser(folder))
    if not os.path.isdir(root):
        raise UserError(f"data.folder {shown(root)[:300]} is not a folder")
    return root


def _read_all(
    root: str, items: Sequence[Item], choice: config.Data, limit: float
) -> tuple[list[_Picture], dict[str, np.ndarray], dict[str, str]]:
    """The pictures, the pixels of all while they fit in `limit` bytes (or of none), by path, and
    the reason of every item that cannot be read, by path."""
    taken: list[_Picture] = []
    kept: dict[str, np.ndarray] = {}
    bad: dict[str, str] = {}
    size = 0
    described = _in_parallel(lambda item: _describe(item, choice), [(i,) for i in items])
    with _progress(len(items)) as bar:
        for item, found in zip(items, described, strict=True):
            bar.update()
            if isinstance(found, str):
                bad[item.path] = found
                continue
            if not choice.image_size and taken and found.decoded.size != taken[0].decoded.size:
                raise UserError(_differing(root, taken[0], found))
            pixels = found.decoded.pixels
            size += pixels.size
            if size > limit:
                kept.clear()
            else:
                kept[item.path] = pixels
            # A view that says the shape and holds no memory.
            hollow = np.broadcast_to(np.uint8(0), pixels.shape)
            taken.append(found._replace(decoded=found.decoded._replace(pixels=hollow)))
    return taken, kept, bad


def _describe(item: Item, choice: config.Data) -> _Picture | str:
    try:
        sha256, decoded = _decode(item.path, choice)
    except pictures.Unreadable as error:
        return str(error)
    return _Picture(item, sha256, dataset.digest(decoded.pixels, np.zeros(0)), decoded)


def _decode(path: str, choice: config.Data) -> tuple[str, pictures.Decoded]:
    """SHA-256 of the file, and its picture; raises Unreadable."""
    ending = os.path.splitext(path)[1].lower()
    try:
        with open_regular(path) as file:
            decoded = pictures.decode(file, ending, choice.image_size, choice.largest_megapixels)
            file.seek(0)
            return hashlib.file_digest(cast(Any, file), "sha256").hexdigest(), decoded
    except OSError as error:
        raise pictures.Unreadable(f"cannot be read: {error.strerror}") from error


def _again(picture: _Picture, choice: config.Data) -> np.ndarray:
    """The pixels of a picture that was read before."""
    try:
        sha256, decoded = _decode(picture.path, choice)
    except pictures.Unreadable as error:
        raise UserError(
            f"{shown(picture.path)} has changed since the data set was opened: it {error}"
        ) from error
    if sha256 != picture.sha256:
        raise UserError(f"{shown(picture.path)} has changed since the data set was opened")
    return decoded.pixels


def _split(
    root: str, taken: list[_Picture], notes: list[str]
) -> tuple[dict[str, list[_Picture]], list[str]]:
    """The pictures of each split, ordered by content; and notes about copies."""
    # The smallest SHA-256 of the files with the same pixels stands for all of them.
    key: dict[str, str] = {}
    for picture in taken:
        key[picture.pixels] = min(picture.sha256, key.get(picture.pixels, picture.sha256))
    if len(key) < SMALLEST:
        why = "".join(f"\n{note}" for note in notes[:2])
        raise UserError(
            f"data.folder {shown(root)} has too few images: {len(key)} different ones of the types "
            f"{', '.join(pictures.readable())}; at least {SMALLEST} are needed{why}"
        )
    groups: dict[str, list[Item]] = {}
    for picture in taken:
        groups.setdefault(key[picture.pixels], []).append(picture.item)
    official = {k: layout.official_split(i.split for i in items) for k, items in groups.items()}
    place = layout.places({k: {i.split for i in items} for k, items in groups.items()})
    splits: dict[str, list[_Picture]] = {split: [] for split in SPLITS}
    for picture in sorted(taken, key=lambda p: (key[p.pixels], p.sha256, p.item.label, p.path)):
        if picture.item.split == official[key[picture.pixels]]:
            splits[place[key[picture.pixels]]].append(picture)
    empty = [split for split in SPLITS if not splits[split]]
    if empty:
        raise UserError(
            f"data.folder {shown(root)} has too few images: none is left for {', '.join(empty)}"
        )
    dropped = len(taken) - sum(map(len, splits.values()))
    return splits, list(_copies(len(taken), groups, dropped))


def _copies(count: int, groups: dict[str, list[Item]], dropped: int) -> Iterator[str]:
    copies = count - len(groups)
    if copies:
        several = sum(len({item.label for item in items}) > 1 for items in groups.values())
        labels = f"; {several} pictures are in more than one class" if several else ""
        left_out = f", {dropped} of them left out of an earlier split" if dropped else ""
        yield (
            f"{copies} of {count} pictures have the same pixels as others; copies are kept in one "
            f"split{left_out}{labels}"
        )


def _conversions(taken: list[_Picture], grey: bool) -> Iterator[str]:
    animated = sum(picture.decoded.animated for picture in taken)
    if animated:
        yield f"{animated} pictures have several frames, of which the first is taken"
    ending = pictures.readable()
    other = [
        f"{shown(os.path.basename(p.path))} is {p.decoded.format}"
        for p in taken
        if ending[os.path.splitext(p.path)[1].lower()] != p.decoded.format
    ]
    if other:
        more = ", ..." if len(other) > 3 else ""
        yield (
            f"{len(other)} pictures have another format than their names say: "
            f"{', '.join(other[:3])}{more}"
        )
    coloured = sum(not picture.decoded.stored_grey for picture in taken)
    if grey and coloured:
        yield (
            f"all pictures are grey, {coloured} of them stored in colour: one channel per pixel is "
            "kept"
        )


def _missing_plugins(listing: tree.Listing) -> Iterator[str]:
    for name, package in pictures.PLUGINS.items():
        count = sum(listing.left_out[ending] for ending in pictures.FORMATS[name])
        if count:
            yield f"{count} of them are {name} pictures: the package {package} makes them readable"


def _refuse_or_count(root: str, bad: dict[str, str], count: int, skip: bool) -> str:
    """The note about files that were skipped; raises UserError if they must not be."""
    named = [f"{shown(path)} {reason}" for path, reason in list(bad.items())[:_MOST_NAMED]]
    named += [f"and {len(bad) - _MOST_NAMED} more"] if len(bad) > _MOST_NAMED else []
    listed = "; ".join(named)
    if skip:
        return f"{len(bad)} of {count} pictures were skipped: {listed}"
    raise UserError(
        f"{len(bad)} of {count} pictures of {shown(root)} cannot be used: {listed}\n"
        "--data.skip_unreadable goes on without them"
    )


def _differing(root: str, one: _Picture, other: _Picture) -> str:
    (h, w), (height, width) = one.decoded.size, other.decoded.size
    return (
        f"the images of {shown(root)} differ in size: set data.image_size to the side in pixels "
        f"that they are resized to, for example 64\n{shown(one.path)} is {w} x {h}, "
        f"{shown(other.path)} is {width} x {height}"
    )


def _progress(count: int) -> tqdm:
    """Count, rate and time left on stderr, once reading has taken PATIENCE seconds."""
    return tqdm(
        total=count,
        desc="reading pictures",
        unit="picture",
        delay=PATIENCE,
        mininterval=0.5 if sys.stderr.isatty() else 5,
        disable=jax.process_index() != 0,
        dynamic_ncols=True,
    )


def _in_parallel(function: Callable[..., Any], arguments: Sequence[tuple]) -> Iterator[Any]:
    """The results in order; a block of arguments at a time, so that stopping is quick."""
    threads = min(32, os.cpu_count() or 1)
    block = _AHEAD * threads
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(arguments), block):
            yield from pool.map(lambda each: function(*each), arguments[start : start + block])


def _miniature(place: Path) -> RawImages:
    """Two classes of pictures that it writes, in a format that holds the pixels as they are."""
    for row in range(24):
        path = place / "pictures" / "ab"[row % 2] / f"{row}.ppm"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = (np.arange(8 * 8 * 3) * (row + 1) % 251).astype(np.uint8)
        with replacing(path) as file:
            file.write(b"P6 8 8 255\n" + pixels.tobytes())
    return load(config.Data(name="folder", folder=str(place / "pictures")))


folder = Source(
    help="a folder of your own pictures; its sub-folders are classes",
    load=load,
    reads=(*IMAGES, "folder", "splits", "skip_unreadable", "largest_megapixels"),
    licence="that of the pictures in the folder, which are the user's own",
    case=Case(shape=(8, 8, 3), classes=2, fingerprint="b09d9dc1ad87988d", load=_miniature),
)
