"""Citations by author and year, and the bibliography that they resolve to."""

PAGE = "bibliography.md"


def linked(text: str, path: str) -> str:
    return text
