"""The cases of each score: what a scorer is given, and what it must return.

First the known answers that stand beside the score's own entry in the registry, then the sets of
`inputs` with their exact answers, then closed forms of the one score.
"""

import functools
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from gan.registries import METRICS
from gan.scores.conformance import inputs
from gan.scores.conformance.definitions import DEFINITIONS, Definition
from gan.scores.conformance.exact import Number

TOLERANCE = 1e-6
"""By which share of a score's scale an answer may be missed."""


class Known(NamedTuple):
    """A case.

    Attributes:
        name: what is special about what the scorer is given.
        arguments: generated [n, d] and real [m, d], or class probabilities [n, c] alone.
        answers: by convention; one that is missing has the answer of "". None is no finite number.
        within: by how much an answer may be missed.
        why: how the answer is known.
    """

    name: str
    arguments: tuple[np.ndarray, ...]
    answers: Mapping[str, Number]
    within: float
    why: str

    def answer(self, convention: str) -> Number:
        """What follows from a convention."""
        return self.answers.get(convention, self.answers[""])


@functools.cache
def known_cases(score: str) -> tuple[Known, ...]:
    """The cases of one of gan.scores.conformance.SCORES."""
    definition = DEFINITIONS[score]
    found = [*_registered(score, definition)]
    if definition.rank:
        sets = inputs.sets(definition.rank, definition.few)
        found += [_of_sets(definition, each) for each in sets]
    return (*found, *_CLOSED_FORMS.get(score, lambda _: ())(definition))


def _of_sets(definition: Definition, sets: inputs.Sets) -> Known:
    arguments = sets.generated, sets.real
    if not sets.number:
        return Known(sets.name, arguments, {"": None}, 0.0, "no score of what is not a number")
    case = _exact(definition, sets.name, arguments)
    if sets.relative:
        return case._replace(within=sets.relative * abs(float(case.answer(""))))
    return case


def _exact(definition: Definition, name: str, arguments: tuple) -> Known:
    answers = {convention: value(*arguments) for convention, value in definition.answers.items()}
    within = TOLERANCE * definition.scale(*arguments)
    return Known(name, arguments, answers, within, definition.how)


def _closed(definition: Definition, name: str, arguments, value: Number, why: str, **others):
    """A case whose answer is known without computing: by convention, "" and `others`."""
    names = {text.replace(" ", "_"): text for text in definition.answers}
    answers = {"": value} | {names[key]: other for key, other in others.items()}
    within = TOLERANCE * definition.scale(*arguments)
    return Known(name, arguments, answers, within, f"closed form: {why}")


def _registered(score: str, definition: Definition) -> Iterator[Known]:
    """The known answers of the score's entry; by other conventions where these can be computed."""
    for number, case in enumerate(METRICS.get(score).cases, 1):
        subject = case.subject()
        if score == "w1":
            arguments = np.float64(subject.look.fakes[0]), np.float64(subject.look.probe.real)
        elif score == "inception_type_score":
            arguments = (subject.probabilities,)
        else:
            arguments = subject.generated, subject.real
        name = case.subject.__name__.strip("_")
        name = f"registered: {number if name == '<lambda>' else name}"
        within = max(case.within, TOLERANCE * definition.scale(*arguments))
        try:
            answers = _exact(definition, name, arguments).answers
        except ValueError:  # of no closed form beyond that of the registry
            answers = {}
        yield Known(name, arguments, {**answers, "": case.value}, within, "stands in the registry")


def _frechet(definition: Definition) -> Iterator[Known]:
    a, b = np.arange(1.0, 9.0), np.array([3.0, 3, 3, 1, 1, 9, 8, 8])
    x, y = (np.concatenate([np.diag(side), -np.diag(side)]) for side in (a, b))
    gap = sum(Fraction(int(v)) for v in (a - b) ** 2)
    yield _closed(
        definition,
        "8 features, diagonal covariances",
        (x + 0.5, y),
        2 + gap * 2 / 15,
        "sum of (s_i - t_i)^2 of standard deviations, and |shift|^2",
        covariances_over_n=2 + gap * 2 / 16,
    )


def _w1(definition: Definition) -> Iterator[Known]:
    square = inputs.lattice((4, 4))
    yield _closed(
        definition,
        "a lattice shifted by (3, 4)",
        (square + [3.0, 4.0], square),
        5,
        "a mean moves by no less than its shift",
    )
    rays = np.array([[3.0, 4], [-5, 12], [8, -15], [-20, -21], [0, 7]])
    yield _closed(
        definition,
        "scaled by 3, off a line",
        (3 * rays, rays),
        2 * Fraction(5 + 13 + 17 + 29 + 7, 5),
        "the norm is a potential: (3 - 1) E |x|",
    )
    x, y = (inputs.points(6, 2, seed) for seed in (3, 4))
    for name, features in (("six points in the plane", 2), ("six points, 64 features", 64)):
        arguments = (inputs.laid(x, features), inputs.laid(y, features))
        yield _exact(definition, name, arguments)._replace(why="the least of all 720 matchings")


def _inception(definition: Definition) -> Iterator[Known]:
    some = inputs.probabilities(40, 6, seed=0)
    order = np.random.default_rng(0).permutation(40)
    sure = np.eye(4)[np.repeat(np.arange(4), [20, 10, 5, 5])]
    faint = np.array([[1 - 2.0**-40, 2.0**-40], [2.0**-40, 1 - 2.0**-40]] * 5)
    for name, rows in {
        "forty examples, some probabilities 0": some,
        "the same, rows permuted": some[order],
        "the same, classes permuted": some[:, ::-1],
        "the same, every row twice": np.repeat(some, 2, axis=0),
        "one example short": some[:-1],
        "float32": np.float32(some),
        "probabilities of 2^-40": faint,
        "certain, shares 1/2, 1/4, 1/8, 1/8": sure,
        "fewer examples than classes": np.eye(10)[:3],
    }.items():
        yield _exact(definition, name, (rows,))
    one = "any examples that are all alike have 1"
    for name, rows, value, why in (
        ("all examples alike", np.repeat(some[:1], 30, axis=0), 1, one),
        ("nothing known of any", np.full((20, 4), 0.25), 1, one),
        ("one example", some[:1], 1, one),
        ("two of five classes", np.eye(5)[np.arange(20) % 2], 2, "as many as there are classes"),
    ):
        exact = _exact(definition, name, (rows,))
        yield exact._replace(answers={**exact.answers, "": value}, why=f"closed form: {why}")
    broken = some.copy()
    broken[3, 0] = np.nan
    yield Known("a NaN", (broken,), {"": None}, 0.0, "no score of what is not a number")


_CLOSED_FORMS = {"frechet_distance": _frechet, "w1": _w1, "inception_type_score": _inception}
