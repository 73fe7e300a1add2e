"""A flag for every field of the config: its type, range, names, default and help as stated there.

Nested fields have dotted names, as in `--generator.width`. Ranges are checked where the config is
made; the texts are those that stand below the fields.
"""

import ast
import dataclasses
import functools
import os
import re
import sys
import types
import typing
from pathlib import Path
from typing import Any, Literal

from absl import flags

from experiments.cli import kinds
from gan import config, files, presets
from gan.config import Config
from gan.errors import UserError
from gan.inputs import Range

GROUPS = {
    "data": r"data\.",
    "networks": r"generator\.|critic\.|latent_dim|conditional|precision",
    "objective": r"loss|penalt|weight_clip|instance_noise|augmentation",
    "optimiser": r".*learning_rate|beta|schedule|ema_decay|optimi[sz]er|weight_decay|momentum",
    "evaluation and cadence": r"(log|evaluate|sample|checkpoint)_every|keep_|evaluation|metrics",
    "training": r"",
}
"""What the path of a field begins with, by the title of its group; the first that fits holds."""

TITLES = ("training", "data", "objective", "optimiser", "networks", "evaluation and cadence")
"""The groups in the order of a page."""


@dataclasses.dataclass(frozen=True)
class Field:
    """A field of the config.

    Attributes:
        path: dotted.
        kind: bool, int, float or str, or Literal of the allowed texts.
        many: whether it holds several of them.
        default: of the `Config` without a preset.
        range: allowed numbers, None for what is none.
        registry: what names it may hold, None for what holds no name of a registry.
        help: what it means.
    """

    path: str
    kind: Any
    many: bool
    default: Any
    range: Range | None
    registry: Any
    help: str

    @property
    def group(self) -> str:
        """Title of the group that a page shows it in."""
        return next(title for title, begin in GROUPS.items() if re.match(begin, self.path))

    @property
    def metavar(self) -> str:
        """What stands for a value where there is no default."""
        one = {int: "N", float: "X"}.get(self.kind, "NAME" if self.registry else "TEXT")
        return f"{one} ..." if self.many else one

    def define(self, values: flags.FlagValues) -> None:
        """Define the flag."""
        to = {"flag_values": values}
        if self.kind is bool:
            flags.DEFINE_boolean(self.path, self.default, self.help, **to)
        elif self.many:
            serializer = flags.ArgumentSerializer()
            flags.DEFINE_multi(self._parser(), serializer, self.path, self.default, self.help, **to)
        else:
            to["serializer"] = flags.ArgumentSerializer()
            flags.DEFINE(self._parser(), self.path, self.default, self.help, **to)

    def _parser(self) -> flags.ArgumentParser:
        if self.kind in (int, float):
            return kinds.Number(self.kind)
        if self.registry is not None:
            return kinds.Choice(self.registry, open_ended=True)
        if typing.get_origin(self.kind) is Literal:
            return kinds.Choice(typing.get_args(self.kind))
        if self.kind is not str:
            raise TypeError(f"no flag can hold {self.path}, a {self.kind}")
        return kinds.Text()


def fields(part: Any, prefix: str = "") -> dict[str, Field]:
    """Every field of a dataclass and of those inside it, by path."""
    found: dict[str, Field] = {}
    hints = typing.get_type_hints(type(part))
    for field in dataclasses.fields(part):
        path, value, kind = prefix + field.name, getattr(part, field.name), hints[field.name]
        if dataclasses.is_dataclass(value):
            found |= fields(value, f"{path}.")
            continue
        if isinstance(kind, types.UnionType):  # with None
            kind = next(each for each in typing.get_args(kind) if each is not types.NoneType)
        many = typing.get_origin(kind) is tuple
        kind = typing.get_args(kind)[0] if many else kind
        notes, text = field.metadata, _texts(type(part)).get(field.name, "")
        found[path] = Field(
            path, kind, many, value, notes.get("range"), notes.get("registry"), text
        )
    return found


@functools.cache
def _texts(cls: type) -> dict[str, str]:
    """The text below each field of a dataclass, on one line, read off the source."""
    source = Path(sys.modules[cls.__module__].__file__).read_text(encoding="utf-8")
    body = next(
        node.body
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef) and node.name == cls.__name__
    )
    found = {}
    for field, below in zip(body, body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr):
            found[field.target.id] = " ".join(ast.literal_eval(below.value).split())
    return found


_FIELDS = fields(Config())
FIELDS = dict(sorted(_FIELDS.items(), key=lambda item: TITLES.index(item[1].group)))
"""Every field of the config by path, group by group."""


def rebase(values: flags.FlagValues, default: str) -> None:
    """Make the defaults of the fields those of the config to start from; see `Flags.config`.

    Raises:
        UserError: --preset and --config_path, or a config that cannot be had.
    """
    if values.preset and values.config_path:
        raise UserError("give either --preset or --config_path, not both")
    workdir = values.workdir if "workdir" in values else None
    saved = os.path.join(files.usable(workdir), "config.json") if workdir else ""
    if values.config_path:
        base = config.load(values.config_path)
    elif values.preset or not os.path.isfile(saved):
        base = presets.get(values.preset or default)
    else:
        base = config.load(saved)
    for path, value in config.flatten(base).items():
        values.set_default(path, value)


def read(values: flags.FlagValues) -> Config:
    """The config that the flags describe.

    Raises:
        UserError: for values that are out of range or do not go together.
    """
    changes = {path: values[path].value for path in FIELDS}
    many = {path: tuple(changes[path] or ()) for path, field in FIELDS.items() if field.many}
    return config.replace(Config(), changes | many)
