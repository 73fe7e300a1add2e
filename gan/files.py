"""Writing files so that a crash leaves the old or the new content, never a mixture.

Every file of the project is written by `replacing`: under a name of its own in the same folder, put
on disk, then renamed. So any number of processes may write one file at once, the last one wins; and
no symbolic link is followed: one under the final name is replaced, what it points at stays.
"""

import contextlib
import errno
import json
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from gan.errors import StorageError, UserError

_UNFINISHED = re.compile(r"\.[0-9a-f]{16}\.new")
ABANDONED_SECONDS = 3600
"""After so long without a write an unfinished file has no writer any more."""


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


def tidy(folder: Path) -> None:
    """Removes the unfinished files of `replacing` that killed processes left in `folder`."""
    with storage(folder):
        for name in os.listdir(folder) if folder.is_dir() else ():
            if _UNFINISHED.fullmatch(name):
                with contextlib.suppress(FileNotFoundError):
                    if time.time() - (folder / name).lstat().st_mtime > ABANDONED_SECONDS:
                        os.unlink(folder / name)


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


def read_json(path: Path) -> Any:
    """The value in a JSON file.

    Raises:
        UserError: if the file is missing, unreadable or not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not valid JSON: {error}") from error


def synchronize(path: str | os.PathLike[str]) -> None:
    """Asks the kernel to put a file or the entries of a folder on disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _require_regular(path: Path) -> None:
    """Raises OSError for a folder, a device or a pipe, which a rename would replace or hit."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise OSError(errno.EINVAL, "it is there, and no regular file")
