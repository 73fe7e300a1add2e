"""Pairs of laws whose optimal transport is known in closed form, per sample.

A pair is a law Q, a map T and a potential u of slope at most 1 such that
|x - T(x)| = u(x) - u(T(x)) for every x. Then T carries Q to P = T#Q at the least mean distance, u
proves it, and W1(P, Q) = E_Q |x - T(x)| = E_Q u - E_P u. The critic that attains the maximum of
E_P f - E_Q f over slopes at most 1 is f = -u. For the same reason the points (x, T(x)) of any
sample are an optimal assignment of that sample.

Everything runs on NumPy arrays in float64, where the identity holds to rounding, and on JAX arrays
inside jit in their own dtype.
"""

import dataclasses
import hashlib
import math
import os
import zipfile
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from gan.errors import UserError


class Moved(NamedTuple):
    """Where a map takes points."""

    image: Any
    """T(x), [m, d]."""
    direction: Any
    """Unit gradient of u along the way, [m, d]: from T(x) towards x. The best critic's gradient at
    T(x) is its negative. Exact where T(x) is too close to a kink of u to tell from T(x) itself."""
    distance: Any
    """|x - T(x)|, [m]."""


class Law(NamedTuple):
    """A law of points that is drawn from uniform numbers."""

    draw: Callable[[Any], Any]
    """Uniform numbers in [0, 1) to points, [m, d] -> [m, d]."""
    mean_length: Callable[[int], float | None]
    """E|x| in d dimensions, where a formula is known."""


def box(half_width: float = 1.0) -> Law:
    """Uniform on [-half_width, half_width]^d."""
    means = {1: 1 / 2, 2: (math.sqrt(2) + math.asinh(1)) / 3}
    return Law(
        lambda uniform: (2 * uniform - 1) * half_width,
        lambda dim: half_width * means[dim] if dim in means else None,
    )


def normal() -> Law:
    """N(0, I)."""

    def draw(uniform):
        if isinstance(uniform, np.ndarray):
            from scipy.special import ndtri
        else:
            from jax.scipy.special import ndtri
        eps = uniform.__array_namespace__().finfo(uniform.dtype).eps
        return ndtri(eps / 2 + (1 - eps) * uniform)

    def mean_length(dim):
        return math.sqrt(2) * math.exp(math.lgamma((dim + 1) / 2) - math.lgamma(dim / 2))

    return Law(draw, mean_length)


def affine_box(mean, axes) -> Law:
    """mean + z axes with independent coordinates z, uniform with variance 1.

    Args:
        mean: [d].
        axes: [d, d], a row for each coordinate of z. With the principal axes of a set, each times
            its standard deviation, the law has the set's mean and covariance.
    """
    mean, axes = np.asarray(mean, np.float64), np.asarray(axes, np.float64)

    def draw(uniform):
        xp = uniform.__array_namespace__()
        z = (2 * uniform - 1) * math.sqrt(3)
        return xp.asarray(mean, dtype=z.dtype)[None] + z @ xp.asarray(axes, dtype=z.dtype)

    return Law(draw, lambda dim: None)


@dataclasses.dataclass(frozen=True)
class KnownPair:
    """A law and its image, with the proof of optimality.

    Attributes:
        family: what pairs of other dimensions share, for tables: "4 funnels".
        name: of this one.
        dim: d.
        source: points of Q from uniform numbers in [0, 1), [m, d] -> [m, d].
        move: [m, d] -> Moved.
        potential: u, [m, d] -> [m].
        fingerprint: of all that determines the pair, hexadecimal.
        w1: W1(P, Q) where a formula exists, else None.
    """

    family: str
    name: str
    dim: int
    source: Callable[[Any], Any]
    move: Callable[[Any], Moved]
    potential: Callable[[Any], Any]
    fingerprint: str
    w1: float | None = None


class SampledMean(NamedTuple):
    """A mean with its standard error."""

    value: float
    stderr: float


BOX = box()


def w1(pair: KnownPair, count: int = 100_000, seed: int = 0, block: int = 8192) -> SampledMean:
    """W1(P, Q) as the mean distance over `count` points of Q, in float64."""
    rng = np.random.default_rng(seed)
    distances = np.concatenate(
        [
            pair.move(pair.source(rng.random((min(block, count - start), pair.dim)))).distance
            for start in range(0, count, block)
        ]
    )
    return SampledMean(float(distances.mean()), float(distances.std(ddof=1) / math.sqrt(count)))


def translation(shift, law: Law = BOX) -> KnownPair:
    """T(x) = x - shift, with u(x) = <x, shift> / |shift|; W1 is |shift| > 0."""
    shift = np.asarray(shift, np.float64)
    length = float(np.linalg.norm(shift))

    def move(x):
        xp = x.__array_namespace__()
        direction = xp.broadcast_to(xp.asarray(shift / length, dtype=x.dtype), x.shape)
        distance = xp.full(x.shape[:1], length, dtype=x.dtype)
        return Moved(x - length * direction, direction, distance)

    def potential(x):
        return x @ x.__array_namespace__().asarray(shift / length, dtype=x.dtype)

    return _pair("translation", len(shift), law, move, potential, length, [shift])


