"""Sample scores from their definitions, without rounding: slow, for small sets.

Every floating-point number is a whole number over a power of two, so squared distances, kernels and
ranks are exact. Roots and logarithms are decimals of DIGITS digits. Plain Python throughout: no
code is shared with the scores that a training reports.

None stands for "no number": what is not defined for the given sets.
"""

import decimal
import itertools
from decimal import Decimal
from fractions import Fraction

DIGITS = 60
"""Decimal digits of roots, logarithms and what is made of them."""

MOST_MATCHED = 6
"""Points a set whose matchings are all looked at."""

Points = list[list[int]]
Number = int | float | Fraction | Decimal | None


def integers(*sets) -> tuple[list[Points], int]:
    """Sets [n, d] of floats as whole numbers, and the power of two that these are multiples of:
    each coordinate is exactly whole / unit."""
    ratios = [[[float(v).as_integer_ratio() for v in row] for row in points] for points in sets]
    unit = max(below for points in ratios for row in points for _, below in row)
    return [
        [[n * (unit // below) for n, below in row] for row in points] for points in ratios
    ], unit


def squares(x: Points, y: Points) -> list[list[int]]:
    """Squared Euclidean distances [n, m]."""
    return [[sum((a - b) ** 2 for a, b in zip(p, q, strict=True)) for q in y] for p in x]


def radii(points: Points, k: int, few: str = "clip") -> list[int] | None:
    """Squared distance [n] to the k-th nearest other point; see `inside` for `few`."""
    if k > len(points) - 1:
        if few == "refuse":
            return None
        k = len(points) - 1
    return [
        sorted(row[:i] + row[i + 1 :])[k - 1] if k else 0
        for i, row in enumerate(squares(points, points))
    ]


def inside(
    balls_of, points, *, k: int, closed: bool = True, few: str = "clip"
) -> list[list[bool]] | None:
    """Whether each of `points` [n, d] is in each k-neighbour ball of `balls_of` [m, d]: [n][m].

    Args:
        balls_of, points: floats.
        k: which neighbour, itself not counted, a ball reaches to.
        closed: whether a point at exactly the radius is in the ball.
        few: where there are no more than k points, "clip" takes the farthest of the others,
            "refuse" gives None.
    """
    (centers, queries), _ = integers(balls_of, points)
    reach = radii(centers, k, few)
    if reach is None:
        return None
    return [
        [s <= r if closed else s < r for s, r in zip(row, reach, strict=True)]
        for row in squares(queries, centers)
    ]


def precision(generated, real, **balls) -> Fraction | None:
    """Share of generated points inside some ball of the real ones (Kynkaanniemi et al. 2019)."""
    found = inside(real, generated, **balls)
    return found and Fraction(sum(map(any, found)), len(found))


def recall(generated, real, **balls) -> Fraction | None:
    """Share of real points inside some ball of the generated ones (Kynkaanniemi et al. 2019)."""
    return precision(real, generated, **balls)


def density(generated, real, *, k: int, few: str = "clip", over: str = "reached", **balls):
    """Mean number of real balls around a generated point, over k (Naeem et al. 2020).

    With `over` "asked" the sum is divided by k even where there are only m - 1 < k other real
    points to reach to; with "reached" by m - 1 then.
    """
    found = inside(real, generated, k=k, few=few, **balls)
    divisor = k if over == "asked" else min(k, len(real) - 1)
    return found and Fraction(sum(map(sum, found)), divisor * len(found))


def coverage(generated, real, **balls) -> Fraction | None:
    """Share of real balls with a generated point inside (Naeem et al. 2020)."""
    found = inside(real, generated, **balls)
    return found and Fraction(sum(map(any, zip(*found, strict=True))), len(real))


def nearest_neighbour_accuracy(generated, real, *, ties: str = "shared") -> Fraction:
    """Share of the pooled points whose nearest other point is of the same set (Lopez-Paz, Oquab
    2017).

    `ties`: "shared" gives each of several nearest points an equal part of the vote; "generated" and
    "real" take the first in a pool that begins with these.
    """
    (x, y), _ = integers(generated, real)
    pool = [(p, 0) for p in x] + [(p, 1) for p in y]
    if ties == "real":
        pool.sort(key=lambda pair: -pair[1])
    total = Fraction(0)
    for i, (p, side) in enumerate(pool):
        others = [(squares([p], [q])[0][0], s) for j, (q, s) in enumerate(pool) if j != i]
        least = min(s for s, _ in others)
        votes = [s == side for square, s in others if square == least]
        total += Fraction(sum(votes), len(votes)) if ties == "shared" else votes[0]
    return total / len(pool)


def kernel_distance(
    x, y, *, diagonals: bool = False, paired: bool = True, size: int = 0
) -> Fraction | None:
    """Squared discrepancy under the kernel (x.y / d + 1)^3 (Binkowski et al. 2018).

    Args:
        x, y: floats [n, d] and [m, d].
        diagonals: whether k(x_i, x_i) and k(y_i, y_i) count, which makes a bias.
        paired: whether k(x_i, y_i) count; without them, for n = m, it is the U-statistic of
            Gretton et al. 2012, which is unbiased too.
        size: in place of n and m as what sums are divided by, a mistake; 0 for none.
    """
    least = 1 if diagonals else 2
    if min(len(x), len(y)) < least:
        return None
    paired = paired or len(x) != len(y)
    xx, yy = _kernel_mean(x, x, diagonals), _kernel_mean(y, y, diagonals)
    xy, n, m = _kernel_mean(x, y, paired), len(x), len(y)
    if size > 1:
        xx, yy = (v * Fraction(k * (k - 1), size * (size - 1)) for v, k in ((xx, n), (yy, m)))
        xy *= Fraction(n * m, size**2)
    return xx + yy - 2 * xy


def _kernel_mean(x, y, diagonal: bool) -> Fraction:
    """Mean of the kernel over the pairs, those of equal rows left out unless `diagonal`."""
    (x, y), unit = integers(x, y)
    shift = len(x[0]) * unit**2
    values = [
        (sum(a * b for a, b in zip(p, q, strict=True)) + shift) ** 3
        for i, p in enumerate(x)
        for j, q in enumerate(y)
        if diagonal or i != j
    ]
    return Fraction(sum(values), len(values) * shift**3)


def frechet_distance(x, y, *, lost: int = 1) -> Decimal | None:
    """|mu_x - mu_y|^2 + tr(S_x + S_y - 2 (S_x S_y)^(1/2)) (Dowson and Landau 1982).

    With A and B the centred sets, the trace of the root is the sum of the singular values of A B'.
    Where two of them at most are not zero, it is sqrt(e1 + 2 sqrt(e2)), e1 and e2 the elementary
    symmetric functions of their squares, which are traces of products of whole numbers.

    Args:
        x, y: floats [n, d] and [m, d], one of them in a plane.
        lost: 1 for covariances over n - 1, 0 for those over n.

    Raises:
        ValueError: if more than two singular values are not zero.
    """
    n, m = len(x), len(y)
    if min(n, m) <= lost:
        return None
    (x, y), unit = integers(x, y)
    totals = [list(map(sum, zip(*side, strict=True))) for side in (x, y)]
    shift = sum((m * s - n * t) ** 2 for s, t in zip(*totals, strict=True))
    a, b = (
        [[len(side) * v - s for v, s in zip(row, total, strict=True)] for row in side]
        for side, total in zip((x, y), totals, strict=True)
    )
    traces = [
        Fraction(sum(v * v for row in side for v in row), len(side) ** 2 * (len(side) - lost))
        for side in (a, b)
    ]
    with decimal.localcontext(prec=DIGITS):
        common = _nuclear_norm(_products(a, b)) / (n * m * Decimal((n - lost) * (m - lost)).sqrt())
        return (_decimal(Fraction(shift, (n * m) ** 2) + sum(traces)) - 2 * common) / unit**2


def _nuclear_norm(k: list[list[int]]) -> Decimal:
    """Sum of the singular values of a matrix of rank two at most."""
    m = _products(k, k)
    first = sum(m[i][i] for i in range(len(m)))
    second = sum(v * v for row in m for v in row)
    third = sum(
        u * v
        for left, right in zip(_products(m, m), m, strict=True)
        for u, v in zip(left, right, strict=True)
    )
    if first**3 - 3 * first * second + 2 * third:
        raise ValueError("the root has a closed form for sets in a plane only")
    return (first + 2 * Decimal((first**2 - second) // 2).sqrt()).sqrt()


def _products(a: Points, b: Points) -> Points:
    """A B' of whole numbers."""
    return [[sum(u * v for u, v in zip(p, q, strict=True)) for q in b] for p in a]


def inception_score(probabilities, *, splits: int = 1) -> Decimal | None:
    """exp of the mean of KL(p(class | example) || p(class)) (Salimans et al. 2016), of
    probabilities [n, c]; a mean over `splits` blocks of consecutive rows."""
    rows = [[Fraction(float(p)) for p in row] for row in probabilities]
    size = len(rows) // splits
    if not size:
        return None
    with decimal.localcontext(prec=DIGITS):
        found = [_inception(rows[k * size : (k + 1) * size]) for k in range(splits)]
        return sum(found) / splits


def _inception(rows: list[list[Fraction]]) -> Decimal:
    marginal = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
    divergence = sum(
        _decimal(p) * _decimal(p / q).ln()
        for row in rows
        for p, q in zip(row, marginal, strict=True)
        if p
    )
    return (divergence / len(rows)).exp()


def w1(x, y) -> Decimal:
    """Exact W1 between uniform sets [n, d] and [m, d].

    All points on one line: the area between the two distribution functions. All points of one set
    the same: the mean distance to it. Otherwise the least of all matchings.

    Raises:
        ValueError: for other sets, of more than MOST_MATCHED points or of unequal sizes.
    """
    (x, y), unit = integers(x, y)
    with decimal.localcontext(prec=DIGITS):
        direction = _direction(x + y)
        if direction is not None:
            return _on_a_line(x, y, direction) / unit
        costs = [[Decimal(s).sqrt() for s in row] for row in squares(x, y)]
        if any(all(p == side[0] for p in side) for side in (x, y)):
            return sum(map(sum, costs)) / (len(x) * len(y)) / unit
        if len(x) != len(y) or len(x) > MOST_MATCHED:
            raise ValueError(f"at most {MOST_MATCHED} points a set, unless all are on a line")
        matchings = itertools.permutations(range(len(y)))
        least = min(sum(map(list.__getitem__, costs, order)) for order in matchings)
        return least / len(x) / unit


def _direction(points: Points) -> list[int] | None:
    """Difference of two points, if all lie on the line through them; zeros if all are the same."""
    away = [[a - b for a, b in zip(p, points[0], strict=True)] for p in points]
    direction = max(away, key=lambda v: sum(c * c for c in v))
    length = sum(c * c for c in direction)
    for other in away:
        along = sum(a * b for a, b in zip(direction, other, strict=True))
        if along**2 != length * sum(c * c for c in other):
            return None
    return direction


def _on_a_line(x: Points, y: Points, direction: list[int]) -> Decimal:
    length = Decimal(sum(c * c for c in direction)).sqrt()
    if not length:
        return Decimal(0)
    # Each point of x raises the difference of the distribution functions by 1/n, of y lowers it.
    steps = [
        (sum(a * b for a, b in zip(point, direction, strict=True)), step)
        for side, step in ((x, len(y)), (y, -len(x)))
        for point in side
    ]
    steps.sort()
    area = height = 0
    for (place, step), (following, _) in itertools.pairwise(steps):
        height += step
        area += abs(height) * (following - place)
    return Decimal(area) / (len(x) * len(y)) / length


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)
