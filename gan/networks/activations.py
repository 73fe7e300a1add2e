"""Nonlinearities by name. The shifted softplus is the one of Gulrajani et al. 2017, Table 1."""

import jax
import jax.numpy as jnp

ACTIVATIONS = {
    "relu": jax.nn.relu,
    "leaky_relu": lambda x: jax.nn.leaky_relu(x, 0.2),
    "tanh": jnp.tanh,
    "softplus": lambda x: jax.nn.softplus(2 * x + 2) / 2 - 1,
}
