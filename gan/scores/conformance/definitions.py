"""What each score is, exactly, which conventions of it differ legitimately, and known mistakes.

The first convention, "", is the one that this project follows: balls are closed, k is at most the
number of other examples, covariances are over n - 1, the kernel estimate is that of all pairs, the
Inception-type score is that of all examples at once.
"""

import functools
import itertools
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from gan.scores.conformance import exact
from gan.scores.conformance.exact import Number

SCORES = {
    "frechet_distance": "squared Frechet distance of Gaussians fitted to both sets",
    "kernel_distance": "unbiased squared discrepancy, kernel (x.y / d + 1)^3, over all pairs",
    "precision": "share of generated examples in the 3-neighbour balls of real ones",
    "recall": "share of real examples in the 3-neighbour balls of generated ones",
    "density": "real 5-neighbour balls around a generated example, over 5",
    "coverage": "share of real 5-neighbour balls with a generated example",
    "nearest_neighbour_accuracy": "share of all examples whose nearest other is of their set",
    "inception_type_score": "exp of the mean KL of class probabilities [n, c] from their mean",
    "w1": "Wasserstein-1 distance, Euclidean, a mean over examples",
}
"""What a scorer may be tested as, and what it must compute."""


class Definition(NamedTuple):
    """One score.

    Attributes:
        answers: exact value by convention, of the arguments of a scorer; "" is this project's.
        mistakes: what a wrong value may be instead, by what is wrong.
        scale: what the value is a sum and difference of; one millionth of it may be missed.
        how: how the exact value is found, in a phrase.
        rank: dimension of the planes that test sets lie in; 0 for class probabilities.
        few: sizes of further test sets that are about as small as they can be.
    """

    answers: Mapping[str, Callable[..., Number]]
    mistakes: Mapping[str, Callable[..., Number]]
    scale: Callable[..., float]
    how: str
    rank: int = 2
    few: tuple[tuple[int, int], ...] = ()


BALLS = {"": {}, "open balls": {"closed": False}}
FEW = {"": {}, "no number from k or fewer examples": {"few": "refuse"}}
OVER = {"": {}, "divided by the k asked for": {"over": "asked"}}


def _conventions(function, *axes, **fixed) -> dict[str, Callable]:
    """The function with every combination of the options of some axes, by their joint name."""
    return {
        ", ".join(name for name, _ in chosen if name): functools.partial(
            function, **fixed, **{key: v for _, options in chosen for key, v in options.items()}
        )
        for chosen in itertools.product(*(axis.items() for axis in axes))
    }


def _in_balls(function, k: int, *axes) -> Definition:
    """A score of k-neighbour balls."""
    mistakes = {}
    for ball, options in BALLS.items():
        suffix = f", with {ball}" if ball else ""
        shared = functools.partial(function, **options)
        mistakes |= {
            f"as if the sides were exchanged{suffix}": _exchanged(functools.partial(shared, k=k)),
            f"as if the example itself were a neighbour{suffix}": _beyond(shared, k, k - 1),
            f"as if one neighbour more were asked for{suffix}": _beyond(shared, k, k + 1),
        }
        if function is exact.density:
            mistakes[f"as if not divided by k{suffix}"] = _times(
                functools.partial(shared, k=k, over="asked"), k
            )
    return Definition(
        answers=_conventions(function, BALLS, FEW, *axes, k=k),
        mistakes=mistakes,
        scale=lambda *sets: 1.0,
        how="counted in whole numbers",
        few=((k, k),),
    )


def _exchanged(function) -> Callable[..., Number]:
    return lambda generated, real: function(real, generated)


def _beyond(function, right: int, k: int) -> Callable[..., Number]:
    """With another k, where the sets have neighbours enough to tell."""

    def value(generated, real):
        return function(generated, real, k=k) if min(len(generated), len(real)) > right else None

    return value


def _times(function, factor) -> Callable[..., Number]:
    def value(*arguments):
        found = function(*arguments)
        return None if found is None else found * factor

    return value


def _of(function, change) -> Callable[..., Number]:
    """The value of `function`, changed as a float; None where there is none."""

    def value(*arguments):
        found = function(*arguments)
        return None if found is None else change(float(found))

    return value


