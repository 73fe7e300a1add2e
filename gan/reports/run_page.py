"""report.html of a run, from what its directory holds; it can be rewritten at any time."""

from __future__ import annotations

import functools
import glob
import os
from pathlib import Path

from gan import config as configs
from gan import files, runs
from gan.referee import faults, verdicts
from gan.reports import bars, figures, page, summary
from gan.reports import scores as tables


def write(path: str | Path) -> None:
    """Draw the curves and write report.html from what the run directory holds."""
    run = runs.read(path)
    scores, described = run.evaluation(), run.data()
    folder = files.subfolder(path, "figures")
    for name, draw in (
        ("distances.png", figures.save_distance_curves),
        ("losses.png", figures.save_loss_curves),
    ):
        picture = os.path.join(folder, name)
        figures.attempt(picture, functools.partial(draw, picture, run.metrics()))
    inside = functools.partial(os.path.join, folder)
    page.write(
        os.path.join(path, "report.html"),
        f"{described['name']}: generator against critic, refereed by exact transport",
        _examples(inside),
        *(page.paragraph(line, "verdict") for line in summary.sentences(scores)),
        _chosen(scores),
        page.paragraph(verdict(scores), "note"),
        _critic(inside, scores),
        _copying(inside, scores),
        page.section("Does it make what it is asked for?", *tables.class_shares(scores)),
        _proportions(inside, scores),
        _along_training(inside, path),
        _numbers(scores),
        _how_it_was_made(run, described, scores),
    )


def _examples(inside) -> str:
    return page.picture(inside("generated.png"), "Generated examples.") + page.picture(
        inside("real.png"), "Real examples that training never saw."
    )


def _chosen(scores: dict) -> str:
    """The few numbers that a command prints, each between collapse and real examples."""
    shown, _ = summary.chosen(scores)
    return bars.bars(shown)


def _critic(inside, scores: dict) -> str:
    return page.section(
        "Is the critic trained enough?",
        page.paragraph(verdicts.critic(scores)) if verdicts.about_critic(scores) else "",
        page.paragraph(_share(scores), "note") if verdicts.about_critic(scores) else "",
        page.picture(
            inside("distances.png"),
            "Along training, on the validation split. Above: the exact distance (blue), its "
            "floor (dashed), what is left of it without the sampling (green), and what the "
            "critic believes it is (orange; grey on training batches). Below: the share of the "
            "exact distance that the critic certifies (orange), and that the reference critic "
            "certifies (grey). A critic below the grey line is not trained enough.",
            plot=True,
        ),
    )


def _share(scores: dict) -> str:
    """How the share of a critic is computed, and what it could be."""
    n, distance = scores["n"], ""
    if _has(scores, "w1_estimate", "lipschitz", "w1"):
        distance = (
            f" = {scores['w1_estimate']:.3g} / ({scores['lipschitz']:.3g} x {scores['w1']:.3g})"
        )
    return (
        "Certified share = claim / (largest slope x exact distance)"
        f"{distance} = {100 * scores['critic_share']:.1f} %, where the claim is the mean score of "
        "the real examples less that of the generated ones. A perfect critic of these very "
        "examples reaches 100 %: it is the potential of exact transport between them. But nobody "
        f"can learn how {n} fresh examples happen to lie. The potential of exact transport "
        f"between {n} other examples, the reference critic, reaches "
        f"{100 * scores['reference_share']:.1f} % here. A critic with a larger share than the "
        "reference critic is trained enough."
    )


def _copying(inside, scores: dict) -> str:
    return page.section(
        "Is it copying?",
        page.paragraph(_copies(scores)) if _has(scores, *verdicts.COPYING) else "",
        page.picture(
            inside("neighbours.png"),
            "Generated examples, each followed by its five nearest training examples, two "
            "to a row. Near-identical neighbours in every row would mean memorising.",
        ),
    )


def _copies(scores: dict) -> str:
    """The answer in words."""
    found, nearest, usual = (scores[name] for name in verdicts.COPYING)
    share, interval = found["value"], found["interval"]
    copies = faults.copying(share, (share - interval[0]) / 1.96, nearest, usual)
    return verdicts.copying(copies, share, interval, nearest, usual)


