"""Operations whose best form depends on the platform that a program runs on.

A network is traced for the platform of this process, or for the one that `traced_for` names: a
program for devices that this process has not. For ANY, that is left open: the forms for all of them
are traced, and each platform that the program is lowered for gets its own.
"""

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager

import jax
from jax import lax

ANY = "any"

_CHOSEN = jax.make_user_context(default_value=None)  # a part of the keys of JAX's caches


def traced_for(platform: str) -> AbstractContextManager:
    """Context in which networks are traced for "cpu", "gpu" (or "cuda"), "tpu", or ANY of them."""
    return _CHOSEN("gpu" if platform in ("cuda", "rocm") else platform)


def always_for(platform: str, function: Callable) -> Callable:
    """The function, traced for that platform wherever it is called."""

    @functools.wraps(function)
    def traced(*arguments):
        with traced_for(platform):
            return function(*arguments)

    return traced


def named() -> str | None:
    """What `traced_for` names; None outside."""
    return _CHOSEN.value


def target() -> str:
    """The platform that is traced for: "cpu", "gpu", "tpu" or ANY."""
    return named() or jax.default_backend()


def choose(there: Callable, elsewhere: Callable, *arrays, platform: str = "cpu"):
    """there(*arrays) on that platform, elsewhere(*arrays) on the others; results of one shape."""
    if target() == ANY:
        return lax.platform_dependent(*arrays, **{platform: there}, default=elsewhere)
    return (there if target() == platform else elsewhere)(*arrays)
