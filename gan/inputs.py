"""What comes in from outside: ranges of numbers, names, and JSON files, checked at the door.

Every number that a user may give has a finite range, stated once, where the field or the flag is
defined; help texts and errors derive from it.
"""

import dataclasses
import difflib
import json
import re
from collections.abc import Iterable
from typing import Any

from gan import earlier
from gan.errors import UserError

LARGEST_FILE = 1_000_000
"""Bytes of a JSON file that a person may have written."""

DEEPEST = 8
"""Levels of nesting in such a file; a config has 2, a space of a sweep 3."""

SHOWN = 80
"""Characters of a value that an error shows."""

SEEDS = 2**32 - 1
"""The largest seed: the key of JAX's default generator is made of 32 bits of it."""

STEPS = 2**31 - 1
"""The largest number of steps: the state counts them in 32 bits."""


@dataclasses.dataclass(frozen=True)
class Range:
    """The numbers from `low` to `high`, both ends included; NaN is in no range."""

    low: float
    high: float

    def __contains__(self, value: Any) -> bool:
        return self.low <= value <= self.high

    def __str__(self) -> str:
        return f"{plain(self.low)} .. {plain(self.high)}"

    def check(self, value: float, name: str) -> None:
        """Raises UserError, with the range, unless the value of `name` is in it."""
        if value not in self:
            raise UserError(f"{name} must be in {self}, got {shown(value)}")


def ranged(default: float, low: float, high: float) -> Any:
    """A field of a dataclass that holds numbers from `low` to `high`; see `ranges`."""
    return dataclasses.field(default=default, metadata={"range": Range(low, high)})


def named(default: str | tuple[str, ...], registry: Iterable[str]) -> Any:
    """A field of a dataclass that holds a name of a registry, or several; see `registries`."""
    return dataclasses.field(default=default, metadata={"registry": registry})


def ranges(values: Any) -> dict[str, Range]:
    """The range of every numeric field of a dataclass and of those inside it, by path."""
    return _noted(values, "range", "")


def registries(values: Any) -> dict[str, Any]:
    """The registry of every field of a dataclass that holds names, likewise."""
    return _noted(values, "registry", "")


def _noted(values: Any, note: str, prefix: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in dataclasses.fields(values):
        inner = getattr(values, field.name)
        if dataclasses.is_dataclass(inner):
            found |= _noted(inner, note, f"{prefix}{field.name}.")
        elif note in field.metadata:
            found[prefix + field.name] = field.metadata[note]
    return found


def plain(number: float) -> str:
    """A bound of a range: whole numbers with separators, others in eight digits."""
    if isinstance(number, int):
        return f"{number:,}" if number < 10**10 else f"{number:.3g}"
    return f"{number:,.0f}" if number == round(number) < 10**10 else f"{number:.8g}"


def shown(value: Any) -> str:
    """A value of any size as an error shows it: on one line, cut after SHOWN characters."""
    try:
        text = str(value) if isinstance(value, int | float) else repr(value)
    except (ValueError, RecursionError):  # thousands of digits, or of levels
        return f"a {type(value).__name__} too large to show"
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}... ({len(text):,} characters)"


def unknown(kind: str, name: str, allowed: Iterable[str]) -> str:
    """One line for an unknown name: what it is called now, or the closest match, and all that is
    allowed."""
    allowed = sorted(allowed)
    close = [now for now in [earlier.name(name)] if now in allowed]
    close = close or difflib.get_close_matches(name[:SHOWN], allowed, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    listed = ", ".join(allowed) if len(allowed) <= 20 else ", ".join(allowed[:20]) + ", ..."
    return f"unknown {kind} {shown(name)}; {hint}allowed: {listed}"


def read_json(path: str, what: str) -> Any:
    """The content of a JSON file that a person may have written.

    Args:
        path: of the file.
        what: how an error calls it, as in "config".

    Raises:
        UserError: if it cannot be read, is larger or more deeply nested than a `what` can be, or is
            no JSON: repeated names, NaN, infinities and numbers beyond a float are none either.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise UserError(f"cannot read the {what} {path}: {error.strerror}") from error
    except ValueError as error:  # a NUL in the path
        raise UserError(f"cannot read the {what} {path!r}: {error}") from error
    if len(content) > LARGEST_FILE:
        raise UserError(f"{path} is over {LARGEST_FILE:,} bytes: that is no {what}")
    try:
        return parse_json(content.decode("utf-8"))
    except ValueError as error:
        raise UserError(f"the {what} {path} is not valid JSON: {error}") from error


def parse_json(text: str) -> Any:
    """What a JSON text holds; ValueError where `read_json` refuses."""
    depth = 0
    for bracket in re.findall(r"[\[{}\]]", _STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > DEEPEST:
            raise ValueError(f"it is nested more than {DEEPEST} levels deep")
    return json.loads(
        text,
        object_pairs_hook=_without_repeats,
        parse_constant=_no_constant,
        parse_float=_finite,
    )


_STRING = re.compile(r'"(?:[^"\\]|\\.?)*(?:"|\Z)', re.DOTALL)
"""A JSON string, or the rest of the text after a quote that nothing closes."""


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{shown(name)} appears twice")
        found[name] = value
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _finite(text: str) -> float:
    value = float(text)
    if abs(value) == float("inf"):
        raise ValueError(f"{shown(text)} is beyond the largest number")
    return value
