"""Products in full float32, where rounding their factors would change a result.

A TPU multiplies float32 numbers rounded to bfloat16 (8 significant bits) unless told otherwise, and
a GPU since Ampere rounds them to TF32 (11 bits). Training bears that. What does not asks for full
products: squared distances that are expanded into products, bounds that hold by construction, and
every evaluation. A CPU multiplies in full in any case.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp


def in_full(function: Callable) -> Callable:
    """The function, whose products of float32 numbers are in float32 on every platform, those of
    its derivatives included."""

    @functools.wraps(function)
    def full(*arguments: Any, **named: Any) -> Any:
        with jax.default_matmul_precision("highest"):
            return function(*arguments, **named)

    return full


@in_full
def squared_distances(x: jax.Array, y: jax.Array) -> jax.Array:
    """|x_i - y_j|^2 of x [m, k] and y [n, k] as |x_i|^2 + |y_j|^2 - 2 <x_i, y_j>, [m, n].

    In float32 it is off by about 1e-7 (|x_i|^2 + |y_j|^2), so a small one may be below 0. Factors
    rounded to bfloat16 would make that 4e-3.
    """
    return jnp.sum(x**2, 1)[:, None] + jnp.sum(y**2, 1)[None] - 2 * x @ y.T
