"""What is kept between processes lies where no other user can enter."""

import os
import stat

import jax
import pytest

from experiments import cli
from gan import cache


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_a_folder_is_made_for_this_user_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "new"))
    assert cache.folder("xla") == tmp_path / "new" / "gan" / "xla"
    assert mode(cache.folder("xla")) == 0o700


def test_a_folder_that_was_open_is_closed(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "gan" / "xla").mkdir(parents=True)
    (tmp_path / "gan" / "xla").chmod(0o777)
    assert mode(cache.folder("xla")) == 0o700


def test_a_folder_of_another_user_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    mine = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: mine + 1)
    with pytest.raises(PermissionError, match="another user"):
        cache.folder("xla")


def test_experiments_keep_compiled_programs_there(tmp_path, monkeypatch):
    names = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")
    before = {name: getattr(jax.config, name) for name in names}
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    jax.config.update("jax_compilation_cache_dir", None)
    try:
        cli.cache_compilations()
        assert jax.config.jax_compilation_cache_dir == str(tmp_path / "gan" / "xla")
    finally:
        for name, value in before.items():
            jax.config.update(name, value)
    assert mode(tmp_path / "gan" / "xla") == 0o700
