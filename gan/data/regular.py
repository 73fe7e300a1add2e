"""Opening what users name, where only a regular file is meant, and showing its name.

A named pipe without a writer, or a device, would block for ever or never end. The kind is known
before a file is opened and checked again on what was opened.
"""

import errno
import os
import stat
from typing import BinaryIO

KINDS = {
    stat.S_IFIFO: "named pipe",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
    stat.S_IFDIR: "folder",
}
"""What is not a regular file, by the type of its mode."""


def kind(mode: int) -> str | None:
    """What a file of this `st_mode` is, when it is not a regular file; None when it is."""
    return None if stat.S_ISREG(mode) else KINDS.get(stat.S_IFMT(mode), "special file")


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """The regular file `path`, or what a link there leads to, for reading; never blocks.

    Raises:
        OSError: it cannot be opened, or is no regular file; `strerror` says which.
    """
    _check(path, os.stat(path).st_mode)  # opening a device can have effects
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        _check(path, os.fstat(descriptor).st_mode)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def shown(path: str | os.PathLike[str]) -> str:
    """A path as one line of printable text: other characters become backslash escapes."""
    text = os.fspath(path)
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _check(path: str | os.PathLike[str], mode: int) -> None:
    found = kind(mode)
    if found is not None:
        raise OSError(errno.EINVAL, f"it is a {found}", os.fspath(path))
