"""The checkpoints of a run: which steps there are, which is best, which one can be trusted.

One folder per step, written under another name and renamed when it is complete and on disk;
deleted by renaming first. What lies in a folder is the matter of `gan.runs.sealed`.
"""

import contextlib
import math
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gan.errors import CheckpointError, NonFiniteError, StorageError, UserError
from gan.files import storage, synchronize
from gan.runs import processes, sealed, trees
from gan.runs.sealed import BadError


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
                leaves = sealed.load(self.path / str(left[-1]), left[-1], template)
            except BadError as error:
                if os.path.lexists(self.path / str(left[-1])):
                    bad[left[-1]] = str(error)
                continue
            self._found_bad(bad, left[-1])
            return left[-1], leaves

    def _load_step(self, step: int, template: Any) -> dict[str, np.ndarray]:
        path = self.path / str(step)
        try:
            if not os.path.lexists(path):
                raise BadError("missing")
            return sealed.load(path, step, template)
        except BadError as error:
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
            with contextlib.suppress(BadError):
                score = sealed.record(self.path / str(step), step)["score"]
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
        self._unborn = path.with_name(f".saving-{path.name}")

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
            if array.dtype.name not in sealed.DTYPES:
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
                sealed.load(final, step)
            except BadError as error:
                print(f"checkpoint {final} is bad: {error}; saving it again", file=sys.stderr)
                self._move_aside(step)
            else:
                if sealed.record(final, step)["tree_hash"] != record["tree_hash"]:
                    raise CheckpointError(f"checkpoint {final} exists, with another state")
                return
        self._write(final, leaves, record)
        self._delete_old(step)

    def _write(self, final: Path, leaves: Mapping[str, np.ndarray], record: dict[str, Any]) -> None:
        self.clean()
        first = not self.path.exists()  # then the folder appears with its first step, or not at all
        folder = self._unborn if first else self.path
        temporary = folder / (final.name if first else f".saving-{final.name}")
        try:
            folder.mkdir(exist_ok=True)
            sealed.write(temporary, leaves, record)
            os.rename(*((folder, self.path) if first else (temporary, final)))
            synchronize(self.path.parent if first else self.path)
        except Exception as error:
            with contextlib.suppress(StorageError):
                self.clean()
            reason = sealed.reason(error)
            raise StorageError(f"cannot write checkpoint {final}: {reason}") from error

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
            if os.path.lexists(self._unborn):
                _remove(self._unborn)
            for name in os.listdir(self.path) if self.path.is_dir() else ():
                if name.startswith((".saving-", ".deleting-")):
                    _remove(self.path / name)


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
