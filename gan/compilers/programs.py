"""A training program compiled for a target, in a process of its own, and what was found in it.

    python -m gan.compilers.programs JOB.json FOUND.json

A compiler for accelerators may take minutes, needs a deep stack, and can end its whole process.
`compiled` starts one for each program and reads what it leaves.
"""

import json
import math
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from gan import config as configs
from gan import files
from gan.compilers import targets
from gan.compilers.counts import Counts
from gan.compilers.targets import Target
from gan.config import Config
from gan.errors import GanError, UserError

EXAMPLES = 50_000
"""Training examples that a set is assumed to have which is not at hand."""

DEEP = 'ulimit -s 262144 2> /dev/null || ulimit -s "$(ulimit -H -s)"; exec "$0" "$@"'
"""Starts a program whose threads have stacks of 256 MiB, or as much as the system allows."""

TILES = "Couldn't find output tile sizes"
NO_TRITON = {"xla_gpu_enable_triton_gemm": False}
"""What the GPU's compiler says of a product that its Triton cannot tile, and what then helps."""


def compiled(
    config: Config,
    target: Target,
    limit: float,
    keep: str | None = None,
    members: int = 0,
    split: bool = False,
) -> dict:
    """What is found in the program that trains a config on a target; see `described`.

    Args:
        config: of the run.
        target: its devices; the batch is split over them, or the members.
        limit: seconds for the compiler.
        keep: file for the text of the compiled program.
        members: of a population that is trained at once; 0 for a run alone.
        split: whether each device keeps a part of the state, or all of it.

    Raises:
        UserError: as `check`.
        GanError: the limit has passed, or the compiler has failed; with its last words.
    """
    check(config, target, members, split)
    with tempfile.TemporaryDirectory() as folder:
        job, found = Path(folder, "job.json"), Path(folder, "found.json")
        asked = {"config": configs.to_dict(config), "target": str(target)}
        asked |= {"keep": keep, "members": members, "split": split}
        files.write_json(job, asked)
        own = [sys.executable, "-m", "gan.compilers.programs", str(job), str(found)]
        try:
            done = subprocess.run(
                ["sh", "-c", DEEP, *own],
                env=targets.environment(target),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=limit,
            )
        except subprocess.TimeoutExpired as error:
            raise GanError(f"compiling took more than {limit:g} s; --limit allows more") from error
        if not found.exists():
            last = last_words(done.stdout)
            raise GanError(f"the compiler ended with status {done.returncode}: {last}")
        return json.loads(found.read_text())


def check(config: Config, target: Target, members: int = 0, split: bool = False) -> None:
    """Refuses what cannot be compiled, before a compiler is started.

    Raises:
        UserError: the compiler is not installed, the devices do not divide the batch or the
            members, these and a split state are asked for at once, nobody knows the shape of the
            data, or they do not go with the players.
    """
    import jax

    from gan import networks, rules
    from gan.training.mesh import require_shares

    targets.require(target)
    rules.check(config)
    if members and split:
        raise UserError("--split_state goes with a run alone: members do not share their states")
    if not members:
        require_shares(config.batch_size, config.accumulation, target.devices)
    elif members % target.devices:
        raise UserError(f"members {members} must be a multiple of the {target.devices} devices")
    dataset, _ = stand_in(config.data)
    for player in networks.players(config, dataset.shape, dataset.class_names):
        jax.eval_shape(player.init, jax.random.key(0))


def stand_in(choice: configs.Data):
    """(data set, whether it is the real one): what `choice` names, or the shapes of as many.

    Only shapes enter a program, so a set that is not at hand is not looked for.

    Raises:
        UserError: nobody knows the shape of the set; it must be prepared first.
    """
    from gan import data
    from gan.data.dataset import unread
    from gan.registries import SOURCES

    source = SOURCES.get(choice.name)
    if not source.reads or (choice.name in SOURCES and source.case.load is None):
        return data.load(choice), True
    shape, classes = _outline(choice)

    def read(split, rows):
        raise NotImplementedError("a stand-in has no images")

    raw = data.RawImages(
        name=choice.name,
        shape=shape,
        levels=256,
        class_names=tuple(map(str, range(classes))),
        sizes=dict.fromkeys(data.SPLITS, 0) | {"train": EXAMPLES},
        identity="unread",
        read=read,
    )
    return unread(raw, dequantize=choice.dequantize, stream=choice.stream), False


def _outline(choice: configs.Data) -> tuple[tuple[int, int, int], int]:
    """Shape and number of classes of a set of images that need not be at hand."""
    from gan.data import stock
    from gan.registries import SOURCES

    if choice.name in SOURCES or ":" in choice.name:
        case = SOURCES.get(choice.name).case
        (height, width, channels), classes = case.shape, case.classes
    else:
        (height, width, channels), classes = stock.outline(choice.name)
    if choice.image_size:
        height = width = choice.image_size
    if height is None or width is None:
        raise UserError(f"the images of {choice.name} differ in size: set --data.image_size")
    return (height, width, channels), classes


