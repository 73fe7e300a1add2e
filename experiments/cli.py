"""The command line that every experiment shares: typed flags from the config, clear errors.

A mistake of the user's ends with exit status 2 and at most three lines that say what was wrong and
what is allowed; the other statuses are listed in gan/errors.py.
"""

import argparse
import contextlib
import os
import select
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import simple_parsing
from absl import app, flags, logging

from experiments import later, stopping, streams
from gan import cache, config, files, inputs, presets
from gan.errors import GanError, StorageError, UserError
from gan.inputs import STEPS, Range, shown

CLOSED_PIPE = 128 + 13
"""Exit status when the reader of the standard output has gone, as after SIGPIPE."""


class _Parser(simple_parsing.ArgumentParser):
    """Argument parser whose errors are short."""

    def error(self, message: str) -> NoReturn:
        self.exit(UserError.status, f"error: {message}\n")

    def _print_message(self, message: str, file=None) -> None:
        # argparse itself hides that nothing could be written.
        if message:
            (file or sys.stderr).write(message)


def parser(description: str) -> simple_parsing.ArgumentParser:
    """Parser for an experiment; `description` is its module docstring."""
    return _Parser(
        prog=f"python -m {_program()}",
        usage="%(prog)s --workdir DIR [--flag value ...]",
        description=description.strip(),
        formatter_class=_HelpFormatter,
        allow_abbrev=False,
        argument_generation_mode=simple_parsing.ArgumentGenerationMode.NESTED,
        nested_mode=simple_parsing.NestedMode.WITHOUT_ROOT,
        add_config_path_arg=False,
    )


def add_config(to: simple_parsing.ArgumentParser, argv: list[str], default: str) -> None:
    """Add --preset, --config_path and one flag per field of the config.

    The fields' defaults come from --config_path, else --preset, else the config saved in --workdir
    (so that a run is continued by naming its directory alone), else the preset `default`.
    """
    group = to.add_argument_group("configuration")
    group.add_argument(
        "--preset",
        metavar="NAME",
        help=f"named configuration to start from, default {default}; list describes all: "
        f"{', '.join(presets.PRESETS)}, or package.module:name of your own",
    )
    group.add_argument("--config_path", metavar="FILE", help="configuration saved as JSON")
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for name in ("--preset", "--config_path", "--workdir"):
        first.add_argument(name)
    try:
        asked, _ = first.parse_known_args(argv)
    except argparse.ArgumentError as error:
        to.error(str(error))
    if asked.preset == "list":
        print(presets.table())
        to.exit()
    if asked.preset and asked.config_path:
        to.error("give either --preset or --config_path, not both")
    saved = os.path.join(files.usable(asked.workdir), "config.json") if asked.workdir else ""
    if asked.config_path:
        base = config.load(asked.config_path)
    elif asked.preset or not os.path.isfile(saved):
        base = presets.get(asked.preset or default)
    else:
        base = config.load(saved)
    to.add_arguments(config.Config, dest="config", default=base)


class Number:
    """The type of a flag that holds numbers of a kind within a range."""

    def __init__(self, kind: type, low: float, high: float):
        self.kind = kind
        self.range = Range(low, high)

    def __call__(self, text: str) -> Any:
        try:
            value = self.kind(text)
        except ValueError:
            kind = "a whole number" if self.kind is int else "a number"
            raise argparse.ArgumentTypeError(
                f"must be {kind} in {self.range}, got {shown(text)}"
            ) from None
        if value not in self.range:
            raise argparse.ArgumentTypeError(f"must be in {self.range}, got {shown(value)}")
        return value


def integer(low: int, high: int) -> Number:
    """Type of a flag for whole numbers from `low` to `high`; its help text and errors say so."""
    return Number(int, low, high)


def real(low: float, high: float) -> Number:
    """Type of a flag for finite numbers from `low` to `high`; its help text and errors say so."""
    return Number(float, low, high)


def field(path: str) -> Number:
    """Type of a flag that stands for the numeric field `path` of the config."""
    allowed = _FIELDS[path]
    return Number(type(config.flatten(config.Config())[path]), allowed.low, allowed.high)


COUNT = 10**6
"""The most repeats, runs or trials that a flag can ask for."""

SEEDS = 10_000
"""The most seeds that a flag can ask for, each of them a run."""

SECONDS = 1e9
"""The longest time that a flag can name, about thirty years."""

LEAST_SECONDS = 1e-9
"""The shortest, where there must be some."""


def add_workdir(to: simple_parsing.ArgumentParser) -> None:
    """Add the required --workdir."""
    to.add_argument("--workdir", required=True, type=path, metavar="DIR", help="run directory")


def path(text: str) -> str:
    """The value of a flag that names a file or folder, perhaps yet to be made; "~" is the home."""
    try:
        files.usable(text)
    except UserError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return os.path.expanduser(text)


def add_data_dir(to: simple_parsing.ArgumentParser) -> None:
    """Add --data_dir."""
    to.add_argument(
        "--data_dir",
        metavar="DIR",
        help="where data sets are: idx files of mnist and fashion_mnist, or prepared "
        "tensorflow-datasets (default: $TFDS_DATA_DIR, else ~/tensorflow_datasets)",
    )


def add_sets(to: simple_parsing.ArgumentParser) -> None:
    """The flags --source, --target and --data_dir."""
    for name in ("source", "target"):
        to.add_argument(
            f"--{name}",
            required=True,
            metavar="SET",
            help="a .npy or .npz file, DATASET:SPLIT[:COUNT], or RUN_DIRECTORY[:COUNT]",
        )
    add_data_dir(to)


