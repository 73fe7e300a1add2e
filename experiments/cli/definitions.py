"""The flags of a command: absl flags, with what a page about them needs beside.

`define(flags)` of a command gets a `Flags` and defines what it takes; `main(values)` gets the
parsed `Values`, whose attributes are the values of the flags.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from absl import flags

from experiments.cli import config_fields, kinds, literals
from gan.config import Config
from gan.inputs import Range
from gan.registry import Registry

COUNT = 10**6
"""The most repeats, runs or trials that a flag can ask for."""

SEEDS = 10_000
"""The most seeds that a flag can ask for, each of them a run."""

SECONDS = 1e9
"""The longest time that a flag can name, about thirty years."""

LEAST_SECONDS = 1e-9
"""The shortest, where there must be some."""

REQUIRED = object()
"""In place of the default of a flag that has none: the command needs it."""


class Values(flags.FlagValues):
    """Parsed flags; the value of each is an attribute of its name."""

    @property
    def config(self) -> Config:
        """The configuration that the flags describe, where a command has one.

        Raises:
            UserError: for values that are out of range or do not go together.
        """
        return config_fields.read(self)


class Note(NamedTuple):
    """What a page says of a flag beside what the flag knows of itself."""

    group: str
    metavar: str = ""
    required: bool = False


class Flags:
    """Defines the flags of one command; see the module.

    A default of None means that the command decides, and the help says how; REQUIRED that it
    cannot. Helps are phrases without a full stop.
    """

    def __init__(self):
        self.values = Values()
        self.notes: dict[str, Note] = {}
        self.preset: str | None = None
        self.positional: tuple[str, str] | None = None
        self._group = "run"

    def group(self, title: str) -> None:
        """What is defined from now on stands below this title."""
        self._group = title

    def integer(self, name: str, default: int | None, help: str, low: int, high: int) -> None:
        """A whole number from `low` to `high`."""
        self._one(name, default, help, kinds.Number(int, Range(low, high)), "N")

    def real(self, name: str, default: float | None, help: str, low: float, high: float) -> None:
        """A number from `low` to `high`; a default that lies outside means none."""
        self._one(name, default, help, kinds.Number(float, Range(low, high)), "X")

    def integers(
        self, name: str, default: Sequence[int] | None, help: str, low: int, high: int
    ) -> None:
        """A list of whole numbers from `low` to `high`."""
        self._many(name, default, help, kinds.Number(int, Range(low, high)), "N")

    def field(self, name: str, path: str, default: Any, help: str) -> None:
        """A number that stands for the numeric field `path` of the config."""
        allowed = config_fields.FIELDS[path]
        self._one(name, default, help, kinds.Number(allowed.kind, allowed.range), "N")

    def text(self, name: str, default: Any, help: str, metavar: str = "TEXT") -> None:
        """Any text."""
        self._one(name, default, help, kinds.Text(), metavar)

    def texts(self, name: str, default: Any, help: str, metavar: str = "TEXT") -> None:
        """A list of texts."""
        self._many(name, default, help, kinds.Text(), metavar)

    def path(self, name: str, default: Any, help: str, metavar: str = "FILE") -> None:
        """The name of a file or folder that is or can be."""
        self._one(name, default, help, kinds.Path(), metavar)

    def choice(
        self, name: str, default: Any, help: str, names: Iterable[str] | Mapping[str, str]
    ) -> None:
        """One of some names, perhaps with what each means."""
        self._one(name, default, help, kinds.Choice(names), "NAME")

    def choices(
        self,
        name: str,
        default: Any,
        help: str,
        names: Iterable[str] | Mapping[str, str],
        open_ended: bool = False,
    ) -> None:
        """A list of some of these names; `open_ended` as in kinds.Choice."""
        self._many(name, default, help, kinds.Choice(names, open_ended), "NAME")

    def names(self, name: str, default: Any, help: str, registry: Registry) -> None:
        """A list of entries of a registry, or of anybody's as `package.module:name`."""
        self._many(name, default, help, kinds.Choice(registry, open_ended=True), "NAME")

    def boolean(self, name: str, help: str) -> None:
        """A switch, off if nobody says otherwise."""
        flags.DEFINE_boolean(name, False, help, flag_values=self.values)
        self.notes[name] = Note(self._group)

    def workdir(self) -> None:
        """The flag --workdir, required."""
        self.path("workdir", REQUIRED, "run directory", "DIR")

    def data_dir(self) -> None:
        """The flag --data_dir."""
        self.text(
            "data_dir",
            None,
            "where data sets are: idx files of mnist and fashion_mnist, or prepared "
            "tensorflow-datasets (default: $TFDS_DATA_DIR, else ~/tensorflow_datasets)",
            "DIR",
        )

    def sets(self) -> None:
        """The flags --source, --target and --data_dir."""
        for name in ("source", "target"):
            self.text(name, REQUIRED, f"a {literals.literal('gan.runner.sets:FORMS')}", "SET")
        self.data_dir()

    def step(self) -> None:
        """The flag --step: a number, "best", or None for the last."""
        what = "a kept checkpoint: its step number, best or last (default: last)"
        self._one("step", None, what, kinds.Step(), "STEP")

    def argument(self, name: str, help: str) -> None:
        """A word that is no flag; every command line has it once."""
        self.text(name, REQUIRED, help, name.upper())
        self.positional = name, help

    def arguments(self, name: str, help: str, metavar: str) -> None:
        """Words that are no flags; every command line has one or more."""
        self.texts(name, REQUIRED, help, metavar)
        self.positional = name, help

    def config(self, default: str) -> None:
        """--preset, --config_path and a flag for every field of the config.

        The fields' defaults come from --config_path, else --preset, else the config saved in
        --workdir (so that a run is continued by naming its directory alone), else the preset
        `default`.
        """
        self.group("run")
        what = f"named configuration to start from, {default} if nothing else is; list shows all"
        self.text("preset", None, what, "NAME")
        self.text("config_path", None, "configuration to start from, saved as JSON", "FILE")
        self.preset = default
        for field in config_fields.FIELDS.values():
            field.define(self.values)
            self.notes[field.path] = Note(field.group, field.metavar)

    def _one(self, name: str, default: Any, help: str, kind: flags.ArgumentParser, metavar: str):
        self.notes[name] = Note(self._group, metavar, default is REQUIRED)
        default = None if default is REQUIRED else default
        to = {"flag_values": self.values, "serializer": flags.ArgumentSerializer()}
        flags.DEFINE(kind, name, default, help, **to)

    def _many(self, name: str, default: Any, help: str, kind: flags.ArgumentParser, metavar: str):
        self.notes[name] = Note(self._group, f"{metavar} ...", default is REQUIRED)
        default = None if default is REQUIRED else default
        to = {"flag_values": self.values}
        flags.DEFINE_multi(kind, flags.ArgumentSerializer(), name, default, help, **to)
