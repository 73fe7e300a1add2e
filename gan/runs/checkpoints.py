"""Checkpoints that are either exactly the state that was saved, or an error.

One folder per step, written by Orbax under another name and renamed when it is complete and on
disk. Beside Orbax's files lies record.json: step, score, name, dtype and shape of every leaf,
the hash of the state and of every file, sealed by its own hash. A damaged file is found before
a parser sees it; what is read is compared with the record and hashed again. Orbax alone restores
flipped bits, casts dtypes and allocates whatever shape a file declares. Nothing is pickled.
"""

import contextlib
import errno
import hashlib
import json
import math
import os
import re
import shutil
import stat
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gan.errors import CheckpointError, GanError, NonFiniteError, StorageError, UserError
from gan.runs import processes, trees
from gan.runs.files import storage, synchronize

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


class Checkpoints:
    """The checkpoints under one folder, to read; never writes, and needs no lock.

    The folder may change meanwhile: a step that its writer deletes while it is read is given up
    for the newest one there is.
    """

    def __init__(self, path: Path):
        self.path = path

    def steps(self) -> list[int]:
        """Steps on disk, ascending, good or bad."""
        if self.path.is_symlink():
            raise CheckpointError(f"{self.path} is a symbolic link")
        try:
            names = os.listdir(self.path)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise CheckpointError(f"cannot read {self.path}: {error.strerror}") from error
        return sorted(int(name) for name in names if _is_step(name))

    def best(self) -> int | None:
        """The step with the lowest score, the earliest of equals; None if none has a score."""
        scores = self._scores()
        return min(scores, key=lambda step: (scores[step], step)) if scores else None

    def restore(self, template: Any, step: int | None = None) -> tuple[int, Any]:
        """(step, state) with the template's structure, shapes, dtypes and placement.

        Args:
            template: tree of arrays or `jax.ShapeDtypeStruct`s.
            step: None for the newest good one.

        Raises:
            UserError: no such step (lists those there are), or the checkpoint holds another
                tree, shape or dtype (names the leaf).
            CheckpointError: the step, or every step, is damaged.
        """
        step, leaves = self._load(step, template)
        return step, trees.rebuild(leaves, template)

    def read(self, step: int | None = None) -> tuple[int, dict[str, Any]]:
        """(step, nested dictionaries of NumPy arrays); PRNG keys as key data.

        Raises:
            UserError: no such step; lists those there are.
            CheckpointError: the step, or every step, is damaged.
        """
        step, leaves = self._load(step)
        return step, trees.nest(leaves)

    def _load(self, step: int | None, template: Any = None) -> tuple[int, dict[str, np.ndarray]]:
        """The asked or the newest good step's leaves, verified."""
        if step is not None:
            _check_step(step)
            return int(step), self._load_step(int(step), template)
        bad: dict[int, str] = {}
        while True:
            left = [step for step in self.steps() if step not in bad]
            if not left and not bad:
                raise UserError(f"{self.path} holds no checkpoint")
            if not left:
                reasons = "; ".join(f"{step}: {bad[step]}" for step in sorted(bad)[-3:])
                raise CheckpointError(f"every checkpoint in {self.path} is bad ({reasons})")
            try:
                leaves = _load(self.path / str(left[-1]), left[-1], template)
            except _BadError as error:
                if os.path.lexists(self.path / str(left[-1])):
                    bad[left[-1]] = str(error)
                continue
            self._found_bad(bad, left[-1])
            return left[-1], leaves

    def _load_step(self, step: int, template: Any) -> dict[str, np.ndarray]:
        path = self.path / str(step)
        try:
            if not os.path.lexists(path):
                raise _BadError("missing")
            return _load(path, step, template)
        except _BadError as error:
            if os.path.lexists(path):
                raise CheckpointError(f"checkpoint {path} is bad: {error}") from error
            there = ", ".join(map(str, self.steps())) or "none"
            raise UserError(
                f"no checkpoint of step {step} in {self.path}; there: {there}"
            ) from None

    def _found_bad(self, bad: Mapping[int, str], used: int) -> None:
        for step, reason in sorted(bad.items()):
            print(
                f"checkpoint {self.path / str(step)} is bad: {reason}; using {used}",
                file=sys.stderr,
            )

    def _scores(self) -> dict[int, float]:
        """Scores of the steps that have one; a step without a readable record has none."""
        scores = {}
        for step in self.steps():
            with contextlib.suppress(_BadError):
                score = _record(self.path / str(step), step)["score"]
                if score is not None:
                    scores[step] = score
        return scores


