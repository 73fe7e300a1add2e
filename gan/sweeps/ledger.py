"""The index of a sweep: an Optuna study in SQLite, one trial for each row of the table.

A trial is written in one transaction when it is begun, with all its values, and is finished or
failed at most once. Whatever is killed in between, the study holds each trial once, and those that
were begun and not finished are continued. There is one writer, the holder of the sweep's lock.

What counts are the trials' own directories (see outcomes.py). SQLite notices some damage only, so
every row is sealed by its checksum. A file that is damaged, deleted or of another kind is set aside
as sweep.db.bad, sweep.db.bad.1, ... and made again, from the rows at hand while the sweep runs,
from the trials when it starts.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import sqlite3
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gan import earlier, files
from gan.errors import LockedError, StorageError
from gan.sweeps.outcomes import unseal
from gan.sweeps.proposals import quiet_study

NAME = "sweep"
UNFINISHED, FINISHED, FAILED = "unfinished", "finished", "failed"

PATIENCE = 10.0
"""Seconds to wait for another process that has locked the database."""

BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
REFUSED = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_AUTH,
    }
)
"""SQLite's codes for what is wrong with the disk, not with the database."""
UNREADABLE = frozenset({sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ})
"""The exceptions among them."""


class Row(NamedTuple):
    """One trial: `values` of every swept field, `result` what trials.run_job said of it."""

    number: int
    values: dict[str, Any]
    state: str
    result: dict[str, Any]


class Ledger:
    """The study in `path`, created if missing.

    Args:
        path: of the SQLite file.
        distributions: Optuna's, of every swept field.
        score: name of the score that trials rank by.
        lower_is_better: its direction.

    Attributes:
        rows: every trial begun, in order.

    Raises (as do all methods):
        LockedError: another process keeps the database locked.
        StorageError: it cannot be written.
    """

    def __init__(self, path: Path, distributions: dict, score: str, lower_is_better: bool):
        self.path = path
        self._distributions = distributions
        self._score = score
        self._direction = "minimize" if lower_is_better else "maximize"
        self.rows: list[Row] = []
        if not os.path.lexists(path):
            if (path.parent / "trials").exists():
                print(f"{path} is gone; rebuilding it from the trials", file=sys.stderr)
            self._make()
        with self._mended("rebuilding it from the trials"):
            self._open()
            self.rows = self._read()

    def begin(self, number: int, values: dict[str, Any]) -> None:
        """Write down a trial before it is trained; numbers are given in order."""
        if number != len(self.rows):
            raise AssertionError(f"trial {number} would be number {len(self.rows)} of the study")
        row = Row(number, values, UNFINISHED, {})
        self._write(row, lambda: self._study.add_trial(self._trial(row)))

    def end(self, number: int, result: dict[str, Any]) -> None:
        """Write down what became of a trial.

        The result comes first and the state last: a trial killed in between is still unfinished,
        and will have the same result.
        """
        from optuna.trial import TrialState

        row = self.rows[number]._replace(state=result["state"], result=result)

        def write() -> None:
            trial = self._storage.get_trial_id_from_study_id_trial_number(self._id, number)
            self._storage.set_trial_user_attr(trial, "row", _sealed(row))
            if row.state == FINISHED:
                self._study.tell(number, float(result[self._score]))
            else:
                self._study.tell(number, state=TrialState.FAIL)

        self._write(row, write)

    def reopen(self, numbers: Sequence[int]) -> None:
        """Trials that had ended are unfinished again. Optuna ends a trial once only, so the study
        is made anew."""
        for number in numbers:
            self.rows[number] = self.rows[number]._replace(state=UNFINISHED, result={})
        self._storage.engine.dispose()
        self._make()
        with self._mended("making it again"):
            self._open()

    def _write(self, row: Row, action: Callable[[], None]) -> None:
        self.rows[row.number : row.number + 1] = [row]
        with self._mended("making it again"):
            action()

    @contextlib.contextmanager
    def _mended(self, remedy: str) -> Iterator[None]:
        """Sets a database aside that turns out damaged, and makes one of the rows at hand."""
        try:
            yield
        except Exception as error:
            if not self._gone():
                _raise_if_refused(error, self.path)
            if hasattr(self, "_storage"):
                self._storage.engine.dispose()
            kept = ""
            if os.path.lexists(self.path):
                kept = f", kept as {_set_aside(self.path).name}"
            print(f"{self.path} is unusable: {_words(error)}{kept}; {remedy}", file=sys.stderr)
            self._make()
            self._open()

    def _open(self) -> None:
        import optuna

        self._identity = _identity(self.path)
        _check(self.path)
        self._storage = optuna.storages.RDBStorage(
            url(self.path), engine_kwargs={"connect_args": {"timeout": PATIENCE}}
        )
        self._study = optuna.load_study(study_name=NAME, storage=self._storage)
        self._id = self._storage.get_study_id_from_name(NAME)

    def _gone(self) -> bool:
        """Whether the file is no longer the one that was opened; SQLite refuses to write then."""
        return self._identity != _identity(self.path)

    def _read(self) -> list[Row]:
        from optuna.trial import TrialState

        states = {FINISHED: TrialState.COMPLETE, FAILED: TrialState.FAIL}
        rows = []
        for trial in self._study.get_trials(deepcopy=False):
            row = Row(**unseal(json.loads(trial.user_attrs["row"])))
            row = row._replace(result=earlier.values(row.result))
            state = states.get(row.state, TrialState.RUNNING)
            if trial.state == TrialState.RUNNING:  # killed before its end was written
                row = row._replace(state=UNFINISHED, result={})
            elif trial.state != state:
                raise ValueError(f"trial {trial.number} is in no state that was written")
            if (row.number, row.values) != (len(rows), trial.params):
                raise ValueError(f"trial {trial.number} is not what was written")
            rows.append(row)
        return rows

    def _trial(self, row: Row):
        from optuna.trial import TrialState, create_trial

        states = {FINISHED: TrialState.COMPLETE, FAILED: TrialState.FAIL}
        return create_trial(
            state=states.get(row.state, TrialState.RUNNING),
            value=float(row.result[self._score]) if row.state == FINISHED else None,
            params=row.values,
            distributions=self._distributions,
            user_attrs={"row": _sealed(row)},
        )

    def _make(self) -> None:
        """A study of the rows at hand; its tables take several transactions, so it is named when it
        is whole."""
        from optuna.storages import RDBStorage

        unfinished = self.path.with_name(f".{secrets.token_hex(8)}.new")
        try:
            storage = RDBStorage(url(unfinished))
            try:
                study = quiet_study(storage=storage, study_name=NAME, direction=self._direction)
                for row in self.rows:
                    study.add_trial(self._trial(row))
            finally:
                storage.engine.dispose()
            _set_companions_aside(self.path)
            with files.storage(self.path):
                os.replace(unfinished, self.path)
        except Exception as error:
            _raise_if_refused(error, self.path)
            raise
        finally:
            for left in (unfinished, *_companions(unfinished)):
                left.unlink(missing_ok=True)


