"""What a round of a compiled program costs one device: products, memory, exchanges, cycles.

- A product counts two operations for each multiplication that the compiled program needs: places
  where a window meets padding or the holes of a dilation are none.
- Memory is what instructions read from and write to the device's main memory, an instruction at a
  time, tiles filled up; of an array that is only sliced or gathered from, the slices.
- Exchanges are all-reduces and the like, with the bytes that a device puts into them.
- Cycles are the compiler's own estimates, where it writes them.
"""

import collections
import dataclasses
import re

from gan.compilers.hlo import Array, Instruction, Module

FREE = (
    "parameter",
    "constant",
    "get-tuple-element",
    "tuple",
    "bitcast",
    "after-all",
    "partition-id",
    "replica-id",
    "opt-barrier",
)
"""Instructions that nothing is done for."""

EXCHANGES = (
    "all-reduce",
    "all-gather",
    "reduce-scatter",
    "all-to-all",
    "collective-permute",
    "collective-broadcast",
)

COSTLIEST = 10
"""Operations that are shown."""

CUDNN = {
    "Forward": (0, 1, 2),
    "BiasActivationForward": (0, 1, 2),
    "BackwardInput": (2, 1, 0),
    "BackwardFilter": (0, 2, 1),
}
"""Of (left operand, right operand, result), which is the image, the kernel and the output."""


@dataclasses.dataclass(frozen=True)
class Cost:
    """Of one operation in a round; `cycles` is None where the compiler says nothing."""

    operation: str
    source: str
    times: int
    bytes: float
    flops: float
    cycles: int | None


@dataclasses.dataclass(frozen=True)
class Counts:
    """Sums over a round."""

    operations: int
    flops: dict[str, float]
    """By the type and precision of the factors, as in "f32" or "f32 highest"."""
    bytes: float
    exchanges: int
    exchanged: float
    """Bytes."""
    cycles: int | None
    costliest: list[Cost]


def count(module: Module) -> Counts:
    """The counts of a round of a compiled chunk.

    Raises:
        ValueError: the module is no chunk of rounds, or a loop cannot be counted.
    """
    costs, products = [], collections.Counter[str]()
    exchanges, exchanged = 0, 0.0
    for computation, each, times in module.executed(module.round()):
        if each.opcode in FREE or each.opcode.endswith("-done"):
            continue
        flops = 0.0
        for kind, value in _products(module, computation, each):
            products[kind] += times * value
            flops += times * value
        if each.opcode.removesuffix("-start") in EXCHANGES:
            exchanges += times
            given = (a for name in each.operands for a in module.arrays(computation, name))
            exchanged += times * sum(a.width * a.size for a in given)
        moved, cycles = times * _moved(module, computation, each), each.number("estimated_cycles")
        if each.opcode == "custom-call" and not each.operands:
            continue  # room for a result
        costs.append(
            Cost(
                _described(module, each),
                module.source(each),
                times,
                moved,
                flops,
                None if cycles is None else times * cycles,
            )
        )
    estimated = [cost.cycles for cost in costs if cost.cycles is not None]
    rank = (lambda c: c.cycles or 0) if estimated else (lambda c: c.bytes)
    return Counts(
        operations=sum(cost.times for cost in costs),
        flops=dict(products),
        bytes=sum(cost.bytes for cost in costs),
        exchanges=exchanges,
        exchanged=exchanged,
        cycles=sum(estimated) if estimated else None,
        costliest=sorted(costs, key=rank, reverse=True)[:COSTLIEST],
    )


def _described(module: Module, each: Instruction) -> str:
    """The operation in words: what JAX calls it, or else what the compiler does."""
    name = re.search(r'op_name="([^"]*)"', each.attributes)
    target = re.search(r'custom_call_target="([^"]*)"', each.attributes)
    kind = target[1] if target else each.opcode
    last = name[1].rpartition("/")[2] if name else ""
    inner = {i.opcode for _, i in module.within("", each)} & {"convolution", "dot", "reverse"}
    kind = " of ".join([kind, ", ".join(sorted(inner))]) if inner - {kind} else kind
    shapes = ", ".join(f"{a.kind}[{','.join(map(str, a.shape))}]" for a in each.arrays[:1])
    return f"{kind} {shapes}" + (f" ({last})" if last else "")


def _moved(module: Module, computation: str, each: Instruction) -> float:
    """Bytes between an instruction and the main memory."""
    if each.opcode == "copy-start":
        return _main(each.arrays[:2])
    if each.opcode == "slice-start":  # (what it is cut from), the slice
        whole, part = each.arrays[:2]
        return part.bytes * ((whole.space == 0) + (part.space == 0))
    if each.opcode in ("gather", "dynamic-slice", "slice"):
        return 2 * _main(each.arrays)
    if each.opcode == "dynamic-update-slice":
        return 2 * _main(module.arrays(computation, each.operands[1]))
    called = module.computations.get(each.called("calls") or "", {})
    given = list(called.values()) if each.opcode == "fusion" else []
    total = _written(given, each)
    for place, name in enumerate(each.operands):
        whole = _main(module.arrays(computation, name))
        total += min(whole, _read(given, place)) if given else whole
    return total


