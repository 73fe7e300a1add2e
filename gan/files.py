"""Writing files so that a crash leaves the old or the new content, never a mixture.

Every file of the project is written by `replacing`: under a name of its own in the same folder, put
on disk, then renamed. So any number of processes may write one file at once, the last one wins; and
no symbolic link is followed: one under the final name is replaced, what it points at stays.
Where many files are one result, a folder of them appears at once: `filling`.
"""

import contextlib
import errno
import json
import os
import re
import secrets
import shutil
import stat
import time
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from gan.errors import StorageError, UserError

REFUSALS = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EFBIG,
        errno.EROFS,
        errno.EACCES,
        errno.EPERM,
        errno.EIO,
        errno.EMFILE,
        errno.ENFILE,
    }
)
"""Error numbers of a disk, or a system, that takes nothing more, wherever one writes."""

_UNFINISHED = re.compile(r"\.[0-9a-f]{16}\.new")
ABANDONED_SECONDS = 3600
"""After so long without a write an unfinished file or folder has no writer any more."""

CHECKSUM = "crc32"
"""Name of the entry that `seal` adds."""


@contextlib.contextmanager
def storage(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turns an OSError inside into a StorageError that names `path`."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror or error}") from error


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A new file, to write, seek and read, that takes the place of `path` when the block ends.

    On disk before the name appears. When the block raises, `path` is as it was, and nothing is
    left beside it.

    Raises:
        StorageError: for any OSError, also inside the block: disk full, no permission, no such
            folder; or `path` is there and no regular file.
    """
    path = Path(path)
    with storage(path):
        _require_regular(path)
        temporary = path.with_name(f".{secrets.token_hex(8)}.new")
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(temporary, flags, 0o666)
        try:
            with os.fdopen(descriptor, "w+b") as file:
                yield file
                file.flush()
                os.fsync(descriptor)
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
            raise
        synchronize(path.parent)


@contextlib.contextmanager
def filling(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A new folder, to be filled with `added`, that gets the name `path` when the block ends.

    Nothing, or an empty folder, must have that name. When the block raises, it is as it was, and
    nothing is left beside it. To have the files on disk before the name appears, a block ends with
    `os.sync()`.

    Raises:
        StorageError: for any OSError, also inside the block: disk full, no permission, no such
            parent; or `path` is a file, a link, a mount point or a folder that is not empty.
    """
    path = Path(path)
    with storage(path):
        temporary = path.with_name(f".{secrets.token_hex(8)}.new")
        os.mkdir(temporary)
        try:
            yield temporary
            os.replace(temporary, path)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        synchronize(path.parent)


