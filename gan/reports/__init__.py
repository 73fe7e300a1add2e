"""Figures, tables and static pages, in one style."""

from gan.lazy import on_first_use

__getattr__ = on_first_use(__name__)
