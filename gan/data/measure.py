"""Laws of points in the plane as data sets: every batch a fresh sample, drawn inside jit."""

import dataclasses
import functools
import hashlib
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from gan.data.dataset import SPLITS, fingerprint, known_split, rows

HELD_OUT = 100_000
"""Points of each split of a measure."""


@dataclasses.dataclass(frozen=True)
class Modes:
    """Components of a mixture of equal, isotropic Gaussians."""

    centers: np.ndarray
    """Means, float32 [k, 2]."""
    sigma: float
    """Standard deviation of each coordinate around its centre."""


@dataclasses.dataclass(frozen=True)
class Law:
    """A law of points in the plane, with a component for each."""

    sample: Callable[[jax.Array, int], tuple[jax.Array, jax.Array]]
    """(key, count) -> independent points, float32 [count, 2], and their components, int32 [count];
    pure."""
    class_names: tuple[str, ...]
    """One name per component."""
    modes: Modes | None = None


class Measure:
    """A probability law in the plane; the same protocol as Dataset, without raw levels.

    Every batch is a fresh sample. The splits hold HELD_OUT points each, drawn once with keys that
    no training run uses; `examples` generates them when they are first asked for.

    Attributes: as Dataset's, with shape (2,), arrays {}, streamed False, and `modes` for the
    Gaussian mixtures, None for the others.
    """

    shape = (2,)
    streamed = False
    dequantize = False
    base = None
    notes = ()

    def __init__(self, name: str, law: Law):
        """The data set `name` of fresh samples of `law`."""
        self._law = law
        self.name = name
        self.arrays: dict[str, jax.Array] = {}
        self.class_names = self._law.class_names
        self.num_classes = len(self.class_names)
        self.modes = self._law.modes
        self._split = functools.cache(self._generate)
        self.fingerprint = fingerprint(["measure 1", name, HELD_OUT])

    def batch(self, arrays: Any, key: jax.Array, count: int) -> tuple[jax.Array, jax.Array]:
        """Independent points, float32 [count, 2], and their components, int32 [count]; pure."""
        del arrays
        return self._law.sample(key, count)

    def size(self, split: str) -> int:
        """Number of points of a split: HELD_OUT."""
        known_split(split)
        return HELD_OUT

    def examples(self, split: str, indices: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """Points of a split, float32 [m, 2], and components, int32 [m]; fixed, on the host."""
        selected = rows(indices, self.size(split))
        points, labels = self._split(split)
        return (points, labels) if selected is None else (points[selected], labels[selected])

    def _generate(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        text = f"held-out {self.name} {SPLITS.index(split)}"
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
        sample = jax.jit(self._law.sample, static_argnums=1)(jax.random.key(seed), HELD_OUT)
        return np.asarray(sample[0]), np.asarray(sample[1])
