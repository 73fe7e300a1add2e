"""What can be named is explained, by hand where a formula helps, else by what it says of itself."""

import pytest

from docs.scripts import commands, entries
from gan import registries
from tests.conftest import ROOT

BY_HAND = {
    "ARCHITECTURES": "concepts/losses.md",
    "AUGMENTATIONS": "concepts/losses.md",
    "LOSSES": "concepts/losses.md",
    "OPTIMIZERS": "concepts/losses.md",
    "PENALTIES": "concepts/losses.md",
    "SOURCES": "guides/own_images.md",
    "SPACES": "guides/sweep.md",
    "LOGGERS": "guides/take_away.md",
}
"""The page that explains the entries of each kind."""


@pytest.mark.parametrize("kind", BY_HAND)
def test_every_entry_is_explained(kind):
    text = (ROOT / "docs" / BY_HAND[kind]).read_text()
    assert [name for name in getattr(registries, kind) if f"`{name}`" not in text] == []


def test_every_entry_and_preset_is_a_choice():
    text = "\n".join(entries.pages().values())
    for kind in (*BY_HAND, "PRESETS"):
        assert [name for name in getattr(registries, kind) if f"| `{name}` |" not in text] == []


def test_every_metric_is_in_the_glossary():
    glossary = (ROOT / "docs" / "glossary.md").read_text()
    assert [name for name in registries.METRICS if f"| `{name}` |" not in glossary] == []


def test_every_flag_of_every_command_has_a_row():
    made = commands.pages()
    configuration = made[commands.CONFIGURATION]
    standard = commands.flags_of("games") & commands.flags_of("train")  # workdir, and absl's own
    assert len(commands.names()) > 20
    for name in commands.names():
        page = made[f"commands/{name}.md"] + configuration
        for flag in commands.flags_of(name) - standard:
            assert f"| `--{flag}` |" in page, (name, flag)
        assert commands.module(name).__doc__.strip().splitlines()[0] in page
