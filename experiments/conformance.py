"""Does your implementation of a score give known answers? Says which cases it gets wrong, and why.

    python -m experiments.conformance --scorer mypackage.scores:recall --score recall
    python -m experiments.conformance --list

A scorer is f(generated [n, d], real [m, d]) -> a number, for the inception_type_score
f(probabilities [n, c]) -> a number. The answers are closed forms or computed from the definition
in whole numbers and fractions; the sets are identical, collapsed, exchanged, shifted, scaled,
repeated, fewer than features, on a lattice, of unequal sizes, in float32 far from 0, permuted, one
example short, or hold a NaN, of which no finite number must come. Conventions that legitimately
differ (closed or open balls, covariances over n or n - 1, k clipped or refused) are named as such,
not counted as wrong. Ends with status 1 when something is wrong. Seconds on one core.
"""

from __future__ import annotations

import contextlib
import sys

import gan
from experiments import cli
from gan import files, outputs
from gan.errors import UserError

SCORES = "gan.scores.conformance.definitions:SCORES"


def run(scorer, score: str):
    """The report of a scorer (see gan.scores.conformance); what it prints goes to stderr."""
    with contextlib.redirect_stdout(sys.stderr):
        return gan.scores.conformance.check(scorer, score)


def listed(scores) -> str:
    """The cases of some scores, with the answers of this project's conventions."""
    lines = []
    for score in scores:
        lines.append(f"{score}: {gan.scores.conformance.SCORES[score]}")
        for case in gan.scores.conformance.known_cases(score):
            answer = case.answer("")
            answer = "no number" if answer is None else f"{float(answer):.9g}"
            lines.append(f"  {case.name:<40}  {answer:<12}  {case.why}")
    return "\n".join(lines)


def define(flags) -> None:
    """The flags of this experiment."""
    flags.text("scorer", None, "function to test, importable from here", "MODULE:FUNCTION")
    flags.choice("score", None, "what it computes", cli.literal(SCORES))
    flags.path("output", None, "where to keep the report, a .json file")
    flags.boolean("list", "show the cases of --score, or of all scores, and end")


def main(values) -> int:
    """Test and print; status 1 for a wrong value."""
    if values.list:
        print(listed([values.score] if values.score else cli.literal(SCORES)))
        return 0
    missing = [f"--{name}" for name in ("scorer", "score") if values[name].value is None]
    if missing:
        raise UserError(f"missing: {', '.join(missing)}; see --help")
    if values.output:
        outputs.file(values.output, (".json",))
    conformance = gan.scores.conformance
    report = run(gan.scores.features.imported(values.scorer, "--scorer"), values.score)
    print(conformance.table(report))
    if values.output:
        files.write_json(values.output, {"scorer": values.scorer} | conformance.to_json(report))
    print()
    print(conformance.verdict(report, values.scorer))
    return 1 if report.wrong else 0


if __name__ == "__main__":
    cli.run(define, main, __doc__)
