"""Links between pages, as they stand in the repository and as the site needs them."""

import re

_TARGET = re.compile(r"(\]\()((?:\.\./)+)(results/)")


def within_the_site(text: str, path: str) -> str:
    """Links of a page of docs/ to results/, which lies beside docs/ in the repository and inside
    the site.

    >>> within_the_site("[digits](../../results/digits/README.md)", "guides/first.md")
    '[digits](../results/digits/README.md)'
    """
    if path.startswith("results/"):
        return text
    depth = path.count("/")

    def moved(found: re.Match) -> str:
        up = found[2].count("../")
        return found[1] + "../" * (up - 1 if up == depth + 1 else up) + found[3]

    return _TARGET.sub(moved, text)
