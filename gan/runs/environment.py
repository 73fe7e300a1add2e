"""What a run ran on: versions, machine, devices, commit, command."""

import datetime
import importlib.metadata
import platform
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

PACKAGES = (
    "gan",
    "jax",
    "jaxlib",
    "flax",
    "optax",
    "orbax-checkpoint",
    "numpy",
    "scipy",
    "POT",
    "scikit-learn",
    "tensorflow-datasets",
    "array-record",
)


def environment() -> dict[str, Any]:
    """One JSON object about this process; starts jax's backend to list its devices."""
    import jax

    return {
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": shlex.join(sys.orig_argv),
        "host": socket.gethostname(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "processes": jax.process_count(),
        "devices": [f"{device.platform}: {device.device_kind}" for device in jax.devices()],
        "commit": _commit(Path(__file__).resolve()),
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _commit(file: Path) -> dict[str, Any] | None:
    """Commit of the checkout that tracks `file`, with whether tracked files differ from it.

    None outside a checkout, and inside a foreign one (a package installed below it).
    """
    if _git(file, "ls-files", "--error-unmatch", file.name) is None:
        return None
    commit = _git(file, "rev-parse", "HEAD")
    changes = _git(file, "status", "--porcelain", "--untracked-files=no")
    if commit is None or changes is None:
        return None
    return {"hash": commit, "dirty": bool(changes)}


def _git(file: Path, *arguments: str) -> str | None:
    command = ["git", "--no-optional-locks", "-C", str(file.parent), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
