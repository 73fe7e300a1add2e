"""Where things that can be made again are kept between processes: a folder of this user alone."""

import errno
import os
from pathlib import Path


def folder(name: str) -> Path:
    """The folder `name` below $XDG_CACHE_HOME/gan, or ~/.cache/gan, made if it is missing.

    Nobody else can enter it: what lies there is loaded without further questions.

    Raises:
        OSError: if it cannot be made, or belongs to someone else.
    """
    root = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    path = Path(root, "gan", name)
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.stat().st_uid != os.getuid():
        raise PermissionError(errno.EPERM, "belongs to another user", str(path))
    path.chmod(0o700)
    return path
