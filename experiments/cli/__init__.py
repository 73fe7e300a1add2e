"""The command line that every command shares; the one part of `experiments` that is no command.

A command defines its flags in `define(flags)`, works in `main(values)`, and ends with

    cli.run(define, main, __doc__)

Its flags are absl flags, beside those that absl itself gives every program: --flagfile,
--verbosity, --helpfull and so on. A mistake of the user's ends with exit status 2 and a line or two
that say what was wrong and what is allowed; the other statuses are listed in gan/errors.py.
"""

import os
import re
import sys
from collections.abc import Callable
from typing import NoReturn

from absl import app, flags, logging

import gan
from experiments.cli import config_fields, ending, pages, words
from experiments.cli.definitions import (
    COUNT,
    LEAST_SECONDS,
    REQUIRED,
    SECONDS,
    SEEDS,
    Flags,
    Values,
)
from experiments.cli.literals import literal
from experiments.cli.solving import progress
from gan import presets
from gan.errors import GanError, UserError
from gan.inputs import shown
from gan.signals import Interrupted, end, raising

__all__ = [
    "COUNT",
    "LEAST_SECONDS",
    "REQUIRED",
    "SECONDS",
    "SEEDS",
    "Flags",
    "Values",
    "command_line",
    "defined",
    "literal",
    "parse",
    "progress",
    "run",
]


def command_line() -> str:
    """The command that runs this process, as a user would type it."""
    return " ".join(["python", "-m", _program(), *sys.argv[1:]])


def run(
    define: Callable[[Flags], None],
    main: Callable[[Values], int | None],
    description: str,
    argv: list[str] | None = None,
) -> NoReturn:
    """Run a command under absl: parse, call `main(values)`, exit with its status.

    Args:
        define: define(flags) defines what the command takes.
        main: gets the parsed flags; returns the exit status, None for 0.
        description: the module docstring, shown by --help.
        argv: the command line with the program's name first; None for the process's own.
    """

    def parser(argv: list[str]) -> Values:
        try:
            return parse(define, description, argv[1:])
        except UserError as error:
            ending.tell(str(error))
            sys.exit(UserError.status)

    def guarded(values: Values) -> None:
        sys.stderr = ending.Unheard(sys.stderr)
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(errors="surrogateescape")  # names of files need not be UTF-8
        try:
            with raising():
                gan.cache.keep_compilations()
                status = main(values)
        except GanError as error:
            ending.tell(str(error))
            status = error.status
        except (MemoryError, RuntimeError) as error:
            if not (isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)):
                raise
            ending.tell(f"out of memory: take smaller sizes; {shown(str(error))}")
            status = UserError.status
        except Interrupted as stopped:
            end(stopped)
        sys.exit(status or 0)

    try:
        app.run(guarded, argv=argv, flags_parser=parser)
    except SystemExit as exit:
        status = exit.code
    except OSError as error:
        status = ending.refused(error)
    sys.exit(ending.delivered(status))


def parse(define: Callable[[Flags], None], description: str, arguments: list[str]) -> Values:
    """The parsed flags of a command; prints a page and exits with status 0 where one is asked for.

    Raises:
        UserError: for what is unknown, missing, left over or cannot be meant.
    """
    of, values = defined(define)
    try:
        arguments = values.read_flags_from_files(arguments)
        arguments = words.joined(arguments, values, stray=of.positional is not None)
        _, *alone = values([_program(), *arguments])
        flags.FLAGS.mark_as_parsed()
        if values["verbosity"].using_default_value:
            logging.set_verbosity(logging.WARNING)
        if of.preset is not None:
            if values.preset == "list":
                _show(presets.table())
            config_fields.rebase(values, of.preset)
        if of.positional is not None and alone:
            flag = values[of.positional[0]]
            many = isinstance(flag, flags.MultiFlag)
            flag.parse(alone if many else alone[0])
            alone = [] if many else alone[1:]
    except flags.IllegalFlagValueError as error:
        name = re.match(r"flag --([^=]*)=", str(error))
        raise UserError(f"--{name[1]}: {error.__context__}" if name else str(error)) from error
    except UserError:
        raise
    except (flags.Error, ValueError) as error:  # some flags of absl's own raise the latter
        raise UserError(str(error)) from error
    for name, page in (("help", pages.brief), ("helpshort", pages.short), ("helpfull", pages.full)):
        if values[name].value:
            _show(page(of, _program(), description))
    if values["helpxml"].value:
        values.write_help_in_xml_format(sys.stdout)
        sys.exit(0)
    if alone:
        raise UserError(f"unexpected argument {shown(alone[0])}; --help shows what there is")
    missing = [n for n, note in of.notes.items() if note.required and values[n].value is None]
    if missing:
        raise UserError(f"missing: {', '.join(f'--{name}' for name in missing)}; see --help")
    if of.preset is not None:
        _ = values.config  # says what is wrong with it
    return values


def defined(define: Callable[[Flags], None]) -> tuple[Flags, Values]:
    """The flags of a command, and the same with those of absl, not parsed yet."""
    of = Flags()
    define(of)
    app.define_help_flags()
    standard = pages.standard_flags()
    for name in standard:
        if not standard[name].using_default_value:
            standard[name].unparse()  # of a command that this process has run before
    of.values.append_flag_values(standard)
    of.values.set_gnu_getopt(True)
    for name, what in pages.PAGES.items():  # absl's own would print and exit while it parses
        short = "?" if name == "help" else None
        to = {"flag_values": of.values, "short_name": short, "allow_override": True}
        flags.DEFINE_boolean(name, False, what, **to)
    return of, of.values


def _show(page: str) -> NoReturn:
    print(page)
    sys.exit(0)


def _program() -> str:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec.name.removesuffix(".__main__") if spec else os.path.basename(sys.argv[0])
