"""Who may import whom, checked over the source."""

import ast
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parent.parent
ALLOWED = {
    "errors": set(),
    "cache": set(),
    "lazy": set(),
    "signals": set(),
    "files": {"errors"},
    "inputs": {"errors"},
    "registry": {"errors", "inputs"},
    "outputs": {"errors", "files"},
    "registries": {"registry"},
    "config": {"errors", "inputs", "registries"},
    "rules": {"config", "errors", "inputs"},
    "presets": {"config", "errors", "registry"},
    "data": {"config", "errors", "registry"},
    "networks": {"config", "errors", "registry"},
    "objectives": {"config", "errors", "registry"},
    "transport": {"config", "errors", "files"},
    "games": {"errors", "objectives", "registries"},
    "runs": {"config", "errors", "files"},
    "training": {
        "config",
        "errors",
        "data",
        "networks",
        "objectives",
        "registries",
        "registry",
        "rules",
        "transport",
    },
    "referee": {"config", "errors", "networks", "objectives", "scores", "transport"},
    "scores": {
        "cache",
        "config",
        "errors",
        "files",
        "networks",
        "referee",
        "transport",
    },
}
"""What each room, or module, of the library may import of the others."""
JUDGES = set(ALLOWED) | {"primal", "reports"}
ALLOWED |= {
    "primal": JUDGES - {"reports", "games"},
    "reports": JUDGES - {"primal", "training", "games"},
}
ALLOWED["runner"] = JUDGES - {"primal", "games"}
ALLOWED["sweeps"] = ALLOWED["runner"] | {"runner"}
ALLOWED["benchmarks"] = ALLOWED["runner"] | {"runner"}
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
    assert used <= ALLOWED.get(here, set()) | {here, "lazy"}
    tops = {name.split(".")[0] for name in names}
    assert not tops & {"experiments", "tensorflow"}
    assert not any(name.startswith("absl.flags") or name == "absl.app" for name in names)
    assert here == "networks" or "flax" not in tops


def test_importing_everything_leaves_tensorflow_out():
    modules = [
        str(path.relative_to(ROOT).with_suffix("")).replace("/", ".").removesuffix(".__init__")
        for path in MODULES + sorted((ROOT / "experiments").glob("*.py"))
    ]
    code = "import sys\n" + "\n".join(f"import {m}" for m in modules)
    code += "\nassert 'tensorflow' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
