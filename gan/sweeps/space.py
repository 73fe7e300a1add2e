"""What a sweep varies: fields of the config, each over a list of choices or a range.

A space is a JSON object from field paths to axes:

    {"penalty_weight": {"log": [0.1, 100]}, "n_critic": [1, 5], "seed": [0, 1, 2]}

A list is a choice among its values; `uniform` and `log` are ranges with both ends included, drawn
evenly or evenly in the logarithm, of whole numbers where the field holds whole numbers. With
`points` beside it a range has that many evenly spaced values on a grid. A list of seeds is not
drawn from: every setting of the other fields is trained once with each of them.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gan import config as configs
from gan import inputs, networks
from gan.config import Config, unknown
from gan.errors import UserError
from gan.inputs import shown
from gan.registries import SPACES
from gan.registry import Entry

POINTS = inputs.Range(2, 10_000)
"""Values of a range on a grid."""

_SAME_RESULT = "does not change what a run learns"
_OTHER_SCORE = "changes what the score means, so that trials could not be ranked"
REFUSED = {
    "log_every": _SAME_RESULT,
    "evaluate_every": _SAME_RESULT,
    "sample_every": _SAME_RESULT,
    "checkpoint_every": _SAME_RESULT,
    "keep_checkpoints": _SAME_RESULT,
    "metrics": _SAME_RESULT,
    "score_every": _SAME_RESULT,
    "accumulation": _SAME_RESULT,
    "remat": _SAME_RESULT,
    "data.stream": _SAME_RESULT,
    "augmentations": "is a list of names: make a sweep for each, in its own directory",
    "evaluation_size": _OTHER_SCORE,
    "evaluation_repeats": _OTHER_SCORE,
    "features": _OTHER_SCORE,
    "data.name": _OTHER_SCORE,
    "data.folder": _OTHER_SCORE,
    "data.image_size": _OTHER_SCORE,
    "data.splits": _OTHER_SCORE,
    "data.skip_unreadable": _OTHER_SCORE,
    "data.largest_megapixels": _OTHER_SCORE,
}
"""Fields that no space may hold, and why."""


@dataclass(frozen=True, kw_only=True)
class NamedSpace(Entry):
    """A space that `--space` takes by name.

    Attributes:
        axes: the JSON object; every axis a list, or a range with `points`, so that it has a grid.
        case: every swept field of one trial of the grid; the battery looks for it there.
    """

    axes: dict[str, Any]
    case: dict[str, Any]


def names(path: str) -> Iterable[str] | None:
    """The names that a field may have, where they are those of a table."""
    if path == "generator.name":
        return networks.names("generator", "conditional_generator")
    if path == "critic.name":
        return networks.names("critic", "conditional_critic")
    return None


@dataclass(frozen=True)
class Axis:
    """One swept field: `choices`, or a range from `low` to `high` when there are none."""

    path: str
    choices: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    integer: bool = False
    points: int | None = None

    def distribution(self):
        """The axis in Optuna's terms."""
        from optuna import distributions

        if self.choices:
            return distributions.CategoricalDistribution(self.choices)
        kind = distributions.IntDistribution if self.integer else distributions.FloatDistribution
        return kind(self.low, self.high, log=self.log)

    def values(self) -> tuple[Any, ...]:
        """The values of the axis on a grid; evenly spaced ones of a range, without repeats.

        Raises:
            UserError: for a range without `points`.
        """
        if self.choices:
            return self.choices
        if self.points is None:
            raise UserError(
                f'{self.path}: a grid needs a list, or "points" beside the range; '
                "the samplers random and tpe take ranges"
            )
        spaced = np.geomspace if self.log else np.linspace
        found = [float(v) for v in spaced(self.low, self.high, self.points)]
        if self.integer:
            found = [round(v) for v in found]
        found[0], found[-1] = self.low, self.high
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True)
class Space:
    """All axes of a sweep.

    `axes` are varied; each of their settings is trained with every seed of `seeds`, or with the
    config's own seed when that is None. `fields` are all swept paths in the order of the file,
    and `source` is the JSON object that the space was made of.
    """

    axes: tuple[Axis, ...]
    seeds: tuple[int, ...] | None
    fields: tuple[str, ...]
    source: dict[str, Any]

    @property
    def repeats(self) -> int:
        """Trials of every setting."""
        return len(self.seeds or (0,))

    @property
    def size(self) -> int | None:
        """Settings of the grid; None if an axis is a range without `points`."""
        if all(axis.choices or axis.points for axis in self.axes):
            return math.prod(len(axis.values()) for axis in self.axes)
        return None

    @property
    def listed(self) -> bool:
        """Whether every axis is a list, so that there are no other settings than the grid's."""
        return all(axis.choices for axis in self.axes)

    def setting(self, index: int) -> dict[str, Any]:
        """Setting `index` of the grid, the last axis varying fastest; {} when only seeds are swept.

        Raises:
            UserError: an axis has no grid.
        """
        found = {}
        for axis in reversed(self.axes):
            values = axis.values()
            index, place = divmod(index, len(values))
            found[axis.path] = values[place]
        return dict(reversed(found.items()))

    def distributions(self) -> dict[str, Any]:
        """Optuna's distributions of all swept fields, seeds included."""
        found = {axis.path: axis.distribution() for axis in self.axes}
        return found | ({"seed": Axis("seed", self.seeds).distribution()} if self.seeds else {})

    def values(self, setting: dict[str, Any], number: int) -> dict[str, Any]:
        """Every swept field of trial `number`, which has that setting; in the order of `fields`."""
        full = setting | ({"seed": self.seeds[number % self.repeats]} if self.seeds else {})
        return {path: full[path] for path in self.fields}


