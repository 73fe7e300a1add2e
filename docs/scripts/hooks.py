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
    tree = _section(config.nav, "Results")
    for path in results():
        if path.endswith("README.md") or path.count("/") == 1 and path.endswith(".md"):
            tree.append(path)
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
    path = page.file.src_uri
    text = links.within_the_site(markdown, path)
    text = formulas.as_mathml(text)
    return text if path == citations.PAGE else citations.linked(text, path)


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
