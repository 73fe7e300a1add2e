"""What --help, --helpshort and --helpfull print.

--help gives every flag of a command a line: the flag with its default, or in capitals what it wants
where it has none, and what it means as far as the line goes. --helpshort leaves the config out.
--helpfull says all: ranges, names with their meanings, and the flags that absl adds.
"""

import textwrap

from absl import flags

from experiments.cli import kinds
from experiments.cli.config_fields import FIELDS
from experiments.cli.definitions import Flags

WIDTH = 100
LEFT = 34
"""Columns of the flags."""


MOST_NAMES = 20
"""Names that are listed on the line of a flag; of more, the line says what they are."""

NOTE = """\
Each flag stands with its default, or in capitals with what it wants. --noNAME turns a switch off;
a list is given by words, commas or repetition. --helpfull says all, --helpshort less."""

PAGES = {
    "help": "show every flag in a line",
    "helpshort": "show the flags of this command without those of the config",
    "helpfull": "show all that is known of every flag",
    "helpxml": "show the flags as XML",
}
"""Flags that print a page."""


def brief(of: Flags, program: str, description: str) -> str:
    """The page of --help."""
    return _page(of, program, description, whole=True)


def short(of: Flags, program: str, description: str) -> str:
    """The page of --helpshort."""
    return _page(of, program, description, whole=False)


def _page(of: Flags, program: str, description: str, whole: bool) -> str:
    lines = [description.strip(), "", usage(of, program)]
    for title, names in _groups(of, whole):
        lines += ["", title, *(_line(of, name) for name in names)]
    return "\n".join([*lines, "", NOTE])


def full(of: Flags, program: str, description: str) -> str:
    """The page of --helpfull."""
    lines = [description.strip(), "", usage(of, program)]
    for title, names in _groups(of, whole=True):
        lines += ["", title]
        for name in names:
            lines += [f"  {signature(of, name)}", *_paragraph(meaning(of, name))]
            helps = getattr(of.values[name].parser, "helps", {})
            for each, text in helps.items():
                lines += _paragraph(f"- {each}: {text}") if text else []
    standard = flags.FlagValues()
    standard.append_flag_values(standard_flags())
    return "\n".join([*lines, "", "of every program with absl flags", standard.get_help("  ")])


def usage(of: Flags, program: str) -> str:
    """How the command is called, in a line."""
    words = [of.notes[of.positional[0]].metavar] if of.positional else []
    for name, note in of.notes.items():
        if note.required and (of.positional is None or name != of.positional[0]):
            words.append(f"--{name} {note.metavar}")
    return f"usage: python -m {program} {' '.join(words)} [--flag value ...]"


def standard_flags() -> flags.FlagValues:
    """The flags that absl itself defines."""
    found = flags.FlagValues()
    for module, defined in flags.FLAGS.flags_by_module_dict().items():
        if module.startswith("absl."):
            for flag in defined:
                found[flag.name] = flag
    return found


def _groups(of: Flags, whole: bool) -> list[tuple[str, list[str]]]:
    """Titles with the names of their flags, in the order of definition."""
    found: dict[str, list[str]] = {}
    for name, note in of.notes.items():
        if whole or not _is_field(of, name):
            found.setdefault(note.group, []).append(name)
    return list(found.items())


def _is_field(of: Flags, name: str) -> bool:
    """Whether a flag is a field of the config."""
    return of.preset is not None and name in FIELDS


def signature(of: Flags, name: str) -> str:
    """The flag with its default, or with what it wants."""
    note, default = of.notes[name], of.values[name].default
    if of.positional and name == of.positional[0]:
        return note.metavar
    if isinstance(default, bool):
        return f"--{name} {str(default).lower()}"
    if isinstance(default, list | tuple):
        shown = " ".join(map(str, default))
        return f"--{name} {shown if 0 < len(shown) < LEFT // 2 else note.metavar}"
    if default is None or default in (float("inf"), ""):
        return f"--{name} {note.metavar}"
    return f"--{name} {default}"


def _line(of: Flags, name: str) -> str:
    """A flag with as much of its meaning as a line holds."""
    left = f"  {signature(of, name)}".ljust(LEFT)
    parser, text = of.values[name].parser, _help(of, name).split(". ")[0].removesuffix(".")
    if isinstance(parser, kinds.Choice) and len(names := list(parser.names)) <= MOST_NAMES:
        text = f"{', '.join(names)}: {text}"
    space = WIDTH - len(left) - 1
    return f"{left} {textwrap.shorten(text, space, placeholder=' ...')}"


def meaning(of: Flags, name: str) -> str:
    """All that is known of a flag, in sentences."""
    flag = of.values[name]
    text = _help(of, name).removesuffix(".") + "."
    allowed = getattr(flag.parser, "range", None)
    if _is_field(of, name):
        allowed = FIELDS[name].range
    if allowed is not None:
        text += f" In {allowed}."
    if isinstance(flag.parser, kinds.Choice):
        text += f" One of {', '.join(flag.parser.names)}."
    if isinstance(flag.default, list | tuple) and len(flag.default) > 1:
        text += f" Default: {' '.join(map(str, flag.default))}."
    return text


def _help(of: Flags, name: str) -> str:
    return of.values[name].help.partition(";\n    repeat this option")[0]  # what absl adds to lists


def _paragraph(text: str) -> list[str]:
    indent = " " * 6
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent)
