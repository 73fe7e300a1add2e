"""Emoji: some 1,900 small colour pictures of nine kinds, from a package of the npm registry.

`npm pack emoji-datasource-google@16.0.0` fetches the one file that is read (Google's Noto Emoji;
`-twitter`: Twitter's Twemoji). 64 x 64 pixels, transparency laid over white. The five swatches of
skin are left out, and so is every sign in another tone of skin and all but the first of several
signs with the same pixels (flags of islands). The signs of a man, a woman and a person who do the
same differ by little, and so do those of clocks and of loudspeakers: such a group is kept in one
split. Groups are ordered by the SHA-256 of their names and cut 80 : 10 : 10.
"""

import collections
import dataclasses
import hashlib
import io
import json
import os
import re
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from gan.config import Data
from gan.data import pictures
from gan.data.dataset import SPLITS, RawImages
from gan.data.regular import open_regular
from gan.data.source import Case, Source
from gan.errors import UserError
from gan.files import replacing

SIDE = 64
VERSION = "16.0.0"
LEFT_OUT = "Component"
"""Category of the swatches."""

CLASSES = (
    "Activities",
    "Animals & Nature",
    "Flags",
    "Food & Drink",
    "Objects",
    "People & Body",
    "Smileys & Emotion",
    "Symbols",
    "Travel & Places",
)

ALIKE = (
    [f"{code:X}" for code in range(0x1F550, 0x1F568)],
    [f"{code:X}" for code in range(0x1F507, 0x1F50B)],
)
"""Clocks, and loudspeakers."""


@dataclasses.dataclass(frozen=True)
class Package:
    """One style of emoji."""

    name: str
    """Of the data set."""
    style: str
    """As the package calls it."""
    sha256: str
    """Of the package's file."""

    @property
    def file(self) -> str:
        """What `npm pack` calls it."""
        return f"emoji-datasource-{self.style}-{VERSION}.tgz"

    @property
    def obtain(self) -> str:
        """How to get the file, in one line."""
        return (
            f"fetch it: npm pack emoji-datasource-{self.style}@{VERSION}; "
            "then pass its folder as data_dir"
        )


class _Sign(NamedTuple):
    """A label, the group that it belongs to, and uint8 [SIDE, SIDE, 3]."""

    label: int
    group: str
    pixels: np.ndarray


GOOGLE = Package(
    "emoji", "google", "fb5fd131b362aab7a55542d2a147a79708cce0a8b1c1bbacd470172708b5c438"
)
TWITTER = Package(
    "emoji_twitter", "twitter", "f64a530c63bca463bd8317fdc4615ce63a53a0c65018e4ce2d848aaba7a28877"
)


def load(package: Package, data_dir: str | None, image_size: int) -> RawImages:
    """The set of a package, prepared from its file on first use; see gan.data.load.

    Args:
        package: which.
        data_dir: folder of the file that `npm pack` has fetched.
        image_size: side of the images; 0 for 64.

    Raises:
        UserError: if the file is missing, or is not the one that is meant.
    """
    from gan.data import prepared

    return prepared.own(
        package.name,
        lambda: _splits(_signs(package, data_dir)),
        (SIDE, SIDE, 3),
        CLASSES,
        image_size=image_size,
    )


def group(code: str) -> str:
    """What signs that differ by little have in common, as a code.

    >>> group("1F469-200D-1F680"), group("1F3C3-200D-2642-FE0F"), group("1F680"), group("1F551")
    ('1F9D1-200D-1F680', '1F3C3', '1F680', '1F550')
    """
    neutral = re.sub("-FE0F|-200D-(2640|2642)", "", code)
    neutral = re.sub("^(1F468|1F469)(?=-|$)", "1F9D1", neutral)
    for alike in ALIKE:
        if neutral in alike:
            return alike[0]
    return neutral


