"""What `import gan` shows: a few names, documented, at once."""

import doctest
import importlib
import inspect
import re
import subprocess
import sys
from importlib import metadata

import pytest

import gan
from tests.conftest import ROOT

ROOMS = ("data", "networks", "primal", "referee", "runner", "runs", "training", "transport")
PACKAGES = ("gan", *(f"gan.{room}" for room in ROOMS))
"""Packages that say in `__all__` what is public."""

EXAMPLES = sorted(
    str(path.relative_to(ROOT).with_suffix("")).replace("/", ".").removesuffix(".__init__")
    for path in (ROOT / "gan").rglob("*.py")
    if ">>> " in path.read_text()
)
"""Modules whose docstrings hold examples that run."""


def functions() -> list[tuple[str, object]]:
    """Every public function of PACKAGES by its full name, and the public classes."""
    found = {}
    for package in PACKAGES:
        module = importlib.import_module(package)
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.isfunction(value) or inspect.isclass(value):
                found[f"{package}.{name}"] = value
    return sorted(found.items())


def test_every_public_name_is_there_and_no_other_is_promised():
    for name in gan.__all__:
        assert getattr(gan, name) is not None
    assert dir(gan) == sorted(gan.__all__)
    assert gan.Config is gan.config.Config and gan.train is gan.runner.train
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        gan.nothing  # noqa: B018


def test_the_version_is_that_of_the_package():
    assert metadata.version("gan") == gan.__version__


def test_importing_takes_next_to_nothing():
    code = "import sys, gan\nassert gan.__version__\nassert not {'jax', 'numpy'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_of_docstrings_run(name, capsys):
    module = importlib.import_module(name)
    found = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert found.attempted and not found.failed, capsys.readouterr().out


@pytest.mark.parametrize(("name", "value"), functions(), ids=[name for name, _ in functions()])
def test_a_public_name_says_what_it_is_and_what_it_takes(name, value):
    text = inspect.getdoc(value) or ""
    first = text.partition("\n")[0]
    assert first and "docstring" not in first
    if not inspect.isfunction(value):
        return
    given = inspect.signature(value).parameters
    kinds = {p: str(parameter.annotation) for p, parameter in given.items()}
    arrays = [p for p, kind in kinds.items() if "ndarray" in kind and "Callable" not in kind]
    assert not arrays or re.search(r"\[\w+[,\]]", text), f"{name}: {arrays} without a shape"
    if len(given) > 1:
        assert "Args:" in text, name
        assert [p for p in given if not re.search(rf"\b{p}\b", text)] == [], name
    if re.search(r"^    +raise (UserError|ValueError)", inspect.getsource(value), re.MULTILINE):
        assert "Raises" in text, name
