"""Names that a config may give: entries of this library, or `package.module:name` of anybody's.

An entry is a module-level assignment in the folder (or the module) of its registry,

    one_sided = Penalty(help="...", source="...", case=..., ...)

and nothing else: its name is the name it is assigned to. Listing names and help texts reads the
source and executes none of it, so that a command line can show them at once; `get` imports the
entry's module. An assignment with an annotation is not listed: so is the entry that stands for all
names that are not.
"""

import ast
import dataclasses
import functools
import importlib
import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from gan.errors import UserError
from gan.inputs import shown, unknown


@dataclasses.dataclass(frozen=True)
class Rule:
    """A constraint of an entry on the rest of the config.

    Attributes:
        broken: whether a config that names the entry breaks the rule.
        reason: what does not go together, and what to take instead.
    """

    broken: Callable[[Any], bool]
    reason: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Entry:
    """What every entry carries beside what its kind adds.

    Attributes:
        help: what it is, in a phrase without a full stop; a literal, since it is read off the
            source.
        source: author and year of what it follows; "" for one of this project's own.
        rules: constraints on the rest of the config.
    """

    help: str
    source: str = ""
    rules: tuple[Rule, ...] = ()

    def check(self, config: Any, part: Any) -> None:
        """Refuses a config that breaks a rule.

        Args:
            config: that names the entry.
            part: of it, whose field holds the name: config.data for a data set, or config itself.

        Raises:
            UserError: with the reason of the first broken rule.
        """
        del part
        refuse(self.rules, config)


def refuse(rules: Iterable[Rule], choice: Any) -> None:
    """Raises UserError, with its reason, for the first of the rules that `choice` breaks."""
    for rule in rules:
        if rule.broken(choice):
            raise UserError(rule.reason)


E = TypeVar("E", bound=Entry)

ROOT = Path(__file__).parent.parent
"""Where the package is: modules are found there without importing the packages around them."""


class Registry(Generic[E]):
    """The entries of one kind, by name.

    Args:
        kind: what errors call an entry, as in "penalty".
        entry: the name of the class of entries, as it is called in their assignments.
        home: package or module in which they are assigned, as in "gan.objectives.penalties".
        fallback: `package.module:name` of the entry that stands for every name that is not listed;
            "" where such names are mistakes.
    """

    def __init__(self, kind: str, entry: str, home: str, fallback: str = ""):
        self.kind = kind
        self.entry = entry
        self.home = home
        self.fallback = fallback

    def __iter__(self) -> Iterator[str]:
        return iter(self._listed)

    def __len__(self) -> int:
        return len(self._listed)

    def __contains__(self, name: object) -> bool:
        return name in self._listed

    def helps(self) -> dict[str, str]:
        """Help text of every entry by name, in the order of modules and lines."""
        return {name: text for name, (_, text) in self._listed.items()}

    def items(self) -> Iterator[tuple[str, E]]:
        """Every entry of the library by name; imports them."""
        return ((name, self.get(name)) for name in self)

    def get(self, name: str) -> E:
        """The entry `name`: of the library, or `package.module:name` of any importable module.

        Raises:
            UserError: if there is none; names the closest, or what the module's import raised.
        """
        if name.partition(":")[2].isidentifier():
            return self._foreign(name)
        if name not in self:
            if self.fallback:
                return self._foreign(self.fallback)
            raise UserError(unknown(self.kind, name, self))
        module, _ = self._listed[name]
        return getattr(importlib.import_module(module), name)

    def _foreign(self, name: str) -> E:
        path, _, attribute = name.partition(":")
        try:
            module = importlib.import_module(path)
            found = getattr(module, attribute, None)
        except Exception as error:  # whatever somebody's module raises
            raise UserError(
                f"{self.kind} {shown(name)}: {type(error).__name__}: {error}{_where(error)}"
            ) from error
        if found is None:
            own = [each for each, value in vars(module).items() if self._is(value)]
            if not own:
                raise UserError(f"{self.kind} {shown(name)}: {path} has no {self.entry} at all")
            raise UserError(unknown(f"{self.kind} in {path}:", attribute, own))
        if not self._is(found):
            kinds = f"{_a(self.entry)}, not {_a(type(found).__name__)}"
            raise UserError(f"{self.kind} {shown(name)} must be {kinds}")
        return cast(E, found)

    def _is(self, value: Any) -> bool:
        """Whether a value is an entry of this kind."""
        return isinstance(value, Entry) and type(value).__name__ == self.entry

    @functools.cached_property
    def _listed(self) -> dict[str, tuple[str, str]]:
        """Module and help text of every entry by name, in the order of modules and lines."""
        found: dict[str, tuple[str, str]] = {}
        for module, path in _modules(self.home):
            for name, text in _assigned(path, self.entry):
                if name in found:
                    raise TypeError(f"{self.kind} {name} is in {found[name][0]} and in {module}")
                found[name] = module, text
        return found


def _where(error: Exception) -> str:
    """In brackets, the line of somebody's module at which it could not be imported; "" where it was
    none of its lines."""
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename != __file__ and "importlib" not in frame.filename:
            return f" ({frame.filename}, line {frame.lineno})"
    return ""


def _a(name: str) -> str:
    """The name of a class with its article."""
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"


def _modules(home: str) -> Iterator[tuple[str, Path]]:
    """The modules in a package, or the one module, with their files."""
    path = ROOT.joinpath(*home.split("."))
    if path.is_dir():
        for file in sorted(path.glob("*.py")):
            yield home if file.stem == "__init__" else f"{home}.{file.stem}", file
    else:
        yield home, path.with_suffix(".py")


def _assigned(path: Path, entry: str) -> Iterator[tuple[str, str]]:
    """(name, help text) of every `name = entry(help="...", ...)` at the top level of a file.

    Raises:
        TypeError: for one without a help text that can be read off the source.
    """
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)):
            continue
        function = node.value.func
        called = (
            function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        )
        if called == entry:
            name = ast.unparse(node.targets[0])
            texts = [word.value for word in node.value.keywords if word.arg == "help"]
            try:
                yield name, ast.literal_eval(texts[0])
            except (IndexError, ValueError) as error:
                raise TypeError(
                    f"{path}, line {node.lineno}: {_a(entry)} has a help text, and that is a "
                    f'literal: {name} = {entry}(help="...", ...)'
                ) from error
