"""Linear functions that come with their adjoints, each the other's derivative.

An automatic derivative mirrors its function operation by operation, which need not be the form in
which the adjoint is fast.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax


class Pair(NamedTuple):
    """Two functions of one array with <forward(x), y> = <x, adjoint(y)> for all x and y."""

    forward: Callable
    adjoint: Callable


def pair(forward: Callable, adjoint: Callable) -> Pair:
    """The two functions, differentiable in reverse mode any number of times."""
    both = jax.custom_vjp(forward), jax.custom_vjp(adjoint)
    for one, other in (both, both[::-1]):
        one.defvjp(lambda x, one=one: (one(x), None), lambda _, y, other=other: (other(y),))
    return Pair(*both)
