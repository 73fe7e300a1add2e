"""Where commands and library are, and that no module leans on another in a circle."""

import ast
import pathlib
import re

import pytest

import experiments

ROOT = pathlib.Path(__file__).parent.parent
MODULES = {
    str(path.relative_to(ROOT).with_suffix("")).replace("/", ".").removesuffix(".__init__"): path
    for top in ("gan", "experiments")
    for path in sorted((ROOT / top).rglob("*.py"))
}
MACHINERY = {"cli", "later", "stopping", "streams"}
"""What commands share; no command by themselves."""
UNITS = {name.split(".")[1] for name in MODULES if name.startswith("experiments.")}
COMMANDS = sorted(UNITS - MACHINERY)


def for_types(node):
    """Whether a statement is for type checkers alone, and imports nothing when it runs."""
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def imported(path, functions=True):
    """(module, name or None) of every import, those inside functions or for types only if asked."""
    left = list(ast.parse(path.read_text()).body)
    while left:
        node = left.pop()
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module, alias.name) for alias in node.names)
        elif functions or not (isinstance(node, ast.FunctionDef) or for_types(node)):
            left += ast.iter_child_nodes(node)


def edges(name, functions=True):
    """The modules of this project that a module imports by name."""
    for module, attribute in imported(MODULES[name], functions):
        inner = f"{module}.{attribute}"
        target = inner if inner in MODULES else module
        if target in MODULES and target != name:
            yield target


def circles(graph):
    """Groups of modules each of which reaches every other (Tarjan 1972)."""
    order, low, stack, found = {}, {}, [], []

    def visit(name):
        order[name] = low[name] = len(order)
        stack.append(name)
        for other in graph[name]:
            if other not in order:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], order[other])
        if low[name] == order[name]:
            place = stack.index(name)
            found.append(stack[place:])
            del stack[place:]

    for name in graph:
        if name not in order:
            visit(name)
    return [sorted(group) for group in found if len(group) > 1]


def test_a_circle_is_found():
    graph = {"a": ["b"], "b": ["c"], "c": ["b", "d"], "d": []}
    assert circles(graph) == [["b", "c"]]


def test_no_modules_import_each_other_in_a_circle():
    names = [name for name in MODULES if name.startswith("gan")]
    graph = {name: [t for t in edges(name, functions=False) if t in names] for name in names}
    assert sum(map(len, graph.values())) > 200
    assert circles(graph) == []


@pytest.mark.parametrize("unit", COMMANDS)
def test_an_experiment_imports_no_other_and_nothing_private(unit):
    for name, path in MODULES.items():
        if name.split(".")[:2] != ["experiments", unit]:
            continue
        used = {t.split(".")[1] for t in edges(name) if t.startswith("experiments.")}
        assert used <= {unit, "cli"}, name
        private = [
            pair
            for pair in imported(path)
            if re.search(r"(^|\.)_[^_]", ".".join(filter(None, pair)))
        ]
        assert private == [], name


@pytest.mark.parametrize("unit", COMMANDS)
def test_what_is_in_experiments_is_a_command(unit):
    path = MODULES.get(f"experiments.{unit}.__main__", MODULES[f"experiments.{unit}"])
    tree = ast.parse(path.read_text())
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert "main" in names and ("define" in names or "cli" not in path.read_text()), path
    assert ast.unparse(tree.body[-1]).startswith("if __name__ == '__main__':")


def test_the_lists_of_commands_are_complete():
    lists = re.findall(r"^(\w[\w ]+): ([\w,\s]+)\.$", experiments.__doc__, flags=re.MULTILINE)
    assert [title for title, _ in lists] == ["Train and judge", "Studies", "Benchmarks"]
    named = [name for _, names in lists for name in re.split(r",\s+", names)]
    assert sorted(named) == COMMANDS


def test_no_module_or_folder_is_called_parts_of_another():
    assert not [name for name in MODULES if name.endswith("_parts") or "_parts." in name]
