"""Text of the user's, such as names of classes and files, made safe to show.

It is never markup: in a figure a dollar is a dollar, in a page every character stands for itself. A
name of a file need not be UTF-8; Python carries its odd bytes as lone surrogates.
"""

import functools
import html

_DECORATIVE = ("Last Resort", "STIXSize", "STIXNonUnicode", "cm")
"""Beginnings of the names of fonts that hold boxes, or pieces of formulas under other codes."""


def printable(text: str) -> str:
    r"""The text with "\xe9" in place of a byte that is not UTF-8, and "U+200B" of a character that
    cannot be seen; line ends stay."""
    return "".join(
        character if character.isprintable() or character == "\n" else _named(character)
        for character in text
    )


def escaped(text: object) -> str:
    """The text for a page in HTML."""
    return html.escape(printable(str(text)))


def label(text: object) -> str:
    """The text for a figure of matplotlib that is made afterwards, to be shown as it is.

    A character that the default font lacks comes from the first installed font that has it, which
    joins the fonts of all later figures; one that none has becomes its code, as in "U+6F22".
    """
    shown = "".join(
        character if _drawable(character) else f"U+{ord(character):04X}"
        for character in printable(str(text))
    )
    # Matplotlib sees no formula in escaped dollars and shows them bare.
    return shown.replace("$", r"\$")


def _named(character: str) -> str:
    code = ord(character)
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"U+{code:04X}"


@functools.cache
def _drawable(character: str) -> bool:
    import matplotlib
    from matplotlib import font_manager

    if character == "\n" or character.isascii():
        return True
    families = matplotlib.rcParams["font.family"]
    default = font_manager.findfont(font_manager.FontProperties(family=families[:1]))
    if ord(character) in _characters(default):
        return True
    for entry in sorted(font_manager.fontManager.ttflist, key=lambda entry: entry.name):
        if entry.name.startswith(_DECORATIVE) or ord(character) not in _characters(entry.fname):
            continue
        if entry.name not in families:
            matplotlib.rcParams["font.family"] = [*families, entry.name]
        return True
    return False


@functools.cache
def _characters(path: str) -> frozenset[int]:
    """The codes of the characters that a font file has; none of one that cannot be read."""
    from matplotlib import ft2font

    try:
        return frozenset(ft2font.FT2Font(path).get_charmap())
    except (OSError, RuntimeError, UnicodeError):
        return frozenset()
