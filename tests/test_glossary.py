"""Every reported name stands in the glossary with what it means."""

from pathlib import Path

from gan.referee.critics import Certificate
from gan.referee.faults import KINDS
from gan.registries import METRICS
from gan.reports import referee_page
from gan.scores.evaluation import HEADER

GLOSSARY = Path(__file__).parent.parent / "docs" / "glossary.md"
MARK = "<!-- scores -->\n"

CERTIFICATE = {
    "n": HEADER["n"],
    "w1": "Exact W1 between the sets that the critic was certified on.",
    "w1_gap": "Relative gap of its certificate.",
    "estimate": "The critic's claim: mean score of real less that of generated examples.",
    **referee_page.CRITIC,
}


def tables() -> str:
    """The tables of the glossary, from the entries that compute and explain the numbers."""
    better = {None: "", "lower": "lower", "higher": "higher"}
    parts = [
        "| name | meaning | better |\n|---|---|---|\n"
        + "".join(f"| `{n}` | {m.meaning} | {better[m.better]} |\n" for n, m in METRICS.items())
    ]
    for title, rows in (
        ("Of a critic, in the referee's reports", CERTIFICATE),
        ("Faults, in the referee's reports", KINDS),
    ):
        lines = "".join(f"| `{name}` | {text} |\n" for name, text in rows.items())
        parts.append(f"### {title}\n\n| name | meaning |\n|---|---|\n{lines}")
    return "\n" + "\n".join(parts)


def test_the_glossary_holds_every_number_as_its_entry_explains_it():
    """To bring it up to date: python -m tests.test_glossary"""
    text = GLOSSARY.read_text()
    assert text.partition(MARK)[2] == tables()


def test_nothing_of_a_certificate_is_missing():
    assert set(CERTIFICATE) == {*Certificate._fields, "reference_share"}


def test_every_part_of_a_judgement_is_explained():
    terms = GLOSSARY.read_text().lower()
    for name in ("floor", "debiased", "p-value", "interval", "fault"):
        assert f"**{name}" in terms


if __name__ == "__main__":
    GLOSSARY.write_text(GLOSSARY.read_text().partition(MARK)[0] + MARK + tables())
