"""The referee: exact, honest distances between samples, and what they prove about a critic."""

from gan.lazy import on_first_use

__getattr__ = on_first_use(__name__)