def load(name: str) -> Space:
    """The space of a JSON file, or a named one.

    Args:
        name: one of SPACES, `package.module:name` of a NamedSpace, or the path of a JSON file.

    Raises:
        UserError: for an unreadable file or a name that is none, and as `parse`.
    """
    path = Path(name)
    if name in SPACES or (":" in name and path.suffix != ".json" and not path.exists()):
        return parse(SPACES.get(name).axes)
    if not path.suffix and not path.exists():
        raise UserError(unknown("space", name, SPACES) + ", or a JSON file")
    return parse(inputs.read_json(name, "space"))


def parse(source: Any) -> Space:
    """The space that a JSON object describes.

    Every choice and both ends of every range are tried alone; choices that clash with other fields
    only are left to the trials, since other axes may resolve the clash.

    Raises:
        UserError: for anything else than an object of axes, a field that is unknown or may not be
            swept, an unknown keyword, an empty or repeating list, a bad range, a value that the
            field does not take.
    """
    if not isinstance(source, dict) or not source:
        raise UserError("a space is a JSON object from fields to lists or ranges, with one or more")
    known = configs.flatten(Config())
    axes, seeds = [], None
    for path, value in source.items():
        if path not in known:
            raise UserError(unknown("field", path, known))
        if path in REFUSED:
            raise UserError(f"{path} cannot be swept: it {REFUSED[path]}")
        axis = _axis(path, value)
        if path == "seed" and axis.choices:
            seeds = axis.choices
        else:
            axes.append(axis)
    return Space(tuple(axes), seeds, tuple(source), source)


def _axis(path: str, value: Any) -> Axis:
    if isinstance(value, list):
        if not value:
            raise UserError(f"{path}: the list is empty")
        choices = tuple(_tried(path, choice) for choice in value)
        if len(set(choices)) < len(choices):
            raise UserError(f"{path}: the list {shown(value)} names a value twice")
        return Axis(path, choices)
    if not isinstance(value, dict):
        raise UserError(
            f'{path}: an axis is a list, {{"log": [low, high]}} or {{"uniform": [low, high]}}; '
            f"got {shown(value)}"
        )
    for word in value:
        if word not in ("log", "uniform", "points"):
            raise UserError(f"{path}: {unknown('keyword', word, ('log', 'uniform', 'points'))}")
    kinds = [word for word in ("log", "uniform") if word in value]
    if len(kinds) != 1:
        raise UserError(f"{path}: a range needs log or uniform, and one of them only")
    return _range(path, kinds[0], value)


def _range(path: str, kind: str, value: dict[str, Any]) -> Axis:
    ends = value[kind]
    what = f"{path}: {kind} {shown(ends)}"
    current = configs.flatten(Config())[path]
    if isinstance(current, bool) or not isinstance(current, int | float):
        raise UserError(f"{what}: only numbers have ranges; give a list")
    if not isinstance(ends, list) or len(ends) != 2:
        raise UserError(f"{what} must be two numbers, low and high")
    low, high = (_tried(path, end) for end in ends)
    if not low < high:
        raise UserError(f"{what}: low must be below high")
    if kind == "log" and low <= 0:
        raise UserError(f"{what}: a logarithmic range must be above 0")
    points = value.get("points")
    if points is not None and (type(points) is not int or points not in POINTS):
        raise UserError(f"{path}: points must be a whole number in {POINTS}, got {shown(points)}")
    return Axis(path, (), low, high, kind == "log", isinstance(current, int), points)


def _tried(path: str, value: Any) -> Any:
    """The value as the field holds it, after the config has accepted it."""
    if isinstance(value, list | dict):
        raise UserError(f"{path}: {shown(value)} is no value of a field")
    if isinstance(value, float) and not math.isfinite(value):
        raise UserError(f"{path}: {value} is not finite")
    registry = inputs.registries(Config()).get(path)
    if registry is not None and isinstance(value, str):
        registry.get(value)
    table = names(path)
    if table is not None and isinstance(value, str) and ":" not in value and value not in table:
        raise UserError(unknown(path, value, table))
    try:
        return configs.flatten(configs.replace(Config(), {path: value}))[path]
    except UserError as error:
        if str(error) not in {reason for _, reason in configs.FORBIDDEN}:
            raise
    return value
