"""A critic before the referee: what it claims, against what exact transport proves.

The critic f is high on real examples and claims the distance E f(real) - E f(fake). Over all
functions of slope at most 1 the largest claim is exactly W1 (Kantorovich, Rubinstein 1958), so on
a fixed probe of samples every critic can be certified:

- L, its Lipschitz constant on the probe, is the largest |f(a) - f(b)| / |a - b| over all pairs;
  f / L extends to the whole space with slope at most 1 (McShane 1934), hence claim / L <= W1;
- the certified share claim / (L W1) <= 1 does not change when f is scaled or shifted;
- W1 - claim / L >= 0 is exactly the critic's half of the game's duality gap;
- the c-transform bound needs no slope at all: mean f(x) + mean_y min_x [|x - y| - f(x)] <= W1 for
  any f whatever, likewise with the generated side kept, and the better of the two counts.

How large can a share be? A critic sees what the laws differ in, not how these two samples happen to
lie, and in high dimension most of W1 is the latter. So a share is compared with that of the
reference critic: exact potentials between as many other examples, extended with slope 1
(`reference_critic`). A trained critic that certifies less than it has more to learn.

Only scores on the probe enter, and they enter in float64: the bounds are theorems about that table
of scores, whatever precision the network computed it in.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

from gan import transport
from gan.errors import UserError

_BLOCK = 1024


class Judged(NamedTuple):
    """A critic on a probe: scores [n] of the real set, scores [n] and input gradients [n, *shape]
    of each of the first generated sets."""

    real_scores: np.ndarray
    fake_scores: Sequence[np.ndarray]
    fake_gradients: Sequence[np.ndarray] | None


class Certificate(NamedTuple):
    """What is proved about one critic on one probe. Distances in units of the data, scores in the
    critic's own; means over the generated sets of the probe, except for `lipschitz`.

    Attributes:
        n: examples in each set.
        w1: exact W1 between generated and real.
        w1_gap: relative gap of the transport certificates, the rounding of `w1`.
        estimate: the claim, mean f(real) - mean f(fake).
        lipschitz: largest |f(a) - f(b)| / |a - b| over all pairs of the probe.
        share: estimate / (lipschitz w1) <= 1; 1 for an exact Kantorovich potential, 0 for a
            constant critic, negative when generated examples score higher. 1 if w1 is 0, when
            nothing is left to claim.
        duality_gap: w1 - estimate / lipschitz >= 0.
        c_transform_bound: <= w1 for any critic; may be far below 0.
        gradient_cosine: mean cosine of grad f at the generated examples with the directions in
            which exact transport moves them to real ones (-grad f against the way from real to
            generated is the same); in [-1, 1], 0 where the gradient vanishes. 1 if nothing moves.
            None without gradients.
    """

    n: int
    w1: float
    w1_gap: float
    estimate: float
    lipschitz: float
    share: float
    duality_gap: float
    c_transform_bound: float
    gradient_cosine: float | None


def certify(
    real: np.ndarray,
    fakes: Sequence[np.ndarray],
    real_scores: np.ndarray,
    fake_scores: Sequence[np.ndarray],
    fake_gradients: Sequence[np.ndarray] | None,
    solutions: Sequence[transport.Result] | None = None,
) -> Certificate:
    """Certify the critic behind the scores on the probe (real, fakes).

    Coincident points count with the score of the first of them, since a critic is a function;
    networks evaluated in float32 can differ there by rounding.

    Args:
        real: [n, *shape].
        fakes: generated sets [n, *shape], each compared with `real`.
        real_scores: [n] critic at the real examples.
        fake_scores: [n] critic at the examples of each generated set.
        fake_gradients: [n, *shape], gradients of the critic there; None where nobody knows them.
        solutions: `transport.assignment(fake, real)` of each generated set, if already solved.

    Returns:
        The `Certificate`. On a single generated set it is that of the pair. On several, `estimate`,
        `w1` and the other means are over pairs and `lipschitz` is the largest, so that all
        inequalities hold between the means.

    Raises:
        ValueError: if shapes do not agree.
    """
    points = [_flat(real), *map(_flat, fakes)]
    values = [np.asarray(s, np.float64) for s in (real_scores, *fake_scores)]
    gradients = None if fake_gradients is None else [_flat(g) for g in fake_gradients]
    _check(points, values, gradients)
    values = _as_function(points, values)
    if solutions is None:
        solutions = [transport.assignment(fake, points[0]) for fake in points[1:]]
    lipschitz, bound = _slopes(points, values)
    w1 = float(np.mean([s.value for s in solutions]))
    estimate = float(np.mean([values[0].mean() - g.mean() for g in values[1:]]))
    certified = estimate / lipschitz if lipschitz > 0 else 0.0
    return Certificate(
        n=len(points[0]),
        w1=w1,
        w1_gap=float(np.mean([s.gap for s in solutions])) / w1 if w1 > 0 else 0.0,
        estimate=estimate,
        lipschitz=lipschitz,
        share=certified / w1 if w1 > 0 else 1.0,
        duality_gap=w1 - certified,
        c_transform_bound=bound,
        gradient_cosine=None if gradients is None else _alignment(points, gradients, solutions),
    )


def certify_critic(
    real: np.ndarray,
    fake: np.ndarray,
    f_real: np.ndarray,
    f_fake: np.ndarray,
    gradients: np.ndarray | None = None,
) -> Certificate:
    """Certify a critic of any framework, known by its scores.

    Args:
        real, fake: examples [n, *shape] and [m, *shape] in the units that the critic reads. Of the
            larger set the first min(n, m) count.
        f_real, f_fake: the critic's scores [n] and [m]; high means real.
        gradients: of the scores at the generated examples [m, *shape]; without them there is no
            `gradient_cosine`.

    Returns:
        The `Certificate`. `share`, `gradient_cosine` do not depend on the critic's scale.

    Raises:
        UserError: if shapes do not agree, there are fewer than two examples, or a number is not
            finite.
    """
    real, fake, f_real, f_fake = map(np.asarray, (real, fake, f_real, f_fake))
    if real.shape[1:] != fake.shape[1:] or min(len(real), len(fake)) < 2:
        raise UserError(f"real {real.shape} and fake {fake.shape} must be [n, *shape], n >= 2")
    f_real, f_fake = scores(f_real, len(real), "real"), scores(f_fake, len(fake), "fake")
    if gradients is not None:
        gradients = np.asarray(gradients)
        if gradients.size != fake.size:
            raise UserError(f"gradients {gradients.shape} must have the shape of fake {fake.shape}")
    for name, values in (("real", real), ("fake", fake), ("gradients", gradients)):
        if values is not None and not np.isfinite(values).all():
            raise UserError(f"{name} holds NaN or infinite values")
    n = min(len(real), len(fake))
    slopes = None if gradients is None else [gradients[:n]]
    return certify(real[:n], [fake[:n]], f_real[:n], [f_fake[:n]], slopes)


def scores(values: np.ndarray, n: int, name: str) -> np.ndarray:
    """Scores [n] or [n, 1] of n examples, as [n]; `name` is what an error calls the examples.

    Raises:
        UserError: unless they are n finite numbers.
    """
    if values.size != n or values.dtype.kind not in "iuf":
        raise UserError(
            f"{name}: {values.size} scores ({values.dtype} {values.shape}) for {n} examples"
        )
    if not np.isfinite(values).all():
        raise UserError(f"{name}: scores hold NaN or infinite values")
    return values.reshape(-1)


def reference_critic(
    real: np.ndarray, fake: np.ndarray, solution: transport.Result | None = None
) -> Callable[[np.ndarray], np.ndarray]:
    """The critic that exact transport between two sets yields, on all of space, with slope 1.

    With u_i + v_j <= |x_i - y_j| optimal for fake x and real y, max_j [v_j - |p - y_j|] and
    min_i [|p - x_i| - u_i] are the least and the greatest function of slope 1 that attain W1
    (McShane 1934; Whitney 1934); the critic is their mean.

    Args:
        real, fake: [n, *shape] each.
        solution: `transport.assignment(fake, real)`, if already solved.

    Returns:
        Critic [k, *shape] -> [k]; its certified share on (real, fake) themselves is 1.
    """
    y, x = _flat(real), _flat(fake)
    u, v = (solution or transport.assignment(x, y)).potentials

    def critic(points):
        points = _flat(points)
        return ((v - cdist(points, y)).max(axis=1) + (cdist(points, x) - u).min(axis=1)) / 2

    return critic


def _check(points, scores, gradients) -> None:
    """ValueError unless all sets have n points and n scores, and the generated
    ones n gradients, if there are any."""
    shapes = {p.shape for p in [*points, *(gradients or ())]}
    lengths = {s.shape for s in scores}
    counted = len(points) == len(scores) > 1
    counted = counted and (gradients is None or len(points) == len(gradients) + 1)
    if len(shapes) > 1 or lengths != {(len(points[0]),)} or not counted:
        raise ValueError(f"points {shapes}, scores {lengths}: must be n for every set")


def _as_function(points, scores) -> list[np.ndarray]:
    """Scores relative to the very first one, equal at coincident points.

    All results are invariant under a constant shift; near one of the scores the differences of a
    critic with a large offset are exact.
    """
    first: dict[bytes, float] = {}
    origin = scores[0][0]
    return [
        np.array(
            [
                first.setdefault(row.tobytes(), score - origin)
                for row, score in zip(part + 0.0, values, strict=True)  # -0.0 becomes 0.0
            ]
        )
        for part, values in zip(points, scores, strict=True)
    ]


def _slopes(points, scores) -> tuple[float, float]:
    """(largest slope over all pairs of the probe, mean of the c-transform bounds)."""
    x, f = points[0], scores[0]
    steepest, bounds = [_steepest(x, f)], []
    for y, g in zip(points[1:], scores[1:], strict=True):
        slope, bound = _between(x, f, y, g)
        steepest += [slope, _steepest(y, g)]
        bounds.append(bound)
    return float(np.max(steepest)), float(np.mean(bounds))


def _alignment(points, gradients, solutions) -> float:
    """Mean cosine of the gradients with the ways of exact transport; 1 if nothing moves."""
    parts = [
        _cosines(gradient, points[0][solution.permutation] - y)
        for gradient, solution, y in zip(gradients, solutions, points[1:], strict=True)
    ]
    cosines = np.concatenate(parts)
    return float(cosines.mean()) if len(cosines) else 1.0


def _between(x, f, y, g) -> tuple[float, float]:
    """(largest slope across the sets, better c-transform bound) of scores f at x and g at y."""
    slopes, onto_x, onto_y = [], np.empty(len(x)), np.full(len(y), np.inf)
    for start in range(0, len(x), _BLOCK):
        rows = slice(start, start + _BLOCK)
        costs = cdist(x[rows], y)
        slopes.append(_largest(np.abs(f[rows, None] - g), costs))
        onto_x[rows] = (costs + g).min(axis=1)
        np.minimum(onto_y, (costs - f[rows, None]).min(axis=0), out=onto_y)
    bound = max(f.mean() + onto_y.mean(), onto_x.mean() - g.mean())
    return float(np.max(slopes)), float(bound)


def _steepest(x, f) -> float:
    """Largest slope of scores f between points of one set."""
    slopes = []
    for start in range(0, len(x), _BLOCK):
        rows, later = slice(start, start + _BLOCK), slice(start, None)
        slopes.append(_largest(np.abs(f[rows, None] - f[later]), cdist(x[rows], x[later])))
    return float(np.max(slopes))


def _largest(rises, costs) -> float:
    """Largest rise per cost; pairs of coincident points, whose rise is 0, do not count."""
    return float(np.divide(rises, costs, out=np.zeros_like(costs), where=costs > 0).max())


def _cosines(gradients, moves) -> np.ndarray:
    """Cosine of each gradient with its move, over the moves that are not zero; [k]."""
    steps = np.linalg.norm(moves, axis=1)
    gradients, moves, steps = (part[steps > 0] for part in (gradients, moves, steps))
    slopes = np.linalg.norm(gradients, axis=1)
    products = np.einsum("nd,nd->n", gradients, moves)
    return np.divide(products, slopes * steps, out=np.zeros_like(products), where=slopes > 0)


def _flat(array) -> np.ndarray:
    return np.asarray(array, np.float64).reshape(len(array), -1)