def _main(arrays) -> float:
    return sum(array.bytes for array in arrays if array.space == 0)


def _read(fused: list[Instruction], place: int) -> float:
    """Bytes that a fusion reads of its operand at that place, at most."""
    parameter = next(i for i in fused if i.opcode == "parameter" and i.inside == str(place))
    names, total = {parameter.name}, 0.0
    for each in fused:
        if not names & set(each.operands):
            continue
        if each.opcode == "bitcast":
            names.add(each.name)
        elif each.opcode in ("dynamic-slice", "gather", "slice"):
            total += sum(a.bytes for a in each.arrays)
        elif each.opcode != "dynamic-update-slice" or each.operands[0] not in names:
            return float("inf")
    return total


def _written(fused: list[Instruction], each: Instruction) -> float:
    """Bytes that an instruction writes; a fusion that updates a slice in place writes the slice."""
    by_name = {i.name: i for i in fused}
    root = next((i for i in fused if i.root), None)
    parts = [by_name[n] for n in root.operands] if root and root.opcode == "tuple" else [root]
    if len(parts) != len(each.arrays):
        return _main(each.arrays)
    total = 0.0
    for part, array in zip(parts, each.arrays, strict=True):
        while part is not None and part.opcode == "bitcast":
            part = by_name[part.operands[0]]
        if part is not None and part.opcode == "dynamic-update-slice":
            array = dataclasses.replace(by_name[part.operands[1]].arrays[0], space=array.space)
        total += _main([array])
    return total


def _products(module: Module, computation: str, each: Instruction):
    """(type and precision, operations) of the products in an instruction."""
    for where, inner in module.within(computation, each):
        target = re.search(r'custom_call_target="__cu(\w+)\$(\w+)', inner.attributes)
        if inner.opcode not in ("dot", "convolution") and not target:
            continue
        operands = [module.arrays(where, name)[0] for name in inner.operands[:2]]
        three = (*operands, inner.arrays[0])
        if inner.opcode == "convolution":
            flops = _convolved(*three, inner.attributes)
        elif inner.opcode == "dot":
            flops = _multiplied(three[0], three[2], inner.attributes, "={", "}")
        elif target and target[1] == "blas":
            flops = _multiplied(three[0], three[2], inner.attributes, '":[', "]")
        elif target and (kind := re.match(f"conv({'|'.join(CUDNN)})$", target[2])):
            flops = _convolved(*(three[i] for i in CUDNN[kind[1]]), inner.attributes)
        else:
            raise ValueError(f"the products of {inner.name} cannot be counted")
        yield operands[0].kind + _precision(inner.attributes), flops


def _precision(attributes: str) -> str:
    found = re.search(r'operand_precision"?[=:][{\[]"?(\w+)', attributes)
    return f" {found[1].lower()}" if found and found[1].lower() != "default" else ""


def _multiplied(left: Array, result: Array, attributes: str, before: str, after: str) -> float:
    pattern = f"lhs_contracting_dim\\w*{re.escape(before)}([^{re.escape(after)}]*)"
    axes = [int(n) for n in re.findall(r"\d+", re.search(pattern, attributes)[1])]
    terms = 1
    for axis in axes:
        terms *= left.shape[axis]
    return 2.0 * result.size * terms


def _convolved(image: Array, kernel: Array, output: Array, attributes: str) -> float:
    labels = re.search(r"dim_labels=(\w+)_(\w+)->(\w+)", attributes)
    window = re.search(r"window=\{([^}]*)\}", attributes)
    left, right, out = labels[1], labels[2], labels[3]
    terms = kernel.shape[right.index("i")]
    places = output.shape[out.index("b")] * output.shape[out.index("f")]
    settings = _window(window[1] if window else "")
    for axis in (letter for letter in out if letter.isdigit()):
        n = image.shape[left.index(axis)]
        m, k = output.shape[out.index(axis)], kernel.shape[right.index(axis)]
        places *= _meetings(n, k, m, *(part[int(axis)] for part in settings))
    return 2.0 * places * terms


def _window(text: str):
    """(stride, pixels before, dilation of the image, of the kernel) along every axis."""
    found = dict(part.split("=") for part in text.split())
    axes = len(found.get("size", "").split("x")) if found else 0

    def numbers(name: str, usual: str) -> list[int]:
        values = found[name].split("x") if name in found else [usual] * axes
        return [int(value.partition("_")[0]) for value in values]

    return (
        numbers("stride", "1"),
        numbers("pad", "0"),
        numbers("lhs_dilate", "1"),
        numbers("rhs_dilate", "1"),
    )


def _meetings(n: int, k: int, m: int, stride: int, before: int, holes: int, spread: int) -> int:
    """Pairs of one of m outputs and one of k weights that meet one of n pixels."""
    at = (o * stride - before + i * spread for o in range(m) for i in range(k))
    return sum(0 <= place <= (n - 1) * holes and place % holes == 0 for place in at)
