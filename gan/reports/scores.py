"""The numbers of an evaluation as text and as parts of a page, explained by their entries.

An evaluation is read as evaluation.json holds it, whichever version wrote it.
"""

import math
from collections.abc import Iterator

from gan.errors import UserError
from gan.registries import METRICS
from gan.reports import page
from gan.scores.evaluation import HEADER
from gan.scores.samples import COVERS


def meaning(name: str) -> str | None:
    """What a number of an evaluation means; None of what is no number, and "" where the entry is
    somebody's and cannot be imported here."""
    if name in HEADER:
        return HEADER[name]
    if name not in METRICS and ":" not in name:
        return None
    try:
        return METRICS.get(name).meaning
    except UserError:
        return ""


def better(name: str) -> str | None:
    """ "lower" or "higher" for a metric that has a direction, None for any other number."""
    try:
        return METRICS.get(name).better
    except UserError:
        return None


def plain(scores: dict) -> Iterator[tuple[str, float, str]]:
    """(name, value, meaning) of the numbers that stand alone."""
    for name, value in scores.items():
        if not isinstance(value, dict) and meaning(name) is not None:
            yield name, value, meaning(name)


def detailed(scores: dict) -> dict[str, dict]:
    """The numbers that stand with an interval, by name."""
    return {
        name: value
        for name, value in scores.items()
        if isinstance(value, dict) and "value" in value and meaning(name) is not None
    }


def flows(scores: dict) -> Iterator[tuple[str, float, str]]:
    """(name, value, meaning) of the proportions."""
    found = scores.get("proportions", {})
    for name, metric in METRICS.items() if found else ():
        if metric.within == "proportions":
            yield name, found[name], metric.meaning


def columns(scores: dict) -> dict[str, str]:
    """Headings by name of the columns of a table over runs: those that entries name, each ratio
    behind its unit, and the metrics of this evaluation that are nobody's of this library."""
    found = {}
    for name, metric in METRICS.items():
        if metric.column:
            found[name] = metric.column
        if metric.ratio:
            found[metric.ratio.name] = metric.ratio.column
    return found | {name: name for name in scores if ":" in name}


def ratios(scores: dict) -> dict[str, float]:
    """The metrics that an evaluation has in units of another one; infinite where that one is 0, as
    a floor is for a set of equal examples."""
    found = {}
    for name, metric in METRICS.items():
        if metric.ratio and name in scores and metric.ratio.of in scores:
            unit, value = scores[name], scores[metric.ratio.of]
            found[metric.ratio.name] = value / unit if unit else math.inf
    return found


def value(scores: dict, name: str) -> float:
    """The number of an evaluation, with or without an interval."""
    found = scores[name]
    return found["value"] if isinstance(found, dict) else found


def features_used(scores: dict, names: list[str]) -> list[str]:
    """What these numbers of an evaluation look at, each once."""
    found = dict.fromkeys(
        scores[name]["features"] for name in names if isinstance(scores.get(name), dict)
    )
    if any(name in names for name, *_ in flows(scores)):
        found[scores["proportions"]["labels"]] = None
    return list(found)


def features_lines(scores: dict) -> list[str]:
    """What the scores of samples look at, a sentence for each kind of features."""
    found: dict[str, list[str]] = {}
    for name, entry in detailed(scores).items():
        found.setdefault(entry["features"], []).append(name)
    for name, *_ in flows(scores):
        found.setdefault(scores["proportions"]["labels"], []).append(name)
    return [f"{', '.join(names)}: by {text}." for text, names in found.items()]


def left_out(scores: dict) -> dict[str, list[str]]:
    """The names of the scores that there are not, by the reason."""
    found: dict[str, list[str]] = {}
    for name, reason in scores.get("skipped_scores", {}).items():
        found.setdefault(reason, []).append(name)
    return found


def _interval(entry: dict, form: str) -> str:
    if "interval" not in entry:
        return ""
    low, high = map(page.number, entry["interval"])
    return form.format(low, high)


def _beside(entry: dict) -> str:
    """What a detailed number depends on."""
    real = f"real examples {page.number(entry['real'])}; " if "real" in entry else ""
    return f"{_interval(entry, '[{}, {}]; ')}{real}n = {entry['n']}"


def sample_scores(scores: dict) -> list[str]:
    """The table of sample scores for a page, with what they depend on."""
    entries = detailed(scores)
    skipped = [f"{', '.join(names)}: {reason}" for reason, names in left_out(scores).items()]
    missing = [f"Left out: {'; '.join(skipped)}."] if skipped else []
    if not entries:
        return [page.paragraph(text, "note") for text in missing]
    header = ("score", "value", "95 % interval", "real examples", "n")
    rows = []
    for name, entry in entries.items():
        real = page.number(entry["real"]) if "real" in entry else ""
        interval = _interval(entry, "{} to {}")
        rows.append((name, page.number(entry["value"]), interval, real, str(entry["n"])))
    return [
        page.grid(header, rows),
        page.table((name, "", meaning(name)) for name in entries),
        *(page.paragraph(text, "note") for text in missing),
        page.paragraph(
            f"The column of real examples holds what held-out real ones would get in place of "
            f"the generated ones. {COVERS}",
            "note",
        ),
    ]


def class_shares(scores: dict) -> list[str]:
    """The shares of a conditional run that the classifier assigns to the asked class."""
    if "class_shares" not in scores:
        return []
    rows = [
        (
            name,
            *("" if s is None else f"{100 * s:.1f} %" for s in (pair["generated"], pair["real"])),
        )
        for name, pair in scores["class_shares"].items()
    ]
    return [
        page.grid(("class", "generated", "held-out real"), rows),
        page.paragraph(
            "Share that the data set's own classifier assigns to the class asked for, and to the "
            "label of real examples. It says nothing about variety within a class.",
            "note",
        ),
    ]


def proportions(scores: dict) -> list[str]:
    """What the exact plan says about classes, in words and numbers."""
    if "proportions" not in scores:
        return []
    found = scores["proportions"]
    real = found["real"]
    return [
        page.paragraph(
            f"Of {found['n']} generated examples, at least {100 * found['least_change']:.1f} % "
            f"would have to change class to match the real proportions; as many other real "
            f"examples would have to change {100 * real['least_change']:.1f} %, by chance. The "
            f"exact plan moves {100 * found['plan_change']:.1f} % across classes (real examples: "
            f"{100 * real['plan_change']:.1f} %). {100 * found['missed_share']:.1f} % of the real "
            f"examples are missed: no generated example has them among its nearest real ones "
            f"(real examples miss {100 * real['missed_share']:.1f} %)."
        ),
        page.folded("What these numbers are", page.table(flows(scores))),
    ]
