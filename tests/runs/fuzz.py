"""Damaged run directories and killed trainings, in any number.

    python -m tests.runs.fuzz --damages 100 --kills 60 --seed 0

damages copies of one small finished run in seeded ways, which sample, evaluate and train then open;
and ends trainings at seeded moments until they are done. Prints a line per broken promise, then the
counts; exits with 1 if there was one. The promises stand in `judge` and `killed`.
"""

import argparse
import collections
import contextlib
import functools
import hashlib
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from experiments import cli, train
from gan import runs
from gan.errors import CheckpointError
from gan.runs import checkpoints, sealed
from tests.experiments.commands import TINY, call, done

RUN = ["--preset", "digits", *TINY, "--steps", 12, "--schedule", "constant", "--log_every", 2]
RUN += ["--evaluate_every", 6, "--sample_every", 6, "--checkpoint_every", 3]
STATUSES = {0, 2, 3, 5, 6}
STEPS = 12


def truncate(path: Path, dice: random.Random) -> None:
    """Cuts a file at a random place."""
    os.truncate(path, dice.randrange(max(1, path.stat().st_size)))


def flip(path: Path, dice: random.Random) -> None:
    """Flips up to three bits."""
    content = bytearray(path.read_bytes())
    for _ in range(dice.randint(1, 3) if content else 0):
        content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
    path.write_bytes(content)


def scramble(path: Path, dice: random.Random) -> None:
    """Fills a file with noise of its size, or with what is no text."""
    path.write_bytes(dice.choice([dice.randbytes(path.stat().st_size), b"\xff", b"[" * 10**5]))


def empty(path: Path, dice: random.Random) -> None:
    """Empties a file."""
    path.write_bytes(b"")


def delete(path: Path, dice: random.Random) -> None:
    """Deletes a file."""
    path.unlink()


def folder(path: Path, dice: random.Random) -> None:
    """Puts a folder in a file's place."""
    path.unlink()
    path.mkdir()


def pipe(path: Path, dice: random.Random) -> None:
    """Puts a named pipe in a file's place, from which a reader would wait for ever."""
    path.unlink()
    os.mkfifo(path)


def link(path: Path, dice: random.Random) -> None:
    """Puts a link in a file's place: to nothing, to itself, to a device, to its folder."""
    path.unlink()
    path.symlink_to(dice.choice(["missing", path.name, "/dev/zero", "."]))


def swap(path: Path, dice: random.Random) -> None:
    """Exchanges a file with another of the run."""
    top = next(parent for parent in path.parents if (parent / "lock").exists())
    other = dice.choice([p for p in files(top) if p != path])
    content = path.read_bytes()
    path.write_bytes(other.read_bytes())
    other.write_bytes(content)


DAMAGES: list[Callable[[Path, random.Random], None]] = [
    truncate,
    flip,
    scramble,
    empty,
    delete,
    folder,
    pipe,
    link,
    swap,
]


def files(path: Path) -> list[Path]:
    """Every file of a run directory but the lock, whose content means nothing."""
    return sorted(p for p in path.rglob("*") if p.is_file() and p.name != "lock")


def make(workdir: Path) -> str:
    """Trains the small run; its state hash."""
    status, out, err = call("train", "--workdir", workdir, *RUN)
    assert status == 0, err
    return done(out)[1]


def good_steps(workdir: Path) -> dict[int, str]:
    """What lies in the folder of every checkpoint that can be trusted, as a hash."""
    found = {}
    for step in checkpoints.Checkpoints(workdir / "checkpoints").steps():
        with contextlib.suppress(sealed.BadError):
            sealed.load(workdir / "checkpoints" / str(step), step)
            found[step] = fingerprint(workdir / "checkpoints" / str(step))
    return found


