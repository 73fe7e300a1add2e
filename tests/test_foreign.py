"""What is used of other packages beyond their public names is known, exists and behaves."""

import ast
import re
import subprocess
import sys
from importlib import metadata

import jax
import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from gan.errors import UserError
from gan.transport import simplex
from tests.compiled import programs
from tests.conftest import ROOT

OURS = ("gan", "experiments", "tests")
PUBLIC = {"_replace", "_fields", "_asdict", "_make", "_exit"}
"""Documented names with an underscore: of named tuples, and os._exit."""


def trees():
    return {
        str(path.relative_to(ROOT)): ast.parse(path.read_text())
        for folder in OURS
        for path in (ROOT / folder).rglob("*.py")
    }


def own(tree) -> set[str]:
    """Private names that a module makes: functions, classes, fields and variables."""
    made = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            made.add(node.name)
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            made.add(node.id if isinstance(node, ast.Name) else node.attr)
    return made


def private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def test_private_names_of_others_are_used_in_their_one_place_only():
    modules = trees()
    known = PUBLIC.union(*map(own, modules.values()))
    found = set()
    for path, tree in modules.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and private(node.attr) and node.attr not in known:
                found.add((path, node.attr))
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [each.name for each in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names += [f"{node.module}.{each.name}" for each in node.names]
            for name in names:
                parts = name.split(".")
                if parts[0] not in OURS and (any(map(private, parts)) or "emd_wrap" in parts):
                    found.add((path, name))
    assert found == {
        ("tests/compiled.py", "_cache_size"),
        ("gan/transport/simplex.py", "ot.lp.emd_wrap"),
        ("tests/reports/test_text.py", "_preprocess_math"),
    }


def test_the_simplex_on_arcs_gives_plan_potentials_and_a_code():
    masses, costs = np.array([0.5, 0.5]), np.array([1.0, 5.0, 2.0])
    rows, columns = np.array([0, 0, 1], np.uint64), np.array([0, 1, 1], np.uint64)
    for start in (None, np.zeros(2)):
        i, j, mass, value, u, v, code = simplex.solver("emd_c_sparse")(
            masses, masses, rows, columns, costs, 1000, start, start
        )
        assert code == 1 and value == 1.5
        assert sorted(zip(i[mass > 0], j[mass > 0], strict=True)) == [(0, 0), (1, 1)]
        slack = costs - u[rows.astype(int)] - v[columns.astype(int)]
        assert slack[0] == slack[2] == 0 and slack[1] >= 0


def test_without_it_the_needed_version_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ot.lp.emd_wrap", None)
    with pytest.raises(UserError, match="needs POT 0.9.7"):
        simplex.solver("emd_c")


def test_compiled_programs_are_counted():
    function = jax.jit(lambda x: x + 1)
    sizes = [
        function(np.zeros(n, np.float32)) is not None and programs(function) for n in (2, 2, 3)
    ]
    assert sizes == [1, 1, 2]


@pytest.mark.parametrize("allowed, failed", [(None, 0), ("in a test|in a file", 0), ("in a t", 1)])
def test_a_skip_for_another_reason_than_those_allowed_fails(tmp_path, allowed, failed):
    (tmp_path / "test_a.py").write_text(
        "import pytest\ndef test_a():\n    pytest.skip('in a test')\ndef test_b():\n    pass\n"
    )
    (tmp_path / "test_b.py").write_text(
        "import pytest\npytest.skip('in a file', allow_module_level=True)\n"
    )
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "--rootdir", tmp_path]
    command += ["-c", ROOT / "pyproject.toml", tmp_path]
    command += ["--may-skip", allowed] if allowed else []
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert bool(done.returncode) == bool(failed), done.stdout
    told = re.findall("must not be skipped here: Skipped: (.*)", done.stdout)
    assert set(told) == ({"in a file"} if failed else set()), done.stdout


def test_every_dependency_is_pinned_with_those_of_its_own():
    """So that a release elsewhere changes nothing here."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {canonicalize_name(line.split("==")[0]) for line in lines if "==" in line}
    left, seen = [("gan", {"test"})], set()
    while left:
        name, extras = left.pop()
        for text in metadata.requires(name) or ():
            needed = Requirement(text)
            wanted = needed.marker is None or any(
                needed.marker.evaluate({"extra": extra}) for extra in extras or {""}
            )
            if wanted and (found := canonicalize_name(needed.name)) not in seen:
                seen.add(found)
                left.append((found, needed.extras))
    assert len(seen) > 40 and seen - pinned == set()
