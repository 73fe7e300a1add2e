"""The referee's report about generators that came as examples: JSON, a page, a screen of text."""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gan import arrays, files
from gan.referee import verdicts
from gan.registries import METRICS
from gan.reports import bars, drawing, figures, page, pictures
from gan.reports import scores as tables
from gan.reports.text import label
from gan.scores.judging import PLAIN, Judgement, Report
from gan.scores.metric import Score
from gan.scores.samples import COVERS

ROWS, NEAREST = 8, 5

DISTANCES = {
    "w1": "Exact Wasserstein-1 distance to the real examples: the mean distance an example travels "
    "under the cheapest one-to-one matching. Its floor is the distance of other real examples.",
    "w1_debiased": "The distance less half the distance between two real sets and half that "
    "between two generated sets; near 0 for a perfect generator.",
    "p_value": "Probability of so high a debiased distance, if both came from one distribution.",
}
"""What the numbers of a distance mean."""

CRITIC = {
    "share": "What the critic, scaled to slope 1, proves of the exact distance; at most 1.",
    "reference_share": "What the reference critic proves, which exact transport between as many "
    "other examples yields.",
    "lipschitz": "Largest slope between any two of the examples.",
    "c_transform_bound": "Lower bound on the distance that needs no slope.",
    "duality_gap": "What is left of the distance beyond the scaled critic's value.",
    "gradient_cosine": "How well the gradients point where exact transport moves the examples.",
}
"""What the numbers of a critic mean."""


def to_json(report: Report, notes: Sequence[str]) -> dict[str, Any]:
    """The report as referee.json holds it."""
    return {
        "generators": [_generator(judgement) for judgement in report.judgements.values()],
        "ranking": report.ranking,
        "comparisons": [
            {**compared._asdict(), "interval": list(compared.interval)}
            for compared in report.comparisons
        ],
        "notes": list(notes),
    }


def _generator(judgement: Judgement) -> dict[str, Any]:
    distance = judgement.distance
    found = {
        "name": judgement.name,
        "n": judgement.n,
        "w1": distance.value,
        "w1_interval": list(distance.interval),
        "w1_floor": distance.floor,
        "w1_debiased": distance.debiased,
        "w1_debiased_interval": list(distance.debiased_interval),
        "p_value": distance.p_value,
        "verdict": judgement.verdict,
        "faults": [fault._asdict() for fault in judgement.faults],
        "scores": {name: _score(score) for name, score in judgement.scores.items()},
        "skipped_scores": judgement.skipped,
        "collapsed": judgement.collapsed,
    }
    if judgement.critic is not None:
        found["critic"] = _critic(judgement)
    return found


def _score(score: Score) -> dict[str, Any]:
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in score._asdict().items()
        if value is not None
    }


def _critic(judgement: Judgement) -> dict[str, Any]:
    certificate = judgement.critic.certificate
    return {
        **certificate._asdict(),
        "reference_share": judgement.critic.reference_share,
        "verdict": judgement.critic.verdict,
    }


def text(report: Report) -> Iterator[str]:
    """A screen of text: verdicts, the numbers side by side, and the ranking."""
    judgements = report.judgements.values()
    for judgement in judgements:
        yield f"{judgement.name}: {judgement.verdict}"
        if copying := _copying(judgement):
            yield f"  copies of training examples: {copying}"
        if judgement.critic is not None:
            yield f"  critic: {judgement.critic.verdict}"
    yield ""
    yield from _side_by_side(judgements)
    if len(report.ranking) > 1:
        yield "(how sure these are, each by its 95 % interval, is in the report)"
        yield ""
        yield f"ranking, the nearest first: {', '.join(report.ranking)}"
    neighbours = set(itertools.pairwise(report.ranking))
    for compared in report.comparisons:
        if (compared.nearer, compared.farther) in neighbours:
            yield f"  {_comparison(compared)}"


def _copying(judgement: Judgement) -> str:
    """That no copying is shown, with the numbers; "" where it is among the faults, or unknown."""
    scores = judgement.scores
    if any(name not in scores for name in verdicts.COPYING) or "copies" in {
        f.name for f in judgement.faults
    }:
        return ""
    share, nearest, usual = (scores[name] for name in verdicts.COPYING)
    return verdicts.copying(False, share.value, share.interval, nearest.value, usual.value)


