"""Where a command writes: checked before its work begins, since hours may lie in between.

A path that cannot be meant is a mistake (status 2); a disk that takes nothing, which is found out
by writing there, is not the user's (status 6).
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gan import files
from gan.errors import UserError


def folder(path: str | os.PathLike[str], flag: str = "--workdir") -> Path:
    """The folder `path`, made if missing, in which files can be written.

    Raises:
        UserError: an empty path, a name that is too long, or something that is no folder.
        StorageError: it cannot be made or written in.
    """
    found = _named(path, flag)
    for part in (found, *found.parents):
        with files.storage(part):
            if os.path.lexists(part) and not part.is_dir():
                raise UserError(f"{flag} {found}: {part} is no folder")
    with files.storage(found):
        found.mkdir(parents=True, exist_ok=True)
    files.probe(found)
    return found


def bind(path: Path, settings: dict[str, Any], default: dict[str, Any] | None = None) -> None:
    """Keeps what the results of a folder are of, at the first start, and refuses another later.

    Args:
        path: of the .json file in that folder.
        settings: objects within objects, as JSON has them.
        default: settings that a file of an earlier version has where it does not name them.

    Raises:
        UserError: naming up to three settings that differ.
    """
    if not path.exists():
        files.write_json(path, settings)
        return
    kept = _flat(default or {}) | _flat(files.read_json(path))
    given = _flat(settings)
    changed = [f"{k}: {kept.get(k)} -> {v}" for k, v in given.items() if kept.get(k) != v]
    if changed:
        raise UserError(
            f"{path.parent} holds results of other settings: {'; '.join(changed[:3])}; take "
            "another --workdir"
        )


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = value
    return found


def new_folder(path: str | os.PathLike[str], flag: str = "--output") -> Path:
    """The folder `path`, made if missing and empty, which `files.filling` can fill.

    Raises:
        UserError: it holds something, which would be lost or mixed with what is written; or as
            `folder`.
        StorageError: as `folder`, or a folder with files in it cannot take this name, as that of a
            mount point.
    """
    found = files.usable(_named(path, flag))
    with files.storage(found):
        if os.path.lexists(found):
            if not found.is_dir():
                raise UserError(f"{flag} {path} is no folder")
            if held := len(os.listdir(found)):
                raise UserError(
                    f"{flag} {path} is a folder that holds something ({held} entries): name a new "
                    "or an empty one"
                )
    folder(found.parent, flag)
    with files.filling(found):
        pass  # the name can be taken, and is, by an empty folder
    return found


def file(
    path: str | os.PathLike[str],
    endings: Sequence[str],
    inputs: Sequence[str] = (),
    flag: str = "--output",
) -> Path:
    """The file `path`, which can be written; its folder is made if missing.

    Args:
        path: of the file.
        endings: those that the command can write, in small letters.
        inputs: paths, some perhaps of no files, that the command reads.
        flag: that gave the path.

    Raises:
        UserError: another ending, a folder or device, an input, or as `folder`.
        StorageError: as `folder`.
    """
    found = _named(path, flag)
    if found.suffix.lower() not in endings:
        raise UserError(f"{flag} must end in {' or '.join(endings)}, got {path}")
    with files.storage(found):
        if found.exists():
            if not found.is_file():
                raise UserError(f"{flag} {path} is no regular file")
            for read in inputs:
                if os.path.exists(read) and os.path.samefile(read, found):
                    raise UserError(f"{flag} {path} is an input, which would be lost")
    folder(found.parent, flag)
    return found


def _named(path: str | os.PathLike[str], flag: str) -> Path:
    try:
        files.usable(path)
    except UserError as error:
        raise UserError(f"{flag}: {error}") from error
    return Path(path)
