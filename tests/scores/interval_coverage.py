"""How often does a 95 % interval of an evaluation hold the truth?

    python -m tests.scores.interval_coverage --repetitions 400 --n 150

Every repetition draws all sets anew from one mixture in the plane and evaluates them as a run is
evaluated. Generated examples are of the law of the real ones, or of that law moved by --shift. The
truth is the expectation of the score at the same n: known where exchangeability gives it, the mean
over the repetitions elsewhere. Permutation tests are left out: they are no intervals. A fifth of a
second for a repetition on one core.
"""

import argparse
import types
from collections.abc import Sequence
from typing import NamedTuple
from unittest import mock

import numpy as np

from gan.referee import probe
from gan.registries import METRICS
from gan.scores import evaluation
from gan.scores.evidence import Evidence
from gan.scores.manifolds import DENSITY_NEIGHBOURS
from gan.scores.metric import Score
from gan.scores.requirements import Situation
from gan.scores.space import Features, Space

SHARES = np.array([0.4, 0.3, 0.2, 0.085, 0.015])
CENTERS = np.array([[0.0, 0.0], [2.5, 0.0], [0.0, 2.5], [2.5, 2.5], [6.0, 6.0]])
"""Components of standard deviation 1; the last is rare, so that modes can be missed."""

BOUNDED = ("w1", "w1_debiased", "sliced_w1_debiased")
"""Metrics whose interval stands in two others, NAME_low and NAME_high."""

SCORED = (
    "feature_w1",
    "feature_w1_debiased",
    "frechet_distance",
    "frechet_classifier_distance",
    "kernel_distance",
    "inception_type_score",
    "precision",
    "recall",
    "density",
    "coverage",
    "nearest_neighbour_accuracy",
    "mode_count",
    "mode_kl",
    "least_change",
)
"""Metrics that carry their interval."""


OF_CLASSES = ("frechet_classifier_distance", "inception_type_score", "mode_count", "mode_kl")
"""Those that need a classifier, or have another rule with one."""


class Covered(NamedTuple):
    """What became of an interval over the repetitions.

    Attributes:
        name: of the metric.
        truth: what the intervals are to hold, and whether it is `known` or a mean of the values.
        mean, spread: of the values, and their standard deviation.
        share: of the repetitions whose interval holds the truth.
        width: mean half width of the intervals, over 1.96 times the spread: 1 is as it should be.
    """

    name: str
    truth: float
    known: bool
    mean: float
    spread: float
    share: float
    width: float


def known_truth(name: str, n: int) -> float | None:
    """Expectation of a score of two sets of n examples of one continuous law, where it is known."""
    free = np.arange(DENSITY_NEIGHBOURS)
    return {
        "w1_debiased": 0.0,
        "sliced_w1_debiased": 0.0,
        "feature_w1_debiased": 0.0,
        "kernel_distance": 0.0,
        "density": 1.0,
        # The five points nearest to a real one are all real.
        "coverage": 1 - float(np.prod((n - 1 - free) / (2 * n - 1 - free))),
        "nearest_neighbour_accuracy": (n - 1) / (2 * n - 1),
    }.get(name)


class Drawn:
    """A data set of fresh draws, `n` examples in each held-out split, as points or as images."""

    name, base = "drawn", None

    def __init__(self, draw, n: int, images: bool):
        self.num_classes, self.class_names = len(SHARES), tuple("abcde")
        self.shape = (2, 1, 1) if images else (2,)
        self.modes = None if images else types.SimpleNamespace(centers=CENTERS, sigma=1.0)
        self._sets = {split: points(draw, n) for split in ("train", "validation", "test")}

    def size(self, split):
        return len(self._sets[split][0])

    def examples(self, split, rows=None):
        examples, classes = self._sets[split]
        rows = np.arange(len(examples)) if rows is None else rows
        return examples[rows].reshape(-1, *self.shape), classes[rows]


class Look(probe.Look):
    """A look at a generator that draws real examples."""

    def __init__(self, asked: probe.Probe, fakes, sample):
        super().__init__(asked, fakes, None)
        self.sample = sample