def _splits(signs: Iterable[_Sign]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    groups: dict[str, list[_Sign]] = collections.defaultdict(list)
    seen: set[bytes] = set()
    for sign in signs:
        content = sign.pixels.tobytes()
        if content not in seen:
            groups[sign.group].append(sign)
        seen.add(content)
    names = sorted(groups, key=lambda name: hashlib.sha256(name.encode()).digest())
    ordered = [(name, sign) for name in names for sign in groups[name]]
    found: dict[str, list[_Sign]] = {split: [] for split in SPLITS}
    place: dict[str, str] = {}
    for row, (name, sign) in enumerate(ordered):
        # The place of a group's first sign says where all of them go.
        split = place.setdefault(name, _split(row / len(ordered)))
        found[split].append(sign)
    return {
        split: (
            np.stack([sign.pixels for sign in kept]),
            np.array([sign.label for sign in kept], np.int32),
        )
        for split, kept in found.items()
    }


def _split(place: float) -> str:
    return "train" if place < 0.8 else "validation" if place < 0.9 else "test"


def _signs(package: Package, data_dir: str | None) -> list[_Sign]:
    """What the package draws, in the order of its index."""
    with io.BytesIO(_content(package, data_dir)) as file, tarfile.open(fileobj=file) as archive:
        index = json.loads(_member(archive, "package/emoji.json"))
        found = []
        for entry in index:
            if not entry[f"has_img_{package.style}"] or entry["category"] == LEFT_OUT:
                continue
            picture = _member(archive, f"package/img/{package.style}/{SIDE}/{entry['image']}")
            pixels = pictures.decode(io.BytesIO(picture), ".png", 0, 1).pixels
            colour = np.broadcast_to(pixels, (SIDE, SIDE, 3))
            found.append(_Sign(CLASSES.index(entry["category"]), group(entry["unified"]), colour))
    return found


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    """A file of an archive whose checksum is known, so that it is there."""
    file = archive.extractfile(name)
    assert file is not None, name
    return file.read()


def _content(package: Package, data_dir: str | None) -> bytes:
    """The file of the package, which is the one whose signs are known to be as they should."""
    if data_dir is None:
        raise UserError(f"{package.name} needs the file {package.file}: {package.obtain}")
    path = Path(os.path.expanduser(data_dir), package.file)
    try:
        with open_regular(path) as file:
            content = file.read()
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing\n{package.obtain}") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != package.sha256:
        raise UserError(f"{path} has the wrong SHA-256: it is damaged or of another version")
    return content


def _loader(package: Package) -> Callable[[Data, str | None], RawImages]:
    return lambda choice, data_dir: load(package, data_dir, choice.image_size)


def _miniature(package: Package) -> Callable[[Path], RawImages]:
    """Loads forty plain signs from a package that it writes."""

    def write_and_load(folder: Path) -> RawImages:
        index = []
        with io.BytesIO() as file:
            with tarfile.open(fileobj=file, mode="w:") as archive:
                for row in range(40):
                    color = (5 * row, 200 - 5 * row, 6 * row, 255)
                    with io.BytesIO() as png:
                        Image.new("RGBA", (SIDE, SIDE), color).save(png, "png")
                        _put(archive, f"img/{package.style}/{SIDE}/{row}.png", png.getvalue())
                    sign = {"unified": f"1F{600 + row}", "image": f"{row}.png"}
                    category = {"category": CLASSES[row % len(CLASSES)]}
                    index.append(sign | category | {f"has_img_{package.style}": True})
                _put(archive, "emoji.json", json.dumps(index).encode())
            content = file.getvalue()
        with replacing(folder / package.file) as file:
            file.write(content)
        here = dataclasses.replace(package, sha256=hashlib.sha256(content).hexdigest())
        return load(here, str(folder), 0)

    return write_and_load


def _put(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(f"package/{name}")
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


emoji = Source(
    help="1,892 emoji in colour, 64 x 64, of nine kinds, as Google draws them",
    source="Noto Emoji, by way of emoji-datasource",
    load=_loader(GOOGLE),
    licence="images Apache-2.0, index MIT, as the package says",
    case=Case(
        shape=(64, 64, 3), classes=9, fingerprint="a55654ff07bd4bc4", load=_miniature(GOOGLE)
    ),
)

emoji_twitter = Source(
    help="1,873 emoji in colour, 64 x 64, of nine kinds, as Twitter drew them",
    source="Twemoji, by way of emoji-datasource",
    load=_loader(TWITTER),
    licence="images CC-BY 4.0, index MIT, as the package says",
    case=Case(
        shape=(64, 64, 3), classes=9, fingerprint="4a9741ef71e98069", load=_miniature(TWITTER)
    ),
)