def dilation(dim: int, factor: float, law: Law = BOX) -> KnownPair:
    """T(x) = factor x, 0 <= factor < 1 shrinks and factor > 1 spreads; u(x) = +-|x|.

    W1 = |1 - factor| E|x|.
    """
    sign = math.copysign(1.0, 1 - factor)

    def move(x):
        radius = _norm(x)
        direction = sign * x / radius[:, None]
        return Moved(factor * x, direction, abs(1 - factor) * radius)

    def potential(x):
        return sign * _norm(x)

    mean = law.mean_length(dim)
    known = None if mean is None else abs(1 - factor) * mean
    return _pair("dilation", dim, law, move, potential, known, [factor])


def squeeze(dim: int, factor: float) -> KnownPair:
    """N(0, I) to N(0, I + (factor^2 - 1) v v^T), v the unit diagonal: T(x) = x + (factor - 1)
    <x, v> v with u(x) = +-|<x, v>|, the sign that of 1 - factor. W1 = |1 - factor| sqrt(2 / pi)."""
    sign, length = math.copysign(1.0, 1 - factor), math.sqrt(dim)

    def along(x):
        return x.sum(1) / length

    def move(x):
        xp, signed = x.__array_namespace__(), along(x)
        direction = xp.broadcast_to(sign * xp.sign(signed)[:, None] / length, x.shape)
        distance = abs(1 - factor) * xp.abs(signed)
        return Moved(x - distance[:, None] * direction, direction, distance)

    def potential(x):
        return sign * x.__array_namespace__().abs(along(x))

    known = abs(1 - factor) * math.sqrt(2 / math.pi)
    return _pair("squeeze", dim, normal(), move, potential, known, [factor])


def line(waves: int = 2, strength: float = 0.5, half_width: float = 1.0) -> KnownPair:
    """A monotone map of the line that moves left and right by turns.

    T(x) = x + (strength / k) sin(k x) with k = pi waves / half_width and |strength| < 1, so that T
    increases, and no point passes a zero of the sine; u is the triangle wave arccos(cos(k x)) / k
    with the sign of -strength. W1 = 2 |strength| / (pi k), the mean of |sin| being 2 / pi.
    """
    k = math.pi * waves / half_width
    sign = -math.copysign(1.0, strength)

    def move(x):
        xp = x.__array_namespace__()
        wave = xp.sin(k * x)
        direction = sign * xp.sign(wave)
        return Moved(x + strength / k * wave, direction, abs(strength) / k * xp.abs(wave[:, 0]))

    def potential(x):
        # |k x - nearest multiple of 2 pi| is arccos(cos(k x)) without its loss of digits.
        xp = x.__array_namespace__()
        turns = k * x[:, 0] / (2 * math.pi)
        return sign * 2 * math.pi / k * xp.abs(turns - xp.round(turns))

    known = 2 * abs(strength) / (math.pi * k)
    law = box(half_width)
    return _pair("line", 1, law, move, potential, known, [waves, strength, half_width])


def funnels(centers, offsets, name: str = "funnels", half_width: float = 2.5) -> KnownPair:
    """A funnel pair (Korotin et al. 2022): u(x) = min_n |x - a_n| + b_n.

    From x the ray away from the active centre a, v = (x - a) / |x - a|, runs until the box ends or
    another funnel becomes lower, at x + r v =: up. With t = |x - a| / |up - a|, T(x) = a +
    t^8 (up - a): every ray is pulled towards its centre.

    Args:
        centers: a, [n, d], inside the box.
        offsets: b, [n], lengths.
        name: for tables.
        half_width: of the box.

    Raises:
        UserError: if the shapes disagree or a number is not finite.
    """
    centers, offsets = _usable(name, centers, offsets)
    nearest, potential = _envelope(centers, offsets)

    def move(x):
        xp, a, b, squares, active = nearest(x)
        low, base = a[active], b[active]
        radius = _norm(x - low)
        v = (x - low) / xp.where(radius > 0, radius, 1)[:, None]
        tiny = xp.finfo(x.dtype).tiny
        wall = (half_width - xp.sign(v) * x) / xp.maximum(xp.abs(v), tiny)
        level = (radius + base)[:, None] - b[None]
        falling = level - ((x * v).sum(1)[:, None] - v @ a.T)
        usable = xp.abs(falling) > tiny
        ahead = (squares - level**2) / 2 / xp.where(usable, falling, 1)
        others = xp.arange(len(offsets))[None] != active[:, None]
        met = usable & others & (ahead > 0) & (ahead > -level)
        ray = xp.minimum(wall.min(1), xp.where(met, ahead, xp.inf).min(1))
        full = radius + ray
        shrunk = (radius / full) ** 8 * full
        return Moved(low + shrunk[:, None] * v, v, radius - shrunk)

    constants = [centers.shape, half_width, centers, offsets]
    return KnownPair(
        f"{len(offsets)} funnels",
        name,
        centers.shape[1],
        box(half_width).draw,
        move,
        potential,
        _fingerprint(constants),
    )


