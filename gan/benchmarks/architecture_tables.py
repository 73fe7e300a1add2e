"""What the rows of the study say: who succeeds where the other does not, with exact tests."""

import itertools
import statistics
from collections.abc import Sequence

import numpy as np
from scipy import stats

from gan.benchmarks.architecture_space import AXES

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
    failed = [row for row in rows if row["state"] == "diverged"]
    sections = {
        "Success": [
            *_success_table(rows, thresholds),
            "",
            "Shares with exact 95 % intervals.",
        ],
        "Only A, only B": [
            *_contingency_table(rows, thresholds),
            "",
            "p: exact McNemar test, two-sided, not corrected for the number of tests.",
        ],
        "Score against score on the same architecture": _comparison_table(rows),
        "Median score by choice": _choice_table(rows),
        f"Diverged: {len(failed)} of {len(rows)}": [
            f"- architecture {row['architecture']}, {NAMES[row['objective']]}: {row['reason']}"
            for row in failed
        ],
    }
    texts = ["\n".join([f"## {title}", "", *lines]) for title, lines in sections.items()]
    return "\n\n".join(texts).rstrip() + "\n"


def _success_table(rows: Sequence[dict], thresholds: Sequence[float]) -> list[str]:
    heads = ["objective", "trained", "diverged", "median", "best"]
    return _table(
        [*heads, *(f"score > {t:g}" for t in thresholds)],
        [
            [
                NAMES[own["objective"]],
                own["trained"],
                own["diverged"],
                f"{own['median']:.2f}",
                f"{own['best']:.2f}",
                *(_per_cent(*share) for share in own["shares"]),
            ]
            for own in successes(rows, thresholds)
        ],
    )


def _contingency_table(rows: Sequence[dict], thresholds: Sequence[float]) -> list[str]:
    heads = ["A", "B", "score >", "only A", "only B", "both", "neither", "p"]
    return _table(
        [*heads, "share of A, one alone"],
        [
            [
                NAMES[cell["a"]],
                NAMES[cell["b"]],
                f"{cell['threshold']:g}",
                *(cell[name] for name in ("only_a", "only_b", "both", "neither")),
                f"{cell['p']:.2g}",
                "none" if cell["share"] is None else _per_cent(cell["share"], *cell["interval"]),
            ]
            for cell in contingency(rows, thresholds)
        ],
    )


def _comparison_table(rows: Sequence[dict]) -> list[str]:
    def difference(cell: dict) -> str:
        interval = cell["interval"]
        around = f" [{interval[0]:+.2f}, {interval[1]:+.2f}]" if interval else ""
        return f"{cell['median']:+.2f}{around}"

    return _table(
        ["A", "B", "A higher", "B higher", "same", "p, sign test", "median A - B"],
        [
            [
                NAMES[cell["a"]],
                NAMES[cell["b"]],
                *(cell[name] for name in ("higher", "lower", "same")),
                f"{cell['p']:.2g}",
                difference(cell),
            ]
            for cell in comparisons(rows)
        ],
    )


def _choice_table(rows: Sequence[dict]) -> list[str]:
    names = [name for name in NAMES if any(row["objective"] == name for row in rows)]
    return _table(
        ["choice", *(NAMES[name] for name in names), "architectures"],
        [
            [
                choice.replace("_", " "),
                *(f"{medians[n][0]:.2f}" if n in medians else "" for n in names),
                max(count for _, count in medians.values()),
            ]
            for choice, medians in by_choice(rows).items()
        ],
    )


def _per_cent(share: float, low: float, high: float) -> str:
    return f"{100 * share:.0f} % [{100 * low:.0f}, {100 * high:.0f}]"


def _table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """The lines of a table in Markdown."""
    lines = [heads, *rows]
    shown = ["| " + " | ".join(map(str, line)) + " |" for line in lines]
    return [shown[0], "|" + "---|" * len(heads), *shown[1:]]
