"""Where things that can be made again are kept between processes: a folder of this user alone.

Compiled programs are loaded from there and executed, so nobody else may be able to put anything
there, nor to put another folder in its place. Every component of the path is checked, from the root
on: it belongs to this user or to root; nobody else can rename what lies in it; it is a real folder.
"""

import errno
import grp
import os
import pwd
import stat
import sys
from pathlib import Path

_MOST_LINKS = 40


def folder(name: str) -> Path:
    """The folder `name` below $XDG_CACHE_HOME/gan, or ~/.cache/gan, made if it is missing.

    Symbolic links are followed only where root has made them in a folder that only root can write
    (as a system does that keeps /home elsewhere), and never in place of the last two folders.

    Raises:
        OSError: it cannot be made, or others could change what lies there; `filename` is the
            component that is not safe, `strerror` says why.
    """
    root = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(root):  # to be ignored, says the standard that defines the variable
        root = os.path.expanduser("~/.cache")
    if not os.path.isabs(root):
        raise FileNotFoundError(errno.ENOENT, "there is no home folder", root)
    path = _checked(Path(os.path.normpath(root)))
    for part in ("gan", name):
        path /= part
        if path.is_symlink():
            raise PermissionError(errno.EPERM, "it is a symbolic link", str(path))
        _check_folder(path)
        path.chmod(0o700)
    return path


def _checked(path: Path) -> Path:
    """The real path of a folder, every component of which is safe; missing ones are made."""
    waiting, real, links = list(reversed(path.parts[1:])), Path(path.anchor), 0
    _check_folder(real)
    while waiting:
        inner = real / waiting.pop()
        if not inner.is_symlink():
            real = inner
            _check_folder(real)
            continue
        links += 1
        if links > _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
        parent = real.stat()
        if parent.st_uid or inner.lstat().st_uid or parent.st_mode & 0o022:
            raise PermissionError(errno.EPERM, "it is a symbolic link", str(inner))
        target = Path(os.path.normpath(real / os.readlink(inner)))
        waiting += reversed(target.parts[1:])
        real = Path(target.anchor)
    return real


def _check_folder(path: Path) -> None:
    """Makes a folder if it is missing; PermissionError if others could change what it holds."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
    mine = os.getuid()
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, "it is no folder", str(path))
    if found.st_uid not in (0, mine):
        raise PermissionError(errno.EPERM, "it belongs to another user", str(path))
    shared = found.st_mode & 0o002
    shared |= found.st_mode & 0o020 and not _is_private(found.st_gid, mine)
    if shared and not found.st_mode & stat.S_ISVTX:
        raise PermissionError(errno.EPERM, "other users can write to it", str(path))


def _is_private(group: int, user: int) -> bool:
    """Whether a group is the user's own, as systems make one of the same name for each user."""
    try:
        entry, name = grp.getgrgid(group), pwd.getpwuid(user).pw_name
    except KeyError:
        return False
    return entry.gr_name == name and set(entry.gr_mem) <= {name}


def keep_compilations() -> None:
    """Keep compiled programs between processes, in a folder that only this user can enter."""
    import jax

    if jax.config.jax_compilation_cache_dir:
        return
    try:
        kept = folder("xla")
    except OSError as error:
        print(f"no compilation cache: {error.filename}: {error.strerror}", file=sys.stderr)
        return
    jax.config.update("jax_compilation_cache_dir", str(kept))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
