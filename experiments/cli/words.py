"""The words of a command line, made such that absl reads them all alike.

Every value is joined to its flag, as in `--width=64`. Switches take a word, as in `--quiet true`,
beside absl's own `--quiet` and `--noquiet`. A list is given by the words that follow
(`--sizes 40 50`), by commas (`--sizes=40,50`; what has a comma itself stands in double quotes, as
in a CSV file) and by repetition; it leaves here as repetition.
"""

import csv
import difflib

from absl import flags

from gan.errors import UserError
from gan.inputs import SHOWN, shown

SWITCH = dict.fromkeys(("yes", "true", "t", "y", "1"), "true")
SWITCH |= dict.fromkeys(("no", "false", "f", "n", "0"), "false")
"""What a switch may be set to, in small letters."""


def joined(words: list[str], values: flags.FlagValues, stray: bool = False) -> list[str]:
    """The words with every value joined to its flag.

    Args:
        words: without the program's name, flag files read.
        values: knows the flags.
        stray: whether words may stand alone, too, so that one after a switch need not be its.

    Raises:
        UserError: for a flag that is unknown or lacks its value, or a switch set to neither.
    """
    left = list(reversed(words))
    done: list[str] = []
    unknown: list[str] = []
    undefined_ok: set[str] = set()
    while left:
        word = left.pop()
        name, equals, value = word.lstrip("-").partition("=")
        if word == "--":
            done += [word, *reversed(left)]
            break
        if not word.startswith("-") or not name:
            done.append(word)
        elif name == "undefok":
            value = value if equals else _next(name, left, values)
            undefined_ok |= {each.strip() for each in value.split(",")}
        elif name in values:
            done += _one(name, value if equals else None, left, values, stray)
        elif name.startswith("no") and name[2:] in values and values[name[2:]].boolean:
            if equals:
                raise UserError(f"--{name} takes no value, got {shown(value)}")
            done.append(f"--{name[2:]}=false")
        else:
            unknown.append(name)
    for name in unknown:
        if name not in undefined_ok and name.removeprefix("no") not in undefined_ok:
            close = difflib.get_close_matches(name[:SHOWN], list(values), n=1)
            hint = f"did you mean --{close[0]}? " if close else ""
            raise UserError(f"unknown flag {shown(f'--{name}')}; {hint}--help shows all")
    return done


def _one(name: str, value: str | None, left: list[str], values, stray: bool) -> list[str]:
    """A flag with its value, or several for a list; takes from `left` the words that belong to it,
    the next of which is the last."""
    flag = values[name]
    if flag.boolean:
        following = left[-1] if value is None and left else "-"
        if following.lower() in SWITCH or not (stray or _is_flag(following)):
            value = left.pop()
        value = "true" if value is None else value
        if value.lower() not in SWITCH:
            raise UserError(f"--{name}: must be true or false, got {shown(value)}")
        return [f"--{name}={SWITCH[value.lower()]}"]
    if not isinstance(flag, flags.MultiFlag):
        return [f"--{name}={_next(name, left, values) if value is None else value}"]
    found = [_next(name, left, values) if value is None else value]
    while value is None and left and not _is_flag(left[-1]):
        found.append(left.pop())
    return [f"--{name}={item}" for text in found for item in _items(name, text)]


def _next(name: str, left: list[str], values: flags.FlagValues) -> str:
    """The word after a flag, which is its value."""
    if left and left[-1].startswith("--"):
        following = left[-1][2:].partition("=")[0]
        if following in values or following.removeprefix("no") in values:
            raise UserError(f"--{name} needs a value; got the flag --{following}")
    if not left:
        raise UserError(f"--{name} needs a value")
    return left.pop()


def _is_flag(word: str) -> bool:
    """Whether a word is a flag and no negative number."""
    return word.startswith("-") and not word[1:2].isdigit()


def _items(name: str, text: str) -> list[str]:
    try:
        return next(csv.reader([text], strict=True), []) or [text]
    except csv.Error as error:
        raise UserError(f"--{name}: {shown(text)}: {error}") from error