def add_step(to: simple_parsing.ArgumentParser) -> None:
    """Add --step: a number, "best" or "last"."""

    def step(text: str) -> int | str | None:
        if text in ("best", "last"):
            return "best" if text == "best" else None
        if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= STEPS):
            raise argparse.ArgumentTypeError(
                f"must be a step number, best or last; got {shown(text)}"
            )
        return int(text)

    to.add_argument(
        "--step",
        type=step,
        metavar="STEP",
        help="a kept checkpoint: its step number, best or last (default: last)",
    )


def command_line() -> str:
    """The command that runs this process, as a user would type it."""
    return " ".join(["python", "-m", _program(), *sys.argv[1:]])


def leave(status: int) -> NoReturn:
    """End the process at once: a compilation in an abandoned thread cannot be waited for."""
    status = _delivered(status)
    with contextlib.suppress(OSError):
        sys.stderr.flush()
    os._exit(status)


def watched(work: Callable[[], Any]) -> Any:
    """Result of work that has nothing to save: a signal ends the process with 128 + its number."""
    from gan.signals import Interrupt, Interrupted

    with Interrupt() as interrupt:
        try:
            return interrupt.watch(work)
        except Interrupted as stopped:
            print(f"stopped by {stopped}", file=sys.stderr)
            leave(128 + stopped.signal)


def run(
    define: Callable[[simple_parsing.ArgumentParser, list[str]], None],
    main: Callable[[Any], int | None],
    description: str,
    argv: list[str] | None = None,
) -> None:
    """Run an experiment under absl: parse, call `main(arguments)`, exit with its status.

    Args:
        define: define(parser, argv) adds the flags.
        main: gets the parsed arguments; returns the exit status, None for 0.
        description: the module docstring, shown by --help.
        argv: the command line with the program's name first; None for the process's own.
    """

    def parse(argv: list[str]):
        flags.FLAGS(argv[:1])
        logging.set_verbosity(logging.WARNING)
        arguments = parser(description)
        try:
            define(arguments, argv[1:])
            return arguments.parse_args(argv[1:])
        except UserError as error:
            arguments.error(str(error))

    def guarded(arguments) -> None:
        sys.stderr = streams.Unheard(sys.stderr)
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(errors="surrogateescape")  # names of files need not be UTF-8
        later.settle()
        cache.keep_compilations()
        try:
            with stopping.raising():
                status = main(arguments)
        except GanError as error:
            _tell(str(error))
            status = error.status
        except (MemoryError, RuntimeError) as error:
            if not (isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)):
                raise
            _tell(f"out of memory: take smaller sizes; {shown(str(error))}")
            status = UserError.status
        except stopping.Stopped as stopped:
            stopping.end(stopped.number)
        sys.exit(status or 0)

    try:
        app.run(guarded, argv=argv, flags_parser=parse)
    except SystemExit as end:
        status = end.code
    except OSError as error:
        status = _refused(error)
    sys.exit(_delivered(status))


def _refused(error: OSError) -> int:
    """Exit status for an error of the system that no writer has put into words; raises it again if
    it is none of storage. Writers name their paths, so the standard streams are left without."""
    if isinstance(error, BrokenPipeError) and _reader_gone():
        return CLOSED_PIPE
    if error.filename is not None:
        _tell(f"cannot read or write {os.fsdecode(error.filename)}: {error.strerror}")
    elif error.errno in files.REFUSALS:
        _tell(f"cannot write the standard output: {error.strerror}")
    else:
        raise error
    return StorageError.status


def _reader_gone() -> bool:
    """Whether the standard output or error is a pipe that nobody reads any more."""
    pipes = select.poll()
    for descriptor in (1, 2):
        pipes.register(descriptor, 0)
    return any(event & select.POLLERR for _, event in pipes.poll(0))


def _delivered(status: int | str | None) -> int | str | None:
    """The exit status, once all that was printed has left the process: CLOSED_PIPE where its reader
    has gone, StorageError's where it cannot be written, unless something failed before."""
    try:
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        failed = CLOSED_PIPE
    except OSError as error:
        _tell(f"cannot write the standard output: {error.strerror}")
        failed = StorageError.status
    # What is left in the buffer must go somewhere, or the interpreter would complain at its end.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return status or failed


def _tell(text: str) -> None:
    """One error on stderr, if anybody can read it there."""
    with contextlib.suppress(OSError):
        print(f"error: {text}", file=sys.stderr)


def _program() -> str:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec.name.removesuffix(".__main__") if spec else os.path.basename(sys.argv[0])


class _HelpFormatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Keeps the description's lines; shows defaults where there are any."""

    def __init__(self, prog):
        super().__init__(prog, max_help_position=32, width=100)

    def _get_default_metavar_for_optional(self, action):
        return action.dest.rsplit(".")[-1].upper()

    def _get_help_string(self, action):
        text = action.help
        if action.default not in (None, argparse.SUPPRESS):
            text = super()._get_help_string(action)
        path = action.dest.removeprefix("config.")
        allowed = getattr(action.type, "range", None) or _FIELDS.get(path)
        if path in _REGISTRIES:
            allowed = f"{', '.join(_REGISTRIES[path])}, or package.module:name of your own"
        return text if allowed is None else f"{text} [{allowed}]"


_FIELDS = config.ranges(config.Config())
"""Range of every numeric field of the config, by its path."""

_REGISTRIES = inputs.registries(config.Config())
"""Registry of every field of the config that holds a name, by its path."""
