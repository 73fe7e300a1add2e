"""A page for every command, from its docstring and its flags, and one for the configuration.

`experiments.NAME` of every page is what `python -m experiments.NAME --helpfull` says, as tables.
"""

import importlib
import re
import textwrap

import experiments
from docs.scripts.tables import table
from experiments import cli
from experiments.cli import kinds
from experiments.cli import pages as help_pages
from experiments.cli.config_fields import FIELDS

CONFIGURATION = "commands/configuration.md"


def groups() -> dict[str, list[str]]:
    """Names of the commands by the title of their group, as experiments/__init__.py lists them."""
    lists = re.findall(r"^(\w[\w ]+): ([\w,\s]+)\.$", experiments.__doc__, flags=re.MULTILINE)
    return {title: re.split(r",\s+", names) for title, names in lists}


def names() -> list[str]:
    return [name for group in groups().values() for name in group]


def module(name: str):
    """The module that `python -m experiments.NAME` executes."""
    found = importlib.import_module(f"experiments.{name}")
    inner = hasattr(found, "__path__")
    return importlib.import_module(f"experiments.{name}.__main__") if inner else found


def flags_of(name: str) -> set[str]:
    """Names of the flags of a command, those that absl gives every program among them."""
    found = module(name)
    if hasattr(found, "define"):
        of, values = cli.defined(found.define)
        return set(values) - {name for name, _ in [of.positional or ("", "")]}
    return {"help", "helpfull", *(flag for flag, _, _ in _own(found))}


def pages() -> dict[str, str]:
    """Text by path: an overview, the configuration, and a page for every command."""
    found = {"commands/index.md": _overview(), CONFIGURATION: _configuration()}
    return found | {f"commands/{name}.md": _page(name) for name in names()}


def _overview() -> str:
    parts = [
        "# Commands\n",
        "Every command is `python -m experiments.NAME --flag value`. `--help` shows its flags on a "
        "screen or two, `--helpfull` all that is known of them. Flags are absl flags: "
        "`--flagfile FILE` reads them from a file, `--noNAME` turns a switch off. A mistake on the "
        "command line ends with status 2 and a line that says what is allowed.\n",
    ]
    for title, group in groups().items():
        rows = [(f"[`{name}`]({name}.md)", _question(name)) for name in group]
        parts.append(f"## {title}\n\n" + table(("command", "what it does"), rows))
    return "\n".join(parts)


def _question(name: str) -> str:
    return module(name).__doc__.strip().splitlines()[0]


def _page(name: str) -> str:
    found = module(name)
    first, _, rest = found.__doc__.strip().partition("\n")
    text = f"# {name}\n\n**{first}**\n\n{_shell(rest.strip(chr(10)))}\n"
    if not hasattr(found, "define"):
        return text + "\n## Flags\n\n" + table(("flag", "default", "meaning"), _rows(_own(found)))
    of, _ = cli.defined(found.define)
    text += f"\n`{help_pages.usage(of, f'experiments.{name}')}`\n"
    for title, group in _groups(of).items():
        text += f"\n## Flags: {title}\n\n" + table(
            ("flag", "default", "meaning"), _rows(_described(of, flag) for flag in group)
        )
    if of.preset is not None:
        text += (
            "\n## Flags: configuration\n\nEvery field of the configuration is a flag as well: "
            "[configuration](configuration.md).\n"
        )
    return text


def _shell(text: str) -> str:
    """The indented blocks of a docstring as fenced ones, commands with their line ends escaped."""
    blocks = re.split(r"(?m)((?:^    .*\n?)+(?:^\n(?:^    .*\n?)+)*)", text)
    return "".join(_fenced(b) if b.startswith("    ") else b.replace("[", "\\[") for b in blocks)


def _fenced(block: str) -> str:
    lines = textwrap.dedent(block).rstrip().splitlines()
    shell = lines[0].startswith(("python ", "make "))
    for place, line in enumerate(lines[1:]):
        if shell and line.startswith(" ") and not lines[place].endswith("\\"):
            lines[place] += " \\"
    return "\n".join([f"```{'sh' if shell else 'text'}", *lines, "```", ""])


def _groups(of) -> dict[str, list[str]]:
    """The flags that are no fields of the configuration, by the title of their group."""
    found: dict[str, list[str]] = {}
    for flag, note in of.notes.items():
        if of.preset is None or flag not in FIELDS:
            found.setdefault(note.group, []).append(flag)
    return found


def _described(of, flag: str) -> tuple[str, str, str]:
    """The flag, its default, its meaning."""
    left, _, _ = help_pages.signature(of, flag).partition(" ")
    default = "required" if of.notes[flag].required else _shown(of.values[flag].default)
    meaning = help_pages.meaning(of, flag).replace("[", "\\[")
    return left, default, meaning + _names(of.values[flag].parser)


def _shown(default) -> str:
    """A default, "" where there is none."""
    if default is None or default in ("", float("inf")):
        return ""
    if isinstance(default, list | tuple):
        return " ".join(map(str, default))
    return str(default).lower() if isinstance(default, bool) else str(default)


def _names(parser) -> str:
    helps = getattr(parser, "helps", {}) if isinstance(parser, kinds.Choice) else {}
    said = [f"`{name}`: {text}" for name, text in helps.items() if text]
    return "<br>" + "<br>".join(said) if said else ""


def _own(found) -> list[tuple[str, str, str]]:
    """Flags of a command that defines them by itself, read off its source."""
    source = open(found.__file__, encoding="utf-8").read()
    pattern = r'DEFINE_\w+\("(\w+)", (\S+), "([^"]+)"'
    return [(f, d.strip('"'), text) for f, d, text in re.findall(pattern, source)]


def _rows(described) -> list[tuple[str, str, str]]:
    found = []
    for flag, default, meaning in described:
        name = flag if flag.startswith("--") or flag.isupper() else f"--{flag}"
        found.append((f"`{name}`", f"`{default}`" if default else "", meaning))
    return found


def _configuration() -> str:
    of, _ = cli.defined(module("train").define)
    groups: dict[str, list[str]] = {}
    for path, field in FIELDS.items():
        groups.setdefault(field.group, []).append(path)
    text = (
        "# Configuration\n\nA run is determined by its configuration, the code and the data. Every "
        "field is a flag of [train](train.md), [sweep](sweep.md), [seeds](seeds.md) and others. "
        "Defaults are those of the preset `digits`; another preset has others. In Python the same "
        'names are those of `gan.config.replace(config, {"penalty_weight": 1.0})`.\n'
    )
    for title, fields in groups.items():
        rows = _rows(_described(of, path) for path in fields)
        text += f"\n## {title.capitalize()}\n\n" + table(("flag", "default", "meaning"), rows)
    return text
