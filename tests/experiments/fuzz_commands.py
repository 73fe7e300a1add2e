"""Random configs and command lines, each answered in a line and leaving nothing behind.

    python -m tests.experiments.fuzz_commands --configs 400 --lines 200 --seed 0

Everything up to the run directory, or up to the work of an experiment, is the real command; there
it ends with status 0. A refusal must have status 2, say why, show no traceback and create nothing.
"""

import argparse
import contextlib
import importlib
import json
import pkgutil
import random
import tempfile
import time
import traceback
from pathlib import Path
from unittest import mock

from absl import flags

import experiments
from experiments import cli
from gan import config, presets
from tests.experiments.commands import call, command

NUMBERS = [0, -1, 1, 2, 7, 2**31, 2**32, 2**64, 10**12, 10**20, 10**400, 1.5, -0.0, 1e-320, 1e308]
TEXTS = [
    *"nan inf -inf 1e400 0x10 1_0 true [1] {} ../.. 漢字 $x$ - 1e12 1e20 1e11 two_sided".split(),
    *"none mlp digits best /dev/null a:b <b> %s %(prog)s 1,2".split(),
    *("", " ", "\n", "\u202e", "\udce9", "\uff11\uff12", "9" * 5000, "a" * 5000),
]
DATA = ["digits", "gaussians8", "swiss_roll", "digitz", "stacked_digits", "folder"]
"""Data sets that are at hand or refused at once; others would be looked for."""

WORK = (
    "gan.runs.open",
    "subprocess.run",
    "gan.benchmarks.approximations.judge",
    "gan.benchmarks.approximations.measure",
    "gan.benchmarks.approximations.run",
    "gan.benchmarks.assignments.run",
    "gan.benchmarks.growth_points.run",
    "gan.benchmarks.instances.run",
    "gan.benchmarks.peers.measure",
    "gan.benchmarks.peers.run",
    "gan.benchmarks.time_accounts.run",
    "gan.benchmarks.time_accounts.whole_run",
    "gan.benchmarks.turns.run",
    "gan.compilers.programs.compiled",
)
"""Functions that do the work of an experiment, beside its own `run` or that of its study."""

NOT_DRAWN = (
    "run_with_pdb",
    "pdb_post_mortem",
    "pdb",
    "run_with_profiling",
    "profile_file",
    "log_dir",
)
NOT_DRAWN += ("use_cprofile_for_profiling", "only_check_args")
"""Flags of absl's that start a debugger, or change what comes after."""


class Done(Exception):
    """The command would begin its work."""


def commands() -> list[str]:
    """The experiments that are commands."""
    names = [module.name for module in pkgutil.iter_modules(experiments.__path__)]
    names.remove("cli")
    modules = {name: command(name) for name in names}
    return [name for name, module in modules.items() if hasattr(module, "define")]


def of_package(name: str):
    """What `experiments.NAME` is: a module or a package."""
    return importlib.import_module(f"experiments.{name}")


def value(draw: random.Random, depth: int = 0):
    """Any JSON value, from the extremes of each type."""
    kind = draw.randrange(8 if depth < 3 else 5)
    if kind == 0:
        return draw.choice([None, True, False])
    if kind <= 2:
        return draw.choice(NUMBERS)
    if kind <= 4:
        return draw.choice(TEXTS)
    if kind == 5:
        return draw.choice([float("nan"), float("inf"), -float("inf")])
    if kind == 6:
        return [value(draw, depth + 1) for _ in range(draw.randrange(3))]
    return {draw.choice(TEXTS): value(draw, depth + 1) for _ in range(draw.randrange(3))}


def changes(draw: random.Random) -> dict:
    """Some fields of a config, most with a value of their own type."""
    known = config.flatten(config.Config())
    found = {"data.name": draw.choice(DATA)}
    for path in draw.sample(sorted(known), draw.randrange(1, 5)):
        allowed = config.ranges(config.Config()).get(path)
        if allowed is not None and draw.random() < 0.7:
            near = [allowed.low, allowed.high, allowed.low - 1, allowed.high + 1, known[path]]
            found[path] = type(known[path])(draw.choice(near))
        elif path != "data.name":
            found[path] = value(draw)
    return found


def text_of(draw: random.Random, fields: dict) -> str:
    """The fields as a config file, sometimes damaged."""
    nested: dict = {}
    for path, each in fields.items():
        *parents, leaf = path.split(".")
        inner = nested
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[leaf] = each
    text = json.dumps(nested)
    fault = draw.randrange(8)
    if fault == 0:
        return text[: draw.randrange(len(text))]
    if fault == 1:
        return "[" * draw.choice([9, 1000, 200_000]) + text
    if fault == 2:
        return '{"steps": 1, "steps": 2}'
    if fault == 3:
        return '{"data": ' * 5000 + "1" + "}" * 5000
    return text


