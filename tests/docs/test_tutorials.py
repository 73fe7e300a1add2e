"""Tutorials run, and their pages show the code that ran."""

import jax
import pytest

from docs.scripts import tutorials
from tests.docs import pages

SMALLER = {
    "first_gan": {"2001": "11", "(1, 200, 1000, 2000)": "(1, 10)"},
    "pytorch_gan": {"steps=2000": "steps=30"},
    "report": {'"steps": 600': '"steps": 4, "evaluation_size": 40'},
    "sweep_statistics": {},
    "transport": {"4000)": "1500)"},
}
"""What makes a tutorial quick."""


def test_every_tutorial_can_be_made_quick_and_every_change_fits():
    assert tutorials.names() == sorted(SMALLER)
    for name, changes in SMALLER.items():
        source = (tutorials.FOLDER / f"{name}.py").read_text()
        assert [old for old in changes if source.count(old) != 1] == []


@pytest.mark.parametrize("name", tutorials.names())
def test_a_page_shows_the_cells_of_its_script(name):
    """To bring them up to date: python -m docs.scripts.tutorials"""
    page = tutorials.FOLDER / f"{name}.md"
    cells = tutorials.cells(name)
    code = [cell.source for cell in cells if not cell.is_text]
    assert [block.rstrip("\n") for block in pages.blocks(page, "python")] == code
    assert all(cell.source in page.read_text() for cell in cells if cell.is_text)
    assert len(code) > 3 and "pictures/" in page.read_text()


@pytest.mark.slow
@pytest.mark.parametrize("name", tutorials.names())
def test_a_tutorial_runs(name, tmp_path):
    if name == "pytorch_gan":
        pytest.importorskip("torch", reason="torch is not installed (extra: bench)")

    def smaller(source: str) -> str:
        for old, new in SMALLER[name].items():
            source = source.replace(old, new)
        return source

    with jax.numpy_rank_promotion("allow"):  # as outside of these tests
        shown = [shown for _, shown in tutorials.run(name, tmp_path, smaller)]
    assert any(each.printed for each in shown) and any(each.pictures for each in shown)
