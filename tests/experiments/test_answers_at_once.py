"""Help and mistakes are answered before anything large is imported."""

import pathlib
import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.experiments.fuzz_commands import commands

LARGE = ("jax", "tensorflow", "tensorflow_datasets", "torch", "flax", "matplotlib", "sklearn")
LARGE += ("optax", "scipy", "optuna", "orbax", "ray")


def imported(*command: str) -> tuple[subprocess.CompletedProcess, set[str]]:
    """(the finished process, every module whose code it ran)."""
    done = subprocess.run(
        [sys.executable, "-v", "-m", *command], cwd=ROOT, capture_output=True, text=True
    )
    paths = re.findall(r"^# code object from ['\"]?(\S+?)['\"]?$", done.stderr, re.MULTILINE)
    assert any("experiments" in path for path in paths)
    return done, {part for path in paths for part in pathlib.PurePath(path).parts}


def test_there_are_experiments():
    assert {"train", "evaluate", "sample", "benchmark", "article"} <= set(commands())


@pytest.mark.parametrize("name", commands())
def test_help_imports_nothing_large(name):
    done, found = imported(f"experiments.{name}", "--help")
    assert done.returncode == 0, done.stderr[-500:]
    assert f"usage: python -m experiments.{name} " in done.stdout
    assert not found & set(LARGE)


@pytest.mark.parametrize(
    ("flag", "value", "hint"),
    [("--steps", "many", "steps"), ("--data.dequantize", "perhaps", "dequantize")],
)
def test_a_mistake_imports_nothing_large(flag, value, hint):
    done, found = imported("experiments.train", "--workdir", "x", flag, value)
    assert done.returncode == 2 and hint in done.stderr
    assert not found & set(LARGE)


def test_a_room_is_imported_when_it_is_asked_for():
    code = "import sys, gan; assert 'gan.referee' not in sys.modules and 'jax' not in sys.modules\n"
    code += "import gan; gan.referee.distances; assert 'gan.referee.distances' in sys.modules\n"
    code += "import gan.runs; assert not hasattr(gan, 'rums') and not hasattr(gan.runs, 'lok')"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
