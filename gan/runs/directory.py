"""The run directory: where one training run keeps its config, log and checkpoints.

config.json        the complete config, the contract that a continued run must keep
environment.json   a list: versions, devices, commit and command of every start
metrics.jsonl      one object per logged step
checkpoints/       one folder per step; bad ones end in checkpoints.bad/
lock               held by the one process that writes
"""

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gan import config as configs
from gan import earlier, files
from gan.config import Config
from gan.errors import StorageError, UserError
from gan.inputs import shown
from gan.runs import metrics, processes
from gan.runs.checkpoints import Checkpoints, WritableCheckpoints
from gan.runs.environment import environment
from gan.runs.lock import lock

CHANGEABLE = frozenset(
    {
        "log_every",
        "evaluate_every",
        "sample_every",
        "checkpoint_every",
        "keep_checkpoints",
        "metrics",
    }
)
"""Fields that do not change the state, and may differ when a run continues."""


class Run:
    """A run directory to look at; nothing in it is written but the scores of an evaluation."""

    def __init__(self, path: Path, config: Config, checkpoints: Checkpoints):
        self.path = path
        self.config = config
        self.checkpoints = checkpoints

    def metrics(self) -> list[dict[str, Any]]:
        """The logged records so far, oldest first; a line being written is left out."""
        return metrics.read(self.path / "metrics.jsonl")

    def environment(self) -> list[dict[str, Any]]:
        """Versions, devices, commit and command of every start, oldest first."""
        return _starts(self.path / "environment.json")

    def evaluation(self) -> dict[str, Any]:
        """The scores of the latest evaluation."""
        return earlier.values(files.read_sealed(self.path / "evaluation.json"))

    def record_evaluation(self, scores: Mapping[str, Any]) -> None:
        """Keeps the scores of an evaluation; also while another process trains or evaluates."""
        files.write_json(self.path / "evaluation.json", files.seal(scores))

    def data(self) -> dict[str, Any]:
        """Description of the data set that the run learns from: "name", "shape" and "class_names".

        Runs of versions that did not keep the names of classes have none.

        Raises:
            UserError: it is missing, damaged, or lacks what it must say.
        """
        path = self.path / "data.json"
        found = {"class_names": []} | files.read_sealed(path)
        shape, names = found.get("shape"), found["class_names"]
        if not (isinstance(shape, list) and all(type(side) is int and side > 0 for side in shape)):
            raise UserError(f"{path} must give the shape of an example, got {shape!r}")
        if not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
            raise UserError(f"{path} must give class_names as a list of texts, got {names!r}")
        if self.config.conditional and not names:
            raise UserError(f"{path} has no class_names, which a conditional run needs")
        if not isinstance(found.get("name"), str):
            raise UserError(f"{path} must give the name of the data set")
        return found

    def check_data(self, described: Mapping[str, Any]) -> None:
        """Raises UserError, naming the fields, if the data are not those the run started with."""
        saved = files.read_sealed(self.path / "data.json")
        changed = [n for n in saved if n != "notes" and saved[n] != described.get(n)]
        if changed:
            fields = "; ".join(f"{n}: {saved[n]} -> {described.get(n)}" for n in changed[:2])
            raise UserError(f"the data set changed since {self.path} was started: {fields}")

    def read_step(self, step: int | str | None = None) -> tuple[int, dict[str, Any]]:
        """A verified checkpoint as (step, tree of numpy arrays).

        Args:
            step: its number, "best" (lowest validation score among those kept), or None for the
                newest.

        Raises:
            CheckpointError: see Checkpoints.read.
            UserError: there is no best one, since none was scored, or `step` is another text.
        """
        if step == "best":
            step = self.checkpoints.best()
            if step is None:
                raise UserError(f"{self.path}: no kept checkpoint was scored; name its step")
        if isinstance(step, str):
            raise UserError(f"step must be a number, 'best' or None, got {shown(step)}")
        return self.checkpoints.read(step)


class WritableRun(Run):
    """A run directory whose lock this process (of several: process 0) holds."""

    checkpoints: WritableCheckpoints

    @property
    def primary(self) -> bool:
        """Whether this process writes, of the several that may train one model."""
        return processes.index() == 0

    def resume(self, fresh: Any) -> tuple[int, Any]:
        """(step, state) of the newest good checkpoint, or (0, `fresh`) when there never was one.

        Later log records are dropped. Raises CheckpointError if every checkpoint is bad.
        """
        step, state = 0, fresh
        if _started(self.path):
            step, state = self.checkpoints.restore(fresh)
        self.trim(step)
        return step, state

    def record_data(self, described: Mapping[str, Any]) -> None:
        """Keep the description of the data at the first start, check it at the others.

        Where it is missing, the data are taken as they are, and that is said on stderr.
        """
        path = self.path / "data.json"

        def keep() -> None:
            if _started(self.path) and os.path.lexists(path):
                self.check_data(described)
                return
            if _started(self.path):
                print(f"{path} is missing: keeping what the data set is now", file=sys.stderr)
            files.write_json(path, files.seal(described))

        processes.on_first(keep)

    def log(self, record: Mapping[str, Any]) -> None:
        """Appends {"step": int, name: number, ...} to metrics.jsonl; process 0 only.

        Raises:
            NonFiniteError: a value is NaN or infinite; names step and quantity.
            UserError, StorageError: as `gan.runs.metrics.append`.
        """
        if processes.index() == 0:
            metrics.append(self.path / "metrics.jsonl", record)

    def trim(self, step: int) -> None:
        """Drops the records later than `step`, which a resumed run will log again."""
        if processes.index() == 0:
            metrics.trim(self.path / "metrics.jsonl", step)


