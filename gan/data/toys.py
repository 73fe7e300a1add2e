"""Laws of points in the plane.

The Gaussian mixtures and the Swiss roll have the scales of Gulrajani et al. 2017 (authors' code);
the Swiss roll and the moons follow the formulas of scikit-learn's make_swiss_roll and make_moons.
All are scaled to a standard deviation near 1 per coordinate, except the moons, which keep their
own.
"""

import itertools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from gan.data.measure import Law, Modes
from gan.data.source import Case, Source

LICENCE = "none is needed, since the points are drawn from a formula"


def _fixed(law: Law) -> Callable[..., Law]:
    """Loads the law, whatever is chosen."""
    return lambda choice, data_dir: law


def _mixture(centers: np.ndarray, sigma: float) -> Law:
    means = centers.astype(np.float32)

    def sample(key: jax.Array, count: int) -> tuple[jax.Array, jax.Array]:
        which, where = jax.random.split(key)
        labels = jax.random.randint(which, (count,), 0, len(means), jnp.int32)
        return jnp.asarray(means)[labels] + sigma * jax.random.normal(where, (count, 2)), labels

    names = tuple(f"mode {k}" for k in range(len(means)))
    return Law(sample, names, Modes(means, sigma))


def _circle() -> Law:
    """Eight Gaussians on a circle: radius 2, sigma 0.02, divided by 1.414."""
    angles = np.arange(8) * math.pi / 4
    return _mixture(2 * np.stack([np.cos(angles), np.sin(angles)], 1) / 1.414, 0.02 / 1.414)


gaussians8 = Source(
    help="8 Gaussians on a circle in the plane",
    source="Gulrajani et al. 2017",
    load=_fixed(_circle()),
    reads=(),
    licence=LICENCE,
    case=Case(shape=(2,), classes=8, fingerprint="c8b6312894150a53"),
)


def _grid() -> Law:
    """25 Gaussians on the grid {-4, -2, 0, 2, 4}^2, sigma 0.05, divided by 2.828."""
    grid = np.array(list(itertools.product(range(-4, 5, 2), repeat=2)))
    return _mixture(grid / 2.828, 0.05 / 2.828)


gaussians25 = Source(
    help="25 Gaussians on a grid in the plane",
    source="Gulrajani et al. 2017",
    load=_fixed(_grid()),
    reads=(),
    licence=LICENCE,
    case=Case(shape=(2,), classes=25, fingerprint="23f8062e7a71a954"),
)


def _swiss_roll(key: jax.Array, count: int) -> tuple[jax.Array, jax.Array]:
    """(t cos t, t sin t) with t ~ U[1.5 pi, 4.5 pi], noise 0.25 per coordinate, divided by 7.5."""
    along, noise = jax.random.split(key)
    t = 1.5 * math.pi * (1 + 2 * jax.random.uniform(along, (count,)))
    points = jnp.stack([t * jnp.cos(t), t * jnp.sin(t)], 1)
    points = (points + 0.25 * jax.random.normal(noise, (count, 2))) / 7.5
    return points, jnp.zeros(count, jnp.int32)


swiss_roll = Source(
    help="a noisy spiral in the plane",
    source="Gulrajani et al. 2017",
    load=_fixed(Law(_swiss_roll, ("all",))),
    reads=(),
    licence=LICENCE,
    case=Case(shape=(2,), classes=1, fingerprint="5220a92003c4d735"),
)


def _two_moons(key: jax.Array, count: int) -> tuple[jax.Array, jax.Array]:
    """(cos a, sin a) or (1 - cos a, 1/2 - sin a), a ~ U[0, pi], with noise 0.1 per coordinate."""
    which, along, noise = jax.random.split(key, 3)
    labels = jax.random.randint(which, (count,), 0, 2, jnp.int32)
    a = math.pi * jax.random.uniform(along, (count,))
    upper = jnp.stack([jnp.cos(a), jnp.sin(a)], 1)
    lower = jnp.stack([1 - jnp.cos(a), 0.5 - jnp.sin(a)], 1)
    points = jnp.where((labels == 0)[:, None], upper, lower)
    return points + 0.1 * jax.random.normal(noise, (count, 2)), labels


two_moons = Source(
    help="two noisy half circles in the plane",
    source="scikit-learn's make_moons",
    load=_fixed(Law(_two_moons, ("upper", "lower"))),
    reads=(),
    licence=LICENCE,
    case=Case(shape=(2,), classes=2, fingerprint="10b0b8bce9e30ae1"),
)


def _checkerboard(key: jax.Array, count: int) -> tuple[jax.Array, jax.Array]:
    """Uniform on the 8 dark unit squares of a 4 x 4 board over [-2, 2]^2, lower left one dark."""
    which, where = jax.random.split(key)
    labels = jax.random.randint(which, (count,), 0, 8, jnp.int32)
    row = labels // 2
    column = 2 * (labels % 2) + row % 2
    corners = jnp.stack([column, row], 1).astype(jnp.float32) - 2
    return corners + jax.random.uniform(where, (count, 2)), labels


checkerboard = Source(
    help="uniform on the 8 dark squares of a board in the plane",
    load=_fixed(Law(_checkerboard, tuple(f"square {k}" for k in range(8)))),
    reads=(),
    licence=LICENCE,
    case=Case(shape=(2,), classes=8, fingerprint="da909df74c36f7ea"),
)
