"""Writing files so that a crash leaves the old or the new content, never a mixture."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gan.errors import StorageError, UserError


@contextlib.contextmanager
def storage(path: Path) -> Iterator[None]:
    """Turns an OSError inside into a StorageError that names `path`."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror or error}") from error


def write_atomically(path: Path, text: str) -> None:
    """Replaces `path` by `text`, on disk before the name appears.

    Raises:
        StorageError: disk full, no permission; the old content is intact.
    """
    temporary = path.with_name(f".{path.name}.new")
    with storage(path):
        try:
            with temporary.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        synchronize(path.parent)


def synchronize(path: Path) -> None:
    """Asks the kernel to put a file or the entries of a folder on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: Path, value: Any) -> None:
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
    except ValueError as error:
        raise UserError(f"{path} is not valid JSON: {error}") from error
