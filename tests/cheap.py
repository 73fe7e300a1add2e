"""Compilation for tests that run a function once: most of their time is the compiler's."""

import functools

import jax

jit = functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
"""jax.jit with the least of LLVM's optimisation: compiles 2 to 6 times faster, runs slower."""
