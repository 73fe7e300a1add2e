"""No link inside the repository leads nowhere, and pages keep their length."""

import re

import pytest

import gan
from docs.scripts import commands, entries, library
from tests.conftest import ROOT
from tests.docs import pages

MADE = {*commands.pages(), *entries.pages(), *library.pages()}
"""Pages that the site makes, as paths from docs/."""


def missing(page) -> list[str]:
    """Links of a page to files that are neither there nor made for the site."""
    found = []
    for link in pages.links(page):
        target = link.partition("#")[0]
        if link.startswith(("http://", "https://")) or not target:
            continue
        path = (page.parent / target).resolve()
        made = path.is_relative_to(ROOT / "docs") and page.is_relative_to(ROOT / "docs")
        if not (path.exists() or made and str(path.relative_to(ROOT / "docs")) in MADE):
            found.append(link)
    return found


@pytest.mark.parametrize("page", pages.WRITTEN + pages.RESULTS, ids=pages.name)
def test_links_lead_somewhere(page):
    assert missing(page) == []


def test_links_are_found_and_dead_ones_noticed(tmp_path):
    assert len(pages.links(ROOT / "README.md")) > 40
    page = tmp_path / "page.md"
    page.write_text("[a](https://example.org) [b](nothing.md) [c](#here) `[d](code.md)`")
    assert missing(page) == ["nothing.md"]


@pytest.mark.parametrize(("page", "lines"), [("README.md", 160), ("BUILD_NOTES.md", 150)])
def test_a_page_that_must_be_short_is(page, lines):
    assert len((ROOT / page).read_text().splitlines()) <= lines


def test_every_page_is_in_the_navigation():
    """Those of decisions and results, and those that are made, are added when the site is built."""
    text = (ROOT / "mkdocs.yml").read_text()
    for page in (ROOT / "docs").rglob("*.md"):
        path = page.relative_to(ROOT / "docs").as_posix()
        assert path in text or path.startswith("decisions/") or path == "results.md", path


def test_every_decision_is_listed_with_its_three_parts():
    folder = ROOT / "docs" / "decisions"
    index = (folder / "index.md").read_text()
    for page in folder.glob("*.md"):
        if page.name != "index.md":
            assert f"]({page.name})" in index
            for part in ("**Context.**", "**Decision.**", "**Consequence.**"):
                assert part in page.read_text(), page.name


@pytest.mark.parametrize(
    "page", [p for p in pages.WRITTEN if p.stem != "CHANGELOG"], ids=pages.name
)
def test_there_are_no_words_of_our_own(page):
    """The standard term is used, in the names of numbers too."""
    text = page.read_text()
    private = r"(?i)yardstick|unserved|served by nobody|\brests? at\b|own_share"
    assert re.findall(private, text) == []


def test_the_citation_names_the_version():
    text = (ROOT / "CITATION.cff").read_text()
    assert f"version: {gan.__version__}\n" in text and "The gan contributors" in text
