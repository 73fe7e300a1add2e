"""What `import gan` shows: a few names, documented, at once."""

import doctest
import importlib
import subprocess
import sys
from importlib import metadata

import pytest

import gan
from tests.conftest import ROOT

SNIPPETS = ("gan",)
"""Modules whose docstrings hold examples that run."""


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


@pytest.mark.parametrize("name", SNIPPETS)
def test_examples_of_docstrings_run(name, capsys):
    module = importlib.import_module(name)
    found = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert found.attempted and not found.failed, capsys.readouterr().out