def _side_by_side(judgements) -> Iterator[str]:
    """A line per number: name, its value for every generator, that of real examples; for a single
    generator also its interval."""
    tables = [[*_distance_rows(judgement), *_score_rows(judgement)] for judgement in judgements]
    columns = [{row.name: row for row in table} for table in tables]
    names = [judgement.name for judgement in judgements]
    single = ["95 % interval"] if len(names) == 1 else []
    rows = [["", *names, "real", *single]]
    for name in columns[0]:
        found = [column[name] for column in columns if name in column]
        if len(found) == len(columns):
            interval = [found[0].interval] if single else []
            rows.append([name, *(row.value for row in found), found[0].real, *interval])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        first, *others = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join([first, *others]).rstrip()


def _comparison(compared) -> str:
    interval = _interval(compared.interval)
    if not compared.told_apart:
        return (
            f"{compared.nearer} and {compared.farther} cannot be told apart: difference "
            f"{compared.difference:.3g} ({interval})"
        )
    return (
        f"{compared.nearer} is nearer than {compared.farther} with probability "
        f"{compared.probability:.3f}: by {compared.difference:.3g} ({interval})"
    )


class _Row(NamedTuple):
    """One number as text."""

    name: str
    value: str
    interval: str
    real: str
    n: str
    meaning: str


def _distance_rows(judgement: Judgement) -> Iterator[_Row]:
    found, n = judgement.distance, str(judgement.n)
    for name, value, interval, real in (
        ("w1", found.value, found.interval, page.number(found.floor)),
        ("w1_debiased", found.debiased, found.debiased_interval, "0"),
        ("p_value", found.p_value, None, ""),
    ):
        yield _Row(name, page.number(value), _interval(interval), real, n, DISTANCES[name])


def _score_rows(judgement: Judgement, plain: bool = False) -> Iterator[_Row]:
    """The scores that say what they look at; with `plain` the numbers that do not. Those of an
    object of several stand there only with an interval."""
    for name, score in judgement.scores.items():
        alone = score.interval is not None or not METRICS.get(name).within
        if alone and (score.features == PLAIN) == plain:
            real = "" if score.real is None else page.number(score.real)
            value, interval = page.number(float(score.value)), _interval(score.interval)
            yield _Row(name, value, interval, real, str(score.n), METRICS.get(name).meaning)


def _interval(interval) -> str:
    if interval is None:
        return ""
    low, high = interval
    return f"{low:.3g} to {high:.3g}"


def write(workdir: Path, report: Report, sets, notes: Sequence[str]) -> None:
    """report.html and its pictures.

    Args:
        workdir: folder that is written to.
        report: what was found.
        sets: the real examples by split.
        notes: what was recognised and converted.
    """
    folder = files.subfolder(workdir, "figures")
    inside = functools.partial(os.path.join, folder)
    real = next(iter(report.judgements.values())).look.probe.real
    pictures.save_examples(inside("real.png"), _Drawn(real), _shown(real), _shown(real))
    several = len(report.judgements) > 1
    if several:
        path = inside("ranking.png")
        figures.attempt(path, functools.partial(_draw_ranking, path, report))
    page.write(
        os.path.join(workdir, "report.html"),
        "The referee's report",
        *(
            page.paragraph(f"{name}: {judgement.verdict}", "verdict")
            for name, judgement in report.judgements.items()
        ),
        *(
            page.paragraph(f"{name}: copies of training examples? {copying}", "note")
            for name, judgement in report.judgements.items()
            if (copying := _copying(judgement))
        ),
        _ranking(report, inside) if several else "",
        *(
            _about(i, judgement, sets, inside)
            for i, judgement in enumerate(report.judgements.values())
        ),
        _how(report, notes),
    )


def _ranking(report: Report, inside) -> str:
    return page.section(
        "Which is nearest?",
        page.picture(
            inside("ranking.png"),
            "Debiased exact distance to the real examples with 95 % intervals; 0 is perfect.",
            plot=True,
        ),
        page.grid(
            ("nearer", "farther", "difference", "95 % interval", "surely nearer"),
            [_compared(compared) for compared in report.comparisons],
        ),
    )


def _compared(found) -> tuple[str, ...]:
    sure = f"{found.probability:.3f}" if found.told_apart else "cannot be told apart"
    return found.nearer, found.farther, f"{found.difference:.3g}", _interval(found.interval), sure