def points(draw: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Points [count, 2] of the mixture and their components [count]."""
    classes = draw.choice(len(SHARES), size=count, p=SHARES)
    return CENTERS[classes] + draw.normal(size=(count, 2)), classes


def posterior(examples: np.ndarray) -> np.ndarray:
    """Probabilities [n, 5] of the components given the points."""
    x = examples.reshape(len(examples), 1, 2)
    weights = SHARES * np.exp(-np.sum((x - CENTERS) ** 2, axis=2) / 2)
    return weights / weights.sum(axis=1, keepdims=True)


def evidence(draw: np.random.Generator, n: int, images: bool, shift: float = 0.0) -> Evidence:
    """Everything an evaluation is computed from, all of it drawn anew."""
    dataset = Drawn(draw, n, images)

    def real(count):
        return points(draw, count)[0].reshape(-1, *dataset.shape)

    def sample(count):
        return real(count) + shift

    players = types.SimpleNamespace(dataset=dataset, split="test")
    asked = probe.Probe(real(n), [real(n), real(n)], players)
    classifier = types.SimpleNamespace(
        probabilities=posterior,
        labels=lambda examples: posterior(examples).argmax(axis=1),
        description="posterior",
        accuracy_per_image=1.0,
    )
    features = Features(lambda x: np.tanh(x.reshape(len(x), -1) @ MIXING), "three curved features")
    space = Space(features, classifier, classifier.labels, classifier.description)
    return Evidence(Look(asked, [sample(n), sample(n)], sample), count=n, space=space)


MIXING = np.array([[0.3, -0.1, 0.2], [0.1, 0.3, -0.2]])
"""Of coordinates into features."""


def intervals(found: Evidence, names: Sequence[str]) -> dict:
    """(value, low, high) by name, of one evaluation of those metrics that the data allow."""
    ends = [f"{name}_{end}" for name in BOUNDED if name in names for end in ("low", "high")]
    allowed, _ = evaluation.possible([*names, *ends], Situation(found.dataset))
    with mock.patch.object(probe, "PERMUTATIONS", 0):
        values = evaluation.evaluate(allowed, found).values
    scores = {name: value for name, value in values.items() if isinstance(value, Score)}
    held = {name: (score.value, *score.interval) for name, score in scores.items()}
    for name in BOUNDED:
        if name in values:
            held[name] = values[name], values[f"{name}_low"], values[f"{name}_high"]
    return held


def coverage(
    repetitions: int, n: int, seed: int = 0, names=(*BOUNDED, *SCORED), shift: float = 0.0
) -> list[Covered]:
    """Every interval over that many evaluations of points, and those of OF_CLASSES over as many of
    images."""
    draw, rows = np.random.default_rng(seed), []
    of_images = [name for name in names if name in OF_CLASSES]
    for images, asked in ((False, names), (True, of_images)):
        runs = [
            intervals(evidence(draw, n, images, shift), asked) for _ in range(repetitions) if asked
        ]
        for name in runs[0] if runs else ():
            values = np.array([run[name] for run in runs])
            truth = None if shift else known_truth(name, n)
            rows.append(_covered(name + images * ", of classes", values, truth))
    return rows


def _covered(name: str, values: np.ndarray, known: float | None) -> Covered:
    value, low, high = values.T
    truth = float(value.mean()) if known is None else known
    slack = 1e-9 * max(1.0, abs(truth))
    spread = float(value.std(ddof=1))
    half = float(np.mean(high - low)) / 2
    return Covered(
        name=name,
        truth=truth,
        known=known is not None,
        mean=float(value.mean()),
        spread=spread,
        share=float(np.mean((low <= truth + slack) & (truth - slack <= high))),
        width=half / (1.96 * spread) if spread else float("inf"),
    )


def table(rows: list[Covered], repetitions: int, n: int) -> str:
    """Markdown."""
    lines = [
        f"| interval of (n = {n}, {repetitions} repetitions) | truth | mean value | spread | "
        "held | width / needed |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        truth = f"{row.truth:.4g}{'' if row.known else ' (mean)'}"
        lines.append(
            f"| {row.name} | {truth} | {row.mean:.4g} | {row.spread:.3g} | "
            f"{100 * row.share:.1f} % | {row.width:.2f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=400)
    parser.add_argument("--n", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shift", type=float, default=0.0, help="of each coordinate")
    given = parser.parse_args()
    assert set(SCORED) | set(BOUNDED) <= set(METRICS)
    rows = coverage(given.repetitions, given.n, given.seed, shift=given.shift)
    print(table(rows, given.repetitions, given.n))


if __name__ == "__main__":
    main()
