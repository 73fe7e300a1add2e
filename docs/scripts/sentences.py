"""Sentences at random, to be judged by a reader who has read no other line.

    python -m docs.scripts.sentences 7

picks ten with seed 7 from README, BUILD_NOTES, the guides and concepts of the site, and the texts
that reports show, each behind the heading that it stands under. Can each be understood at first
reading? One that cannot is rewritten, and the next seed is drawn. CONTRIBUTING.md keeps the result.
"""

import ast
import random
import re
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent.parent
PAGES = ("README.md", "BUILD_NOTES.md", "docs/get_started.md", "docs/guides/*.md")
PAGES += ("docs/concepts/*.md", "docs/glossary.md")
TEXTS = ("gan/reports/*.py", "gan/referee/verdicts.py", "gan/referee/faults.py")
TEXTS += ("gan/scores/metrics/*.py",)
COUNT = 10
LEAST_WORDS = 5


class Sentence(NamedTuple):
    """A sentence and what it stands under: the last heading, or the name of a module."""

    text: str
    under: str


def of_pages() -> list[Sentence]:
    """The sentences of the pages, without their code and tables."""
    found = []
    for page in _files(PAGES):
        text = re.sub(r"^```.*?^```|^\$\$.*?\$\$$", "", page.read_text(), flags=re.M | re.S)
        text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
        text = "\n".join(line for line in text.splitlines() if not re.match(r"\s*[|!<]", line))
        heading = page.stem
        for block in re.split(r"\n\s*\n|\n(?=\s*(?:[-*]|\d+\.)\s)", text):
            if block.strip().startswith("#"):
                heading = block.strip("# \n")
            else:
                found += [Sentence(one, heading) for one in _sentences(block)]
    return found


def of_reports() -> list[Sentence]:
    """The sentences of long texts in the code of reports, # standing for what is filled in."""
    found = []
    for module in _files(TEXTS):
        tree = ast.parse(module.read_text())
        notes = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        inner = {
            id(part)
            for node in ast.walk(tree)
            if isinstance(node, ast.JoinedStr)
            for part in node.values
        }
        for node in ast.walk(tree):
            if id(node) not in notes | inner:
                found += [Sentence(one, module.stem) for one in _sentences(_text(node))]
    return found


def chosen(seed: int) -> list[Sentence]:
    """Ten different sentences, the same ones for the same seed and texts."""
    return random.Random(seed).sample(sorted({*of_pages(), *of_reports()}), COUNT)


def _files(patterns: tuple[str, ...]) -> list[Path]:
    return [path for pattern in patterns for path in sorted(ROOT.glob(pattern))]


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) or "#" for part in node.values)
    return ""


def _sentences(text: str) -> list[str]:
    text = re.sub(r"^(?:[->]|\d+\.) ", "", " ".join(text.replace("**", "").split()))
    parts = re.split(r"(?<=[.?!])\s+(?=[A-Z`*#\"])", text)
    return [part for part in parts if _whole(part)]


def _whole(text: str) -> bool:
    """Whether it is a sentence, and no heading, label or end of one that began in code."""
    begins, ends = text[:1].islower(), text.rstrip("*_)")[-1:] in ".?!"
    return (
        len(text.split()) >= LEAST_WORDS
        and ends
        and not begins
        and "(why)." not in text
        and text.count("#") < 4
    )


if __name__ == "__main__":
    for sentence in chosen(int(sys.argv[1])):
        print(f"[{sentence.under}] {sentence.text}")
