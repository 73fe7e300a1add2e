"""Small subjects with known answers, for the cases of metrics.

`pair` makes two feature sets; the others make the evidence of a run whose generator returns given
points, whatever its latents, and whose critic is linear. Every function returns the same object for
the same arguments, so that cases share what is computed.
"""

import functools
import types

import jax.numpy as jnp
import numpy as np

from gan.config import Config
from gan.networks import Network
from gan.referee.probe import Probe
from gan.scores.evidence import Evidence
from gan.scores.pair import Pair
from gan.scores.space import Features, Space

SIZE = 8
"""Examples of every set of `points`."""

APART = 3.0
"""How far generated points lie from real ones in `apart`."""

CENTERS = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]], np.float32)
"""Modes of the mixture of `mixture`, of standard deviation 1."""

CERTAIN = np.eye(5)[np.arange(40) % 5]
"""Class probabilities of a classifier that is certain, of 40 examples evenly in 5 classes."""


class _Points:
    """A data set whose splits are given; each as often as its size asks."""

    name, base, shape = "points", None, (2,)

    def __init__(self, real, training, modes=None, classes=None):
        self._sets = {"test": real, "validation": real, "train": training}
        self._labels = np.zeros(len(real), np.int32) if classes is None else classes
        self.modes = modes
        self.num_classes = int(self._labels.max()) + 1
        self.class_names = tuple("abcdefgh"[: self.num_classes])
        self.shape = real.shape[1:]

    def size(self, split):
        return len(self._sets[split])

    def examples(self, split, rows=None):
        rows = np.arange(self.size(split)) if rows is None else rows
        rows = rows[rows < self.size(split)]
        return self._sets[split][rows], self._labels[rows % len(self._labels)]


def _evidence(dataset, generated, critic=(0.0, 0.0), conditional=False, space=None) -> Evidence:
    generated = jnp.asarray(generated, jnp.float32)

    def generate(params, latents, labels=None):
        if labels is None:
            return generated[jnp.arange(len(latents)) % len(generated)]
        return generated[labels]

    def judge(params, x, labels=None):
        return x.reshape(len(x), -1)[:, :2] @ jnp.asarray(critic, jnp.float32)

    config = Config(evaluation_size=SIZE, evaluation_repeats=2, latent_dim=2)
    if conditional:
        config = Config(evaluation_size=SIZE, latent_dim=2, conditional=True)
    nothing = Network(lambda key: {}, None)
    players = nothing._replace(apply=generate), nothing._replace(apply=judge)
    look = Probe.of(config, dataset, *players, "test").look({}, {})
    return Evidence(look, conditional=conditional, count=SIZE, space=space)


@functools.cache
def apart(distance: float = APART, critic: tuple[float, float] = (-2.0, 0.0)) -> Evidence:
    """All real points are the origin, all generated ones at (distance, 0); the critic is
    x -> x . critic."""
    real = np.zeros((SIZE, 2), np.float32)
    dataset = _Points(real, np.zeros((2 * SIZE, 2), np.float32))
    return _evidence(dataset, real + np.float32([distance, 0]), critic)


@functools.cache
def copied() -> Evidence:
    """Every generated point is a training example; held-out ones are APART from these."""
    training = np.zeros((2 * SIZE, 2), np.float32)
    return _evidence(_Points(training[:SIZE] + np.float32([APART, 0]), training), training[:SIZE])


@functools.cache
def mixture(covered: int, noise: float = 0.0) -> Evidence:
    """Real points lie evenly on CENTERS, generated ones on the first `covered` of them, `noise`
    away from each."""
    order = np.arange(SIZE) % len(CENTERS)
    modes = types.SimpleNamespace(centers=CENTERS, sigma=1.0)
    dataset = _Points(CENTERS[order], CENTERS[np.tile(order, 2)], modes, order.astype(np.int32))
    generated = CENTERS[np.arange(SIZE) % covered] + np.float32([noise, 0])
    return _evidence(dataset, generated)


@functools.cache
def conditional(made: tuple[int, ...]) -> Evidence:
    """Images of two classes, 0 and 1, of which the generator makes `made[k]` when asked for k."""
    images = np.arange(2, dtype=np.float32).reshape(2, 1, 1, 1) * np.ones((2, 2, 2, 1), np.float32)
    labels = np.arange(SIZE, dtype=np.int32) % 2
    classifier = types.SimpleNamespace(
        labels=lambda x: np.rint(np.asarray(x)[:, 0, 0, 0]).astype(int), description="first pixel"
    )
    space = Space(Features(None, "none"), classifier, classifier.labels, classifier.description)
    dataset = _Points(images[labels], images[np.tile(labels, 2)], classes=labels)
    return _evidence(dataset, images[list(made)], conditional=True, space=space)


def normal(count: int = 40, shift: float = 0.0) -> np.ndarray:
    """`count` points of a normal law in 5 dimensions, the same ones always."""
    return np.random.default_rng(0).normal(size=(count, 5)) + shift


def same() -> Pair:
    """A set against itself, its classes certain and even."""
    return pair(normal(), normal())


def far() -> Pair:
    """Two sets that lie far apart."""
    return pair(normal(), normal(shift=1000.0))


def collapsed() -> Pair:
    """All generated examples are one of the 40 real ones."""
    return pair(np.repeat(normal()[:1], 40, axis=0), normal(), np.repeat(CERTAIN[:1], 40, axis=0))


def swapped() -> Pair:
    """All real examples are one of the 40 generated ones."""
    return pair(normal(), np.repeat(normal()[:1], 40, axis=0))


def pair(generated, real, probabilities=CERTAIN) -> Pair:
    """Features [n, k] and [m, k], and class probabilities [n, c]."""
    return Pair.of(generated, real, probabilities)
