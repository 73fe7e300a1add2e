"""One writer per run directory.

The lock is an advisory `flock` on a file: the kernel drops it when the holder ends, however it
ends, so a stale lock cannot exist. The file's content only says who holds it.
"""

import contextlib
import datetime
import errno
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from gan.errors import LockedError
from gan.files import storage


@contextlib.contextmanager
def lock(path: Path) -> Iterator[None]:
    """Holds the lock file `path`, created if missing; never waits.

    Raises:
        LockedError: another process, or this one, holds it; names host, pid and start time.
        StorageError: the file cannot be created, or its file system has no locks.
    """
    with storage(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    try:
        with storage(path):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                    raise
                raise LockedError(f"{path.parent} is in use by {_holder(path)}") from None
            started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
            holder = {"host": socket.gethostname(), "pid": os.getpid(), "started": started}
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(holder).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _holder(path: Path) -> str:
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
        return f"process {holder['pid']} on {holder['host']} since {holder['started']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process, which is just starting"
