import dataclasses
import sys
import textwrap

import pytest

from gan import registry
from gan.errors import UserError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fruit(registry.Entry):
    colour: str


@pytest.fixture
def fruits(tmp_path, monkeypatch):
    """A registry of two files in a package that raises when it is imported."""
    folder = tmp_path / "orchard" / "trees"
    folder.mkdir(parents=True)
    head = "from tests.test_registry import Fruit\n"
    (tmp_path / "orchard" / "__init__.py").write_text("")
    (folder / "__init__.py").write_text("")
    (folder / "pear.py").write_text(f"{head}pear = Fruit(help='sweet', colour='green')\n")
    (folder / "apple.py").write_text(
        head
        + textwrap.dedent("""
            other = dict(help='no entry')
            apple = Fruit(help='sour', source='Newton 1666', colour='red')
        """)
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry, "ROOT", tmp_path)
    yield registry.Registry("fruit", "Fruit", "orchard.trees")
    for name in [name for name in sys.modules if name.startswith("orchard")]:
        del sys.modules[name]


def test_names_and_help_are_read_without_importing(fruits):
    assert list(fruits) == ["apple", "pear"] and len(fruits) == 2
    assert fruits.helps() == {"apple": "sour", "pear": "sweet"}
    assert "apple" in fruits and "plum" not in fruits
    assert "orchard" not in sys.modules


def test_entries_are_found_by_name(fruits):
    assert fruits.get("apple").colour == "red"
    assert {name: entry.colour for name, entry in fruits.items()} == {
        "apple": "red",
        "pear": "green",
    }
    with pytest.raises(UserError, match="unknown fruit 'aple'; did you mean 'apple'"):
        fruits.get("aple")


def test_an_entry_of_anybodys_is_named_by_its_module(fruits):
    assert fruits.get("orchard.trees.apple:apple") is fruits.get("apple")
    with pytest.raises(UserError, match="must be a Fruit, not a dict"):
        fruits.get("orchard.trees.apple:other")
    with pytest.raises(UserError, match="ModuleNotFoundError: No module named 'nowhere'"):
        fruits.get("nowhere:apple")
    with pytest.raises(UserError) as caught:
        fruits.get("orchard.trees.apple:aple")
    assert str(caught.value) == (
        "unknown fruit in orchard.trees.apple: 'aple'; did you mean 'apple'? allowed: apple"
    )
    with pytest.raises(UserError, match="os.path has no Fruit at all"):
        fruits.get("os.path:apple")


def test_what_a_module_raises_is_said_with_its_line(fruits):
    path = registry.ROOT / "orchard" / "trees" / "unripe.py"
    path.write_text("from tests.test_registry import Fruit\n\nplum = Fruit(help='blue')\n")
    with pytest.raises(UserError, match="missing 1 required keyword-only argument: 'colour'") as e:
        fruits.get("orchard.trees.unripe:plum")
    assert str(e.value).endswith(f"({path}, line 3)")
    with pytest.raises(UserError, match="No module named 'orchard.trees.nowhere'$"):
        fruits.get("orchard.trees.nowhere:plum")


@pytest.mark.parametrize(
    "entry",
    ["Fruit(colour='blue')", "Fruit(help='as ' + word, colour='blue')", "Fruit(help=word)"],
)
def test_an_entry_without_a_literal_help_is_named(fruits, entry):
    path = registry.ROOT / "orchard" / "trees" / "plum.py"
    path.write_text(f"\nplum = {entry}\n")
    with pytest.raises(TypeError) as caught:
        list(fruits)
    assert f"{path}, line 2: a Fruit has a help text" in str(caught.value)
    assert 'plum = Fruit(help="...", ...)' in str(caught.value)


def test_a_name_given_twice_is_refused(fruits):
    path = registry.ROOT / "orchard" / "trees" / "zebra.py"
    path.write_text("apple = Fruit(help='striped', colour='green')\n")
    with pytest.raises(TypeError, match="apple is in orchard.trees.apple and in"):
        list(fruits)


def test_one_entry_may_stand_for_all_names_that_are_not_listed(fruits):
    path = registry.ROOT / "orchard" / "trees" / "pear.py"
    path.write_text(path.read_text() + "any_fruit: Fruit = Fruit(help='round', colour='any')\n")
    open_to_all = registry.Registry(
        "fruit", "Fruit", "orchard.trees", "orchard.trees.pear:any_fruit"
    )
    assert list(open_to_all) == ["apple", "pear"] and "plum" not in open_to_all
    assert open_to_all.get("plum").colour == open_to_all.get("plum:3.0.2").colour == "any"
    assert open_to_all.get("apple").colour == "red"
    with pytest.raises(UserError, match="unknown fruit in orchard.trees.apple: 'plum'"):
        open_to_all.get("orchard.trees.apple:plum")


def test_the_first_broken_rule_is_the_reason():
    ripe = registry.Rule(lambda month: month < 8, "ripe in August")
    sold = registry.Rule(lambda month: month < 9, "sold in September")
    fruit = Fruit(help="sour", colour="red", rules=(ripe, sold))
    for month, reason in ((7, "ripe in August"), (8, "sold in September")):
        with pytest.raises(UserError, match=reason):
            fruit.check(month, None)
    fruit.check(9, None)
