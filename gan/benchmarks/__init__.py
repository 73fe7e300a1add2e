"""Measurements of speed and memory, and what they say about larger machines."""

from gan.lazy import on_first_use

__getattr__ = on_first_use(__name__)