class WritableCheckpoints(Checkpoints):
    """The same for the holder of the run directory's lock.

    In a run of several processes every method is called by all of them, on a shared file system;
    process 0 writes, and an error on one is an error on all.
    """

    def __init__(self, path: Path, keep: int):
        super().__init__(path)
        self.keep = keep
        """How many of the newest steps are kept, besides the best."""

    def save(self, step: int, state: Any, score: float | None = None) -> None:
        """Saves the state; complete and on disk when this returns, older ones deleted after that.

        A step that is already there with the same bits stays as it is, its score too.

        Args:
            step: >= 0.
            state: tree of arrays, replicated over processes.
            score: lower is better; the best-scored step is kept.

        Raises:
            NonFiniteError: the score or a leaf is NaN or infinite; names it.
            UserError: a leaf is no array of a supported dtype; names it.
            CheckpointError: the step is there with other bits.
            StorageError: disk full, no permission; earlier checkpoints are intact.
        """
        processes.on_first(lambda: self._save(step, state, score))

    def _load(self, step: int | None, template: Any = None) -> tuple[int, dict[str, np.ndarray]]:
        loaded: list[Any] = []

        def first() -> int:
            loaded.append(super(WritableCheckpoints, self)._load(step, template))
            return loaded[0][0]

        agreed = processes.on_first(first)
        return processes.everywhere(
            lambda: loaded[0] if loaded else (agreed, self._load_step(agreed, template))
        )

    def _found_bad(self, bad: Mapping[int, str], used: int) -> None:
        super()._found_bad(bad, used)
        for step in bad:
            self._move_aside(step)

    def _move_aside(self, step: int) -> None:
        """Renames a bad checkpoint into checkpoints.bad/, under a number if the name is taken."""
        folder = self.path.with_name(self.path.name + ".bad")
        with storage(folder):
            folder.mkdir(exist_ok=True)
            goal, number = folder / str(step), 1
            while os.path.lexists(goal):
                goal, number = folder / f"{step}.{number}", number + 1
            os.rename(self.path / str(step), goal)

    def _save(self, step: int, state: Any, score: float | None) -> None:
        _check_step(step)
        if score is not None and not math.isfinite(score):
            raise NonFiniteError(f"step {step}: the score is {score}")
        leaves = trees.flatten(state)
        for name, array in leaves.items():
            if array.dtype.name not in DTYPES:
                raise UserError(f"leaf {name!r}: dtype {array.dtype.name} cannot be saved")
        trees.require_finite(leaves, step)
        described = {name: trees.describe(leaf) for name, leaf in trees.named(state).items()}
        record = {
            "step": int(step),
            "score": None if score is None else float(score),
            "tree_hash": trees.hash_leaves(leaves),
            "leaves": described,
        }
        final = self.path / str(step)
        if int(step) in self.steps():
            try:
                _load(final, step)
            except _BadError as error:
                print(f"checkpoint {final} is bad: {error}; saving it again", file=sys.stderr)
                self._move_aside(step)
            else:
                if _record(final, step)["tree_hash"] != record["tree_hash"]:
                    raise CheckpointError(f"checkpoint {final} exists, with another state")
                return
        self._write(final, leaves, record)
        self._delete_old(step)

    def _write(self, final: Path, leaves: Mapping[str, np.ndarray], record: dict[str, Any]) -> None:
        import orbax.checkpoint as ocp

        temporary = self.path / f".saving-{final.name}"
        stored = ocp.args.PyTreeSave({name: array for name, array in leaves.items() if array.size})
        self.clean()
        needed = OVERHEAD_BYTES + sum(array.nbytes + SLACK_BYTES for array in leaves.values())
        try:
            self.path.mkdir(exist_ok=True)
            if shutil.disk_usage(self.path).free < needed:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            with _orbax() as checkpointer:
                checkpointer.save(temporary, args=stored)
            hashes = {name: _file_hash(temporary / name) for name in _plain_files(temporary)}
            record = {**record, "files": hashes}
            (temporary / RECORD).write_text(json.dumps({**record, "seal": _seal(record)}))
            for folder, _, files in os.walk(temporary):
                for name in files:
                    synchronize(Path(folder, name))
                synchronize(Path(folder))
            os.rename(temporary, final)
            synchronize(self.path)
        except Exception as error:
            with contextlib.suppress(StorageError):
                self.clean()
            raise StorageError(f"cannot write checkpoint {final}: {_reason(error)}") from error

    def _delete_old(self, saved: int) -> None:
        steps = self.steps()
        if len(steps) <= self.keep:
            return
        kept = {saved, self.best(), *steps[-self.keep :]}
        with storage(self.path):
            for step in steps:
                if step not in kept:
                    gone = self.path / f".deleting-{step}"
                    os.rename(self.path / str(step), gone)
                    _remove(gone)

    def clean(self) -> None:
        """Removes what an unfinished save or deletion left."""
        with storage(self.path):
            for name in os.listdir(self.path) if self.path.is_dir() else ():
                if name.startswith((".saving-", ".deleting-")):
                    _remove(self.path / name)