@contextlib.contextmanager
def open(workdir: str | os.PathLike[str], config: Config) -> Iterator[WritableRun]:
    """Creates or continues the run in `workdir`, and holds its lock inside the `with`.

    In a `jax.distributed` run every process calls this, after `initialize`, with a `workdir` they
    all see.

    Args:
        workdir: created if missing; symbolic links in the path itself are followed.
        config: once there is a checkpoint it must be the saved one, but for the fields in
            `CHANGEABLE` and, under schedule "constant", more steps; then config.json is rewritten.

    Raises:
        LockedError: another process writes here.
        UserError: another config (shows the fields that differ), or `workdir` is no folder.
        StorageError: the folder cannot be written.
    """
    path = files.usable(workdir)
    checkpoints = WritableCheckpoints(path / "checkpoints", config.keep_checkpoints)
    with contextlib.ExitStack() as stack:

        def prepare() -> None:
            if path.exists() and not path.is_dir():
                raise UserError(f"{path} is not a folder")
            with files.storage(path):
                path.mkdir(parents=True, exist_ok=True)
            _refuse_links(path)
            stack.enter_context(lock(path / "lock"))
            _keep_contract(path, config)
            checkpoints.clean()
            for folder in (path, path / "samples", path / "figures"):
                files.tidy(folder)
            metrics.trim(path / "metrics.jsonl", float("inf"))

        processes.on_first(prepare)
        here = environment()
        processes.on_first(lambda: _record_start(path / "environment.json", here))
        yield WritableRun(path, config, checkpoints)


def read(workdir: str | os.PathLike[str]) -> Run:
    """The run in `workdir`, to look at, also while it is being trained.

    Raises:
        UserError: `workdir` is no run directory, or its config is unreadable.
    """
    path = files.usable(workdir)
    if not (path / "config.json").is_file():
        raise UserError(f"{path} is no run directory: it has no config.json")
    return Run(path, configs.load(str(path / "config.json")), Checkpoints(path / "checkpoints"))


def _refuse_links(path: Path) -> None:
    """Nothing that is written may lead out of the run directory."""
    for name in ("checkpoints", "checkpoints.bad", "metrics.jsonl", "lock", "samples", "figures"):
        if (path / name).is_symlink():
            raise StorageError(f"{path / name} is a symbolic link; nothing is written through it")


def _started(path: Path) -> bool:
    """Whether anything was ever saved that a config and a data set must go on agreeing with."""
    return any(os.path.lexists(path / name) for name in ("checkpoints", "checkpoints.bad"))


def _keep_contract(path: Path, config: Config) -> None:
    saved_path = path / "config.json"
    if os.path.lexists(saved_path) and not saved_path.is_file():
        raise UserError(f"{saved_path} is no regular file")
    if saved_path.exists() and _started(path):
        saved = configs.load(str(saved_path))
        _compare(path, configs.flatten(saved), configs.flatten(config))
        if saved == config:
            return
    elif _started(path):
        raise UserError(f"{path} has checkpoints but no config.json; choose another --workdir")
    files.write_json(saved_path, configs.to_dict(config))


def _compare(path: Path, saved: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    """Raises UserError, in at most three lines, if a run may not continue with what is asked."""
    changed = [name for name in asked if saved[name] != asked[name] and name not in CHANGEABLE]
    if changed == ["steps"] and asked["schedule"] == "constant" and asked["steps"] > saved["steps"]:
        return
    if not changed:
        return
    lines = [f"{path} holds a run with another config; choose another --workdir, or its values:"]
    lines += [f"{name}: {saved[name]} -> {asked[name]}" for name in changed[:2]]
    if len(changed) > 2:
        lines[-1] += f"; and {len(changed) - 2} more: {', '.join(changed[2:])}"
    raise UserError("\n".join(lines))


def _starts(path: Path) -> list[dict[str, Any]]:
    starts = files.read_json(path)
    if not (isinstance(starts, list) and starts and all(isinstance(s, dict) for s in starts)):
        raise UserError(f"{path} is damaged: it must hold one JSON list of starts")
    return starts


def _record_start(path: Path, here: dict[str, Any]) -> None:
    """Adds this start to the list of them; a damaged list is set aside, since no run needs it."""
    try:
        starts = _starts(path) if os.path.lexists(path) else []
    except UserError as error:
        print(f"{error}; a copy is in {files.keep_copy(path)}", file=sys.stderr)
        starts = []
    files.write_json(path, [*starts, here])
