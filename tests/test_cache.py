"""What is kept between processes lies where no other user can enter."""

import grp
import os
import pwd
import stat

import jax
import pytest

from gan import cache


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_a_folder_is_made_for_this_user_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "new"))
    assert cache.folder("xla") == tmp_path / "new" / "gan" / "xla"
    assert mode(cache.folder("xla")) == 0o700


def test_a_folder_that_others_could_read_is_closed(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "gan" / "xla").mkdir(parents=True)
    (tmp_path / "gan" / "xla").chmod(0o755)
    assert mode(cache.folder("xla")) == 0o700


def give_away(path, monkeypatch):
    """Makes a folder another user's: by giving it to one, or by being another user oneself."""
    mine = os.getuid()
    if mine == 0:
        os.chown(path, 12345, -1)
    else:
        monkeypatch.setattr(os, "getuid", lambda: mine + 1)


@pytest.mark.parametrize("part", ["", "caches", "caches/gan", "caches/gan/xla"])
def test_a_component_of_another_user_is_refused(tmp_path, monkeypatch, part):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    assert cache.folder("xla") == tmp_path / "caches" / "gan" / "xla"
    give_away(tmp_path / part, monkeypatch)
    with pytest.raises(PermissionError, match="belongs to another user"):
        cache.folder("xla")


@pytest.mark.parametrize("part", ["", "caches", "caches/gan", "caches/gan/xla"])
@pytest.mark.parametrize("bits", [0o777, 0o770])
def test_a_component_that_others_can_write_to_is_refused(tmp_path, monkeypatch, part, bits):
    """Whatever it holds may be theirs, or be renamed and replaced by theirs."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setattr(cache, "_is_private", lambda group, user: False)
    cache.folder("xla")
    (tmp_path / part).chmod(bits)
    with pytest.raises(PermissionError, match="other users can write") as caught:
        cache.folder("xla")
    assert caught.value.filename == str(tmp_path / part)


def test_a_folder_like_tmp_and_one_for_the_users_own_group_are_safe(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    folder = cache.folder("xla")
    tmp_path.chmod(0o1777)
    assert cache.folder("xla") == folder
    monkeypatch.setattr(cache, "_is_private", lambda group, user: True)
    tmp_path.chmod(0o770)
    assert cache.folder("xla") == folder


def test_a_private_group_has_the_users_name_and_nobody_else(monkeypatch):
    me = pwd.getpwuid(os.getuid())
    for name, members, private in (
        (me.pw_name, [], True),
        (me.pw_name, [me.pw_name], True),
        (me.pw_name, ["somebody"], False),
        ("staff", [], False),
    ):
        entry = grp.struct_group((name, "x", 7, members))
        monkeypatch.setattr(grp, "getgrgid", lambda group, entry=entry: entry)
        assert cache._is_private(7, os.getuid()) is private


@pytest.mark.parametrize("part", ["caches/gan", "caches/gan/xla", "caches"])
def test_a_link_is_refused_and_what_it_points_at_stays(tmp_path, monkeypatch, part):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    cache.folder("xla")
    (tmp_path / "elsewhere").mkdir(mode=0o755)
    (tmp_path / part).rename(tmp_path / "old")
    (tmp_path / part).symlink_to(tmp_path / "elsewhere")
    tmp_path.chmod(0o1777)  # where anybody may have put the link
    with pytest.raises(PermissionError, match="it is a symbolic link") as caught:
        cache.folder("xla")
    assert caught.value.filename == str(tmp_path / part)
    assert os.listdir(tmp_path / "elsewhere") == [] and mode(tmp_path / "elsewhere") == 0o755


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make what this is about")
def test_a_link_of_the_systems_is_followed_and_its_target_checked(tmp_path, monkeypatch):
    tmp_path.chmod(0o755)
    (tmp_path / "disk" / "users").mkdir(parents=True)
    (tmp_path / "home").symlink_to("disk/../disk/users")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home" / "caches"))
    assert cache.folder("xla") == tmp_path / "disk" / "users" / "caches" / "gan" / "xla"
    os.chown(tmp_path / "disk", 12345, -1)
    with pytest.raises(PermissionError, match="another user"):
        cache.folder("xla")
    (tmp_path / "home").unlink()
    (tmp_path / "home").symlink_to("home")
    with pytest.raises(OSError, match="symbolic links"):
        cache.folder("xla")


def test_what_is_no_folder_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "gan").write_text("")
    with pytest.raises(NotADirectoryError, match="no folder"):
        cache.folder("xla")


def test_a_relative_variable_is_ignored(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", "caches")
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    assert cache.folder("xla") == tmp_path / "me" / ".cache" / "gan" / "xla"
    monkeypatch.setenv("HOME", "me")
    with pytest.raises(FileNotFoundError, match="no home folder"):
        cache.folder("xla")


def test_without_a_safe_folder_experiments_go_on_and_say_why(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "gan").symlink_to("/tmp")
    before = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_compilation_cache_dir", None)
    try:
        cache.keep_compilations()
        assert jax.config.jax_compilation_cache_dir is None
    finally:
        jax.config.update("jax_compilation_cache_dir", before)
    said = capsys.readouterr().err
    assert said == f"no compilation cache: {tmp_path}/gan: it is a symbolic link\n"


def test_experiments_keep_compiled_programs_there(tmp_path, monkeypatch):
    names = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")
    before = {name: getattr(jax.config, name) for name in names}
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    jax.config.update("jax_compilation_cache_dir", None)
    try:
        cache.keep_compilations()
        assert jax.config.jax_compilation_cache_dir == str(tmp_path / "gan" / "xla")
    finally:
        for name, value in before.items():
            jax.config.update(name, value)
    assert mode(tmp_path / "gan" / "xla") == 0o700
