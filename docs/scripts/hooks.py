"""What the site has beyond the files of docs/: generated pages, results, formulas, citations.

mkdocs calls the functions whose names begin with `on_` (see mkdocs.yml). Pages are written for a
reader of the repository, so a link from docs/ to results/ leads out of docs/; here it is made one
within the site.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT))

from mkdocs.structure.files import File, InclusionLevel  # noqa: E402

from docs.scripts import citations, commands, entries, formulas, library, links  # noqa: E402

RESULTS = ("*.md", "*.png", "*.gif", "*.csv", "*.json", "*.py")
"""Kinds of files in results/ that pages show or link to."""


def generated() -> dict[str, dict[str, str]]:
    """The pages that are made here, by the title of their section and their path in the site."""
    return {
        "Choices": entries.pages(),
        "Commands": commands.pages(),
        "Library": library.pages(),
    }


def results() -> list[str]:
    """The files of results/, as paths from the root; pages first in their folder."""
    found = {path for kind in RESULTS for path in (ROOT / "results").rglob(kind)}
    return sorted(path.relative_to(ROOT).as_posix() for path in found)


def on_config(config):
    for title, pages in generated().items():
        _section(config.nav, title).extend(pages)
    pages = [path for path in results() if path.endswith(".md")]
    first = [path for path in pages if path.endswith("README.md") or path.count("/") == 1]
    _section(config.nav, "Results").extend(["results.md", *first])
    decisions = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("*.md"))
    ordered = sorted(decisions, key=lambda name: name != "index.md")
    _section(config.nav, "Decisions").extend(f"decisions/{name}" for name in ordered)
    return config


def on_files(files, config):
    for pages in generated().values():
        for path, text in pages.items():
            files.append(File.generated(config, path, content=text))
    for path in results():
        inner = InclusionLevel.NOT_IN_NAV
        files.append(
            File(path, str(ROOT), config.site_dir, config.use_directory_urls, inclusion=inner)
        )
    return files


def on_page_markdown(markdown, page, config, files):
    del config, files
    return formulas.as_mathml(links.within_the_site(markdown, page.file.src_uri))


def on_page_content(html, page, config, files):
    del config
    if page.file.src_uri == citations.PAGE:
        return html
    bibliography = files.get_file_from_path(citations.PAGE)
    return citations.linked(html, bibliography.url_relative_to(page.file))


def _section(nav, title):
    """The list of pages of a section, at whatever depth."""
    for entry in nav:
        for name, inner in entry.items() if isinstance(entry, dict) else ():
            if name == title:
                return inner
            found = _section(inner, title) if isinstance(inner, list) else None
            if found is not None:
                return found
    return None
