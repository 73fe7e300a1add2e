"""Prepared data of the tests live in a folder of their own, one per session."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def prepared_root(tmp_path_factory):
    """The folder that stands for $TFDS_DATA_DIR."""
    root = tmp_path_factory.mktemp("tfds")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TFDS_DATA_DIR", str(root))
        yield root
