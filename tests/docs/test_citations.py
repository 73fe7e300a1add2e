"""Every citation by author and year resolves to the bibliography, and no entry is left over."""

import doctest
import re

from docs.scripts import citations, links
from tests.conftest import ROOT
from tests.docs import pages


def texts():
    """Path and text of everything that cites, on one line each."""
    modules = [p for top in ("gan", "experiments", "tests") for p in (ROOT / top).rglob("*.py")]
    modules = [path for path in modules if path.parent.name != "docs"]
    written = [page for page in pages.WRITTEN + pages.RESULTS if page.name != citations.PAGE]
    for path in [*modules, *written]:
        text = re.sub(r'"\s*\n\s*"', "", path.read_text(encoding="utf-8"))
        yield path, re.sub(r"\s*\n\s*#?\s*", " ", text)


def test_every_citation_is_in_the_bibliography_and_every_entry_is_cited():
    known, cited = citations.entries(), set()
    for path, text in texts():
        for match, key in citations.found(text):
            assert key in known, f"{pages.name(path)} cites {match[0]}; add it to the bibliography"
            cited.add(key)
    assert len(cited) > 90 and set(known) == cited


def test_a_heading_is_a_citation_of_its_entry():
    for key, heading in citations.entries().items():
        assert [found for _, found in citations.found(heading)] == [key], heading


def test_numbers_of_arxiv_and_doi_are_well_formed_and_linked():
    text = (ROOT / "docs" / citations.PAGE).read_text()
    arxiv = re.findall(
        r"\[arXiv:(\d{4}\.\d{4,5})\]\(https://arxiv\.org/abs/(\d{4}\.\d{4,5})\)", text
    )
    assert len(arxiv) > 60 and all(shown == target for shown, target in arxiv)
    assert text.count("[arXiv:") == len(arxiv)
    doi = re.findall(r"\[doi:(10\.[^\]]+)\]\(https://doi\.org/(10\.[^)]+)\)", text)
    assert len(doi) > 20 and text.count("[doi:") == len(doi)
    for shown, target in doi:
        assert shown == target.replace("%28", "(").replace("%29", ")")


def test_a_page_links_its_citations_outside_code():
    html = "<p>(Terjek 2020) <code>Terjek 2020</code> and Nobody 2020</p>"
    assert citations.linked(html, "x.html") == (
        '<p>(<a href="x.html#terjek2020">Terjek 2020</a>) <code>Terjek 2020</code> and Nobody 2020'
        "</p>"
    )


def test_examples_of_the_scripts_run():
    for module in (citations, links):
        found = doctest.testmod(module)
        assert found.attempted and not found.failed
