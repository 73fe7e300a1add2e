"""Operations whose best form depends on the platform that a network runs on.

A network is traced for the platform of this process. Inside `portable` that is left open: both
forms are traced, and each platform that the program is lowered for gets its own.
"""

import contextlib
import contextvars
from collections.abc import Callable, Iterator

import jax
from jax import lax

_OPEN = contextvars.ContextVar("platform is left open", default=False)


@contextlib.contextmanager
def portable() -> Iterator[None]:
    """Context in which networks are traced for every platform at once."""
    token = _OPEN.set(True)
    try:
        yield
    finally:
        _OPEN.reset(token)


def left_open() -> bool:
    """Whether what is being traced may run on another platform than this process."""
    return _OPEN.get()


def choose(on_cpu: Callable, elsewhere: Callable, *arrays):
    """on_cpu(*arrays) on a CPU, elsewhere(*arrays) on other platforms; results of one shape."""
    if left_open():
        return lax.platform_dependent(*arrays, cpu=on_cpu, default=elsewhere)
    return (on_cpu if jax.default_backend() == "cpu" else elsewhere)(*arrays)