def fingerprint(path: Path) -> str:
    """Hash of every file below a folder."""
    digest = hashlib.sha256()
    for file in files(path):
        digest.update(f"{file.relative_to(path)} {file.stat().st_size}\n".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def damage(workdir: Path, dice: random.Random) -> str:
    """Damages one to three places of a run; says how."""
    said = []
    for _ in range(dice.choice([1, 1, 2, 3])):
        what = dice.choice(DAMAGES)
        # As many tries on what is read first as on the many files of checkpoints and pictures.
        group = dice.choice(["", "checkpoints"])
        there = [p for p in files(workdir) if p.parent.name == group or group]
        there = there if group else [p for p in files(workdir) if p.parent == workdir]
        if there:
            path = dice.choice(there)
            what(path, dice)
            said.append(f"{what.__name__} {path.relative_to(workdir)}")
    return ", ".join(said)


def judge(original: Path, digest: str, dice: random.Random, place: Path) -> tuple[str, list[str]]:
    """What was damaged, and the promises that were broken: none, one hopes.

    No traceback, a documented status, an error of at most three lines; a checkpoint that was good
    stays, with its bits; a training that says it is done has the bits of an undisturbed one.
    """
    workdir = place / "run"
    shutil.copytree(original, workdir)
    said = damage(workdir, dice)
    try:
        good = good_steps(workdir)
    except CheckpointError:  # where the folder of all of them should be is something else
        good = {}
    broken = []
    commands = [("sample", ["--output", place / "x.npz", "--count", 4]), ("train", [])]
    if dice.random() < 1 / 3:  # the last thing that a training does is to evaluate
        commands.insert(1, ("evaluate", []))
    for name, flags in commands:
        try:
            status, out, err = call(name, "--workdir", workdir, *flags)
        except Exception as error:
            broken.append(f"{name}: {type(error).__name__}: {error}"[:300])
            continue
        errors = [line for line in err.splitlines() if line.startswith("error: ")]
        if status not in STATUSES or "Traceback" in err or (status and not errors):
            broken.append(f"{name}: status {status}: {err[-300:]}")
        if name == "train" and status == 0 and done(out)[0] == STEPS and done(out)[1] != digest:
            broken.append(f"{name}: another state")
        folders = {step: workdir / "checkpoints" / str(step) for step in good}
        lost = [step for step in good if fingerprint(folders[step]) != good[step]]
        if lost and not (name == "train" and status == 0):  # training on replaces older ones
            broken.append(f"{name}: checkpoints {lost} were lost")
    return said, broken


def damages(count: int, seed: int, say: Callable[[str], None]) -> int:
    """Judges that many damaged directories; the number of those with a broken promise."""
    failed, kinds = 0, collections.Counter()
    with tempfile.TemporaryDirectory() as top:
        digest = make(Path(top, "original"))
        for number in range(count):
            place = Path(top, str(number))
            place.mkdir()
            dice = random.Random(f"{seed} {number}")
            said, broken = judge(Path(top, "original"), digest, dice, place)
            kinds.update(part.split()[0] for part in said.split(", "))
            failed += bool(broken)
            for line in broken:
                say(f"{number} ({said}): {line}")
            shutil.rmtree(place)
            if (number + 1) % 10 == 0 or number + 1 == count:
                say(f"{number + 1} damaged directories, {failed} broke a promise; {dict(kinds)}")
    return failed


SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
LONG = [*RUN, "--steps", 600, "--checkpoint_every", 20, "--keep_checkpoints", 2]
LONG += ["--evaluate_every", 300, "--sample_every", 300, "--log_every", 10]


def killed(count: int, seed: int, say: Callable[[str], None]) -> int:
    """Ends trainings `count` times, at seeded moments of saves and between them.

    Each training is ended up to ten times, then runs to its end, with the bits and the log of an
    undisturbed one; a signal that can be handled saves and ends with 128 + its number. Returns how
    many trainings broke that promise.
    """
    failed = ended = number = 0
    kinds: collections.Counter = collections.Counter()
    dice = random.Random(seed)
    with tempfile.TemporaryDirectory() as top:
        status, expected, said = _wait(_fork(Path(top, "whole")), Path(top, "whole"))
        assert status == 0, said
        while ended < count:
            workdir = Path(top, str(number))
            number += 1
            for _ in range(min(10, count - ended)):
                what = dice.choice(SIGNALS)
                if not _end(workdir, what, dice, say):
                    break
                ended += 1
                kinds[what.name] += 1
            status, found, said = _wait(_fork(workdir), workdir)
            steps = [record["step"] for record in runs.read(workdir).metrics()]
            if status or found != expected or steps != list(range(10, 601, 10)):
                failed += 1
                say(f"training {number - 1}: status {status}, {found}, {said[-300:]}")
            say(f"{ended} ends of {number} trainings, {failed} broke a promise; {dict(kinds)}")
    return failed


def _fork(workdir: Path) -> int:
    """A training in a process of its own, which has this one's modules but starts its own JAX."""
    pid = os.fork()
    if pid:
        return pid
    workdir.mkdir(exist_ok=True)
    output = os.open(f"{workdir}.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    try:
        argv = ["train", "--workdir", str(workdir), *map(str, LONG)]
        cli.run(train.define, train.main, train.__doc__, argv)
    except SystemExit as end:
        sys.stdout.flush()
        os._exit(end.code or 0)
    finally:
        os._exit(1)


def _wait(pid: int, workdir: Path) -> tuple[int, tuple[int, str] | None, str]:
    """(exit status, (step, state hash) if it is done, what it printed) of a training."""
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    said = Path(f"{workdir}.txt").read_text()
    return status, done(said) if status == 0 else None, said


def _end(workdir: Path, what: signal.Signals, dice: random.Random, say) -> bool:
    """Starts the training and ends it during or between saves; False if it was done before that."""
    folder = workdir / "checkpoints"
    before = max(checkpoints.Checkpoints(folder).steps(), default=0)
    during = dice.random() < 0.5
    pid = _fork(workdir)

    def reached() -> bool:
        saving = [workdir / ".saving-checkpoints", *folder.glob(".saving-*")]
        if during:
            return any(path.exists() for path in saving)
        return max(checkpoints.Checkpoints(folder).steps(), default=0) > before

    while not reached():
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            break
        time.sleep(0.0005)
    time.sleep(dice.choice([0, 0.01, 0.05, 0.1]))
    os.kill(pid, what)
    status, found, said = _wait(pid, workdir)
    if status not in (0, -what if what == signal.SIGKILL else 128 + what):
        say(f"{what.name}: status {status}: {said[-300:]}")
    return found is None


def main() -> int:
    """Fuzz, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--damages", type=int, default=100)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    say = functools.partial(print, flush=True)
    failed = 0
    if asked.damages:
        failed += damages(asked.damages, asked.seed, say)
    if asked.kills:
        failed += killed(asked.kills, asked.seed, say)
    return 1 if failed else 0


if __name__ == "__main__":
    import tests.conftest  # noqa: F401  (sets the strict session up)

    np.seterr(all="warn")
    sys.exit(main())
