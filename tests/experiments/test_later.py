"""Help and mistakes are answered before anything large is imported; afterwards all is there."""

import pathlib
import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT

EXPERIMENTS = sorted(
    path.stem
    for path in (ROOT / "experiments").glob("*.py")
    if "\n    cli.run(define, main, __doc__)" in path.read_text()
)
LARGE = ("jax", "tensorflow", "tensorflow_datasets", "torch", "flax", "matplotlib", "sklearn")
CHECKS_ITS_SETTINGS_ON_IMPORT = {"primal_vs_dual"}


def imported(*command: str) -> tuple[subprocess.CompletedProcess, set[str]]:
    """(the finished process, every module whose code it ran)."""
    done = subprocess.run(
        [sys.executable, "-v", "-m", *command], cwd=ROOT, capture_output=True, text=True
    )
    paths = re.findall(r"^# code object from ['\"]?(\S+?)['\"]?$", done.stderr, re.MULTILINE)
    assert any("experiments" in path for path in paths)
    return done, {part for path in paths for part in pathlib.PurePath(path).parts}


def test_there_are_experiments():
    assert {"train", "evaluate", "sample", "benchmark"} <= set(EXPERIMENTS)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_help_imports_nothing_large(name):
    done, found = imported(f"experiments.{name}", "--help")
    assert done.returncode == 0 and "usage: python -m experiments." in done.stdout
    if name not in CHECKS_ITS_SETTINGS_ON_IMPORT:
        assert not found & set(LARGE)


def test_a_mistake_imports_nothing_large():
    done, found = imported("experiments.train", "--workdir", "x", "--steps", "many")
    assert done.returncode == 2 and "steps" in done.stderr
    assert not found & set(LARGE)


def test_a_program_that_imports_an_experiment_gets_modules():
    code = "import sys, types, experiments.train\nassert 'jax._src' in sys.modules\n"
    code += "assert {type(m) for m in sys.modules.values()} <= {types.ModuleType} | {type(m) for n,"
    code += " m in sys.modules.items() if n.split('.')[0] not in ('gan', 'experiments', 'jax')}"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_settling_executes_what_was_postponed(tmp_path):
    """In the order of import, a library's root before its parts; later imports are ordinary."""
    package = tmp_path / "gan"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "a.py").write_text("import sys\nfrom gan import b\nsys.order.append('a')\n")
    (package / "b.py").write_text("import sys\nsys.order.append('b')\nvalue = 1\n")
    (package / "c.py").write_text("import sys\nsys.order.append('c')\n")
    code = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from experiments import later
sys.path.insert(0, {str(tmp_path)!r})
sys.order = []
later.postpone("experiments.x")
from gan import a, b
assert sys.order == []
assert b.value == 1 and sys.order == ["b"]
later.settle()
assert sys.order == ["b", "a"]
import gan.c
assert sys.order == ["b", "a", "c"]
assert a.__spec__.loader is a.__loader__ and a.__file__.endswith("a.py")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
