"""What the documentation says: its pages, their code and their links."""

import re
import shlex
from pathlib import Path

from tests.conftest import ROOT

WRITTEN = [
    *(ROOT / name for name in ("README.md", "BUILD_NOTES.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
RESULTS = sorted((ROOT / "results").rglob("*.md"))


def name(path: Path) -> str:
    """A page's path from the root, which names its tests."""
    return path.relative_to(ROOT).as_posix()


def blocks(page: Path | str, *languages: str) -> list[str]:
    """The fenced blocks, in one of these languages, of a page or of a text."""
    text = page.read_text() if isinstance(page, Path) else page
    found = re.findall(r"^```(\w+)\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    return [text for language, text in found if language in languages]


def commands(page: Path | str) -> list[list[str]]:
    """The shell commands in the blocks of a page or of a text, as words."""
    return _words("".join(blocks(page, "sh")))


def mentioned(path: Path) -> list[list[str]]:
    """The commands that stand in the text of a page, perhaps in part or with placeholders."""
    rest = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
    inline = re.findall(r"`(?:python -m )?(experiments\.[^`]+)`", rest)
    indented = re.findall(r"^    python -m (experiments\..+)$", rest, flags=re.MULTILINE)
    return _words("\n".join(" ".join(text.split()) for text in [*inline, *indented]))


def _words(text: str) -> list[list[str]]:
    lines = text.replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def links(path: Path) -> list[str]:
    """Targets of the links and pictures of a page."""
    text = re.sub(r"^```.*?^```|`[^`\n]+`", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"\]\(([^)\s]+)\)", text)
