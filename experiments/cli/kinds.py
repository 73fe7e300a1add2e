"""What the text of a flag must be: absl parsers whose errors say what is allowed."""

import os
from collections.abc import Iterable, Mapping
from typing import Any

from absl import flags

from gan import files
from gan.inputs import STEPS, Range, shown, unknown


class Number(flags.ArgumentParser):
    """Whole or real numbers, within a range unless that is checked elsewhere."""

    def __init__(self, kind: type, allowed: Range | None = None):
        self.kind = kind
        self.range = allowed
        self.syntactic_help = f"in {allowed}" if allowed else ""

    def parse(self, argument: Any) -> Any:
        """The number; a default is one already, and may mean "none" by lying outside the range."""
        if not isinstance(argument, str):
            return argument
        try:
            value = self.kind(argument)
        except ValueError:
            kind = "a whole number" if self.kind is int else "a number"
            where = f" in {self.range}" if self.range else ""
            raise ValueError(f"must be {kind}{where}, got {shown(argument)}") from None
        if self.range and value not in self.range:
            raise ValueError(f"must be in {self.range}, got {shown(value)}")
        return value


class Text(flags.ArgumentParser):
    """Any text."""

    def parse(self, argument: str) -> str:
        return argument


class Path(flags.ArgumentParser):
    """The name of a file or folder, perhaps yet to be made; "~" is the home."""

    def parse(self, argument: str) -> str:
        return os.path.expanduser(files.usable(argument) and argument)


class Choice(flags.ArgumentParser):
    """One of some names.

    Args:
        names: what is allowed, perhaps with what each means.
        open_ended: whether `package.module:name` is, too, or any other name: whoever owns the
            names then refuses what does not exist.
    """

    def __init__(self, names: Iterable[str], open_ended: bool = False):
        self.names = names
        self.open_ended = open_ended

    @property
    def helps(self) -> Mapping[str, str]:
        """What each name means, "" where nobody says."""
        given = self.names.helps() if hasattr(self.names, "helps") else self.names
        return given if isinstance(given, Mapping) else dict.fromkeys(given, "")

    def parse(self, argument: str) -> str:
        if argument in self.names or (self.open_ended and ":" in argument):
            return argument
        if getattr(self.names, "fallback", ""):
            return argument
        raise ValueError(unknown("name", argument, self.names))


class Step(flags.ArgumentParser):
    """The number of a step, "best", or "last", for which None stands."""

    def parse(self, argument: Any) -> int | str | None:
        if argument in ("best", "last"):
            return "best" if argument == "best" else None
        text = str(argument)
        if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= STEPS):
            raise ValueError(f"must be a step number, best or last; got {shown(argument)}")
        return int(text)
