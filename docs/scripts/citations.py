"""Citations by author and year, and the bibliography that they resolve to.

A citation is "Mescheder et al. 2018", "Lim and Ye 2017", "Meehan, Chaudhuri, Dasgupta 2020" or
"Gomory (1961)", in a docstring, a comment, a help text or a page. Its key is the author, of two
both and of more the first, and the year.
"""

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

PAGE = "bibliography.md"
ROOT = Path(__file__).parent.parent.parent

_NAME = r"(?:(?:von|del) )?[A-Z][\w'-]*[a-z]"
_YEAR = r"(?:1[789]|20)\d\d[ab]?"
_OTHERS = rf" et al\.|(?:(?:,| and|, and) {_NAME})*"
_CITATION = re.compile(rf"(?<![\w-])({_NAME})({_OTHERS}),? \(?({_YEAR})\b(?!-)")
_ENTRY = re.compile(r'^- <a id="(\w+)"></a>\*\*(.+?)\.\*\*', re.MULTILINE)
NOT_AUTHORS = {"Debian", "May", "Python"}
"""Capitalised words before numbers that look like years."""

_TAG = re.compile(r"(<[^>]+>)")
_QUIET = ("a", "code", "pre", "math", "h1", "h2", "h3", "h4", "script", "style")


def key(author: str, others: str, year: str) -> str:
    """The anchor of a citation.

    >>> key("Lim", " and Ye", "2017"), key("von Neumann", "", "1928"), key("Wei", " et al.", "2018")
    ('limye2017', 'vonneumann1928', 'wei2018')
    """
    second = re.findall(_NAME, others)
    names = author + second[0] if len(second) == 1 else author
    plain = unicodedata.normalize("NFKD", names).encode("ascii", "ignore").decode()
    return re.sub(r"\W", "", plain).lower() + year


def found(text: str) -> Iterator[tuple[re.Match, str]]:
    """Every citation of a text with its key.

    >>> [k for _, k in found("as in Lim and Ye 2017, and Gomory (1961)")]
    ['limye2017', 'gomory1961']
    """
    for match in _CITATION.finditer(text):
        if match[1] not in NOT_AUTHORS:
            yield match, key(*match.groups())


def entries() -> dict[str, str]:
    """Heading of every entry of the bibliography by its key."""
    return dict(_ENTRY.findall((ROOT / "docs" / PAGE).read_text(encoding="utf-8")))


def linked(html: str, up: str) -> str:
    """A page's HTML with its citations as links to the bibliography, which lies at `up`."""
    known, quiet, parts = entries(), 0, _TAG.split(html)
    for place, part in enumerate(parts):
        if part.startswith("<"):
            name = part.strip("</>").split()[0] if part.strip("</>") else ""
            if name in _QUIET and not part.endswith("/>"):
                quiet += -1 if part.startswith("</") else 1
        elif not quiet:
            parts[place] = _linked(part, known, up)
    return "".join(parts)


def _linked(text: str, known: dict[str, str], up: str) -> str:
    pieces, end = [], 0
    for match, name in found(text):
        if name in known:
            pieces += [text[end : match.start()], f'<a href="{up}#{name}">{match[0]}</a>']
            end = match.end()
    return "".join([*pieces, text[end:]])
