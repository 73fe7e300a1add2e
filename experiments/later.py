"""Modules that are executed on first use, so that --help and mistakes are answered at once.

`python -m experiments.NAME` imports what the experiment needs by ordinary import statements. Until
the command line has been understood they yield placeholders: a module that knows where its code is
and executes it when asked for anything that the code may set. `settle` executes what is left, in
the order of import, and ends this; from there on imports are what they always are. In any other
process (tests, workers, programs that import an experiment) nothing is postponed.

`from package import name` asks for the name, hence executes the package, unless it is the name of a
module in it; `from package.module import name` executes that module alone.
"""

import importlib
import importlib.abc
import importlib.machinery
import sys
import types

ROOMS = ("gan", "experiments")
"""Packages whose modules are postponed."""
LIBRARIES = ("jax", "jax.numpy")
"""Modules of others that experiments import directly and that take long; executing one executes the
first."""

_OF_IMPORT = {"__spec__", "__loader__", "__package__", "__path__", "__file__", "__cached__"}
"""Attributes that importing sets, where a module has them."""


class _Placeholder(types.ModuleType):
    """Becomes the module when an attribute is asked for that its code may set."""

    def __getattr__(self, name: str):
        if name in _OF_IMPORT:
            raise AttributeError(name)
        child = f"{self.__name__}.{name}"
        if hasattr(self, "__path__") and _is_module(child, self.__path__):
            return importlib.import_module(child)
        _execute(self)
        return getattr(self, name)


class _Postponed(importlib.abc.Loader):
    """Loader that executes nothing yet; `loader` will."""

    def __init__(self, loader):
        self.loader = loader

    def create_module(self, spec):
        return _Placeholder(spec.name)

    def exec_module(self, module):
        del module


class _Finder(importlib.abc.MetaPathFinder):
    """Finds modules as ever and postpones them, all but the experiment that is run."""

    def __init__(self, experiment: str):
        self.experiment = experiment

    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        ours = top in ROOMS and name not in (self.experiment, f"{self.experiment}.__main__")
        if top in LIBRARIES and name not in LIBRARIES:
            _execute(sys.modules[top])
        loaded = top in sys.modules and type(sys.modules[top]) is not _Placeholder
        if not ours and (name not in LIBRARIES or loaded):
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Postponed(spec.loader)
        return spec


def postpone(experiment: str) -> None:
    """Yield placeholders from now on for all but the module `experiment`."""
    sys.meta_path.insert(0, _Finder(experiment))


def settle() -> None:
    """Execute every placeholder that is left, and postpone no more."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _Finder)]
    for module in list(sys.modules.values()):
        _execute(module)


def _is_module(name: str, path) -> bool:
    return importlib.machinery.PathFinder.find_spec(name, path) is not None


def _execute(module) -> None:
    if type(module) is not _Placeholder:
        return
    if module.__name__ in LIBRARIES[1:]:
        _execute(sys.modules[LIBRARIES[0]])
    module.__class__ = types.ModuleType
    loader = module.__spec__.loader.loader
    module.__spec__.loader = module.__loader__ = loader
    loader.exec_module(module)
