"""The pictures and the report of a run, from what its directory and data set hold."""

from __future__ import annotations

import functools
import glob
import os
from pathlib import Path

import jax
import numpy as np

from gan import config as configs
from gan import files, runs
from gan import scores as scoring
from gan.config import Config
from gan.referee import verdicts
from gan.referee.evaluator import MEANINGS, Evaluator
from gan.reports import figures
from gan.reports import page as report
from gan.scores import proportions
from gan.scores.samples import COVERS

IMAGES = 64
CLASS_ROWS, CLASS_COLUMNS = 16, 10
POINTS = 2000
NEIGHBOUR_ROWS = 8
NEIGHBOURS = 5
UNSERVED = 16


@functools.lru_cache(maxsize=8)
def _jitted(apply):
    return jax.jit(apply)


def fixed_latents(count: int, latent_dim: int) -> jax.Array:
    """The same latents at every step of every run, so that pictures are comparable in time."""
    return jax.random.normal(jax.random.key(0), (count, latent_dim))


def by_class(labels: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Indices of the first examples of each of the first classes present, int64 [r, c].

    One row per class, r <= rows; c <= columns is what the rarest of these classes has.
    """
    groups = [np.flatnonzero(labels == label) for label in np.unique(labels)[:rows]]
    columns = min(columns, *map(len, groups))
    return np.stack([group[:columns] for group in groups])


def save_examples(
    path: str | Path, dataset, examples: np.ndarray, reference: np.ndarray, columns: int = 0
) -> None:
    """Examples as a grid of images, square unless `columns` says otherwise, or as points over
    reference points."""
    if len(dataset.shape) == 3:
        side = columns or round(len(examples) ** 0.5)

        def draw():
            figures.save_image(path, figures.image_grid(dataset.to_uint8(examples), side))
    else:

        def draw():
            figures.save_points(path, examples, reference)

    figures.attempt(path, draw)


def save_samples(path: str | Path, config: Config, dataset, generator, average, step: int) -> str:
    """Picture of the averaged generator at fixed latents: samples/step_XXXXXXXX.png.

    Images of a conditional generator are sorted: one class to a row, one latent to a column.
    """
    folder = files.subfolder(path, "samples")
    planar = len(dataset.shape) == 1
    latents, given, columns = fixed_latents(POINTS if planar else IMAGES, config.latent_dim), (), 0
    if config.conditional:
        classes = dataset.num_classes if planar else min(dataset.num_classes, CLASS_ROWS)
        columns = POINTS // classes if planar else CLASS_COLUMNS
        latents = np.tile(fixed_latents(columns, config.latent_dim), (classes, 1))
        given = (np.arange(classes, dtype=np.int32).repeat(columns),)
    examples = np.asarray(_jitted(generator.apply)(jax.device_get(average), latents, *given))
    reference = dataset.examples("validation", np.arange(POINTS))[0] if planar else examples
    name = os.path.join(folder, f"step_{step:08d}.png")
    save_examples(name, dataset, examples, reference, columns)
    return name


def save_evaluation(path: str | Path, dataset, evaluator: Evaluator, generator_params) -> None:
    """Pictures of one evaluation: generated, held-out real, and nearest training examples."""
    folder = files.subfolder(path, "figures")
    generated = evaluator.generated(generator_params)[0]
    planar = len(dataset.shape) == 1
    shown = len(generated) if planar else IMAGES
    sets = {"generated": (generated, None), "real": (evaluator.real, evaluator.real_labels)}
    if evaluator.labels:
        sets["generated"] = generated, evaluator.labels[0]
    for name, (examples, labels) in sets.items():
        picture = os.path.join(folder, f"{name}.png")
        if planar or labels is None:
            save_examples(picture, dataset, examples[:shown], evaluator.real)
        else:
            chosen = by_class(labels, CLASS_ROWS, CLASS_COLUMNS)
            save_examples(
                picture, dataset, examples[chosen.ravel()], evaluator.real, chosen.shape[1]
            )
    if not planar:
        rows = evaluator.neighbours(generator_params, 2 * NEIGHBOUR_ROWS, NEIGHBOURS)
        picture = os.path.join(folder, "neighbours.png")
        save_examples(picture, dataset, rows.reshape(-1, *dataset.shape), rows, 2 * rows.shape[1])


def save_proportions(path: str | Path, dataset, found: dict | None, unserved) -> None:
    """The matrix of flows between classes, and the real examples that nobody serves."""
    flow, lonely = (os.path.join(path, "figures", name) for name in ("flow.png", "unserved.png"))
    stale = {flow, lonely}
    if found is not None:
        figures.attempt(
            flow, lambda: figures.save_flow(flow, np.array(found["flow"]), found["classes"])
        )
        stale.remove(flow)
        if len(unserved) and len(dataset.shape) == 3:
            save_examples(lonely, dataset, unserved[:UNSERVED], unserved, UNSERVED)
            stale.remove(lonely)
    for picture in stale:
        figures.remove(picture)


def write_report(path: str | Path) -> None:
    """Draw the curves and write report.html from what the run directory holds."""
    run = runs.read(path)
    records, scores = run.metrics(), run.evaluation()
    inside = functools.partial(os.path.join, files.subfolder(path, "figures"))
    for name, draw in (
        ("distances.png", figures.save_distance_curves),
        ("losses.png", figures.save_loss_curves),
    ):
        figures.attempt(inside(name), functools.partial(draw, inside(name), records))
    samples = sorted(glob.glob(os.path.join(glob.escape(str(path)), "samples", "step_*.png")))
    chosen = [samples[i] for i in sorted({0, len(samples) // 2, len(samples) - 1}) if samples]
    described = run.data()
    report.write(
        os.path.join(path, "report.html"),
        f"{described['name']}: generator against critic, refereed by exact transport",
        report.paragraph(verdict(scores), "verdict"),
        report.section(
            "Generated and real",
            report.picture(inside("generated.png"), "Generated examples."),
            report.picture(inside("real.png"), "Real examples that training never saw."),
        ),
        report.section(
            "Is the critic trained enough?",
            report.paragraph(verdicts.critic(scores)),
            report.picture(
                inside("distances.png"),
                "Along training, on the validation split. Above: the exact distance (blue), its "
                "floor (dashed), what is left of it without the sampling (green), and what the "
                "critic believes it is (orange; grey on training batches). Below: the share of the "
                "exact distance that the critic certifies (orange), and that the exact transport "
                "prices of as many other examples certify (grey): a critic above that line sees "
                "more than they do, one below it is not trained enough.",
                plot=True,
            ),
        ),
        report.section(
            "Is it copying?",
            report.picture(
                inside("neighbours.png"),
                "Generated examples, each followed by its five nearest training examples, two "
                "to a row. Near-identical neighbours in every row would mean memorising.",
            ),
        ),
        report.section(
            "The numbers",
            report.table(
                (name, value, MEANINGS[name]) for name, value in scores.items() if name in MEANINGS
            ),
            report.paragraph(
                "Distances are Euclidean on examples scaled to [-1, 1] (points: in the units of "
                "the plane), and exact for the compared samples. They depend on n, so compare "
                "values at the same n only.",
                "note",
            ),
        ),
        report.section("Sample scores", *_sample_scores(scores)),
        report.section("Does it make what it is asked for?", *_class_shares(scores)),
        report.section(
            "Proportions",
            *_proportions(scores),
            report.picture(
                inside("flow.png"),
                "Mass in per cent that the exact plan sends from each class of the generated "
                "examples (rows) to each class of the real ones (columns). Blue stays in its "
                "class, orange changes it.",
                plot=True,
            ),
            report.picture(
                inside("unserved.png"),
                "Real examples that no generated one serves, the loneliest first.",
            ),
        ),
        report.section(
            "Along training",
            report.picture(
                inside("losses.png"),
                "What the players minimise. A generator loss has an arbitrary offset and means "
                "nothing alone; the critic loss is minus its estimate plus the weighted penalty.",
                plot=True,
            ),
            *(
                report.picture(name, f"Step {int(name[-12:-4])}, the same latents each time.")
                for name in chosen
            ),
        ),
        report.section(
            "How it was made",
            report.table((name, value, "") for name, value in configs.flatten(run.config).items()),
            *(report.paragraph(f"Data: {note}.", "note") for note in described.get("notes", [])),
            report.paragraph(environment_line(run.environment()), "note"),
        ),
    )


def _sample_scores(scores: dict) -> list[str]:
    """The table of sample scores, with what they depend on."""
    entries = {name: scores[name] for name in scores if name in scoring.MEANINGS}
    if not entries:
        return []
    header = ("score", "value", "95 % interval", "real examples", "n")
    rows, features = [], {}
    for name, entry in entries.items():
        features.setdefault(entry["features"], []).append(name)
        low, high, value, real = map(
            report.number, (*entry["interval"], entry["value"], entry["real"])
        )
        rows.append((name, value, f"{low} to {high}", real, str(entry["n"])))
    used = [f"{', '.join(names)}: {text}." for text, names in features.items()]
    skipped = [f"{name}: {reason}" for name, reason in scores.get("skipped_scores", {}).items()]
    if skipped:
        used.append(f"Left out: {'; '.join(skipped)}.")
    return [
        report.grid(header, rows),
        report.table((name, "", scoring.MEANINGS[name]) for name in entries),
        report.paragraph("Features. " + " ".join(used), "note"),
        report.paragraph(
            f"The column of real examples holds what held-out real ones would get in place of "
            f"the generated ones. {COVERS}",
            "note",
        ),
    ]


def _class_shares(scores: dict) -> list[str]:
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
        report.grid(("class", "generated", "held-out real"), rows),
        report.paragraph(
            "Share that the data set's own classifier assigns to the class asked for, and to the "
            "label of real examples. It says nothing about variety within a class.",
            "note",
        ),
    ]


def _proportions(scores: dict) -> list[str]:
    """What the exact plan says about classes, in words and numbers."""
    if "proportions" not in scores:
        return []
    found = scores["proportions"]
    real = found["real"]
    return [
        report.paragraph(
            f"Of {found['n']} generated examples, at least {100 * found['least_change']:.1f} % "
            f"would have to change class to match the real proportions; as many other real "
            f"examples would have to change {100 * real['least_change']:.1f} %, by chance. The "
            f"exact plan moves {100 * found['plan_change']:.1f} % across classes (real examples: "
            f"{100 * real['plan_change']:.1f} %). {100 * found['unserved']:.1f} % of the real "
            f"examples are served by nobody (real examples: {100 * real['unserved']:.1f} %)."
        ),
        report.table(
            (name, found[name], meaning) for name, meaning in proportions.MEANINGS.items()
        ),
        report.paragraph(f"Classes of generated examples: {found['labels']}.", "note"),
    ]


def verdict(scores: dict) -> str:
    """The evaluation in words."""
    text = (
        f"At step {scores['step']}, {scores['n']} generated examples are at exact distance "
        f"{scores['w1']:.4g} from {scores['n']} held-out real ones. Other real examples are at "
        f"{scores['w1_floor']:.4g}, so the generator is at {_times(scores, 'w1', 'w1_floor', 3)} "
        f"the floor; the debiased distance is {scores['w1_debiased']:.3g}. The critic believes "
        f"that the distance is {scores['w1_estimate']:.4g}, which is "
        f"{_times(scores, 'w1_estimate', 'w1', 2)} the exact value."
    )
    if "nearest_train" in scores:
        share = _times(scores, "nearest_train", "nearest_train_real", 2)
        text += (
            f" A generated example is {share} as far from its nearest training example "
            "as a held-out real one is."
        )
    if "modes" in scores:
        text += (
            f" {scores['modes']} of {scores['modes_total']} modes are covered; "
            f"{100 * scores['high_quality']:.1f} % of the points are of high quality."
        )
    return text


def _times(scores: dict, name: str, unit: str, digits: int) -> str:
    """How many times another score a score is; a set of equal examples has floors of 0."""
    if not scores[unit]:
        return "infinitely many times" if scores[name] else "no other multiple of"
    return f"{scores[name] / scores[unit]:.{digits}f} times"


def environment_line(entries: list[dict]) -> str:
    """The software and hardware of the latest start, in one line."""
    latest = entries[-1]
    parts = [f"{name} {value}" for name, value in latest.items() if isinstance(value, str)]
    return f"Started {len(entries)} time(s). " + ", ".join(parts)
