"""Pairs of laws whose optimal transport is known in closed form, per sample.

A pair is a uniform law Q on a box, a map T and a potential u of slope at most 1 such that
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


@dataclasses.dataclass(frozen=True)
class KnownPair:
    """A uniform law on [-half_width, half_width]^dim and its image, with the proof of optimality.

    Attributes:
        name: for tables.
        dim: d.
        half_width: of the box, a length.
        move: [m, d] -> Moved.
        potential: u, [m, d] -> [m].
        w1: W1(P, Q) where a formula exists, else None.
    """

    name: str
    dim: int
    half_width: float
    move: Callable[[Any], Moved]
    potential: Callable[[Any], Any]
    w1: float | None = None

    def source(self, uniform):
        """Points of Q from uniform numbers in [0, 1): [m, d] -> [m, d]."""
        return (2 * uniform - 1) * self.half_width


@dataclasses.dataclass(frozen=True)
class Funnels(KnownPair):
    """A funnel pair.

    Attributes:
        count: number of funnels.
        fingerprint: of centres and offsets, hexadecimal.
    """

    count: int = 0
    fingerprint: str = ""


class SampledMean(NamedTuple):
    """A mean with its standard error."""

    value: float
    stderr: float


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


def translation(shift, half_width: float = 1.0) -> KnownPair:
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

    return KnownPair("translation", len(shift), half_width, move, potential, length)


def dilation(dim: int, factor: float, half_width: float = 1.0) -> KnownPair:
    """T(x) = factor x, 0 <= factor < 1 shrinks and factor > 1 spreads; u(x) = +-|x|.

    W1 = |1 - factor| E|x|; known exactly for dim 1 (half_width / 2 times) and 2.
    """
    sign = math.copysign(1.0, 1 - factor)
    means = {1: 1 / 2, 2: (math.sqrt(2) + math.asinh(1)) / 3}

    def move(x):
        radius = _norm(x)
        direction = sign * x / radius[:, None]
        return Moved(factor * x, direction, abs(1 - factor) * radius)

    def potential(x):
        return sign * _norm(x)

    known = abs(1 - factor) * half_width * means[dim] if dim in means else None
    return KnownPair("dilation", dim, half_width, move, potential, known)


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

    return KnownPair("line", 1, half_width, move, potential, 2 * abs(strength) / (math.pi * k))


def funnels(centers, offsets, name: str = "funnels", half_width: float = 2.5) -> Funnels:
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

    def nearest(x):
        """Constants in the dtype of x; [m, n] squared distances; which funnel is the lowest."""
        xp = x.__array_namespace__()
        a, b = xp.asarray(centers, dtype=x.dtype), xp.asarray(offsets, dtype=x.dtype)
        squares = (x**2).sum(1)[:, None] + (a**2).sum(1)[None] - 2 * x @ a.T
        squares = xp.maximum(squares, 0)
        return xp, a, b, squares, xp.argmin(xp.sqrt(squares) + b[None], axis=1)

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

    def potential(x):
        _, a, b, _, active = nearest(x)
        return _norm(x - a[active]) + b[active]

    digest = hashlib.sha256(repr((centers.shape, half_width)).encode())
    digest.update(centers.tobytes() + offsets.tobytes())
    return Funnels(
        name,
        centers.shape[1],
        half_width,
        move,
        potential,
        count=len(offsets),
        fingerprint=digest.hexdigest()[:12],
    )


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


def seeded_funnels(dim: int, count: int, seed: int = 0) -> Funnels:
    """Our own instance: centres uniform in the box of half width 2.5, offsets 0.1 N(0, 1)."""
    rng = np.random.default_rng([seed, dim, count])
    centers = rng.uniform(-2.5, 2.5, (count, dim))
    return funnels(centers, 0.1 * rng.normal(size=count), f"seeded_d{dim}_n{count}")


def load_funnels(path: str) -> Funnels:
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