def described(
    config: Config,
    target: Target,
    keep: str | None = None,
    members: int = 0,
    split: bool = False,
) -> dict[str, Any]:
    """The program that trains a config on a target, compiled in this process, in numbers.

    Returns:
        facts, ready for JSON; all costs are of one round on one device, of all members that it
        trains: members (0 for a run alone), split_state, target, machine, devices,
        examples, examples_assumed, memory_bytes, trace_seconds, fits, bytes_per_device, memory
        {what it holds}, compiler_options, compile_seconds, operations, flops, products {by type},
        hbm_bytes, collectives {count, bytes}, estimated_cycles, estimated_seconds, roofline
        {by bound}, roofline_seconds, bound_by, costliest. Where the compiler refuses a program
        that does not fit, those up to bytes_per_device, compile_seconds, and its refusal.
    """
    import numpy as np
    from jax.sharding import AxisType, Mesh

    from gan.compilers import counts, hlo
    from gan.training import game, population
    from gan.training.mesh import AXIS

    machine = target.machine
    dataset, real = stand_in(config.data)
    axis = population.AXIS if members else AXIS
    mesh = Mesh(np.array(targets.devices(target)), (axis,), axis_types=(AxisType.Auto,))
    start = time.perf_counter()
    if members:
        program = population.make_program(config, members, dataset, mesh)
    else:
        program = game.make_program(config, dataset, mesh, split)
    lowered = program.chunk.trace(*program.given).lower()
    traced = time.perf_counter()
    facts: dict[str, Any] = {
        "members": members,
        "split_state": split,
        "target": str(target),
        "machine": machine.name,
        "devices": target.devices,
        "examples": dataset.size("train"),
        "examples_assumed": not real,
        "memory_bytes": machine.memory,
        "trace_seconds": traced - start,
    }
    try:
        compiled, facts["compiler_options"] = _compiled(lowered)
    except Exception as error:  # of the compiler's own, which has no type for this
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        return facts | {
            "fits": False,
            "bytes_per_device": required(str(error)),
            "compile_seconds": time.perf_counter() - traced,
            "refusal": str(error)[:500],
        }
    seconds = time.perf_counter() - traced
    text = compiled.as_text()
    if keep:
        files.write_atomically(keep, text)
    held = _memory(compiled.memory_analysis())
    needed = sum(held.values())
    found = counts.count(hlo.parse(text))
    return facts | {
        "fits": needed <= machine.memory,
        "bytes_per_device": needed,
        "memory": held,
        "compile_seconds": seconds,
        **_costs(found, target),
    }


def _compiled(lowered: Any) -> tuple[Any, dict[str, bool]]:
    """The compiled program and the options that it took."""
    try:
        return lowered.compile(), {}
    except Exception as error:  # of the compiler's own
        if TILES not in str(error):
            raise
    return lowered.compile(compiler_options=NO_TRITON), NO_TRITON


def last_words(output: str) -> str:
    """Of what a failed process has printed, the exception, or else the last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"[\w.]+(Error|Exception)\b", line)]
    return (errors or lines or ["no message"])[-1][:400]


def required(refusal: str) -> float | None:
    """Bytes that a program needs, of the words in which a compiler refuses it; None if they do not
    tell."""
    found = re.search(r"Used ([\d.]+)([KMGT]?) of|\(([\d.]+)([KMGT]?)\) exceeds", refusal)
    if found is None:
        return None
    number, unit = (part for part in found.groups() if part is not None)
    return float(number) * 1024 ** " KMGT".index(unit or " ")


def _memory(analysis: Any) -> dict[str, int]:
    return {
        "arguments": analysis.argument_size_in_bytes,
        "results": analysis.output_size_in_bytes - analysis.alias_size_in_bytes,
        "temporaries": analysis.temp_size_in_bytes,
        "code": analysis.generated_code_size_in_bytes,
    }


def _costs(found: Counts, target: Target) -> dict[str, Any]:
    machine = target.machine
    lines = roofline(found, target)
    cycles, clock = found.cycles, machine.clock
    by = "bytes" if cycles is None else "cycles"
    return {
        "operations": found.operations,
        "flops": sum(found.flops.values()),
        "products": found.flops,
        "hbm_bytes": found.bytes,
        "collectives": {"count": found.exchanges, "bytes": found.exchanged},
        "estimated_cycles": cycles,
        "estimated_seconds": cycles / clock if cycles is not None and clock else None,
        "roofline": lines,
        "roofline_seconds": max(lines.values()),
        "bound_by": max(lines, key=lambda name: lines[name]),
        "costliest": [
            {"operation": c.operation, "times": c.times, by: getattr(c, by), "source": c.source}
            for c in found.costliest
        ],
    }


def roofline(found: Counts, target: Target) -> dict[str, float]:
    """Seconds that a round takes at least, by what could bound it: "products" at the peak, "memory"
    and "links" at their bandwidth (a ring passes each byte of an exchange twice, but for one part),
    and "launches" of operations one by one."""
    machine, n = target.machine, target.devices
    least = min(machine.peaks.values())
    return {
        "products": math.fsum(f / machine.peaks.get(k, least) for k, f in found.flops.items()),
        "memory": found.bytes / machine.bandwidth,
        "links": 2 * (n - 1) / n * found.exchanged / machine.link,
        "launches": found.operations * machine.launch,
    }


def main(job: str, found: str) -> None:
    """Compile the program of a file, and write what is found into another."""
    asked = json.loads(Path(job).read_text())
    target = targets.parse(asked["target"])
    config = configs.from_dict(asked["config"])
    answer = described(config, target, asked["keep"], asked["members"], asked["split"])
    files.write_json(found, answer)


if __name__ == "__main__":
    main(*sys.argv[1:])
