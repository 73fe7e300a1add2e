"""Runs a scorer on the known cases of a score, and says what it gets wrong.

An implementation has one convention throughout: the one that explains most of its values. What
that convention gives is right, or a difference of convention where this project's own differs;
everything else is wrong, and is compared with known mistakes.
"""

import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from gan.errors import UserError
from gan.inputs import unknown
from gan.scores.conformance.definitions import DEFINITIONS
from gan.scores.conformance.known import Known, known_cases

MESSAGE = 60
"""Characters of an error's message that a finding shows."""

CLOSE = 1e-3
"""By which share of itself a known mistake may be missed."""


class Got(NamedTuple):
    """What a scorer returned: a number, or None with the reason; `kept` unless it wrote into its
    arguments."""

    value: float | None
    reason: str = ""
    kept: bool = True

    @property
    def number(self) -> float | None:
        """The value if it is finite; None also for NaN and infinities, which say so themselves."""
        return self.value if self.value is not None and math.isfinite(self.value) else None

    def __str__(self) -> str:
        return shown(self.value) if self.value is not None else self.reason


class Finding(NamedTuple):
    """A line of a report; `expected` is None where no finite number must come."""

    case: str
    expected: float | None
    got: str
    verdict: Literal["right", "convention", "wrong"]
    why: str


class Report(NamedTuple):
    """What was found: `convention` is "" for this project's own."""

    score: str
    convention: str
    findings: list[Finding]

    @property
    def wrong(self) -> list[Finding]:
        """What is wrong."""
        return [finding for finding in self.findings if finding.verdict == "wrong"]


def check(scorer: Callable[..., Any], score: str) -> Report:
    """Every known case of a score.

    Args:
        scorer: f(generated [n, d], real [m, d]) -> a number; f(probabilities [n, c]) for the
            inception_type_score. It gets copies. An exception of its own is a value: "no number".
        score: one of gan.scores.conformance.SCORES, with the k that is stated there.

    Raises:
        UserError: for an unknown score.
    """
    if score not in DEFINITIONS:
        raise UserError(unknown("score", score, DEFINITIONS))
    cases = known_cases(score)
    found = [called(scorer, case.arguments) for case in cases]
    convention = max(DEFINITIONS[score].answers, key=lambda each: _explained(each, cases, found))
    if not _explained(convention, cases, found)[0]:
        convention = ""
    findings = [
        _judged(score, convention, case, got) for case, got in zip(cases, found, strict=True)
    ]
    return Report(score, convention, [*findings, _again(scorer, cases, found)])


def called(scorer: Callable[..., Any], arguments: tuple[np.ndarray, ...]) -> Got:
    """What a scorer returns for copies of the arguments."""
    given = [argument.copy() for argument in arguments]
    try:
        value = scorer(*given)
    except Exception as error:  # whatever somebody's function raises
        text = " ".join(f"{type(error).__name__}: {error}".split())
        return Got(None, text if len(text) <= MESSAGE else f"{text[:MESSAGE]}...")
    kept = all(np.array_equal(a, b, equal_nan=True) for a, b in zip(given, arguments, strict=True))
    with contextlib.suppress(TypeError, ValueError):
        if not isinstance(value, str | bytes | complex) and np.ndim(value) == 0:
            return Got(float(value), kept=kept)
    return Got(None, f"a {type(value).__name__}, not a number", kept)


def fits(got: Got, answer, within: float) -> bool:
    """Whether an answer came."""
    if answer is None or got.number is None:
        return answer is None and got.number is None
    return abs(got.number - float(answer)) <= within


def shown(value: float | None) -> str:
    """A number of a table."""
    return "no number" if value is None else f"{value:.9g}"


def table(report: Report) -> str:
    """The findings, a line each, under a heading."""
    rows = [("case", "expected", "got", "verdict", "why")]
    rows += [(f.case, shown(f.expected), f.got, f.verdict, f.why) for f in report.findings]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        "  ".join([*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[4]])
        for row in rows
    )


def verdict(report: Report, name: str) -> str:
    """The last line: how many cases the scorer `name` gets right."""
    counts = {
        each: sum(finding.verdict == each for finding in report.findings)
        for each in ("right", "convention", "wrong")
    }
    text = f"{name} as {report.score}: {counts['right']} of {len(report.findings)} right"
    if counts["convention"]:
        text += f", {counts['convention']} by convention ({report.convention})"
    return text + f", {counts['wrong']} wrong"


def to_json(report: Report) -> Mapping[str, Any]:
    """A report as JSON holds it."""
    return {
        "score": report.score,
        "convention": report.convention or "as in this project",
        "wrong": len(report.wrong),
        "cases": [finding._asdict() for finding in report.findings],
    }


def _explained(convention: str, cases: Sequence[Known], found: list[Got]) -> tuple[int, int]:
    """How many numbers, and how many values of any kind, are those of a convention."""
    fitting = [
        got
        for case, got in zip(cases, found, strict=True)
        if fits(got, case.answer(convention), case.within)
    ]
    return sum(got.number is not None for got in fitting), len(fitting)


def _judged(score: str, convention: str, case: Known, got: Got) -> Finding:
    standard = case.answer("")
    expected = None if standard is None else float(standard)
    if not got.kept:
        return Finding(case.name, expected, str(got), "wrong", "it writes into its arguments")
    if fits(got, case.answer(convention), case.within):
        same = fits(got, standard, case.within)
        verdict, why = ("right", case.why) if same else ("convention", convention)
        return Finding(case.name, expected, str(got), verdict, why)
    return Finding(case.name, expected, str(got), "wrong", _diagnosis(score, case, got))


def _diagnosis(score: str, case: Known, got: Got) -> str:
    """What a wrong value may be."""
    if case.answer("") is None:
        return f"a number in spite of this: {case.why}"
    if got.number is None:
        return "no finite number came"
    definition = DEFINITIONS[score]
    for convention in definition.answers:
        if fits(got, case.answer(convention), case.within):
            return f"here {convention or 'as in this project'}, elsewhere by another convention"
    for mistake, value in definition.mistakes.items():
        with contextlib.suppress(ValueError):  # no closed form of this mistake
            answer = value(*case.arguments)
            if answer and fits(got, answer, min(case.within, CLOSE * abs(float(answer)))):
                return mistake
    return "no convention and no known mistake gives this"


def _again(scorer, cases: Sequence[Known], found: list[Got]) -> Finding:
    """Whether a second call gives the same."""
    sets = [case.name for case in cases]
    place = sets.index("unequal sizes") if "unequal sizes" in sets else 0
    first, again = found[place].number, called(scorer, cases[place].arguments)
    verdict = "right" if first == again.number else "wrong"
    case = f"again: {cases[place].name}"
    return Finding(case, first, str(again), verdict, "the same sets have the same score")