def added(folder: Path, name: str) -> BinaryIO:
    """A new file, to write, in a folder that is being filled.

    Raises:
        OSError: it cannot be made, or is there.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.fdopen(os.open(folder / name, flags, 0o666), "w+b")


def probe(folder: Path) -> None:
    """Finds out whether a file can be written in a folder, and leaves none.

    Raises:
        StorageError: it cannot.
    """
    temporary = folder / f".{secrets.token_hex(8)}.new"
    with storage(folder):
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(temporary, flags, 0o666)
        try:
            os.write(descriptor, b"\0")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
            os.unlink(temporary)


def set_aside(path: Path, goal: Path) -> Path:
    """Renames `path` to `goal`, or to goal.1, goal.2, ... where that is taken; the name it got.

    Raises:
        StorageError: it cannot be renamed.
    """
    with storage(goal):
        goal.parent.mkdir(parents=True, exist_ok=True)
        free, number = goal, 1
        while os.path.lexists(free):
            free, number = goal.with_name(f"{goal.name}.{number}"), number + 1
        os.rename(path, free)
    return free


def tidy(folder: Path) -> None:
    """Removes the unfinished files and folders of `replacing` and `filling` that killed processes
    left in `folder`."""
    with storage(folder):
        for name in os.listdir(folder) if folder.is_dir() else ():
            if _UNFINISHED.fullmatch(name):
                with contextlib.suppress(FileNotFoundError):
                    found = (folder / name).lstat()
                    if time.time() - found.st_mtime > ABANDONED_SECONDS:
                        remove = shutil.rmtree if stat.S_ISDIR(found.st_mode) else os.unlink
                        remove(folder / name)


def write_atomically(path: str | os.PathLike[str], text: str) -> None:
    """Replaces `path` by `text` in UTF-8; bytes of file names that are none stay what they are.

    Raises:
        StorageError: as `replacing`.
    """
    with replacing(path) as file:
        file.write(text.encode("utf-8", "surrogateescape"))


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Strict JSON (no NaN), indented, replaced atomically."""
    write_atomically(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def read_json(path: str | os.PathLike[str]) -> Any:
    """The value in a JSON file.

    Raises:
        UserError: if the file is missing, unreadable or not JSON.
    """
    try:
        return json.loads(read_bytes(path))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not valid JSON: {error}") from error


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """The content of a regular file; a pipe or a device, which might never end, is an OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        return file.read()


def seal(value: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON object with its checksum, "crc32", which `unseal` checks."""
    return {**value, CHECKSUM: _checksum(value)}


def unseal(value: Any) -> dict[str, Any]:
    """The JSON object without its checksum; as it is if it never had one.

    Raises:
        ValueError: it is no object, or its checksum is another.
    """
    if not isinstance(value, dict):
        raise ValueError("it is no JSON object")
    content = {name: entry for name, entry in value.items() if name != CHECKSUM}
    if CHECKSUM in value and value[CHECKSUM] != _checksum(content):
        raise ValueError("its checksum shows that it was altered")
    return content


def read_sealed(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The object in a JSON file that was written sealed, or by a version without checksums.

    Raises:
        UserError: as `read_json`, or if the file was altered.
    """
    value = read_json(path)
    try:
        return unseal(value)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is damaged: {error}") from error


def keep_copy(path: Path) -> Path:
    """Copies a damaged file, before it is replaced, to PATH.bad, or to PATH.bad.1 and so on."""
    copy, number = path.with_name(f"{path.name}.bad"), 0
    while os.path.lexists(copy):
        number += 1
        copy = path.with_name(f"{path.name}.bad.{number}")
    with replacing(copy) as file:
        file.write(read_bytes(path))
    return copy


def usable(path: str | os.PathLike[str]) -> Path:
    """The absolute path of a folder or file that a user named, "~" and links followed.

    It need not be there yet.

    Raises:
        UserError: it is empty, a name in it is too long, or its links lead nowhere.
    """
    if not os.fspath(path):
        raise UserError("a path must not be empty")
    found = Path(os.path.expanduser(path))
    try:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
            os.stat(found)
        return found.resolve()
    except (OSError, RuntimeError, ValueError) as error:  # what a loop of links, or a NUL, raises
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"{shortened(path)} cannot be a path: {reason}") from error


def shortened(path: str | os.PathLike[str]) -> str:
    """The path for a message, cut in the middle if it is long."""
    text = os.fsdecode(path)
    return text if len(text) <= 160 else f"{text[:80]} ... {text[-40:]}"


def subfolder(path: str | os.PathLike[str], name: str) -> Path:
    """The folder `name` in `path`, made if it is missing.

    Raises:
        StorageError: it cannot be made, or is a symbolic link, which would lead writes elsewhere.
    """
    folder = Path(path, name)
    with storage(folder):
        folder.mkdir(exist_ok=True)
        if folder.is_symlink():
            raise OSError(errno.ELOOP, "it is a symbolic link, and nothing is written through it")
    return folder


def synchronize(path: str | os.PathLike[str]) -> None:
    """Asks the kernel to put a file or the entries of a folder on disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _checksum(value: Mapping[str, Any]) -> str:
    text = json.dumps(value, sort_keys=True, allow_nan=False, separators=(",", ":"))
    return f"{zlib.crc32(text.encode()):08x}"


def _require_regular(path: Path) -> None:
    """Raises OSError for a folder, a device or a pipe, which a rename would replace or hit."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise OSError(errno.EINVAL, "it is there, and no regular file")
