"""Links between pages, as they stand in the repository and as the site needs them."""

import re

_OUT = re.compile(r"(\]\()((?:\.\./)+)(results/|docs/)")


def within_the_site(text: str, path: str) -> str:
    """Links between docs/ and results/, which lie side by side in the repository; in the site
    results/ lies inside docs/.

    >>> within_the_site("[digits](../../results/digits/README.md)", "guides/first.md")
    '[digits](../results/digits/README.md)'
    >>> within_the_site("[speed](../../docs/performance.md)", "results/digits/README.md")
    '[speed](../../performance.md)'
    """
    inside = path.startswith("results/")

    def moved(found: re.Match) -> str:
        opening, up, folder = found.groups()
        if inside:
            return opening + up + ("" if folder == "docs/" else folder)
        return opening + up.removeprefix("../") + folder

    return _OUT.sub(moved, text)