def pulled(centers, share: float, law: Law, name: str) -> KnownPair:
    """T(x) = a + share (x - a) with the nearest centre a of x, and u(x) = min_n |x - a_n|.

    On the way to its nearest centre no point comes nearer to another one, so the law needs no box.

    Args:
        centers: [n, d].
        share: of the distance that is left, in [0, 1).
        law: Q, in d dimensions.
        name: of the centres, for tables.

    Raises:
        UserError: if centres are no finite matrix.
    """
    centers, offsets = _usable(name, centers, np.zeros(len(centers)))
    nearest, potential = _envelope(centers, offsets)

    def move(x):
        xp, a, _, _, active = nearest(x)
        step = x - a[active]
        radius = _norm(step)
        direction = step / xp.where(radius > 0, radius, 1)[:, None]
        return Moved(a[active] + share * step, direction, (1 - share) * radius)

    dim = centers.shape[1]
    return _pair(f"{len(centers)} {name}", dim, law, move, potential, None, [share, centers])


def _envelope(centers, offsets):
    """nearest(x) and u(x) of u(x) = min_n |x - a_n| + b_n.

    nearest(x) are the array library of x, a and b in the dtype of x, squared distances [m, n] and
    which of the n attains the minimum.
    """

    def nearest(x):
        xp = x.__array_namespace__()
        a, b = xp.asarray(centers, dtype=x.dtype), xp.asarray(offsets, dtype=x.dtype)
        squares = (x**2).sum(1)[:, None] + (a**2).sum(1)[None] - 2 * x @ a.T
        squares = xp.maximum(squares, 0)
        return xp, a, b, squares, xp.argmin(xp.sqrt(squares) + b[None], axis=1)

    def potential(x):
        _, a, b, _, active = nearest(x)
        return _norm(x - a[active]) + b[active]

    return nearest, potential


def _pair(family, dim, law, move, potential, known, constants) -> KnownPair:
    """A pair with the fingerprint of its constants and of 16 points of its law."""
    grid = np.random.default_rng(0).random((16, dim))
    digest = _fingerprint([family, *constants, law.draw(grid).round(6)])
    name = f"{family.replace(' ', '_')}_d{dim}"
    return KnownPair(family, name, dim, law.draw, move, potential, digest, known)


def _fingerprint(constants) -> str:
    """Twelve hexadecimal digits of arrays and of what stands before them."""
    plain = tuple(value for value in constants if not isinstance(value, np.ndarray))
    digest = hashlib.sha256(repr(plain).encode())
    for value in constants:
        if isinstance(value, np.ndarray):
            digest.update(value.tobytes())
    return digest.hexdigest()[:12]


def _usable(name, centers, offsets) -> tuple[np.ndarray, np.ndarray]:
    """Centres [n, d] and offsets [n] of funnels; UserError unless they are such and finite."""
    centers, offsets = np.asarray(centers, np.float64), np.asarray(offsets, np.float64)
    if centers.ndim != 2 or offsets.shape != centers.shape[:1] or not len(offsets):
        raise UserError(
            f"{name}: centers must be [n, d] and offsets [n], n >= 1; got {centers.shape} and "
            f"{offsets.shape}"
        )
    if not (np.isfinite(centers).all() and np.isfinite(offsets).all()):
        raise UserError(f"{name}: centers and offsets must be finite")
    return centers, offsets


def seeded_funnels(dim: int, count: int, seed: int = 0) -> KnownPair:
    """Our own instance: centres uniform in the box of half width 2.5, offsets 0.1 N(0, 1)."""
    rng = np.random.default_rng([seed, dim, count])
    centers = rng.uniform(-2.5, 2.5, (count, dim))
    return funnels(centers, 0.1 * rng.normal(size=count), f"seeded_d{dim}_n{count}")


def load_funnels(path: str) -> KnownPair:
    """A funnel pair from an .npz file with `centers` [n, d] and `offsets` [n].

    Raises:
        UserError: if the file cannot be read or lacks an array.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            centers, offsets = file["centers"], file["offsets"]
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(
            f"cannot read the funnels {path}: {error}; wanted is an .npz file with centers [n, d] "
            "and offsets [n]"
        ) from error
    return funnels(centers, offsets, os.path.basename(path).removesuffix(".npz"))


def _norm(x):
    return x.__array_namespace__().sqrt((x**2).sum(1))
