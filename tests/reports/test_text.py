"""Text of the user's is shown as it is: no markup, no boxes, no bytes that cannot be written."""

import html.parser
import os
import warnings

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import font_manager, pyplot
from matplotlib.cbook import is_math_text

from gan.errors import StorageError
from gan.reports import figures, text
from gan.reports import page as report

NAMES = ["$5_bills_$10", "$x^$", "漢字", os.fsdecode(b"\xe9t\xe9"), "<b>&", r"a\$b$\frac", ""]


def drawn(name):
    """What matplotlib shows for a name, warnings being errors."""
    figure = pyplot.figure()
    try:
        artist = figure.text(0.5, 0.5, text.label(name))
        figure.canvas.draw()
        return artist._preprocess_math(artist.get_text())
    finally:
        pyplot.close(figure)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_drawn_as_it_is(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        shown, markup = drawn(name)
    assert not markup
    covered = all(text._drawable(c) for c in text.printable(name))
    assert shown == text.printable(name) if covered else "U+" in shown


@given(st.text())
def test_no_text_is_a_formula(name):
    shown = text.label(name)
    assert not is_math_text(shown)
    assert shown.replace(r"\$", "$").count("$") == name.count("$")


def test_what_no_font_has_is_named_by_its_code(monkeypatch):
    monkeypatch.setattr(text, "_characters", lambda path: frozenset())
    text._drawable.cache_clear()
    try:
        assert text.label("漢a") == "U+6F22a"
    finally:
        text._drawable.cache_clear()


def test_a_font_that_has_the_character_joins_those_of_the_figures(monkeypatch):
    default = font_manager.findfont(font_manager.FontProperties(family=["sans-serif"]))
    monkeypatch.setattr(
        text, "_characters", lambda path: frozenset() if path == default else frozenset([0x6F22])
    )
    text._drawable.cache_clear()
    try:
        with matplotlib.rc_context():
            assert text.label("漢") == "漢"
            added = matplotlib.rcParams["font.family"][1:]
            assert added and not added[0].startswith(text._DECORATIVE)
    finally:
        text._drawable.cache_clear()


def test_bytes_and_invisible_characters_are_named():
    assert text.printable(os.fsdecode(b"\xe9t\xe9")) == r"\xe9t\xe9"
    assert text.printable("a\u202eb\x00\u200b") == "aU+202EbU+0000U+200B"


class Tags(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.words = [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)

    def handle_data(self, data):
        self.words.append(data)


@given(st.text())
def test_a_page_shows_any_text_and_obeys_none(name):
    page = Tags()
    page.feed(report.grid((name,), [(name,)]))
    page.close()
    assert page.tags == ["table", "tr", "th", "tr", "td"]
    assert "".join(page.words).replace("\r", "\n").count("\n") == 2 * name.count("\n")
    report.paragraph(name).encode("utf-8")


def test_names_of_any_kind_make_a_matrix_and_a_page(tmp_path):
    path = tmp_path / "flow.png"
    flow = np.eye(len(NAMES)) / len(NAMES)
    figures.attempt(path, lambda: figures.save_flow(path, flow, NAMES))
    assert path.exists() and not os.path.exists(figures.note(path))
    report.write(tmp_path / "page.html", NAMES[0], report.picture(path, NAMES[3]))
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "$5_bills_$10" in page and r"\xe9t\xe9" in page and "data:image/png" in page


def test_a_picture_that_fails_leaves_a_note_and_a_line(tmp_path, capsys):
    path = tmp_path / "flow.png"
    path.write_bytes(b"of an earlier evaluation")

    def fail():
        raise ArithmeticError("no <such> picture")

    figures.attempt(path, fail)
    assert "no <such> picture" in capsys.readouterr().err and not path.exists()
    assert "Flows. Not drawn: ArithmeticError: no &lt;such&gt;" in report.picture(path, "Flows.")
    figures.attempt(path, lambda: figures.save_image(path, np.zeros((4, 4, 1), np.uint8)))
    assert "data:image/png" in report.picture(path, "Flows.")


def test_a_disk_that_is_full_is_no_matter_of_one_picture(tmp_path):
    def fail():
        raise StorageError("full")

    with pytest.raises(StorageError):
        figures.attempt(tmp_path / "a.png", fail)
