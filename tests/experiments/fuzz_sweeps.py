"""Damaged sweeps, and whether the command that goes on with them ends with the same table.

python -m tests.experiments.fuzz_sweeps --count 100 --seed 0
"""

import argparse
import collections
import csv
import json
import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

import numpy as np

from tests.experiments.commands import TINY, call

SPACE = {"critic_learning_rate": [1e-3, 1e30], "seed": [0]}
FLAGS = ["--preset", "digits", *TINY, "--penalty", "none", "--log_every", 10, "--steps", 20]
FLAGS += ["--checkpoint_every", 10, "--evaluate_every", 20, "--workers", 1]
STATUSES = (2, 3, 4, 5, 6)


def make(folder: Path) -> None:
    """A sweep of two trials, one of which diverges."""
    space = folder.parent / "space.json"
    space.write_text(json.dumps(SPACE))
    status, _, err = call("sweep", "--workdir", folder, "--space", space, *FLAGS)
    assert status == 0, err


def table(folder: Path) -> list[dict]:
    """results.csv without the times, which no two runs share."""
    with (folder / "results.csv").open() as file:
        return [{k: v for k, v in line.items() if k != "seconds"} for line in csv.DictReader(file)]


def damage(draw: np.random.Generator, folder: Path) -> str:
    """Changes one thing in a sweep, and says what."""
    found = sorted(p for p in folder.rglob("*") if ".lock" not in p.name)
    database = [p for p in found if p.name.startswith("sweep.db")]
    path = found[draw.integers(len(found))] if draw.random() < 0.6 else database[0]
    kind = str(draw.choice(["flip", "cut", "empty", "delete", "folder", "link", "other", "append"]))
    if path.is_dir() or kind == "delete":
        (shutil.rmtree if path.is_dir() else os.unlink)(path)
        return f"delete {path.relative_to(folder)}"
    content = path.read_bytes()
    if kind == "flip" and content:
        changed = bytearray(content)
        for place in draw.integers(0, len(content), 3):
            changed[place] ^= 1 << draw.integers(8)
        path.write_bytes(changed)
    elif kind == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "append":
        path.write_bytes(content + b"{}garbage\n")
    else:
        path.unlink()
        if kind == "folder":
            path.mkdir()
        elif kind == "link":
            path.symlink_to("nowhere")
        elif path.suffix == ".db":
            with sqlite3.connect(path) as other:
                other.execute("create table other (number integer)")
        else:
            path.write_bytes(draw.bytes(100))
    return f"{kind} {path.relative_to(folder)}"


def go_on(original: Path, wanted: list[dict], folder: Path, draw: np.random.Generator) -> str:
    """Damages a copy and goes on: "same", or "status N" for a refusal in words.

    Raises:
        AssertionError: another table, a status that is not documented, or a traceback.
    """
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(original, folder, symlinks=True)
    what = damage(draw, folder)
    status, _, err = call("sweep", "--workdir", folder)
    assert "Traceback" not in err, (what, err)
    if status == 0:
        assert table(folder) == wanted, (what, err)
        return "same"
    assert status in STATUSES and err.startswith("error: ") or "error: " in err, (what, status, err)
    return f"status {status}: {what.split('/')[-1]}"


def main() -> None:
    """Damage copies of one sweep and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    counts = collections.Counter()
    with tempfile.TemporaryDirectory() as name:
        original, folder = Path(name, "original"), Path(name, "copy")
        make(original)
        wanted = table(original)
        for number in range(arguments.count):
            draw = np.random.default_rng([arguments.seed, number])
            try:
                counts[go_on(original, wanted, folder, draw)] += 1
            except Exception as error:
                counts["broken"] += 1
                print(f"case {number}: {type(error).__name__} {str(error)[:600]}", flush=True)
    print(dict(counts))


if __name__ == "__main__":
    main()
