"""Generative adversarial networks in JAX, every critic measured against exact optimal transport."""
