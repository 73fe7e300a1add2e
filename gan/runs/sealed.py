"""One checkpoint on disk: either exactly the state that was saved, or an error.

Beside Orbax's files lies record.json: step, score, name, dtype and shape of every leaf, the hash
of the state and of every file, sealed by its own hash. A damaged file is found before a parser
sees it; what is read is compared with the record and hashed again. Orbax alone restores
flipped bits, casts dtypes and allocates whatever shape a file declares. Nothing is pickled.
"""

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gan.errors import GanError, UserError
from gan.files import synchronize, write_atomically
from gan.runs import processes, trees

DTYPES = frozenset(
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 "
    "bfloat16 float16 float32 float64 complex64 complex128".split()
)
"""What a leaf may be made of, besides PRNG keys."""

RECORD = "record.json"

SLACK_BYTES = 1024
"""Per leaf, what Orbax may store compressed among its own data whatever the settings."""

OVERHEAD_BYTES = 65_536
"""What a checkpoint needs on disk besides its leaves, of which each counts SLACK_BYTES more."""


DESCRIPTORS = "/proc/self/fd"
"""Where the system gives the folders that this process has open a name of their own."""


class BadError(Exception):
    """A checkpoint that cannot be trusted, and why."""


def write(path: Path, leaves: Mapping[str, np.ndarray], record: Mapping[str, Any]) -> None:
    """Writes leaves and their record into the new folder `path`; on disk when this returns.

    What was written is read back and compared bit by bit before it is sealed.

    Args:
        leaves: arrays by name, as `gan.runs.trees.flatten` gives them.
        record: step, score, tree_hash, and leaves: [dtype, shape] by name.

    Raises:
        OSError: the disk is too full to begin.
        BadError: something else was read back; otherwise whatever Orbax raises.
    """
    import orbax.checkpoint as ocp

    needed = OVERHEAD_BYTES + sum(array.nbytes + SLACK_BYTES for array in leaves.values())
    if shutil.disk_usage(path.parent).free < needed:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    stored = {name: array for name, array in leaves.items() if array.size}
    with _orbax() as checkpointer, _plain(path) as place:
        checkpointer.save(place, args=ocp.args.PyTreeSave(stored))
        _require_same(_restored(checkpointer, place, leaves), leaves)
    whole = {**record, "files": {name: _file_hash(path / name) for name in _plain_files(path)}}
    write_atomically(path / RECORD, json.dumps({**whole, "seal": _seal(whole)}))
    for folder, _, files in os.walk(path):
        for name in files:
            synchronize(Path(folder, name))
        synchronize(Path(folder))


def load(path: Path, step: int, template: Any = None) -> dict[str, np.ndarray]:
    """The leaves of one checkpoint, with the bits that were saved.

    Raises:
        BadError: otherwise.
        UserError: it is another state than the template's.
    """
    found = record(path, step)
    with _trusting_nothing():
        expected = _expected(path, found)
    if template is not None:
        different = trees.difference(found["leaves"], template)
        if different:
            raise UserError(f"checkpoint {path} does not fit: {different}")
    with _trusting_nothing(), _orbax() as checkpointer, _plain(path) as place:
        leaves = _restored(checkpointer, place, expected)
        if trees.hash_leaves(leaves) != found["tree_hash"]:
            raise BadError("its arrays do not have the hash that was saved")
    return leaves


def record(path: Path, step: int) -> dict[str, Any]:
    """The sealed record of one checkpoint.

    Raises:
        BadError: it is damaged, or another step's, or the folder holds more than plain files.
    """
    with _trusting_nothing():
        files = set(_plain_files(path))
        found = json.loads((path / RECORD).read_text(encoding="utf-8"))
        if found.pop("seal") != _seal(found) or found["step"] != step:
            raise BadError(f"{RECORD} is damaged")
        different = files ^ {RECORD, *found["files"]}
        if different:
            raise BadError(f"{min(different)} is missing or does not belong there")
    return found


def check(path: Path, step: int) -> dict[str, Any]:
    """The sealed record of one checkpoint, all of whose files have the hashes in it.

    Raises:
        BadError: otherwise.
    """
    found = record(path, step)
    with _trusting_nothing():
        _expected(path, found)
    return found


def reason(error: BaseException) -> str:
    """The innermost cause in a line: the system's words if the system refused."""
    while error.__cause__ is not None:
        error = error.__cause__
    code = re.search(r"os_error_code='(\d+)'", str(error))
    if code:
        return os.strerror(int(code[1]))
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:200]


