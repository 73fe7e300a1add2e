"""The package that the guide about extending has its reader write."""

import sys

import pytest

from tests.conftest import ROOT
from tests.docs import pages


@pytest.fixture(scope="package", autouse=True)
def mypackage(tmp_path_factory):
    """The blocks of docs/guides/extend.md as files of an importable package; its folder."""
    folder = tmp_path_factory.mktemp("extend") / "mypackage"
    folder.mkdir()
    (folder / "__init__.py").touch()
    for block in pages.blocks(ROOT / "docs" / "guides" / "extend.md", "python"):
        first = block.splitlines()[0]
        assert first.startswith("# mypackage/"), block
        (folder.parent / first.removeprefix("# ")).write_text(block)
    sys.path.insert(0, str(folder.parent))
    yield folder
    sys.path.remove(str(folder.parent))
    for name in [name for name in sys.modules if name.split(".")[0] == "mypackage"]:
        del sys.modules[name]
