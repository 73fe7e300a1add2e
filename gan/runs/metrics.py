"""metrics.jsonl: one JSON object per logged step, appended as the run goes.

A crash can tear the last line only. Readers ignore a torn line; the writer removes it before it
appends. Numbers are finite: JSON has no NaN, and a NaN in a log is a defect noticed too late.

Every line has a checksum, "crc32" (see gan.files.seal; lines of versions without it come first). A
damaged line is left out by readers, with a message on stderr; the writer keeps a copy of the
damaged log as metrics.jsonl.bad before it goes on without such lines.
"""

import json
import math
import numbers
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gan import earlier, files
from gan.errors import NonFiniteError, StorageError, UserError


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
    line = _line(_plain(record))
    with files.storage(path):
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
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
    """Every complete and undamaged record, oldest first; empty if there is no log yet.

    Damaged lines are named on stderr.

    Raises:
        UserError: the log cannot be read.
    """
    kept, bad, _ = _lines(path)
    if bad:
        print(f"{path}: left out {_damage(bad)}", file=sys.stderr)
    return [record for record, _ in kept]


def trim(path: Path, step: float) -> None:
    """Drops records later than `step`, a torn last line, and damaged lines after a copy was kept.

    Raises:
        UserError: as `read`.
        StorageError: the log cannot be rewritten; it is as it was.
    """
    kept, bad, torn = _lines(path)
    if bad:
        copy = files.keep_copy(path)
        print(f"{path}: took out {_damage(bad)}; the whole log is in {copy}", file=sys.stderr)
    lines = [line for record, line in kept if record["step"] <= step]
    if bad or torn or len(lines) < len(kept):
        with files.replacing(path) as file:
            file.write(b"".join(line + b"\n" for line in lines))


def _lines(path: Path) -> tuple[list[tuple[dict[str, Any], bytes]], dict[int, str], bytes]:
    """(record, line) of the good lines, why line n is damaged by n, and what follows the last."""
    try:
        *lines, torn = files.read_bytes(path).split(b"\n")
    except FileNotFoundError:
        return [], {}, b""
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    kept: list[tuple[dict[str, Any], bytes]] = []
    bad: dict[int, str] = {}
    sealed = False
    for number, line in enumerate(lines, 1):
        try:
            value = json.loads(line)
            record = files.unseal(value)
            if sealed and files.CHECKSUM not in value:
                raise ValueError("it has no checksum")
            _check(record)
        except (ValueError, RecursionError) as error:
            bad[number] = str(error)
        else:
            sealed = files.CHECKSUM in value
            kept.append((earlier.values(record), line))
    return kept, bad, torn


def _check(record: dict[str, Any]) -> None:
    if type(record.get("step")) is not int:
        raise ValueError("it has no step")
    for name, value in record.items():
        if type(value) is not int and not (type(value) is float and math.isfinite(value)):
            raise ValueError(f"{name} is no finite number")


def _damage(bad: Mapping[int, str]) -> str:
    first = min(bad)
    if len(bad) == 1:
        return f"line {first}, which is damaged: {bad[first]}"
    return f"{len(bad)} damaged lines, the first of them line {first}: {bad[first]}"


def _line(record: Mapping[str, Any]) -> bytes:
    return json.dumps(files.seal(record), allow_nan=False).encode() + b"\n"


def _plain(record: Mapping[str, Any]) -> dict[str, int | float]:
    step: Any = record.get("step")
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
