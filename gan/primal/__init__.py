"""Generators trained by transport itself, beside the game: one interface, one table."""

from collections.abc import Callable
from typing import NamedTuple

from gan.errors import UserError
from gan.inputs import unknown
from gan.lazy import on_first_use
from gan.primal.batches import debiased, minibatch
from gan.primal.codes import STEPS, FixedCodes, fixed_codes
from gan.primal.entropic import sinkhorn
from gan.primal.game import adversary
from gan.primal.problem import Fit, Method, Problem, make_problem, start
from gan.primal.semidiscrete import semi_discrete

__getattr__ = on_first_use(__name__)

__all__ = ["METHODS", "Fit", "FixedCodes", "Method", "Problem", "make", "make_problem", "start"]


class MethodRecipe(NamedTuple):
    """How a method is made, and what its number is when none is given."""

    make: Callable[[Problem, int], Method]
    size: int


METHODS = {
    "wgan_gp": MethodRecipe(adversary, 64),
    "minibatch": MethodRecipe(minibatch, 256),
    "debiased": MethodRecipe(debiased, 256),
    "sinkhorn": MethodRecipe(sinkhorn, 256),
    "semi_discrete": MethodRecipe(semi_discrete, 64),
    "fixed_codes": MethodRecipe(fixed_codes, STEPS),
}
"""Ways of training a generator. The number is the size of a batch; for fixed_codes, whose batch is
the data set, the steps between two permutations."""


def parse(name: str) -> tuple[str, int]:
    """("minibatch", 64) of "minibatch:64"; without a number, the method's own.

    Raises:
        UserError: for an unknown method or a number that is none.
    """
    method, colon, size = name.partition(":")
    if method not in METHODS:
        raise UserError(unknown("method", method, METHODS))
    if colon and not (size.isdigit() and int(size) > 0):
        raise UserError(f"the number of {name!r} must be a positive integer")
    return method, int(size) if colon else METHODS[method].size


def make(problem: Problem, name: str) -> Method:
    """The method `name`, as in "minibatch" or "minibatch:64".

    Args:
        problem: what is to be solved.
        name: of METHODS, with the size of a batch behind a colon where it takes one.

    Raises:
        UserError: as for `parse`, and for a batch larger than the data.
    """
    method, size = parse(name)
    return METHODS[method].make(problem, size)
