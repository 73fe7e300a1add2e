"""What the rows of the study say: who succeeds where the other does not, with exact tests."""

import itertools
import statistics
from collections.abc import Sequence

import numpy as np
from scipy import stats

from experiments.architectures.search_space import AXES

NAMES = {"gan": "non-saturating GAN", "gp": "WGAN-GP", "one_sided": "one-sided GP"}
"""How tables call the objectives."""


def paired(rows: Sequence[dict]) -> dict[int, dict[str, dict]]:
    """Rows by architecture and objective, for the architectures of which all objectives are in."""
    found: dict[int, dict[str, dict]] = {}
    for row in rows:
        found.setdefault(row["architecture"], {})[row["objective"]] = row
    complete = {name for row in rows for name in [row["objective"]]}
    return {key: value for key, value in sorted(found.items()) if set(value) == complete}


def score(row: dict) -> float:
    """The inception-type score; 1, its least value, for a member that diverged."""
    return row["score"] if row["state"] == "finished" else 1.0


def contingency(rows: Sequence[dict], thresholds: Sequence[float]) -> list[dict]:
    """Per pair of objectives A, B and threshold: architectures on which only A, only B, both or
    neither score above it, and whether A and B differ.

    `p` is the exact McNemar test, two-sided: given that one of them succeeds alone, A is as likely
    as B. `share` is A's share of those with its exact (Clopper-Pearson) 95 % interval; None if
    there are none.
    """
    members = list(paired(rows).values())
    found = []
    for a, b in itertools.combinations([n for n in NAMES if members and n in members[0]], 2):
        for threshold in thresholds:
            won = [(score(m[a]) > threshold, score(m[b]) > threshold) for m in members]
            only_a, only_b = won.count((True, False)), won.count((False, True))
            test = stats.binomtest(only_a, only_a + only_b) if only_a + only_b else None
            interval = test.proportion_ci(method="exact") if test else None
            found.append(
                {
                    "a": a,
                    "b": b,
                    "threshold": threshold,
                    "only_a": only_a,
                    "only_b": only_b,
                    "both": won.count((True, True)),
                    "neither": won.count((False, False)),
                    "p": float(test.pvalue) if test else 1.0,
                    "share": only_a / (only_a + only_b) if test else None,
                    "interval": [interval.low, interval.high] if interval else None,
                }
            )
    return found


def successes(rows: Sequence[dict], thresholds: Sequence[float]) -> list[dict]:
    """Per objective: trained, diverged, and the share above each threshold with its exact 95 %
    interval; median and best score."""
    found = []
    for name in NAMES:
        own = [score(row) for row in rows if row["objective"] == name]
        if not own:
            continue
        shares = []
        for threshold in thresholds:
            count = sum(value > threshold for value in own)
            interval = stats.binomtest(count, len(own)).proportion_ci(method="exact")
            shares.append([count / len(own), interval.low, interval.high])
        found.append(
            {
                "objective": name,
                "trained": len(own),
                "diverged": sum(
                    row["state"] == "diverged" for row in rows if row["objective"] == name
                ),
                "shares": shares,
                "median": statistics.median(own),
                "best": max(own),
            }
        )
    return found


def comparisons(rows: Sequence[dict]) -> list[dict]:
    """Per pair of objectives: architectures on which A scores higher, lower or the same, the exact
    sign test, and the median difference with its exact 95 % interval from order statistics."""
    members = list(paired(rows).values())
    found = []
    for a, b in itertools.combinations([n for n in NAMES if members and n in members[0]], 2):
        differences = np.sort([score(m[a]) - score(m[b]) for m in members])
        higher, lower = int((differences > 0).sum()), int((differences < 0).sum())
        found.append(
            {
                "a": a,
                "b": b,
                "higher": higher,
                "lower": lower,
                "same": len(differences) - higher - lower,
                "p": float(stats.binomtest(higher, higher + lower).pvalue)
                if higher + lower
                else 1.0,
                "median": float(np.median(differences)),
                "interval": median_interval(differences),
            }
        )
    return found


