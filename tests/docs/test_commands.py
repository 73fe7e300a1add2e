"""Every command of the documentation is one that its program takes."""

import re

import pytest

from docs.scripts import commands as generated
from experiments import cli
from tests.conftest import ROOT
from tests.docs import pages

EVERY = pages.WRITTEN + pages.RESULTS
PAGES = [page for page in EVERY if pages.commands(page)]
MADE = generated.pages()
TARGETS = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)


def test_commands_are_found():
    found = sum(len(pages.commands(page)) for page in PAGES)
    assert found > 100 and "test" in TARGETS
    assert ["make", "demo"] in pages.commands(ROOT / "README.md")


@pytest.mark.parametrize("page", PAGES, ids=pages.name)
def test_a_command_of_a_page_is_taken(page, monkeypatch):
    """Flags, names and ranges are checked as its program checks them; nothing is run."""
    monkeypatch.chdir(ROOT)
    for words in pages.commands(page):
        if words[0] == "make":
            assert words[1] in TARGETS, words
        elif words[1:2] == ["-m"] and words[2].startswith("experiments."):
            taken(words[2].removeprefix("experiments."), words[3:])


@pytest.mark.parametrize("name", generated.names())
def test_a_command_that_a_program_shows_is_taken(name):
    """Those of the docstring of a command, which its page and --help show."""
    shown = pages.commands(MADE[f"commands/{name}.md"])
    assert any(words[:3] == ["python", "-m", f"experiments.{name}"] for words in shown)
    for words in shown:
        taken(words[2].removeprefix("experiments."), words[3:])


def taken(name: str, arguments: list[str]) -> None:
    """Fails unless the command takes these arguments."""
    assert name in generated.names(), name
    module = generated.module(name)
    if not hasattr(module, "define"):
        assert not unknown(name, arguments)
    elif arguments != ["--preset", "list"]:
        cli.parse(module.define, module.__doc__, arguments)


def unknown(name: str, arguments: list[str]) -> list[str]:
    """Those of the flags that the command lacks; all arguments, if there is no such command."""
    if name not in generated.names():
        return [name, *arguments]
    flags = generated.flags_of(name)
    words = [word for word in arguments if word.startswith("--")]
    return [word for word in words if word.removeprefix("--").partition("=")[0] not in flags]


@pytest.mark.parametrize("page", [p for p in EVERY if pages.mentioned(p)], ids=pages.name)
def test_a_command_in_the_text_of_a_page_has_its_flags(page):
    for command, *arguments in pages.mentioned(page):
        assert not unknown(command.removeprefix("experiments.").partition(".")[0], arguments)


def test_what_no_command_takes_is_noticed():
    with pytest.raises(cli.UserError, match="unknown flag"):
        taken("train", ["--workdir", "x", "--penalty_wieght", "1"])
    with pytest.raises(cli.UserError, match="unknown name"):
        taken("train", ["--workdir", "x", "--loss", "hing"])
    for name, flag in (("trian", "--seed"), ("train", "--sede")):
        assert unknown(name, [flag, "1"])
