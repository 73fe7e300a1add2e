"""Optimised HLO as text, read: computations, instructions, loops, and the source lines of ours.

An accelerator runs the instructions of the entry and of the bodies of its loops in their order;
what a fusion calls happens inside one instruction. The grammar is the one in which XLA prints its
modules (openxla.org, "HLO semantics"); only what is needed here is read.
"""

import dataclasses
import functools
import math
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
"""Of this project; a source line of ours is below its `gan` or `experiments`."""

BYTES = {"pred": 1, "s4": 0.5, "u4": 0.5, "bf16": 2, "c64": 8, "c128": 16, "token": 0, "opaque": 0}

INSTRUCTION = re.compile(r"\s+(ROOT )?%?([\w.\-]+) = (.*)$")
SHAPE = re.compile(r"\b([a-z]\w*)\[([\d,]*)\](?:\{([\d,]*)((?:[^{}])*)\})?")


@dataclasses.dataclass(frozen=True)
class Array:
    """A type, a shape, and where it lies.

    `order` are the axes from the fastest to the slowest; `tile` what the last of these are filled
    up to; `space` is 0 for the device's main memory.
    """

    kind: str
    shape: tuple[int, ...]
    order: tuple[int, ...] = ()
    tile: tuple[int, ...] = ()
    space: int = 0

    @property
    def size(self) -> int:
        """Number of entries."""
        return math.prod(self.shape)

    @property
    def width(self) -> float:
        """Bytes of an entry."""
        if self.kind in BYTES:
            return BYTES[self.kind]
        digits = re.search(r"\d+", self.kind)
        return int(digits[0]) / 8 if digits else 0

    @property
    def bytes(self) -> float:
        """Bytes it takes, tiles included."""
        sides = list(self.shape)
        for axis, side in zip(self.order, reversed(self.tile), strict=False):
            sides[axis] = -(-sides[axis] // side) * side
        return self.width * math.prod(sides)


@dataclasses.dataclass(frozen=True)
class Instruction:
    """One line: `name = arrays opcode(operands), attributes`."""

    name: str
    arrays: tuple[Array, ...]
    opcode: str
    operands: tuple[str, ...]
    inside: str
    """What stands between the parentheses."""
    attributes: str
    root: bool

    def called(self, attribute: str) -> str | None:
        """The computation that an attribute names, as in calls=%fused."""
        found = re.search(rf"\b{attribute}=%?([\w.\-]+)", self.attributes)
        return found[1] if found else None

    def number(self, attribute: str) -> int | None:
        """Of an attribute "name":"12" of the backend's."""
        found = re.search(rf'"{attribute}":"(\d+)"', self.attributes)
        return int(found[1]) if found else None


@dataclasses.dataclass(frozen=True)
class Module:
    """Computations by name, each with its instructions by name, in order."""

    computations: dict[str, dict[str, Instruction]]
    entry: str
    frames: dict[int, tuple[str, int, int]]
    """File, line and caller of every stack frame; caller 0 is none."""

    def source(self, instruction: Instruction) -> str:
        """The innermost line of ours that an instruction comes from, "gan/x.py:12", or ""."""
        found = re.search(r"stack_frame_id=(\d+)", instruction.attributes)
        frame = int(found[1]) if found else 0
        while frame in self.frames:
            file, line, frame = self.frames[frame]
            if (ours := _ours(file)) is not None:
                return f"{ours}:{line}"
        return ""

    def arrays(self, computation: str, name: str) -> tuple[Array, ...]:
        """What an operand is."""
        return self.computations[computation][name].arrays

    def round(self) -> str:
        """The body of the one loop of the entry: a round of training.

        Raises:
            ValueError: there is no such loop, or there are several.
        """
        loops = [i for i in self.computations[self.entry].values() if i.opcode == "while"]
        if len(loops) != 1:
            raise ValueError(f"the program has {len(loops)} loops of rounds, not one")
        return loops[0].called("body") or ""

    def executed(self, computation: str, times: int = 1) -> Iterator[tuple[str, Instruction, int]]:
        """(computation, instruction, how often it runs) of a computation that runs so often.

        Loops are entered as often as they turn; of a choice every branch is counted.

        Raises:
            ValueError: the length of a loop cannot be read.
        """
        for instruction in self.computations[computation].values():
            if instruction.opcode == "while":
                body = instruction.called("body") or ""
                yield from self.executed(body, times * self._turns(instruction))
            elif instruction.opcode == "conditional":
                for branch in _branches(instruction):
                    yield from self.executed(branch, times)
            elif instruction.opcode in ("call", "async-start"):
                called = instruction.called("to_apply") or instruction.called("calls") or ""
                yield from self.executed(called, times)
            else:
                yield computation, instruction, times

    def within(self, computation: str, instruction: Instruction):
        """(computation, instruction) of an instruction and of all that it is fused of."""
        yield computation, instruction
        called = instruction.called("calls") if instruction.opcode == "fusion" else None
        for inner in self.computations.get(called or "", {}).values():
            yield from self.within(called, inner)

    def _turns(self, loop: Instruction) -> int:
        known = re.search(r'"known_trip_count":\{"n":"(\d+)"', loop.attributes)
        if known:
            return int(known[1])
        # A counter from 0 in steps of 1 below a constant, as every loop of JAX's is.
        condition = self.computations[loop.called("condition") or ""].values()
        numbers = [int(i.inside) for i in condition if i.opcode == "constant" and _integer(i)]
        less = any(i.opcode == "compare" and "direction=LT" in i.attributes for i in condition)
        if len(numbers) != 1 or not less:
            raise ValueError(f"the length of the loop {loop.name} cannot be read")
        return numbers[0]


def parse(text: str) -> Module:
    """The module of a text that `compiled.as_text()` gives.

    Raises:
        ValueError: it has no entry.
    """
    computations: dict[str, dict[str, Instruction]] = {}
    entry, inside = "", None
    for line in text.splitlines():
        start = re.match(r"(ENTRY )?%?([\w.\-]+) (?:\(.*)?\{$", line)
        if start and not line.startswith("HloModule"):
            inside = computations.setdefault(start[2], {})
            entry = start[2] if start[1] else entry
        elif line.startswith("}"):
            inside = None
        elif inside is not None and (found := INSTRUCTION.match(line)):
            instruction = _instruction(found[2], found[3], bool(found[1]))
            inside[instruction.name] = instruction
    if not entry:
        raise ValueError("the text holds no HLO module")
    return Module(computations, entry, _frames(text))


def _instruction(name: str, rest: str, root: bool) -> Instruction:
    end = _closing(rest) if rest.startswith("(") else rest.index(" ")
    result, rest = rest[:end], rest[end:].lstrip()
    opcode, _, rest = rest.partition("(")
    end = _closing("(" + rest) - 1
    inside, attributes = rest[: end - 1], rest[end:]
    operands = tuple(re.findall(r"%([\w.\-]+)", inside))
    return Instruction(name, _arrays(result), opcode, operands, inside, attributes, root)


def _closing(text: str) -> int:
    """The place behind the parenthesis that closes the first one."""
    depth = 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return place + 1
    raise ValueError(f"a parenthesis is not closed in {text[:80]!r}")


@functools.lru_cache(maxsize=4096)
def _arrays(text: str) -> tuple[Array, ...]:
    found = []
    for kind, sides, order, rest in SHAPE.findall(text):
        tile, space = re.search(r"T\(([\d,]+)\)", rest), re.search(r"S\((\d+)\)", rest)
        found.append(
            Array(
                kind,
                _numbers(sides),
                _numbers(order),
                _numbers(tile[1]) if tile else (),
                int(space[1]) if space else 0,
            )
        )
    return tuple(found)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(",") if part)