def attempt(name: str, arguments: list[str], workdir: Path) -> tuple[int, str]:
    """(status, fault): what is wrong with the answer, "" if nothing is."""
    module = command(name)
    with contextlib.ExitStack() as stack:
        own = f"experiments.{name}.study" if hasattr(of_package(name), "__path__") else None
        for work in (*WORK, f"{own or module.__name__}.run"):
            if own or hasattr(module, "run") or work in WORK:
                stack.enter_context(mock.patch(work, side_effect=Done))
        try:
            status, out, err = call(name, *arguments)
        except Done:
            return 0, ""
        except BaseException:
            return 1, traceback.format_exc()
    if status == 0:
        return 0, ""
    if status not in (2, 6) or "Traceback" in err:
        return status, f"status {status}: {err}"
    if not err.startswith("error: ") or len(err.encode("utf-8", "replace")) > 6000:
        return status, f"no plain line: {err[:300]!r}"
    return status, f"{workdir} was created" if workdir.exists() else ""


def a_config(draw: random.Random, folder: Path) -> tuple[str, list[str]]:
    """A training by a config file or by flags."""
    fields = changes(draw)
    if draw.random() < 0.5:
        path = folder / "config.json"
        path.write_text(text_of(draw, fields), encoding="utf-8", errors="surrogatepass")
        return "train", ["--config_path", str(path)]
    if draw.random() < 0.5:
        path = folder / "flags"
        lines = [f"--{path}={str(each)[:1000]}" for path, each in fields.items()]
        path.write_text("\n".join(lines), encoding="utf-8", errors="surrogateescape")
        return "train", ["--flagfile", str(path)]
    return "train", [f"--{path}={each}" for path, each in fields.items()]


def a_line(draw: random.Random, names: list[str]) -> tuple[str, list[str]]:
    """Some flags of some experiment with some values, in some of the forms that absl knows."""
    name = draw.choice(names)
    of, values = flags_of(name)
    known = [flag for flag in values if flag not in ("workdir", *NOT_DRAWN)]
    chosen = [n for n, note in of.notes.items() if note.required and draw.random() < 0.8]
    chosen += draw.sample(known, draw.randrange(5))
    arguments = []
    for flag in chosen:
        if flag == "workdir":
            continue
        given = [draw.choice([*TEXTS, *map(repr, NUMBERS[:9])]) for _ in range(2)]
        form = draw.randrange(6)
        if form == 0:
            arguments.append(f"--{flag}={given[0]}")
        elif form == 1:
            arguments.append(f"--{flag}={','.join(given)}")
        elif form == 2 or values[flag].boolean:
            arguments.append(draw.choice([f"--{flag}", f"--no{flag}", f"-{flag}"]))
        else:
            many = isinstance(values[flag], flags.MultiFlag)
            arguments += [f"--{flag}", *(given if many else given[:1])]
    if draw.random() < 0.1:
        arguments.append(draw.choice([*TEXTS, "--", "--flagfile", "--flagfile=/nonexistent"]))
    if draw.random() < 0.1:
        arguments.insert(
            0, draw.choice(["--undefok=x", "--verbosity=1", "--alsologtostderr", "--x"])
        )
    if "--preset" in arguments and draw.random() < 0.5:
        arguments += ["--preset", draw.choice(list(presets.PRESETS))]
    return name, [text for text in arguments if "\0" not in text]


def flags_of(name: str) -> tuple[cli.Flags, cli.Values]:
    """The flags of an experiment, not parsed."""
    return cli.defined(command(name).define)


def fuzz(configs: int, lines: int, seed: int) -> tuple[dict[int, int], list[str], float]:
    """(answers by status, faults with what caused them, the longest answer in seconds)."""
    draw = random.Random(seed)
    names = commands()
    counts: dict[int, int] = {}
    faults, longest = [], 0.0
    for number in range(configs + lines):
        with tempfile.TemporaryDirectory() as folder:
            workdir = Path(folder, "run")
            if number < configs:
                name, arguments = a_config(draw, Path(folder))
            else:
                name, arguments = a_line(draw, names)
            if "workdir" in flags_of(name)[1]:
                arguments = ["--workdir", str(workdir), *arguments]
            begin = time.perf_counter()
            status, fault = attempt(name, arguments, workdir)
            longest = max(longest, time.perf_counter() - begin)
        counts[status] = counts.get(status, 0) + 1
        if fault:
            shown = [text[:60].encode("unicode_escape").decode() for text in arguments]
            faults.append(f"case {number}: {name} {' '.join(shown)}\n{fault}")
    return counts, faults, longest


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for flag, default in (("configs", 400), ("lines", 200), ("seed", 0)):
        parser.add_argument(f"--{flag}", type=int, default=default)
    counts, faults, longest = fuzz(**vars(parser.parse_args()))
    print("\n".join(faults))
    print(f"answers by status {counts}, {len(faults)} faults, longest {longest:.1f} s")
    raise SystemExit(bool(faults))
