"""Modules that are imported when they are first asked for, as attributes of their package."""

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from typing import Any


def on_first_use(package: str, names: Mapping[str, str] | None = None) -> Callable[[str], Any]:
    """The `__getattr__` of a package (PEP 562) that imports what is asked for.

    Args:
        package: its `__name__`; `package.module` is imported on first use.
        names: what the package shows of its modules, from each name to the module that defines it.
    """
    names = names or {}

    def __getattr__(name: str) -> Any:
        if name in names:
            return getattr(importlib.import_module(names[name]), name)
        path = f"{package}.{name}"
        if name.startswith("_") or importlib.util.find_spec(path) is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return importlib.import_module(path)

    return __getattr__
