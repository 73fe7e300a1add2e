"""The entries that each battery runs over: those of the library, of tests.plugin, and yours.

    python -m pytest --entries mypackage.penalties:mine tests/objectives/test_penalties.py

`--entries` may be repeated, and each of them must be of a kind that a chosen test runs over.
"""

import importlib

from gan.registry import Registry

GIVEN: list[str] = []
"""What --entries names; the same in every process of a session."""

RUN: set[str] = set()
"""Those of them that a test runs over."""


def names(registry: Registry, *others: str) -> list[str]:
    """The names of a registry, others of its kind, and those of its kind that are given."""
    found = []
    for name in GIVEN:
        module, _, attribute = name.partition(":")
        if type(getattr(importlib.import_module(module), attribute)).__name__ == registry.entry:
            found.append(name)
    RUN.update(found)
    return [*registry, *others, *found]
