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
VECTORS = (("avx512f", "AVX-512"), ("avx2", "AVX2"), ("asimd", "NEON"))
"""Flags of /proc/cpuinfo and the names of their vector instructions, widest first."""


def environment() -> dict[str, Any]:
    """One JSON object about this process; starts jax's backend to list its devices."""
    import jax

    return {
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": shlex.join(sys.orig_argv),
        "host": socket.gethostname(),
        "platform": platform.platform(),
        "processor": processor(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "processes": jax.process_count(),
        "devices": [f"{device.platform}: {device.device_kind}" for device in jax.devices()],
        "gpus": gpus(),
        "commit": _commit(Path(__file__).resolve()),
    }


GPU_FACTS = "name,driver_version,memory.total,power.limit,clocks.max.sm,ecc.mode.current"


def gpus() -> list[str]:
    """What nvidia-smi says of every card, in the order of GPU_FACTS; none where it is not there."""
    command = ["nvidia-smi", f"--query-gpu={GPU_FACTS}", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return done.stdout.splitlines() if done.returncode == 0 else []


def processor() -> str:
    """The processor's name and widest vector instructions, on which rates of products depend.

    Its architecture where the system does not say.
    """
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    fields = {name.strip(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    name = fields.get("model name") or platform.processor() or platform.machine()
    flags = (fields.get("flags") or fields.get("Features") or "").split()
    return ", ".join([name, *[vectors for flag, vectors in VECTORS if flag in flags][:1]])


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
