"""What a device makes of a program that rounds the factors of its products, on this CPU."""

import jax
from jax import lax

KINDS = {"bfloat16": (8, 7), "tf32": (8, 10)}
"""(bits of the exponent, bits of the mantissa) that are kept of a factor."""

FULL = (lax.Precision.HIGHEST, lax.Precision.HIGHEST)


def rounded(function, kind):
    """The function, in whose products that do not ask for full precision factors are rounded."""

    def run(*arguments):
        closed, shape = jax.make_jaxpr(function, return_shape=True)(*arguments)
        found = _evaluated(closed.jaxpr, closed.consts, jax.tree.leaves(arguments), kind)
        return jax.tree.unflatten(jax.tree.structure(shape), found)

    return run


def products(jaxpr):
    """The equations of a program, and of those inside it, that are products."""
    for equation in jaxpr.eqns:
        if equation.primitive.name in ("dot_general", "conv_general_dilated"):
            yield equation
        for part in _inner(equation):
            yield from products(part.jaxpr)


def full(equation):
    """Whether a product asks for full precision."""
    return equation.params["precision"] == FULL


def _inner(equation):
    leaves = jax.tree.leaves(
        list(equation.params.values()), is_leaf=lambda value: hasattr(value, "jaxpr")
    )
    return [leaf for leaf in leaves if hasattr(leaf, "jaxpr")]


def _evaluated(jaxpr, consts, arguments, kind):
    values = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*consts, *arguments], strict=True))

    def read(variable):
        return variable.val if hasattr(variable, "val") else values[variable]

    for equation in jaxpr.eqns:
        given = [read(variable) for variable in equation.invars]
        name, parts = equation.primitive.name, _inner(equation)
        if name in ("dot_general", "conv_general_dilated") and not full(equation):
            given = [lax.reduce_precision(x, *KINDS[kind]) for x in given]
        if name in ("jit", "pjit", "closed_call", "custom_jvp_call", "custom_vjp_call"):
            found = _evaluated(parts[0].jaxpr, parts[0].consts, given, kind)
        else:
            loose = [e for part in parts for e in products(part.jaxpr) if not full(e)]
            assert not loose, f"products inside {name} are not rounded"
            bound = equation.primitive.bind(*given, **equation.params)
            found = bound if equation.primitive.multiple_results else [bound]
        values |= zip(equation.outvars, found, strict=True)
    return [read(variable) for variable in jaxpr.outvars]
