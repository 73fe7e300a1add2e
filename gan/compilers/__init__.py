"""Programs for accelerators that are not at hand: compiled by the vendors' compilers, and read."""

from gan.lazy import on_first_use

__getattr__ = on_first_use(__name__)