def _about(number: int, judgement: Judgement, sets, inside) -> str:
    """The part of the page about one generator, and its pictures."""
    look, name = judgement.look, judgement.name
    drawn, own = _Drawn(look.probe.real), f"generated_{number}.png"
    shown = _shown(look.fakes[0])
    pictures.save_examples(inside(own), drawn, shown, _shown(look.probe.real))
    parts = [
        page.picture(inside(own), f"Generated by {name}."),
        page.picture(inside("real.png"), "Real examples."),
    ]
    near = f"neighbours_{number}.png"
    if sets.trained and drawn.is_pictures:
        rows = look.neighbours(2 * ROWS, NEAREST)
        columns = 2 * rows.shape[1]
        pictures.save_examples(inside(near), drawn, rows.reshape(-1, *drawn.shape), rows, columns)
        text = "Generated examples, each followed by its five nearest training examples."
        parts.append(page.picture(inside(near), text))
    faults = "".join(page.paragraph(fault.text) for fault in judgement.faults)
    rows = [*_distance_rows(judgement), *_score_rows(judgement)]
    header = ("", "value", "95 % interval", "real examples", "n")
    return page.section(
        name,
        faults,
        *parts,
        bars.bars(_main_scores(judgement)),
        _about_critic(judgement),
        page.folded("All numbers", page.grid(header, [row[:5] for row in rows])),
        page.folded(
            "What the numbers mean",
            page.table(
                (row.name, row.value, row.meaning) for row in (*rows, *_score_rows(judgement, True))
            ),
            *(page.paragraph(f"{key}: {why}.", "note") for key, why in judgement.skipped.items()),
        ),
    )


MAIN = ("precision", "recall", "density", "coverage", "frechet_distance", "kernel_distance")
"""Scores of samples that stand as bars beside the distances."""


def _main_scores(judgement: Judgement) -> Iterator[bars.Score]:
    """The distances, and those scores of MAIN that there are."""
    found, collapsed = judgement.distance, judgement.collapsed
    for name, value, interval, real in (
        ("w1", found.value, found.interval, found.floor),
        ("w1_debiased", found.debiased, found.debiased_interval, 0.0),
    ):
        yield bars.Score(name, value, interval, real, collapsed.get(name), "lower")
    for name in MAIN:
        if name in judgement.scores:
            score = judgement.scores[name]
            beside = score.real, collapsed.get(name), tables.better(name)
            yield bars.Score(name, float(score.value), score.interval, *beside)


def _about_critic(judgement: Judgement) -> str:
    if judgement.critic is None:
        return ""
    found = _critic(judgement)
    rows = [(name, found[name], text) for name, text in CRITIC.items() if found[name] is not None]
    return page.paragraph(f"Is its critic trained enough? {judgement.critic.verdict}") + page.table(
        rows
    )


def _how(report: Report, notes: Sequence[str]) -> str:
    judgement = next(iter(report.judgements.values()))
    gap = judgement.look.probe.gap
    exact = f"too large by a share of {gap:g} at most" if gap else "exact"
    features = {
        score.features
        for found in report.judgements.values()
        for score in found.scores.values()
        if score.interval is not None
    }
    return page.section(
        "How it was measured",
        page.paragraph(
            f"Distances are Euclidean on examples scaled to [-1, 1] (points: as they are), "
            f"{exact}, between sets of n = {judgement.n}. Distances depend on n: compare values "
            "at one n only.",
            "note",
        ),
        page.paragraph(f"Scores look at: {'; '.join(sorted(features))}.", "note"),
        page.paragraph(COVERS, "note"),
        page.paragraph(
            "A fault is named only if it is large and chance is no explanation; a report that "
            "names none does not prove that there is none.",
            "note",
        ),
        *(page.paragraph(f"{note}.", "note") for note in notes),
    )


class _Drawn:
    """What pictures of examples need of a data set."""

    def __init__(self, examples: np.ndarray):
        self.shape = examples.shape[1:]
        self.is_pictures = examples.ndim == 4

    def to_uint8(self, images):
        return arrays.levels(images)


def _shown(examples: np.ndarray) -> np.ndarray:
    """The examples of a picture: some pictures, or all points by their first two coordinates, those
    on a line at height 0."""
    if examples.ndim == 4:
        return examples[: pictures.IMAGES]
    return np.pad(examples[:, :2], ((0, 0), (0, max(0, 2 - examples.shape[1]))))


def _draw_ranking(path: str, report: Report) -> None:
    """Debiased distances with their intervals, the nearest on top."""
    names = report.ranking[::-1]
    figure, axes = drawing.chart(6.4, 0.6 + 0.4 * len(names))
    for row, name in enumerate(names):
        distance = report.judgements[name].distance
        low, high = distance.debiased_interval
        axes.plot([low, high], [row, row], color=drawing.SOURCE, linewidth=2)
        axes.plot(distance.debiased, row, "o", color=drawing.SOURCE)
    axes.axvline(0, color=drawing.LINE, linewidth=0.8)
    axes.set_ylim(-0.5, len(names) - 0.5)
    axes.set_yticks(range(len(names)), [label(name) for name in names])
    axes.set_xlabel("debiased W1")
    drawing.save(figure, path)
