"""Can a classifier learn the classes from generated examples alone?

The classification accuracy score (Ravuri, Vinyals 2019): a classifier is trained on generated
examples, each with the class that was asked for, and measured on real ones that nobody trained on.
Unlike the share of examples that a classifier recognises, it falls when a class has little variety
or is drawn beside its real form. A generator that copies its training set scores what the training
set scores, so it says nothing about copying.
"""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

from gan.scores import classifier

MOST = 60_000
"""Generated examples at most; otherwise as many as the training split has."""

BLOCK = 1000
"""Examples generated at a time."""

KEY = 2**31 + 3


class Accuracy(NamedTuple):
    """Shares of held-out real examples that get their label: from a classifier trained on `n`
    generated examples, and from one trained on as many real ones, which is the data set's own where
    these are all that it has."""

    generated: float
    real: float
    n: int


@dataclasses.dataclass(frozen=True)
class _Split:
    """A data set whose training examples are given; the real ones of `split` are its test."""

    dataset: object
    split: str
    training: tuple[np.ndarray, np.ndarray]

    def __getattr__(self, name: str):
        return getattr(self.dataset, name)

    def size(self, split: str) -> int:
        return len(self.training[0]) if split == "train" else self.dataset.size(self.split)

    def examples(self, split: str, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if split == "train":
            return tuple(part[rows] for part in self.training)
        return self.dataset.examples(self.split, rows)


def accuracy(
    generate: Callable[[np.ndarray, np.ndarray], np.ndarray],
    latent_dim: int,
    dataset,
    own: classifier.Classifier,
    split: str,
    say: Callable[[str], None],
) -> Accuracy:
    """Train on generated examples, as the data set's own classifier was trained, and measure both.

    Args:
        generate: (latents [m, latent_dim], labels int32 [m]) -> examples [m, *shape].
        latent_dim: length of a latent.
        dataset: what gan.data.load returns, with labels. The classes are asked for as often as it
            has them in training.
        own: the classifier of the data set.
        split: held-out real examples, "test" or "validation".
        say: gets a line when there is something to wait for.
    """
    size = dataset.size("train")
    rows = np.sort(np.random.default_rng(0).permutation(size)[:MOST])
    real, labels = dataset.examples("train", rows)
    labels = np.asarray(labels, np.int32)
    latents = np.asarray(jax.random.normal(jax.random.key(KEY), (len(rows), latent_dim)))
    parts = [slice(start, start + BLOCK) for start in range(0, len(rows), BLOCK)]
    fakes = np.concatenate([np.asarray(generate(latents[part], labels[part])) for part in parts])

    def trained(kind, examples):
        say(f"training a classifier on {len(rows):,} {kind} examples")
        seen = _Split(dataset, split, (examples, labels))
        return classifier.train(seen, classifier.Recipe(), lambda line: None)

    if len(rows) < size:
        own = trained("real", real)
    found = [_right(each, dataset, split) for each in (trained("generated", fakes), own)]
    return Accuracy(*found, len(rows))


def _right(by: classifier.Classifier, dataset, split: str) -> float:
    examples, labels = dataset.examples(split)
    return float(np.mean(by.labels(examples) == labels))
