"""metrics.jsonl: one JSON object per logged step, appended as the run goes.

A crash can tear the last line only. Readers ignore a torn line; the writer removes it before it
appends. Numbers are finite: JSON has no NaN, and a NaN in a log is a defect noticed too late.
"""

import json
import math
import numbers
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gan.errors import NonFiniteError, StorageError, UserError
from gan.files import storage, write_atomically


def append(path: Path, record: Mapping[str, Any]) -> None:
    """Appends one record, visible to readers when this returns.

    Args:
        path: the log; created if missing, and ends in a complete line.
        record: the integer "step" and any number of scalars by name.

    Raises:
        NonFiniteError: a value is NaN or infinite; names step and quantity.
        UserError: no step, or a value that is no number.
        StorageError: the line could not be written whole; the log is as it was.
    """
    line = json.dumps(_plain(record), allow_nan=False).encode() + b"\n"
    with storage(path):
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
        descriptor = os.open(path, flags, 0o644)
        try:
            size = os.fstat(descriptor).st_size
            try:
                written = os.write(descriptor, line)
            except OSError:
                os.ftruncate(descriptor, size)
                raise
            if written != len(line):
                os.ftruncate(descriptor, size)
                raise StorageError(f"cannot write {path}: only {written} bytes fit")
        finally:
            os.close(descriptor)


def read(path: Path) -> list[dict[str, Any]]:
    """Every complete record, oldest first; empty if there is no log yet.

    Raises:
        UserError: a line other than the last is not a record; names the line.
    """
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    records = []
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
            if not isinstance(record, dict) or type(record.get("step")) is not int:
                raise ValueError("no object with a step")
        except ValueError as error:
            if number == len(lines):
                break
            raise UserError(f"{path}, line {number}: {error}") from error
        records.append(record)
    return records


def trim(path: Path, step: float) -> None:
    """Drops records later than `step` and a torn last line; rewrites only if there are any.

    Raises:
        UserError: as `read`.
        StorageError: the log cannot be rewritten; it is as it was.
    """
    kept = [record for record in read(path) if record["step"] <= step]
    text = "".join(json.dumps(record, allow_nan=False) + "\n" for record in kept)
    if path.exists() and path.read_bytes() != text.encode():
        write_atomically(path, text)


def _plain(record: Mapping[str, Any]) -> dict[str, int | float]:
    step = record.get("step")
    if not isinstance(step, numbers.Integral) and getattr(step, "ndim", None) != 0:
        raise UserError(f"a log record needs an integer 'step', got {step!r}")
    return {"step": int(step)} | {
        name: _number(name, value, int(step)) for name, value in record.items() if name != "step"
    }


def _number(name: str, value: Any, step: int) -> int | float:
    if isinstance(value, numbers.Integral):
        return int(value)
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise UserError(f"log record: {name} must be one number, got {value!r}") from error
    if not math.isfinite(number):
        raise NonFiniteError(f"step {step}: {name} is {number}")
    return number