def _equal_sizes_only(x, y) -> Number:
    return exact.w1(x, y) if len(x) == len(y) else None


def _without_means(x, y) -> Number:
    shift = np.float64(x).mean(axis=0) - np.float64(y).mean(axis=0)
    found = exact.frechet_distance(x, y)
    return None if found is None else float(found) - float(shift @ shift)


def _spread(*sets) -> float:
    """Largest extent of the pooled sets along an axis."""
    return float(np.ptp(np.concatenate(sets).astype(np.float64), axis=0).max())


def _squared_spread(x, y) -> float:
    x, y = np.float64(x), np.float64(y)
    shift = np.sum((x.mean(axis=0) - y.mean(axis=0)) ** 2)
    return float(x.var(axis=0).sum() + y.var(axis=0).sum() + shift)


def _kernel_size(x, y) -> float:
    x, y = np.float64(x), np.float64(y)
    pairs = ((x, x), (y, y), (x, y))
    return float(sum(np.mean(np.abs(a @ b.T / x.shape[1] + 1) ** 3) for a, b in pairs))


DEFINITIONS = {
    "frechet_distance": Definition(
        answers=_conventions(exact.frechet_distance, {"": {}, "covariances over n": {"lost": 0}}),
        mistakes={
            "as if its root were taken": _of(exact.frechet_distance, lambda v: abs(v) ** 0.5),
            "as if the means were left out": _without_means,
        },
        scale=_squared_spread,
        how="singular values of a rank-two product, 60 digits",
        few=((1, 20), (2, 2)),
    ),
    "kernel_distance": Definition(
        answers=_conventions(
            exact.kernel_distance, {"": {}, "without k(x_i, y_i)": {"paired": False}}
        ),
        mistakes={
            "as if the diagonals counted: biased": functools.partial(
                exact.kernel_distance, diagonals=True
            ),
            "as if there were as many generated examples as real ones": (
                lambda x, y: exact.kernel_distance(x, y, size=len(y))
            ),
            "as if there were as many real examples as generated ones": (
                lambda x, y: exact.kernel_distance(x, y, size=len(x))
            ),
            "as if its root were taken": _of(exact.kernel_distance, lambda v: abs(v) ** 0.5),
        },
        scale=_kernel_size,
        how="fractions over all pairs",
        few=((1, 20), (2, 2)),
    ),
    "precision": _in_balls(exact.precision, 3),
    "recall": _in_balls(exact.recall, 3),
    "density": _in_balls(exact.density, 5, OVER),
    "coverage": _in_balls(exact.coverage, 5),
    "nearest_neighbour_accuracy": Definition(
        answers=_conventions(
            exact.nearest_neighbour_accuracy,
            {
                "": {},
                "ties to the first row, generated before real": {"ties": "generated"},
                "ties to the first row, real before generated": {"ties": "real"},
            },
        ),
        mistakes={
            "as if it were the error": _of(exact.nearest_neighbour_accuracy, lambda v: 1 - v)
        },
        scale=lambda *sets: 1.0,
        how="counted in whole numbers",
    ),
    "inception_type_score": Definition(
        answers=_conventions(
            exact.inception_score, {"": {}, "a mean over 10 blocks of rows": {"splits": 10}}
        ),
        mistakes={"as if the exponential were left out": _of(exact.inception_score, np.log)},
        scale=lambda probabilities: float(probabilities.shape[1]),
        how="from the definition, 60 digits",
        rank=0,
    ),
    "w1": Definition(
        answers={"": exact.w1, "no number for unequal sizes": _equal_sizes_only},
        mistakes={
            "as if it were a sum over examples": lambda x, y: exact.w1(x, y) * len(x),
            "as if it were halved": lambda x, y: exact.w1(x, y) / 2,
            "as if its square were taken": _of(exact.w1, lambda v: v**2),
        },
        scale=_spread,
        how="area between distribution functions of a line, 60 digits",
        rank=1,
        few=((1, 20),),
    ),
}
"""The scores of SCORES."""
