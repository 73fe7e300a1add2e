"""Damaged sweep directories, in any number.

    python -m tests.experiments.fuzz_sweeps --count 100 --seed 0

damages copies of one small finished sweep in seeded ways, and continues each by the command. Prints
a line per broken promise, then the counts; exits with 1 if there was one. The promises stand in
`judge`.
"""

import argparse
import collections
import csv
import functools
import json
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.experiments.commands import TINY, call
from tests.runs.fuzz import DAMAGES, files

SPACE = {"critic_learning_rate": [1e-3, 1e30], "seed": [0, 1]}
FLAGS = ["--preset", "digits", *TINY, "--penalty", "none", "--steps", 12, "--log_every", 6]
FLAGS += ["--workers", 1]
STATUSES = {0, 2, 3, 5, 6}


def whole(place: Path) -> list:
    """The flags of the whole command."""
    (place / "space.json").write_text(json.dumps(SPACE))
    return ["--space", place / "space.json", *FLAGS]


def table(folder: Path) -> list[dict]:
    """results.csv without the times, which no two trainings share."""
    lines = csv.DictReader((folder / "results.csv").open())
    return [{name: v for name, v in line.items() if name != "seconds"} for line in lines]


def lose(folder: Path, dice: random.Random) -> None:
    """Deletes a trial's directory."""
    shutil.rmtree(folder)


def exchange(folder: Path, dice: random.Random) -> None:
    """Gives a trial the directory of another."""
    other = dice.choice([p for p in folder.parent.iterdir() if p != folder and p.is_dir()])
    shutil.rmtree(folder)
    shutil.copytree(other, folder)


def occupy(folder: Path, dice: random.Random) -> None:
    """Puts a file in the place of a trial's directory."""
    shutil.rmtree(folder)
    folder.write_bytes(b"")


def damage(folder: Path, dice: random.Random) -> str:
    """Damages one to three places of a sweep; says how."""
    said = []
    for _ in range(dice.choice([1, 1, 2, 3])):
        trials = [p for p in (folder / "trials").iterdir() if (p / "lock").exists()]
        there = [p for p in files(folder) if "lock" != p.name]
        groups = {
            "database": [p for p in there if p.name == "sweep.db"],
            "top": [p for p in there if p.parent == folder],
            "trial": [p for p in there if p.parent.parent.name == "trials"],
            "checkpoint": [p for p in there if "checkpoints" in p.parts],
            "directory": trials if len(trials) > 1 else [],
        }
        name = dice.choice([name for name, members in groups.items() if members])
        path = dice.choice(groups[name])
        what = dice.choice([lose, exchange, occupy] if name == "directory" else DAMAGES)
        what(path, dice)
        said.append(f"{what.__name__} {path.relative_to(folder)}")
    return ", ".join(said)


def judge(
    original: Path, expected: list[dict], dice: random.Random, place: Path
) -> tuple[str, int, list[str]]:
    """What was damaged, the status, and the promises that were broken: none, one hopes.

    No traceback; the table of the undisturbed sweep, or a documented status with an error of at
    most three lines. What the error says to do leads to the table.
    """
    folder = place / "run"
    shutil.copytree(original, folder)
    said = damage(folder, dice)
    flags = dice.choice([[], whole(place)])
    broken = []
    for _ in range(2):
        try:
            status, _, err = call("sweep", "--workdir", folder, *flags)
        except Exception as error:
            return said, 1, [f"{type(error).__name__}: {error}"[:300]]
        errors = [line for line in err.splitlines() if line.startswith("error: ")]
        if status not in STATUSES or "Traceback" in err or bool(status) != bool(errors):
            broken.append(f"status {status}: {err[-300:]}")
        if status == 0 and table(folder) != expected:
            broken.append(f"another table: {table(folder)}")
        if "delete it and give the whole command" not in err:
            break
        os.unlink(folder / "sweep.json")
        flags = whole(place)
    return said, status, broken


def fuzz(count: int, seed: int, say: Callable[[str], None]) -> int:
    """Judges that many damaged sweeps; the number of those with a broken promise."""
    failed, kinds, statuses = 0, collections.Counter(), collections.Counter()
    with tempfile.TemporaryDirectory() as top:
        original = Path(top, "original")
        original.mkdir()
        status, _, err = call("sweep", "--workdir", original / "run", *whole(original))
        assert status == 0, err
        expected = table(original / "run")
        for number in range(count):
            place = Path(top, str(number))
            place.mkdir()
            dice = random.Random(f"{seed} {number}")
            said, status, broken = judge(original / "run", expected, dice, place)
            kinds.update(part.split()[0] for part in said.split(", "))
            statuses[status] += 1
            failed += bool(broken)
            for line in broken:
                say(f"{number} ({said}): {line}")
            shutil.rmtree(place)
            if (number + 1) % 10 == 0 or number + 1 == count:
                say(
                    f"{number + 1} damaged sweeps, {failed} broke a promise; statuses "
                    f"{dict(statuses)}; {dict(kinds)}"
                )
    return failed


def main() -> int:
    """Fuzz, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    return 1 if fuzz(asked.count, asked.seed, functools.partial(print, flush=True)) else 0


if __name__ == "__main__":
    import tests.conftest  # noqa: F401  (sets the strict session up)

    np.seterr(all="warn")
    sys.exit(main())