def median_interval(values: np.ndarray, level: float = 0.95) -> list[float] | None:
    """An interval of order statistics that holds the median with probability at least `level`.

    None for fewer than six values, of which no interval is sure enough.
    """
    values, n = np.sort(values), len(values)
    rank = int(stats.binom.ppf((1 - level) / 2, n, 0.5))
    if rank == 0:
        return None
    return [float(values[rank - 1]), float(values[n - rank])]


def by_choice(rows: Sequence[dict]) -> dict[str, dict[str, list[float]]]:
    """Median score of every objective for every value of every axis:
    {"critic_depth 4": {"gan": ..., ...}, ...}."""
    found: dict[str, dict[str, list[float]]] = {}
    for axis, values in AXES.items():
        for value in values:
            for name in NAMES:
                own = [
                    score(row) for row in rows if row["objective"] == name and row[axis] == value
                ]
                if own:
                    median = statistics.median(own)
                    found.setdefault(f"{axis} {value}", {})[name] = [median, len(own)]
    return found


def markdown(rows: Sequence[dict], thresholds: Sequence[float]) -> str:
    """All tables as one text."""
    lines = ["## Success", ""]
    heads = " | ".join(f"score > {t:g}" for t in thresholds)
    lines += [
        f"| objective | trained | diverged | median | best | {heads} |",
        "|---|" + "---|" * (4 + len(thresholds)),
    ]
    for own in successes(rows, thresholds):
        shares = " | ".join(
            f"{100 * share:.0f} % [{100 * low:.0f}, {100 * high:.0f}]"
            for share, low, high in own["shares"]
        )
        lines.append(
            f"| {NAMES[own['objective']]} | {own['trained']} | {own['diverged']} | "
            f"{own['median']:.2f} | {own['best']:.2f} | {shares} |"
        )
    lines += ["", "Shares with exact 95 % intervals.", "", "## Only A, only B", ""]
    lines += [
        "| A | B | score > | only A | only B | both | neither | p | share of A, one alone |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for cell in contingency(rows, thresholds):
        share = "none"
        if cell["share"] is not None:
            low, high = cell["interval"]
            share = f"{100 * cell['share']:.0f} % [{100 * low:.0f}, {100 * high:.0f}]"
        lines.append(
            f"| {NAMES[cell['a']]} | {NAMES[cell['b']]} | {cell['threshold']:g} | "
            f"{cell['only_a']} | {cell['only_b']} | {cell['both']} | {cell['neither']} | "
            f"{cell['p']:.2g} | {share} |"
        )
    lines += [
        "",
        "p: exact McNemar test, two-sided, not corrected for the number of tests.",
        "",
        "## Score against score on the same architecture",
        "",
        "| A | B | A higher | B higher | same | p, sign test | median A - B |",
        "|---|---|---|---|---|---|---|",
    ]
    for cell in comparisons(rows):
        interval = cell["interval"]
        around = f" [{interval[0]:+.2f}, {interval[1]:+.2f}]" if interval else ""
        lines.append(
            f"| {NAMES[cell['a']]} | {NAMES[cell['b']]} | {cell['higher']} | {cell['lower']} | "
            f"{cell['same']} | {cell['p']:.2g} | {cell['median']:+.2f}{around} |"
        )
    lines += ["", "## Median score by choice", ""]
    names = [name for name in NAMES if any(row["objective"] == name for row in rows)]
    lines += [
        "| choice | " + " | ".join(NAMES[name] for name in names) + " | architectures |",
        "|---|" + "---|" * (len(names) + 1),
    ]
    for choice, medians in by_choice(rows).items():
        cells = " | ".join(f"{medians[n][0]:.2f}" if n in medians else "" for n in names)
        count = max(value[1] for value in medians.values())
        lines.append(f"| {choice.replace('_', ' ')} | {cells} | {count} |")
    failed = [row for row in rows if row["state"] == "diverged"]
    lines += ["", f"## Diverged: {len(failed)} of {len(rows)}", ""]
    lines += [
        f"- architecture {row['architecture']}, {NAMES[row['objective']]}: {row['reason']}"
        for row in failed
    ]
    return "\n".join(lines).rstrip() + "\n"
