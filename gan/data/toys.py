"""Laws of points in the plane, sampled inside jit.

The Gaussian mixtures and the Swiss roll have the scales of Gulrajani et al. 2017 (authors' code);
the Swiss roll and the moons follow the formulas of scikit-learn's make_swiss_roll and make_moons.
All are scaled to a standard deviation near 1 per coordinate, except the moons, which keep their
own.
"""

import dataclasses
import functools
import hashlib
import itertools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
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
class _Law:
    sample: Callable[[jax.Array, int], tuple[jax.Array, jax.Array]]
    class_names: tuple[str, ...]
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

    def __init__(self, name: str):
        """The law `name`, one of MEASURES."""
        self._law = MEASURES[name]
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


def _mixture(centers: np.ndarray, sigma: float) -> _Law:
    means = centers.astype(np.float32)

    def sample(key: jax.Array, count: int) -> tuple[jax.Array, jax.Array]:
        which, where = jax.random.split(key)
        labels = jax.random.randint(which, (count,), 0, len(means), jnp.int32)
        return jnp.asarray(means)[labels] + sigma * jax.random.normal(where, (count, 2)), labels

    names = tuple(f"mode {k}" for k in range(len(means)))
    return _Law(sample, names, Modes(means, sigma))


def _gaussians8() -> _Law:
    """Eight Gaussians on a circle: radius 2, sigma .02, divided by 1.414."""
    angles = np.arange(8) * math.pi / 4
    return _mixture(2 * np.stack([np.cos(angles), np.sin(angles)], 1) / 1.414, 0.02 / 1.414)


def _gaussians25() -> _Law:
    """25 Gaussians on the grid {-4, -2, 0, 2, 4}^2, sigma .05, divided by 2.828."""
    grid = np.array(list(itertools.product(range(-4, 5, 2), repeat=2)))
    return _mixture(grid / 2.828, 0.05 / 2.828)


def _swiss_roll(key: jax.Array, count: int) -> tuple[jax.Array, jax.Array]:
    """(t cos t, t sin t) with t ~ U[1.5 pi, 4.5 pi], noise .25 per coordinate, divided by 7.5."""
    along, noise = jax.random.split(key)
    t = 1.5 * math.pi * (1 + 2 * jax.random.uniform(along, (count,)))
    points = jnp.stack([t * jnp.cos(t), t * jnp.sin(t)], 1)
    points = (points + 0.25 * jax.random.normal(noise, (count, 2))) / 7.5
    return points, jnp.zeros(count, jnp.int32)


def _two_moons(key: jax.Array, count: int) -> tuple[jax.Array, jax.Array]:
    """(cos a, sin a) or (1 - cos a, 1/2 - sin a), a ~ U[0, pi], with noise .1 per coordinate."""
    which, along, noise = jax.random.split(key, 3)
    labels = jax.random.randint(which, (count,), 0, 2, jnp.int32)
    a = math.pi * jax.random.uniform(along, (count,))
    upper = jnp.stack([jnp.cos(a), jnp.sin(a)], 1)
    lower = jnp.stack([1 - jnp.cos(a), 0.5 - jnp.sin(a)], 1)
    points = jnp.where((labels == 0)[:, None], upper, lower)
    return points + 0.1 * jax.random.normal(noise, (count, 2)), labels


def _checkerboard(key: jax.Array, count: int) -> tuple[jax.Array, jax.Array]:
    """Uniform on the 8 dark unit squares of a 4 x 4 board over [-2, 2]^2, lower left one dark."""
    which, where = jax.random.split(key)
    labels = jax.random.randint(which, (count,), 0, 8, jnp.int32)
    row = labels // 2
    column = 2 * (labels % 2) + row % 2
    corners = jnp.stack([column, row], 1).astype(jnp.float32) - 2
    return corners + jax.random.uniform(where, (count, 2)), labels


MEASURES: dict[str, _Law] = {
    "gaussians8": _gaussians8(),
    "gaussians25": _gaussians25(),
    "swiss_roll": _Law(_swiss_roll, ("all",)),
    "two_moons": _Law(_two_moons, ("upper", "lower")),
    "checkerboard": _Law(_checkerboard, tuple(f"square {k}" for k in range(8))),
}
"""Planar laws by name."""
