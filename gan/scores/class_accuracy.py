"""Does a class-conditional generator make what it is asked for? A classifier's answer, per class.

The classifier errs too: beside every share stands the share of held-out real examples of the same
class that it gives their own label, which is what a perfect generator would score. A share says
nothing about variety: a generator with one good image per class has shares of 1.
"""

from collections.abc import Callable

import jax
import numpy as np

from gan.scores.classifier import Classifier, Stacked

PER_CLASS = 200
MOST = 20_000
KEY = 2**31 + 2


def shares(
    generate: Callable[[np.ndarray, np.ndarray], np.ndarray],
    latent_dim: int,
    dataset,
    classifier: Classifier | Stacked,
    split: str,
    per_class: int | None = None,
) -> dict[str, dict[str, float | None]]:
    """By class name: {"generated": share, "real": share} that the classifier gives the class.

    Args:
        generate: (latents [m, latent_dim], labels int32 [m]) -> examples [m, *shape].
        latent_dim: length of a latent; the same latents for every class and every run.
        dataset: what gan.data.load returns.
        classifier: of that data set.
        split: where the real examples are, as many of each class as it has, at most `per_class`.
        per_class: generated examples of each class; None for PER_CLASS, or fewer where the classes
            are so many that this would be over MOST in all.

    Returns:
        Shares in [0, 1], in the order of the labels; "real" is None where the split has no example.
    """
    if per_class is None:
        per_class = max(1, min(PER_CLASS, MOST // dataset.num_classes))
    latents = np.asarray(jax.random.normal(jax.random.key(KEY), (per_class, latent_dim)))
    _, real_labels = dataset.examples(split)
    found = {}
    for label, name in enumerate(dataset.class_names):
        labels = np.full(per_class, label, np.int32)
        rows = np.flatnonzero(real_labels == label)[:per_class]
        found[name] = {
            "generated": _share(classifier, np.asarray(generate(latents, labels)), label),
            "real": _share(classifier, dataset.examples(split, rows)[0], label),
        }
    return found


def means(found: dict[str, dict[str, float | None]]) -> tuple[float, float]:
    """Means over classes of `shares`: of generated examples, and of the real ones there are."""
    real = [share["real"] for share in found.values() if share["real"] is not None]
    return float(np.mean([share["generated"] for share in found.values()])), float(np.mean(real))


def table(runs: list[dict[str, dict[str, float | None]]]) -> str:
    """Markdown table of the `shares` of several runs, in per cent: mean, range over runs, real."""
    lines = [
        "| class | generated, mean | lowest, highest run | held-out real |",
        "|---|---|---|---|",
    ]
    for name, first in runs[0].items():
        values = [100 * found[name]["generated"] for found in runs]
        real = "" if first["real"] is None else f"{100 * first['real']:.1f}"
        lines.append(
            f"| {name} | {np.mean(values):.1f} | {min(values):.1f}, {max(values):.1f} | {real} |"
        )
    return "\n".join(lines) + "\n"


def _share(classifier: Classifier | Stacked, examples: np.ndarray, label: int) -> float | None:
    if not len(examples):
        return None
    return float(np.mean(classifier.labels(examples) == label))