def _integer(constant: Instruction) -> bool:
    return constant.arrays[0].kind in ("s32", "u32", "s64", "u64") and not constant.arrays[0].shape


def _branches(instruction: Instruction) -> list[str]:
    listed = re.search(r"branch_computations=\{([^}]*)\}", instruction.attributes)
    if listed:
        return re.findall(r"%?([\w.\-]+)", listed[1])
    both = instruction.called("true_computation"), instruction.called("false_computation")
    return [branch for branch in both if branch]


def _frames(text: str) -> dict[int, tuple[str, int, int]]:
    files = {int(n): path for n, path in re.findall(r'^(\d+) "(/[^"]*)"$', text, re.MULTILINE)}
    places = {
        int(n): (files.get(int(file), ""), int(line))
        for n, file, line in re.findall(
            r"^(\d+) \{file_name_id=(\d+) .*?\bline=(\d+)", text, re.MULTILINE
        )
    }
    # A caller is written one too high, so that 1 is none.
    return {
        int(n): (*places.get(int(place), ("", 0)), int(caller) - 1)
        for n, place, caller in re.findall(
            r"^(\d+) \{file_location_id=(\d+) parent_frame_id=(\d+)\}", text, re.MULTILINE
        )
    }


@functools.lru_cache(maxsize=1024)
def _ours(file: str) -> str | None:
    path = Path(file)
    if not path.is_relative_to(ROOT):
        return None
    inner = path.relative_to(ROOT)
    return str(inner) if inner.parts[0] in ("gan", "experiments") else None