class _BadError(Exception):
    """A checkpoint that cannot be trusted, and why."""


def _is_step(name: str) -> bool:
    return name.isascii() and name.isdigit() and name == str(int(name))


def _check_step(step: Any) -> None:
    if not isinstance(step, int | np.integer) or isinstance(step, bool) or step < 0:
        raise UserError(f"step must be an integer >= 0, got {step!r}")


def _remove(path: Path) -> None:
    if path.is_symlink() or not path.is_dir():
        path.unlink()
    else:
        shutil.rmtree(path)


def _seal(record: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def _reason(error: BaseException) -> str:
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


def _load(path: Path, step: int, template: Any = None) -> dict[str, np.ndarray]:
    """The leaves of one checkpoint, with the bits that were saved.

    Raises:
        _BadError: otherwise.
        UserError: it is another state than the template's.
    """
    import orbax.checkpoint as ocp

    record = _record(path, step)
    with _trusting_nothing():
        expected = _expected(path, record)
    if template is not None:
        different = trees.difference(record["leaves"], template)
        if different:
            raise UserError(f"checkpoint {path} does not fit: {different}")
    with _trusting_nothing(), _orbax() as checkpointer:
        stored = checkpointer.metadata(path).item_metadata.tree
        if {name: (leaf.dtype, leaf.shape) for name, leaf in stored.items()} != {
            name: (array.dtype, array.shape) for name, array in expected.items() if array.size
        }:
            raise _BadError("its arrays are not those of its record")
        as_numpy = {name: ocp.RestoreArgs(restore_type=np.ndarray) for name in stored}
        loaded = checkpointer.restore(path, args=ocp.args.PyTreeRestore(restore_args=as_numpy))
        leaves = {name: loaded.get(name, array) for name, array in expected.items()}
        if trees.hash_leaves(leaves) != record["tree_hash"]:
            raise _BadError("its arrays do not have the hash that was saved")
    return leaves


@contextlib.contextmanager
def _trusting_nothing() -> Iterator[None]:
    """Turns whatever a damaged file makes a parser raise into _BadError."""
    try:
        yield
    except (GanError, _BadError):
        raise
    except Exception as error:
        raise _BadError(_reason(error)) from error


def _record(path: Path, step: int) -> dict[str, Any]:
    """The sealed record of one checkpoint.

    Raises:
        _BadError: it is damaged, or another step's, or the folder holds more than plain files.
    """
    with _trusting_nothing():
        found = set(_plain_files(path))
        record = json.loads((path / RECORD).read_text(encoding="utf-8"))
        if record.pop("seal") != _seal(record) or record["step"] != step:
            raise _BadError(f"{RECORD} is damaged")
        different = found ^ {RECORD, *record["files"]}
        if different:
            raise _BadError(f"{min(different)} is missing or does not belong there")
    return record


def _expected(path: Path, record: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Stand-ins of no bytes for the arrays of a record, once its files are found undamaged."""
    for name, digest in record["files"].items():
        if _file_hash(path / name) != digest:
            raise _BadError(f"{name} is damaged")
    expected = {}
    for name, (dtype, shape) in record["leaves"].items():
        if not trees.safe(name) or not all(type(side) is int and side >= 0 for side in shape):
            raise _BadError(f"leaf {name!r} of shape {shape} is not acceptable")
        expected[name] = np.broadcast_to(np.empty((), _array_dtype(dtype)), shape)
    declared = sum(array.nbytes for array in expected.values())
    held = sum((path / name).stat().st_size for name in record["files"])
    if declared > held + SLACK_BYTES * len(expected):
        raise _BadError(f"its record declares {declared} bytes, its files hold {held}")
    return expected


def _plain_files(path: Path, prefix: str = "") -> list[str]:
    """Relative names of all files under `path`, which are regular files in real folders."""
    mode = path.lstat().st_mode
    if stat.S_ISREG(mode):
        return [prefix]
    if not stat.S_ISDIR(mode):
        raise _BadError(f"{path} is neither a file nor a folder")
    names = [(path / name, os.path.join(prefix, name)) for name in os.listdir(path)]
    return [file for inner, name in names for file in _plain_files(inner, name)]


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _array_dtype(name: str) -> np.dtype:
    import jax.numpy as jnp

    name = "uint32" if name.startswith("key<") else name
    if name not in DTYPES:
        raise _BadError(f"dtype {name!r} is not acceptable")
    return jnp.dtype(name)