def url(path: Path) -> str:
    """The storage that Optuna, and whatever is made for it, takes for a file of this module."""
    from sqlalchemy.engine import URL

    text = URL.create("sqlite", database=str(path)).render_as_string(hide_password=False)
    return text.replace("{", "{{").replace("}", "}}")  # Optuna formats the text


def _sealed(row: Row) -> str:
    return json.dumps(files.seal(row._asdict()))


def _check(path: Path) -> None:
    """Raises an error unless the file is an undamaged database with the study; Optuna would add
    its tables to any other."""
    if not stat.S_ISREG(path.lstat().st_mode):
        raise ValueError("it is no regular file")
    # Not read-only: what a killed writer left must be rolled back.
    address = f"{path.as_uri()}?mode=rw"
    with contextlib.closing(sqlite3.connect(address, PATIENCE, uri=True)) as database:
        found = database.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if found != "ok":
            raise ValueError(found)
        database.execute("SELECT study_id FROM studies WHERE study_name = ?", (NAME,)).fetchone()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _raise_if_refused(error: Exception, path: Path) -> None:
    """Raises LockedError or StorageError if that is what kept SQLite from its work."""
    cause = _sqlite(error)
    code = getattr(cause, "sqlite_errorcode", None)
    if code is None:
        return
    if code & 0xFF in BUSY:
        raise LockedError(f"{path} is locked by another process") from error
    if code & 0xFF in REFUSED and code not in UNREADABLE:
        raise StorageError(f"cannot write {path}: {cause}") from error


def _words(error: Exception) -> str:
    words = str(_sqlite(error) or error).strip() or type(error).__name__
    return words.splitlines()[0][:200]


def _sqlite(error: BaseException | None) -> sqlite3.Error | None:
    """SQLite's own error, at the end of the chain of those that others made of it."""
    while error is not None and not isinstance(error, sqlite3.Error):
        error = error.__cause__ or getattr(error, "orig", None) or error.__context__
    return error


def _companions(path: Path) -> list[Path]:
    """SQLite's other files of a database."""
    return [path.with_name(path.name + ending) for ending in ("-journal", "-wal", "-shm")]


def _set_companions_aside(path: Path) -> None:
    """They must never be applied to another database of that name."""
    for companion in _companions(path):
        if os.path.lexists(companion):
            files.set_aside(companion, companion.with_name(f"{companion.name}.bad"))


def _set_aside(path: Path) -> Path:
    _set_companions_aside(path)
    return files.set_aside(path, path.with_name(f"{path.name}.bad"))
