"""An evaluation on one screen: what it says in words, the numbers that matter, where the rest is.

An evaluation is read as evaluation.json holds it, whichever version wrote it.
"""

import textwrap
from typing import Any, NamedTuple

from gan.referee import verdicts
from gan.reports import page
from gan.reports import scores as tables
from gan.reports.bars import Score

CHOSEN = (
    "w1",
    "w1_debiased",
    "w1_train",
    "class_share",
    "modes",
    "high_quality",
    "fid",
    "kid",
    "precision",
    "recall",
    "frechet_classifier_distance",
    "inception_score",
)
"""The numbers that matter most, in this order."""

FEW = 6
"""Of these so many are shown, where an evaluation holds more than MOST numbers."""

WIDTH = 100
"""Characters of a line."""

MOST = 12
"""Numbers of an evaluation up to which all are shown."""

REAL = {
    "w1": "w1_floor",
    "sliced_w1": "sliced_w1_floor",
    "w1_train": "w1_train_floor",
    "nearest_train": "nearest_train_real",
    "class_share": "class_share_real",
    "modes": "modes_total",
}
"""The number that says what real examples get in place of generated ones."""

ZERO = ("w1_debiased", "sliced_w1_debiased")
"""What is 0 for real examples on average."""


class Row(NamedTuple):
    """A number as it is shown: of generated examples, of real ones, and its interval."""

    name: str
    generated: str
    real: str
    interval: str


def sentences(scores: dict[str, Any]) -> list[str]:
    """What an evaluation says of the generator and of the critic, a sentence each; those that it
    holds the numbers for."""
    found = []
    if all(name in scores for name in ("w1_debiased", "w1_debiased_low", "w1_debiased_high")):
        value, low, high = (
            page.number(scores[name])
            for name in ("w1_debiased", "w1_debiased_low", "w1_debiased_high")
        )
        told = "can" if verdicts.told_apart(scores) else "cannot"
        found.append(
            f"Generated examples {told} be told from real ones at n = {scores['n']}: "
            f"debiased distance {value}, 95 % interval {low} to {high}."
        )
    if scores.get("w1_train", 0) < scores.get("w1_train_floor", 0):
        found.append(
            "Generated examples are closer to the training examples than other real ones are: "
            "look for copies."
        )
    if verdicts.about_critic(scores):
        share, other = scores["critic_share"], scores["reference_share"]
        enough = "is" if verdicts.trained_enough(scores) else "is not"
        found.append(
            f"The critic {enough} trained enough: it proves {100 * share:.1f} % of the exact "
            f"distance, where as many other examples prove {100 * other:.1f} %."
        )
    return found


def chosen(scores: dict[str, Any]) -> tuple[list[Score], int]:
    """The numbers that are shown, and how many there are besides."""
    numbers = [name for name, *_ in tables.plain(scores) if name not in tables.HEADER]
    numbers += [*tables.detailed(scores), *(name for name, *_ in tables.flows(scores))]
    shown = numbers
    if len(numbers) > MOST:
        shown = [name for name in CHOSEN if name in numbers][:FEW]
        shown += [name for name in numbers if ":" in name]
    return [_score(scores, name) for name in shown], len(numbers) - len(shown)


def show(scores: dict[str, Any], report: str) -> None:
    """Print an evaluation; `report` is the path of its page."""
    examples = f"{scores['n']} generated examples" if "n" in scores else "generated examples"
    print(f"Step {scores['step']}, {examples} against the {scores['split']} split:")
    for line in [*_left_out(scores), *sentences(scores)]:
        print(textwrap.fill(line, WIDTH, initial_indent="  ", subsequent_indent="  "))
    shown, more = chosen(scores)
    if shown:
        print()
        _show_rows([Row("", "generated", "real ones", "95 % interval"), *map(_row, shown)])
    _show_features(scores, shown)
    besides = f"{more} more numbers, and what all of them mean" if more else "What they mean"
    print(f"\n{besides}, with pictures:\nreport {report}")


def show_numbers(scores: dict[str, Any]) -> None:
    """Print numbers that stand for themselves, and what they look at."""
    shown, _ = chosen(scores)
    _show_rows(list(map(_row, shown)))
    _show_features(scores, shown)


def _show_rows(shown: list[Row]) -> None:
    wide = max(28, *(len(row.name) for row in shown))
    for row in shown:
        print(f"{row.name:{wide}} {row.generated:>10} {row.real:>10}   {row.interval}".rstrip())


def _show_features(scores: dict[str, Any], shown: list[Score]) -> None:
    for features in tables.features_used(scores, [row.name for row in shown]):
        whole = {"break_long_words": False, "break_on_hyphens": False}  # names of files stay whole
        print(textwrap.fill(f"by {features}", WIDTH, subsequent_indent="   ", **whole))


def _score(scores: dict[str, Any], name: str) -> Score:
    """A number of an evaluation with its interval and what is known beside it."""
    if name not in scores:  # of the proportions
        found = scores["proportions"]
        interval, real = found.get(f"{name}_interval"), found["real"].get(name)
        value = found[name]
    elif isinstance(found := scores[name], dict):
        value, interval, real = found["value"], found.get("interval"), found.get("real")
    else:
        value, interval = found, [scores.get(f"{name}_low"), scores.get(f"{name}_high")]
        real = 0 if name in ZERO else scores.get(REAL.get(name, ""))
    return Score(
        name,
        value,
        None if interval is None or None in interval else tuple(interval),
        real,
        scores.get("collapsed", {}).get(name),
        tables.better(name),
    )


def _row(score: Score) -> Row:
    low, high = score.interval or (None, None)
    return Row(
        score.name,
        page.number(score.value),
        "" if score.real is None else page.number(score.real),
        "" if low is None else f"{page.number(low)} to {page.number(high)}",
    )


def _left_out(scores: dict[str, Any]) -> list[str]:
    """What was asked for and could not be computed, with the reason."""
    return [
        f"Left out: {', '.join(names)}: {reason}"
        for reason, names in tables.left_out(scores).items()
    ]
