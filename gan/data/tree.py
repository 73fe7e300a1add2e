"""The picture files below a folder, and a count of everything else that is there.

Symbolic links to folders and files are followed. A folder is known by its device and inode, and
listed once, whatever leads to it: first where it really is, then by links in the order of their
names. So a link to a folder above itself ends there.
"""

import collections
import dataclasses
import os
from collections.abc import Collection, Iterator

from gan.data.regular import kind, shown
from gan.errors import UserError

LITTER = frozenset({"thumbs.db", "desktop.ini", "__macosx"})
"""Names, in lower case, of what systems leave behind; hidden like names that begin with a dot."""

_MOST_KINDS = 6


@dataclasses.dataclass
class Listing:
    """What is below a folder."""

    pictures: list[tuple[tuple[str, ...], str]] = dataclasses.field(default_factory=list)
    """The folders between the root and each picture, and its path; in a fixed order."""
    left_out: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    """Number of other entries by kind: an ending such as ".txt", "named pipe", "broken link"."""
    hidden: int = 0
    """Number of hidden entries, a hidden folder being one."""
    repeated: list[str] = dataclasses.field(default_factory=list)
    """Paths that lead to a folder that is listed elsewhere."""

    def notes(self) -> Iterator[str]:
        """What was left out, in a line each; nothing when all was listed."""
        count = self.left_out.total()
        if count:
            kinds = [f"{n} {kind}" for kind, n in self.left_out.most_common()]
            listed = ", ".join(kinds[:_MOST_KINDS])
            more = ", ..." if len(kinds) > _MOST_KINDS else ""
            hidden = f", beside {self.hidden} hidden ones" if self.hidden else ""
            total = len(self.pictures) + count
            yield f"{count} of {total} files were left out: {listed}{more}{hidden}"
        if self.repeated:
            yield (
                f"{len(self.repeated)} links lead to folders that are loaded once already: "
                f"{', '.join(map(shown, self.repeated[:3]))}{', ...' * (len(self.repeated) > 3)}"
            )


def walk(root: str, endings: Collection[str]) -> Listing:
    """The files below `root` whose names have one of the `endings` (in lower case, with the dot).

    Raises:
        UserError: if a folder cannot be read; the message names it.
    """
    listing = Listing()
    seen: set[tuple[int, int]] = set()
    links: collections.deque[tuple[str, tuple[str, ...]]] = collections.deque([(root, ())])
    while links:
        folders = [links.popleft()]
        while folders:
            path, parts = folders.pop()
            real, linked = _list(path, parts, listing, seen, endings)
            folders += reversed(real)
            links += linked
    return listing


def _list(path: str, parts: tuple[str, ...], listing: Listing, seen: set, endings) -> tuple:
    """Adds the files of one folder to the listing; returns its sub-folders, and links to such."""
    real: list[tuple[str, tuple[str, ...]]] = []
    linked: list[tuple[str, tuple[str, ...]]] = []
    try:
        status = os.stat(path)
        if (status.st_dev, status.st_ino) in seen:
            listing.repeated.append(path)
            return real, linked
        seen.add((status.st_dev, status.st_ino))
        with os.scandir(path) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise UserError(f"the folder {shown(path)} cannot be read: {error.strerror}") from error
    for entry in found:
        if entry.name.startswith(".") or entry.name.lower() in LITTER:
            listing.hidden += 1
            continue
        what = _kind(entry)
        if what == "folder":
            (linked if entry.is_symlink() else real).append((entry.path, (*parts, entry.name)))
            continue
        ending = os.path.splitext(entry.name)[1].lower()
        if what is None and ending in endings:
            listing.pictures.append((parts, entry.path))
        else:
            listing.left_out[what or shown(ending) or "without an ending"] += 1
    return real, linked


def _kind(entry: os.DirEntry) -> str | None:
    try:
        return kind(entry.stat().st_mode)
    except OSError:
        return "broken link" if entry.is_symlink() else "entry that cannot be looked at"
