"""Does somebody's implementation of a sample score give the numbers that its definition gives?

    report = conformance.check(scorer, "precision")
    report.wrong, report.convention, report.findings

`known` holds small inputs whose answers are known exactly, `exact` computes these answers from the
definitions in whole numbers, fractions and decimals of 60 digits, and `checks` compares. Nothing
that is judged takes part in the answers. Conventions that legitimately differ are told from
mistakes: each score names them in `definitions`.
"""

from gan.lazy import on_first_use

_DEFINED = {
    "Finding": "gan.scores.conformance.checks",
    "Report": "gan.scores.conformance.checks",
    "check": "gan.scores.conformance.checks",
    "table": "gan.scores.conformance.checks",
    "to_json": "gan.scores.conformance.checks",
    "verdict": "gan.scores.conformance.checks",
    "known_cases": "gan.scores.conformance.known",
    "SCORES": "gan.scores.conformance.definitions",
}

__getattr__ = on_first_use(__name__, _DEFINED)