def _numbers(scores: dict) -> str:
    return page.section(
        "All numbers",
        page.folded("Of distances, copying and the critic", page.table(tables.plain(scores))),
        page.folded("Of samples, in their features", *tables.sample_scores(scores)),
        page.paragraph(
            "Distances are Euclidean on examples scaled to [-1, 1] (points: in the units of "
            "the plane), and exact for the compared samples. Distances depend on n, so compare "
            "values at the same n only.",
            "note",
        ),
    )


def _proportions(inside, scores: dict) -> str:
    return page.section(
        "Proportions",
        *tables.proportions(scores),
        page.picture(
            inside("flow.png"),
            "Mass in per cent that the exact plan sends from each class of the generated "
            "examples (rows) to each class of the real ones (columns). Blue mass stays in its "
            "class, orange mass changes it.",
            plot=True,
        ),
        page.picture(
            inside("missed.png"),
            "Real examples that are missed: no generated example has them among its nearest real "
            "ones. "
            "The farthest stand first.",
        ),
    )


def _along_training(inside, path: str | Path) -> str:
    samples = sorted(glob.glob(os.path.join(glob.escape(str(path)), "samples", "step_*.png")))
    chosen = [samples[i] for i in sorted({0, len(samples) // 2, len(samples) - 1}) if samples]
    return page.section(
        "Along training",
        page.picture(
            inside("losses.png"),
            "What the players minimise. A generator loss has an arbitrary offset and means "
            "nothing alone; the critic loss is minus its estimate plus the weighted penalty.",
            plot=True,
        ),
        *(
            page.picture(name, f"Step {int(name[-12:-4])}, the same latents each time.")
            for name in chosen
        ),
    )


def _how_it_was_made(run, described: dict, scores: dict) -> str:
    return page.section(
        "How it was made",
        page.folded(
            "The configuration",
            page.table((name, value, "") for name, value in configs.flatten(run.config).items()),
        ),
        *(page.paragraph(f"Data: {note}.", "note") for note in described.get("notes", [])),
        *(page.paragraph(line, "note") for line in tables.features_lines(scores)),
        page.paragraph(_environment_line(run.environment()), "note"),
    )


def verdict(scores: dict) -> str:
    """The evaluation in words, as far as it holds what they speak of."""
    text = f"At step {scores['step']}"
    if _has(scores, "n", "w1"):
        text += (
            f", {scores['n']} generated examples are at exact distance {scores['w1']:.4g} from "
            f"{scores['n']} held-out real ones."
        )
    else:
        text += "."
    if _has(scores, "w1", "w1_floor", "w1_debiased"):
        text += (
            f" Other real examples are at {scores['w1_floor']:.4g}, so the generator is at "
            f"{_times(scores, 'w1', 'w1_floor', 3)} the floor; the debiased distance is "
            f"{scores['w1_debiased']:.3g}."
        )
    if _has(scores, "w1", "w1_estimate"):
        text += (
            f" The critic believes that the distance is {scores['w1_estimate']:.4g}, which is "
            f"{_times(scores, 'w1_estimate', 'w1', 2)} the exact value."
        )
    if _has(scores, "nearest_train", "nearest_train_real"):
        share = _times(scores, "nearest_train", "nearest_train_real", 2)
        text += (
            f" A generated example is {share} as far from its nearest training example "
            "as a held-out real one is."
        )
    if _has(scores, "modes", "modes_total", "high_quality"):
        text += (
            f" {scores['modes']} of {scores['modes_total']} modes are covered; "
            f"{100 * scores['high_quality']:.1f} % of the points are of high quality."
        )
    return text


def _has(scores: dict, *names: str) -> bool:
    return all(name in scores for name in names)


def _times(scores: dict, name: str, unit: str, digits: int) -> str:
    """How many times another score a score is; a set of equal examples has floors of 0."""
    if not scores[unit]:
        return "infinitely many times" if scores[name] else "no other multiple of"
    return f"{scores[name] / scores[unit]:.{digits}f} times"


def _environment_line(entries: list[dict]) -> str:
    """The software and hardware of the latest start, in one line."""
    latest = entries[-1]
    parts = [f"{name} {value}" for name, value in latest.items() if isinstance(value, str)]
    return f"Started {len(entries)} time(s). " + ", ".join(parts)
