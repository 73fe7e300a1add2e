"""Formulas: `$$...$$` on lines of their own, `$...$` in a line, written in LaTeX.

GitHub shows them as they are. On the site they become MathML, which browsers show without a script.
"""

import re

from latex2mathml import converter

_CODE = re.compile(r"(^```.*?^```|`[^`\n]+`)", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"\$\$(.+?)\$\$", re.DOTALL)
_INLINE = re.compile(r"(?<![\w$\\])\$(?=\S)(?![A-Z_]{4})([^$\n]+?)(?<=\S)\$(?![\w$])")


def as_mathml(text: str) -> str:
    """The text with its formulas as MathML; code is left alone."""
    parts = _CODE.split(text)
    parts[::2] = [_INLINE.sub(_inline, _BLOCK.sub(_block, part)) for part in parts[::2]]
    return "".join(parts)


def _block(found: re.Match) -> str:
    inner = converter.convert(" ".join(found[1].split()), display="block")
    return f'<div class="formula">{inner}</div>'


def _inline(found: re.Match) -> str:
    return f"<span>{converter.convert(found[1])}</span>"  # Markdown takes <math> for a block
