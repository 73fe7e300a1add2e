"""Who may import whom, checked over the source."""

import ast
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parent.parent
BASE = {
    "errors": set(),
    "earlier": set(),
    "cache": set(),
    "lazy": set(),
    "precise": set(),
    "signals": set(),
    "files": {"errors"},
    "inputs": {"earlier", "errors"},
    "outputs": {"errors", "files"},
    "arrays": {"errors", "inputs"},
    "registry": {"errors", "inputs"},
    "registries": {"registry"},
    "config": {"earlier", "errors", "inputs", "registries"},
    "rules": {"config", "errors", "inputs"},
    "presets": {"config", "errors", "registries", "registry"},
}
"""What each module beside the rooms may import of the others."""
ROOMS = {
    "data": set(),
    "networks": set(),
    "objectives": set(),
    "transport": set(),
    "runs": set(),
    "games": {"objectives"},
    "training": {"data", "networks", "objectives", "transport"},
    "referee": {"networks", "objectives", "transport"},
    "scores": {"networks", "referee", "transport"},
    "primal": {"data", "networks", "referee", "scores", "training", "transport"},
    "reports": {"referee", "runs", "scores"},
    "runner": {"data", "networks", "referee", "reports", "runs", "scores", "training", "transport"},
}
"""What each room may import beside those modules."""
ROOMS["compilers"] = {"data", "networks", "reports", "training"}
ROOMS["sweeps"] = ROOMS["runner"] | {"runner"}
ROOMS["benchmarks"] = ROOMS["sweeps"] | {"objectives"}
ALLOWED = BASE | {room: others | set(BASE) for room, others in ROOMS.items()}
ALLOWED["__init__"] = set(ALLOWED)
MODULES = sorted((ROOT / "gan").rglob("*.py"))


def imports(path: pathlib.Path) -> set[str]:
    """Every imported module, `from gan import x` counted as gan.x."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def room(path: pathlib.Path) -> str:
    return path.relative_to(ROOT / "gan").parts[0].removesuffix(".py")


def test_there_are_modules_in_every_room():
    assert {room(path) for path in MODULES} == set(ALLOWED) | {"__init__"}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_rooms_import_only_what_they_may(path):
    here = room(path)
    names = imports(path)
    used = {name.split(".")[1] for name in names if name.startswith("gan.")}
    assert used <= ALLOWED.get(here, {"lazy"}) | {here}
    tops = {name.split(".")[0] for name in names}
    assert not tops & {"experiments", "tensorflow"}
    assert not any(name.startswith("absl.flags") or name == "absl.app" for name in names)
    assert here == "networks" or "flax" not in tops


OF_TORCH = {"torch_players.py", "torch_twin.py"}
"""The peer that a benchmark imports when it is asked for."""


def test_importing_everything_leaves_tensorflow_and_torch_out():
    commands = sorted((ROOT / "experiments").rglob("*.py"))
    modules = [
        str(path.relative_to(ROOT).with_suffix("")).replace("/", ".").removesuffix(".__init__")
        for path in MODULES + commands
        if path.name not in OF_TORCH
    ]
    assert len(modules) == len(MODULES) + len(commands) - len(OF_TORCH)
    code = "import sys\n" + "\n".join(f"import {m}" for m in modules)
    code += "\nassert not {'tensorflow', 'torch'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