def _seal(record: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def _orbax() -> Any:
    """Orbax's checkpointer, acting on this process alone and storing arrays uncompressed.

    Uncompressed, a checkpoint's files are at least as large as its arrays, so that a declared
    shape can be checked before anything is allocated.
    """
    import orbax.checkpoint as ocp

    alone = ocp.options.MultiprocessingOptions()
    if processes.several():
        index = processes.index()
        alone = ocp.options.MultiprocessingOptions(index, {index}, f"process{index}")
    handler = ocp.PyTreeCheckpointHandler(
        use_ocdbt=True, use_compression=False, multiprocessing_options=alone
    )
    return ocp.Checkpointer(handler, multiprocessing_options=alone)


@contextlib.contextmanager
def _plain(path: Path) -> Iterator[Path]:
    """A name of `path` without the characters of the folders that it lies in.

    Orbax and its libraries take paths for more than names of files: brackets and stars for
    patterns, a backslash for a separator, "gs:" for a cloud, and bytes that are not UTF-8 for
    nothing at all. The name leads through an open descriptor, so a system without /proc keeps the
    path as it is; what fails there, fails when it is read back.
    """
    if not os.path.isdir(DESCRIPTORS):
        yield path
        return
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield Path(DESCRIPTORS, str(descriptor), path.name)
    finally:
        os.close(descriptor)


def _restored(
    checkpointer: Any, path: Path, expected: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Orbax's arrays in `path`, which have the names, dtypes and shapes of the expected ones."""
    import orbax.checkpoint as ocp

    metadata = checkpointer.metadata(path).item_metadata
    found = {name: (leaf.dtype, leaf.shape) for name, leaf in metadata.tree.items()}
    asked = {name: (array.dtype, array.shape) for name, array in expected.items() if array.size}
    if found != asked:
        raise BadError("its arrays are not those of its record")
    as_numpy = {name: ocp.RestoreArgs(restore_type=np.ndarray) for name in found}
    loaded = checkpointer.restore(path, args=ocp.args.PyTreeRestore(restore_args=as_numpy))
    return {name: loaded.get(name, array) for name, array in expected.items()}


def _require_same(found: Mapping[str, np.ndarray], leaves: Mapping[str, np.ndarray]) -> None:
    for name, array in leaves.items():
        read, written = (
            np.ascontiguousarray(side).reshape(-1).view(np.uint8) for side in (found[name], array)
        )
        if not np.array_equal(read, written):
            raise BadError(f"what was read back of {name!r} is not what was written")


@contextlib.contextmanager
def _trusting_nothing() -> Iterator[None]:
    """Turns whatever a damaged file makes a parser raise into BadError."""
    try:
        yield
    except (GanError, BadError):
        raise
    except Exception as error:
        raise BadError(reason(error)) from error


def _expected(path: Path, record: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Stand-ins of no bytes for the arrays of a record, once its files are found undamaged."""
    for name, digest in record["files"].items():
        if _file_hash(path / name) != digest:
            raise BadError(f"{name} is damaged")
    expected = {}
    for name, (dtype, shape) in record["leaves"].items():
        if not trees.safe(name) or not all(type(side) is int and side >= 0 for side in shape):
            raise BadError(f"leaf {name!r} of shape {shape} is not acceptable")
        expected[name] = np.broadcast_to(np.empty((), _array_dtype(dtype)), shape)
    declared = sum(array.nbytes for array in expected.values())
    held = sum((path / name).stat().st_size for name in record["files"])
    if declared > held + SLACK_BYTES * len(expected):
        raise BadError(f"its record declares {declared} bytes, its files hold {held}")
    return expected


def _plain_files(path: Path, prefix: str = "") -> list[str]:
    """Relative names of all files under `path`, which are regular files in real folders."""
    mode = path.lstat().st_mode
    if stat.S_ISREG(mode):
        return [prefix]
    if not stat.S_ISDIR(mode):
        raise BadError(f"{path} is neither a file nor a folder")
    names = [(path / name, os.path.join(prefix, name)) for name in os.listdir(path)]
    return [file for inner, name in names for file in _plain_files(inner, name)]


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _array_dtype(name: str) -> np.dtype:
    import jax.numpy as jnp

    name = "uint32" if name.startswith("key<") else name
    if name not in DTYPES:
        raise BadError(f"dtype {name!r} is not acceptable")
    return jnp.dtype(name)
